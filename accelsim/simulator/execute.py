"""Run a program's layers for one batch: integers through array, rescale unit and vector unit.

This is the machine without its clock. Cycles come from `accelsim.simulator.machine`; what both
count is compared in `accelsim.simulator.invariants`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import prod

import numpy as np
from numpy.typing import NDArray

from accelsim.arithmetic import RunTimeCodes, SoftmaxParameters, softmax_integers
from accelsim.compiler.program import MatrixInstruction, Program, TilePlan
from accelsim.errors import InternalError
from accelsim.hardware.schema import Hardware
from accelsim.network.integer import (
    IntegerLayer,
    IntegerMatrix,
    IntegerNetwork,
    IntegerPad,
    IntegerReshape,
    IntegerSoftmax,
)
from accelsim.network.run_time import (
    RunTimeAdd,
    RunTimeAveragePool,
    RunTimeClamp,
    RunTimeMatrix,
    RunTimeOperator,
)
from accelsim.simulator.address_generator import AddressGenerator
from accelsim.simulator.array import (
    ArrayResult,
    measure_with_row_sums,
    run_array,
    run_with_row_sums,
)
from accelsim.simulator.array.activity import measure_activity
from accelsim.simulator.rescale_datapath import rescale_tile, subtract_row_sums
from accelsim.simulator.run import Activity, ArrayCounters, Cause, Switching
from accelsim.simulator.run_time_layers import (
    FoundCodes,
    clamp_at_run_time,
    matrix_at_run_time,
    vector_at_run_time,
)
from accelsim.simulator.vector_datapath import VectorOperator, run_vector

__all__ = ["BatchExecution", "MatrixExecution", "VectorExecution", "execute_batch"]

IntegerTensor = NDArray[np.int32]


@dataclass(frozen=True)
class MatrixExecution:
    """What a layer on the array did for one batch.

    ``cycles``: the array's, with all operands at hand. ``padding_free_elements``: elements of
    the left matrices that are input elements. ``rescaled``: results that were rescaled.
    """

    counters: ArrayCounters
    cycles: dict[Cause, int]
    padding_free_elements: int
    rescaled: int
    clip_events: int
    switching: Switching | None
    activity: Activity | None = None


@dataclass(frozen=True)
class VectorExecution:
    """What a layer on the vector unit did for one batch.

    ``clip_events`` is none for layers that do not rescale (maximum, clamp).
    """

    operations: int
    clip_events: int | None


@dataclass(frozen=True, eq=False)
class BatchExecution:
    """One batch: every tensor as int32[images, *shape], and every layer that runs on a unit.

    ``codes``: each image's scale and zero point, by tensor that has them from run time.
    """

    images: int
    tensors: dict[str, IntegerTensor]
    layers: dict[str, MatrixExecution | VectorExecution]
    codes: dict[str, RunTimeCodes]


def execute_batch(
    program: Program,
    integer: IntegerNetwork,
    hardware: Hardware,
    inputs: IntegerTensor,
    engine: str,
    switching: bool = False,
    activity: bool = False,
) -> BatchExecution:
    """Run one batch, or a smaller last one: its loop nests are the same with fewer rows m.

    Parameters
    ----------
    program, integer
        A network and what the compiler made of it.
    inputs
        int32[images, *input shape], at most ``program.batch`` images.
    engine, switching
        As in `accelsim.simulator.array.run_array`.
    activity
        Count what changes at every PE's multiplier and adder, whatever the engine.
    """
    instructions = {instruction.layer: instruction for instruction in program.instructions}
    tensors = {integer.input: inputs}
    layers: dict[str, MatrixExecution | VectorExecution] = {}
    codes = FoundCodes(integer, len(inputs))
    for layer in integer.layers:
        operator = layer.operator
        if isinstance(operator, RunTimeOperator):
            elements = len(inputs) * prod(integer.tensors[layer.output].shape)
            layers[operator.range.step] = VectorExecution(elements, None)
        else:
            codes.pass_on(layer)
        if isinstance(operator, IntegerReshape):
            shape = integer.tensors[layer.output].shape
            values = _reshape(operator, tensors[layer.inputs[0]], shape)
        elif isinstance(operator, IntegerSoftmax):
            values = _host_softmax(operator, tensors[layer.inputs[0]])
        elif isinstance(operator, IntegerMatrix | RunTimeMatrix):
            instruction = instructions.get(layer.name)
            if not isinstance(instruction, MatrixInstruction):
                raise InternalError(f"layer {layer.name!r}: the program has no product for it")
            values, execution = _run_matrix(
                layer, operator, codes, tensors, instruction.plan, hardware, engine, switching
            )
            if activity:
                seen = _activity(layer, operator, codes, tensors, instruction.plan, hardware)
                execution = replace(execution, activity=seen)
            layers[layer.name] = execution
        elif isinstance(operator, RunTimeAdd | RunTimeAveragePool):
            sources = [_as_maps(tensors[name]) for name in layer.inputs]
            values, operations, clips = vector_at_run_time(layer, operator, sources, codes)
            layers[layer.name] = VectorExecution(operations, clips)
        elif isinstance(operator, RunTimeClamp):
            values = clamp_at_run_time(layer, operator, tensors[layer.inputs[0]], codes)
            layers[layer.name] = VectorExecution(values.size, None)
        else:
            values, layers[layer.name] = _run_vector(layer, operator, integer, tensors)
        tensors[layer.output] = values.reshape(len(inputs), *integer.tensors[layer.output].shape)
    return BatchExecution(len(inputs), tensors, layers, codes.found)


def _run_matrix(
    layer: IntegerLayer,
    operator: IntegerMatrix | RunTimeMatrix,
    codes: FoundCodes,
    tensors: dict[str, IntegerTensor],
    plan: TilePlan,
    hardware: Hardware,
    engine: str,
    switching: bool,
) -> tuple[IntegerTensor, MatrixExecution]:
    integer, name = codes.integer, layer.inputs[0]
    generator = AddressGenerator(_as_maps(tensors[name]), codes.zero_point(name), operator)
    product = replace(plan, gemm=replace(plan.gemm, rows_m=generator.rows_m))
    accumulator = integer.accumulator
    run = run_with_row_sums if operator.has_row_sums else run_array
    result = run(engine, generator, product, hardware.array, accumulator, switching)
    sums, late_events = result.accumulators, 0
    if result.row_sums is not None and operator.weight_zero_points is not None:
        zero_points = operator.weight_zero_points.reshape(len(sums), -1)
        sums, late_events = subtract_row_sums(sums, result.row_sums, zero_points, accumulator)
    counters = result.counters + ArrayCounters(overflow_events=late_events)
    # [groups, m, n] to [m, output channels]: a group's columns are neighbouring channels.
    columns = sums.transpose(1, 0, 2).reshape(generator.rows_m, -1)
    if isinstance(operator, RunTimeMatrix):
        values, clip_events = matrix_at_run_time(layer, operator, columns, codes)
    else:
        tile = rescale_tile(
            columns,
            operator.rescale,
            integer.tensors[layer.output].zero_point,
            operator.clamp_low,
            operator.clamp_high,
        )
        values, clip_events = tile.values, tile.clip_events
    images, _, height, width = generator.output_shape
    pixels = values.reshape(images, height, width, -1)
    result = replace(result, counters=counters)
    execution = _matrix_execution(result, generator, values.size, clip_events)
    return pixels.transpose(0, 3, 1, 2), execution


def _activity(
    layer: IntegerLayer,
    operator: IntegerMatrix | RunTimeMatrix,
    codes: FoundCodes,
    tensors: dict[str, IntegerTensor],
    plan: TilePlan,
    hardware: Hardware,
) -> Activity:
    """Generate the operands once more: what an engine fetched is counted in its own generator."""
    name = layer.inputs[0]
    generator = AddressGenerator(_as_maps(tensors[name]), codes.zero_point(name), operator)
    product = replace(plan, gemm=replace(plan.gemm, rows_m=generator.rows_m))
    measure = measure_with_row_sums if operator.has_row_sums else measure_activity
    return measure(generator, product, hardware.array, codes.integer.accumulator)


def _matrix_execution(
    result: ArrayResult, generator: AddressGenerator, rescaled: int, clip_events: int
) -> MatrixExecution:
    return MatrixExecution(
        counters=result.counters,
        cycles=result.cycles,
        padding_free_elements=generator.padding_free_elements(),
        rescaled=rescaled,
        clip_events=clip_events,
        switching=result.switching,
    )


def _run_vector(
    layer: IntegerLayer,
    operator: VectorOperator,
    integer: IntegerNetwork,
    tensors: dict[str, IntegerTensor],
) -> tuple[IntegerTensor, VectorExecution]:
    inputs = [tensors[name] for name in layer.inputs]
    result = run_vector(
        operator,
        tuple(inputs if isinstance(operator, IntegerPad) else map(_as_maps, inputs)),
        tuple(integer.tensors[name] for name in layer.inputs),
        integer.tensors[layer.output],
    )
    return result.values, VectorExecution(result.operations, result.clip_events)


def _host_softmax(operator: IntegerSoftmax, values: IntegerTensor) -> IntegerTensor:
    """Return what the host makes of the channels: it computes by the definition."""
    parameters = SoftmaxParameters(
        operator.mantissa, operator.left_shift, operator.largest_difference
    )
    return softmax_integers(values.astype(np.int64), parameters, axis=1).astype(np.int32)


def _reshape(
    operator: IntegerReshape, values: IntegerTensor, shape: tuple[int, ...]
) -> IntegerTensor:
    """Return the same integers as int32[images, *shape]."""
    if not operator.channels_last:
        return values.reshape(len(values), *shape)
    stated = np.moveaxis(values, 1, -1).reshape(len(values), *shape[1:], shape[0])
    return np.moveaxis(stated, -1, 1)


def _as_maps(tensor: IntegerTensor) -> IntegerTensor:
    """Return int32[images, channels, height, width]; a vector is a map of one pixel."""
    if tensor.ndim == 4:
        return tensor
    return tensor.reshape(len(tensor), prod(tensor.shape[1:]), 1, 1)
