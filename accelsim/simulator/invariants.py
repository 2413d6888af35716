"""What has to hold in every run: the integers' side and the cycles' side count the same things.

The engines count while they compute values; the machine counts passes and transfers; the
network's own shapes say how much work there is. Each is derived without the others.
"""

from __future__ import annotations

from dataclasses import replace
from math import prod

from accelsim.compiler.program import MatrixInstruction, Program
from accelsim.errors import InternalError
from accelsim.hardware.schema import Hardware
from accelsim.network.integer import IntegerMatrix, IntegerNetwork
from accelsim.network.run_time import RunTimeMatrix
from accelsim.simulator.execute import BatchExecution, MatrixExecution, VectorExecution
from accelsim.simulator.run import Cause, LayerRun, Timing

__all__ = ["check_batch", "check_timing"]

_ARRAY_CAUSES = (Cause.PRELOAD, Cause.FILL, Cause.STREAM, Cause.DRAIN)


def check_timing(program: Program, timing: Timing) -> None:
    """Check that every layer was run once, in order, and every cycle has one cause.

    Raises
    ------
    InternalError
        Naming the layer or unit and both numbers.
    """
    names = [instruction.layer for instruction in program.instructions]
    _equal("layers", [run.name for run in timing.layers], names)
    for run in timing.layers:
        _equal(f"layer {run.name!r}: cycles", sum(run.cycles.values()), run.cycles_total)
    layer_cycles = sum(run.cycles_total for run in timing.layers)
    _equal("cycles of all layers", layer_cycles, timing.cycles_total)
    for unit, cycles in timing.units.items():
        _equal(f"unit {unit!r}: cycles", sum(cycles.values()), timing.cycles_total)


def check_batch(
    program: Program,
    integer: IntegerNetwork,
    hardware: Hardware,
    timing: Timing,
    batch: BatchExecution,
) -> None:
    """Check what one batch did against the machine's timing and the network's shapes.

    A smaller last batch is checked against the network only: the timing is of a full one.

    Raises
    ------
    InternalError
        Naming the layer, the quantity and both numbers.
    """
    runs = {run.name: run for run in timing.layers}
    products = {
        instruction.layer: instruction
        for instruction in program.instructions
        if isinstance(instruction, MatrixInstruction)
    }
    full = batch.images == program.batch
    for layer in integer.layers:
        execution = batch.layers.get(layer.name)
        operator = layer.operator
        if isinstance(execution, MatrixExecution) and isinstance(
            operator, IntegerMatrix | RunTimeMatrix
        ):
            pixels = prod(integer.tensors[layer.output].shape) // len(operator.weights)
            macs = batch.images * pixels * operator.weights.size
            _equal(f"layer {layer.name!r}: MACs", execution.counters.macs, macs)
            if full:
                _check_matrix(execution, runs[layer.name], products[layer.name], hardware)
    for name, execution in batch.layers.items():
        if isinstance(execution, VectorExecution) and full:
            what = f"layer {name!r}: vector operations"
            _equal(what, execution.operations, runs[name].vector_operations)


def _check_matrix(
    execution: MatrixExecution,
    run: LayerRun,
    instruction: MatrixInstruction,
    hardware: Hardware,
) -> None:
    place = f"layer {run.name!r}"
    # Overflows depend on values: the machine has none to count.
    _equal(
        f"{place}: array counters",
        replace(execution.counters, overflow_events=0),
        replace(run.array, overflow_events=0),
    )
    _equal(f"{place}: rescaled results", execution.rescaled, run.rescale_operations)
    reads = instruction.plan.n_tiles * execution.padding_free_elements
    _equal(f"{place}: activations read", reads, instruction.activation_reads)
    # A stream that a slow scratchpad stretches hides more of the preload after it.
    exact = _ARRAY_CAUSES if _keep_up(instruction, hardware) else (Cause.STREAM,)
    for cause in exact:
        _equal(f"{place}: {cause} cycles", execution.cycles.get(cause, 0), run.cycles.get(cause, 0))


def _keep_up(instruction: MatrixInstruction, hardware: Hardware) -> bool:
    """Whether the scratchpads deliver a vector of each streamed operand as soon as PEs take one."""
    plan, shape, pads = instruction.plan, instruction.shape, hardware.scratchpads
    right_pad = pads.activations if instruction.right_is_on_chip else pads.weights
    rate = plan.pe_rate
    left = {"m": plan.tile_k, "k": rate.depth * plan.tile_m}.get(plan.dataflow.stream, 0)
    right = {"n": plan.tile_k, "k": rate.depth * plan.tile_n}.get(plan.dataflow.stream, 0)
    # Weights that stream bring a scale with each vector n, or a vector of scales now and then.
    beside = {"n": shape.scale_bits, "k": 0}.get(plan.dataflow.stream, 0)
    instead = plan.tile_n * shape.scale_bits if plan.dataflow.stream == "k" else 0
    right_bits = max(right * shape.weight_bits + beside, instead)
    return (
        left * shape.input_bits <= 8 * pads.activations.bandwidth * rate.cycles
        and right_bits <= 8 * right_pad.bandwidth * rate.cycles
    )


def _equal(what: str, got: object, expected: object) -> None:
    if got != expected:
        raise InternalError(f"{what}: {got} and {expected} must be equal")
