"""The machine as a recurrence: the same `Timing` as `accelsim.simulator.machine`, without events.

A second derivation of docs/timing.md. Layers enter as loop nests, never as lists of passes, so
neither memory nor preparation grows with the number of passes.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from accelsim.compiler.program import Instruction, MatrixInstruction, Place, Program
from accelsim.errors import InternalError
from accelsim.hardware.schema import Hardware
from accelsim.simulator import recurrence_kernel as kernel
from accelsim.simulator.nests import Nests, burst_cycles, describe
from accelsim.simulator.run import ArrayCounters, Cause, LayerRun, Timing, Traffic

__all__ = ["is_exact", "recur"]

Integers = NDArray[np.int64]

_CAUSES = (
    *(Cause.STREAM, Cause.PRELOAD, Cause.FILL, Cause.DRAIN),
    *(Cause.STALL_WEIGHTS, Cause.STALL_ACTIVATIONS, Cause.STALL_OUTPUT, Cause.STALL_RESCALE),
)
_LARGEST = 1 << 40
"""Fractions of a burst's cycles with a larger denominator would not stay within 64 bits."""


def is_exact(hardware: Hardware) -> bool:
    """Whether 64-bit integers hold every product with the channel's rate."""
    return burst_cycles(hardware).denominator < _LARGEST


def recur(program: Program, hardware: Hardware) -> Timing:
    """Return when everything of a program happened and why; see `simulate_timing`.

    Raises
    ------
    InternalError
        A cycle, byte or MAC is unaccounted for, or the machine came to a standstill.
    """
    nests = describe(program, hardware)
    state, layers = nests.state, nests.layers
    status = kernel.run_layers(state, nests.program, nests.rings)
    if status != kernel.DONE:
        what = {
            kernel.STUCK: "the machine stands still",
            kernel.NO_ROOM: "the tensors on chip do not fit",
            kernel.UNUSED: "a fetch is not released, or a release is of no fetch",
        }[status]
        name = program.instructions[state[kernel.P_LAYER]].layer
        raise InternalError(f"layer {name!r}: {what}; method='events' tells more")
    total = int(layers[-1, kernel.R_STOP]) if len(layers) else 0
    counters = _array_counters(program, nests)
    runs = tuple(
        _layer_run(instruction, program, result, elements, *counted)
        for instruction, result, elements, counted in zip(
            program.instructions,
            layers[:, kernel.R_CAUSES :].tolist(),
            nests.fetched_elements.tolist(),
            counters,
            strict=True,
        )
    )
    timing = Timing(total, runs, _units(state, layers, total))
    _check(timing, state)
    return timing


def _array_counters(program: Program, nests: Nests) -> list[tuple[ArrayCounters, int]]:
    """Return what the executed passes of each layer did, and the results they completed."""
    executed = nests.layers[:, kernel.R_PASSES : kernel.R_CAUSES]
    m, n, k = nests.rows, nests.columns, nests.depths
    kinds = np.arange(kernel.CLASSES) % 4
    first, last = kinds % 2 == 1, kinds >= 2

    def total(values: Integers) -> list[int]:
        return [int(value) for value in (values * executed).sum(axis=1)]

    sums = zip(
        total(np.ones_like(m)),
        total(m * n * k),
        total(k * n),
        total(m * k),
        total(n * first),
        total(m * n * ~first),
        total(m * n),
        total(m * n * last),
        strict=True,
    )
    counters: list[tuple[ArrayCounters, int]] = []
    for instruction, (passes, macs, weights, activations, biases, read, written, done) in zip(
        program.instructions, sums, strict=True
    ):
        if not isinstance(instruction, MatrixInstruction):
            counters.append((ArrayCounters(), 0))
            continue
        stays = instruction.plan.dataflow.stationary
        in_array = stays == "accumulators"
        counter = ArrayCounters(
            passes=passes,
            macs=macs,
            stationary_writes={"weights": weights, "activations": activations}.get(stays, 0),
            activation_feeds=activations,
            weight_feeds=weights,
            bias_reads=0 if instruction.shape.right_is_tensor else biases,
            accumulator_reads=0 if in_array else read,
            accumulator_writes=done if in_array else written,
        )
        counters.append((counter, done))
    return counters


