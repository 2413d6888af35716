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
from accelsim.simulator.recurrence.nests import Nests, burst_cycles, describe
from accelsim.simulator.recurrence.records import (
    AT_LAYER,
    CLASSES,
    DONE,
    NO_ROOM,
    STUCK,
    UNUSED,
)
from accelsim.simulator.run import ArrayCounters, Cause, LayerRun, Timing, Traffic

__all__ = ["is_exact", "recur"]

Integers = NDArray[np.int64]
Records = NDArray[np.void]

_REPORTED = ("causes", "start", "stop", "read_bytes", "written_bytes", "row_misses")
_ENGINE_ACCOUNTS = ("hold", "asking", "under_way", "waiting", "blocked", "holding", "bus_bytes")

_CAUSES = (
    *(Cause.STREAM, Cause.PRELOAD, Cause.FILL, Cause.DRAIN),
    *(Cause.STALL_WEIGHTS, Cause.STALL_ACTIVATIONS, Cause.STALL_OUTPUT, Cause.STALL_RESCALE),
)


def is_exact(hardware: Hardware) -> bool:
    """Whether 64-bit integers count the longest transfer in parts of a cycle of the channel.

    No transfer is larger than a scratchpad or a row of the DRAM.
    """
    pads, dram = hardware.scratchpads, hardware.dram
    largest_bytes = max(pads.weights.size, pads.activations.size, dram.row_size or 0)
    bursts = -(-largest_bytes // dram.burst)
    return (bursts + 1) * burst_cycles(hardware).denominator < 1 << 63


def recur(program: Program, hardware: Hardware) -> Timing:
    """Return when everything of a program happened and why; see `simulate_timing`.

    Raises
    ------
    InternalError
        A cycle, byte or MAC is unaccounted for, or the machine came to a standstill.
    """
    nests = describe(program, hardware)
    status = nests.run()
    machine, results = nests.machine[0], nests.tables.results
    if status != DONE:
        what = {
            STUCK: "the machine stands still",
            NO_ROOM: "the tensors on chip do not fit",
            UNUSED: "a fetch is not released, or a release is of no fetch",
        }[status]
        name = program.instructions[machine["array_at"][AT_LAYER]].layer
        raise InternalError(f"layer {name!r}: {what}; method='events' tells more")
    total = int(results["stop"][-1]) if len(results) else 0
    counters = _array_counters(program, nests)
    runs = tuple(
        _layer_run(instruction, program, result, elements, *counted)
        for instruction, result, elements, counted in zip(
            program.instructions,
            zip(*(results[field].tolist() for field in _REPORTED), strict=True),
            nests.fetched_elements,
            counters,
            strict=True,
        )
    )
    timing = Timing(total, runs, _units(machine, results, total))
    _check(timing, machine)
    return timing


def _array_counters(program: Program, nests: Nests) -> list[tuple[ArrayCounters, int, int]]:
    """Return what the passes of each layer did, and its tiles' accumulators and results."""
    executed = nests.tables.results["executed"]
    m, n, k, scales = nests.rows, nests.columns, nests.depths, nests.scales
    kinds = np.arange(CLASSES) % 4
    first, last = kinds % 2 == 1, kinds >= 2
    sums_held = m * (n + nests.row_sums)

    def total(values: Integers) -> list[int]:
        return [int(value) for value in (values * executed).sum(axis=1)]

    sums = zip(
        total(np.ones_like(m)),
        total(m * n * k),
        total(k * n),
        total(m * k),
        total(n * first),
        total(sums_held * ~first),
        total(sums_held),
        total(sums_held * last),
        total(m * n * last),
        total(m * k * nests.row_sums),
        total(n * scales),
        total(m * n * scales),
        strict=True,
    )
    counters: list[tuple[ArrayCounters, int, int]] = []
    for instruction, counted in zip(program.instructions, sums, strict=True):
        passes, macs, weights, activations, biases, read, written, done, results, *beside = counted
        if not isinstance(instruction, MatrixInstruction):
            counters.append((ArrayCounters(), 0, 0))
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
            row_additions=beside[0],
            scale_feeds=beside[1],
            scalings=beside[2],
        )
        counters.append((counter, done, results))
    return counters


def _layer_run(
    instruction: Instruction,
    program: Program,
    result: tuple[list[int], int, int, int, int, int],
    fetched: tuple[int, int, int],
    array: ArrayCounters,
    completed: int,
    rescaled: int,
) -> LayerRun:
    causes, start, stop, read_bytes, written_bytes, row_misses = result
    shape = instruction.shape
    stored = program.places[instruction.output] is Place.DRAM
    moved = {
        "dram_read_bytes": read_bytes,
        "dram_write_bytes": written_bytes,
        "dram_row_misses": row_misses,
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
                accumulator_reads=array.accumulator_reads + completed,
                accumulator_writes=array.accumulator_writes,
                bias_reads=instruction.bias_reads,
                scale_reads=instruction.scale_reads,
                scale_writes=fetched[2],
                **moved,
            ),
            rescale_operations=rescaled,
            vector_operations=0,
            row_sums=instruction.shape.row_sums,
            scale_bits=instruction.shape.scale_bits,
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


def _units(machine: np.void, results: Records, total: int) -> dict[str, dict[str, int]]:
    """Return the account of every unit: what it did, and the rest."""
    units: dict[str, dict[str, int]] = {}

    def add(unit: str, **causes: int) -> None:
        causes["idle"] = total - sum(causes.values())
        units[unit] = {cause: causes[cause] for cause in sorted(causes) if causes[cause]}

    def of(**fields: str) -> dict[str, int]:
        return {cause: int(machine[field]) for cause, field in fields.items()}

    by_cause = results["causes"].sum(axis=0).tolist()
    add("array", **{str(cause): count for cause, count in zip(_CAUSES, by_cause, strict=True)})
    add(
        "rescale",
        **of(busy="rescale_busy", pipeline="rescale_tail", stall_output="rescale_stall_output"),
    )
    add(
        "vector",
        **of(
            busy="vector_busy",
            stall_activations="vector_stall_activations",
            stall_output="vector_stall_output",
        ),
    )
    names = ("weights", "activations", "outputs")
    engines = dict(zip(names, machine["engines"][list(_ENGINE_ACCOUNTS)].tolist(), strict=True))
    add("dram", **{name: account[0] for name, account in engines.items()})
    for name, (hold, asking, under_way, waiting, _, _, _) in engines.items():
        add(
            f"dma_{name}",
            transfer=hold,
            wait_channel=asking - hold,
            latency=under_way - asking,
            wait_room=waiting - under_way,
        )
    for name in names[:2]:
        *_, blocked, holding, _ = engines[name]
        add(f"{name[:-1]}_scratchpad", blocked=blocked, holding=holding - blocked)
    add("accumulator_scratchpad", holding=int(machine["accumulators_held"]))
    return units


def _check(timing: Timing, machine: np.void) -> None:
    """Check that every cycle has one cause, and that bytes and products are conserved."""
    bus_bytes = int(machine["engines"]["bus_bytes"].sum())
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