def _layer_run(
    instruction: Instruction,
    program: Program,
    result: list[int],
    fetched: list[int],
    array: ArrayCounters,
    rescaled: int,
) -> LayerRun:
    *causes, start, stop, read_bytes, written_bytes = result
    shape = instruction.shape
    stored = program.places[instruction.output] is Place.DRAM
    moved = {
        "dram_read_bytes": read_bytes,
        "dram_write_bytes": written_bytes,
    }
    if isinstance(instruction, MatrixInstruction):
        gemm = instruction.plan.gemm
        outputs = gemm.groups * gemm.rows_m * gemm.columns_n
        charged = zip(_CAUSES, causes, strict=True)
        return LayerRun(
            name=instruction.layer,
            operator=instruction.shape.operator,
            gemm=gemm,
            weight_bits=instruction.shape.weight_bits,
            input_bits=instruction.shape.input_bits,
            output_bits=shape.output_bits,
            start_cycle=start,
            cycles_total=stop - start,
            cycles={cause: count for cause, count in charged if count},
            array=array,
            traffic=Traffic(
                activation_reads=instruction.activation_reads + (outputs if stored else 0),
                activation_writes=fetched[1] + outputs,
                weight_reads=instruction.weight_reads,
                weight_writes=fetched[0],
                accumulator_reads=array.accumulator_reads + outputs,
                accumulator_writes=array.accumulator_writes,
                bias_reads=instruction.bias_reads,
                **moved,
            ),
            rescale_operations=rescaled,
            vector_operations=0,
        )
    writes = instruction.element_writes
    return LayerRun(
        name=instruction.layer,
        operator=instruction.kind,
        gemm=None,
        weight_bits=0,
        input_bits=max(instruction.shape.input_bits),
        output_bits=shape.output_bits,
        start_cycle=start,
        cycles_total=stop - start,
        cycles={Cause.IDLE: stop - start} if stop > start else {},
        array=array,
        traffic=Traffic(
            activation_reads=instruction.element_reads + (writes if stored else 0),
            activation_writes=writes + fetched[1],
            **moved,
        ),
        rescale_operations=0,
        vector_operations=instruction.operations,
    )


def _units(state: Integers, layers: Integers, total: int) -> dict[str, dict[str, int]]:
    """Return the account of every unit: what it did, and the rest."""
    a = state.tolist()
    units: dict[str, dict[str, int]] = {}

    def add(unit: str, **causes: int) -> None:
        causes["idle"] = total - sum(causes.values())
        units[unit] = {cause: causes[cause] for cause in sorted(causes) if causes[cause]}

    by_cause = layers[:, kernel.R_CAUSES : kernel.R_START].sum(axis=0).tolist()
    add("array", **{str(cause): count for cause, count in zip(_CAUSES, by_cause, strict=True)})
    add(
        "rescale",
        busy=a[kernel.A_BUSY],
        pipeline=a[kernel.A_PIPELINE],
        stall_output=a[kernel.A_READ_STALL],
    )
    add(
        "vector",
        busy=a[kernel.A_VECTOR],
        stall_activations=a[kernel.A_VECTOR_A],
        stall_output=a[kernel.A_VECTOR_O],
    )
    engines = ("weights", "activations", "outputs")
    add("dram", **{name: a[kernel.A_HOLD + rank] for rank, name in enumerate(engines)})
    for rank, name in enumerate(engines):
        hold, asking = a[kernel.A_HOLD + rank], a[kernel.A_ASKING + rank]
        under_way, waiting = a[kernel.A_UNDER_WAY + rank], a[kernel.A_WAITING + rank]
        add(
            f"dma_{name}",
            transfer=hold,
            wait_channel=asking - hold,
            latency=under_way - asking,
            wait_room=waiting - under_way,
        )
    for rank, name in enumerate(engines[:2]):
        blocked = a[kernel.A_BLOCKED + rank]
        add(f"{name[:-1]}_scratchpad", blocked=blocked, holding=a[kernel.A_PAD + rank] - blocked)
    add("accumulator_scratchpad", holding=a[kernel.A_HELD])
    return units


def _check(timing: Timing, state: Integers) -> None:
    """Check that every cycle has one cause, and that bytes and products are conserved."""
    bus_bytes = int(state[kernel.A_BUS : kernel.A_BUS + 3].sum())
    moved = sum(run.traffic.dram_read_bytes + run.traffic.dram_write_bytes for run in timing.layers)
    _must_equal("bytes on the bus", bus_bytes, moved)
    for run in timing.layers:
        _must_equal(f"cycles of {run.name}", sum(run.cycles.values()), run.cycles_total)
        _must_equal(f"MACs of {run.name}", run.array.macs, run.macs)
    layer_cycles = sum(run.cycles_total for run in timing.layers)
    _must_equal("cycles of the layers", layer_cycles, timing.cycles_total)
    for unit, causes in timing.units.items():
        if min(causes.values(), default=0) < 0:
            raise InternalError(f"{unit}: causes {causes} exceed {timing.cycles_total} cycles")


def _must_equal(what: str, got: int, expected: int) -> None:
    if got != expected:
        raise InternalError(f"{what}: {got}, expected {expected}")
