"""The register engine: the machine that `register_kernel` steps, cycle by cycle.

Nothing in it needs more than local signals, so that RTL can be held against it: a PE reads its
own registers, its left and upper neighbours', and three wires of its column (below). All
registers change together at the end of a cycle.

**Registers of a PE**, operand stationary: ``token`` (valid, first and last element of a pass) and
``moving``, which go right; ``sum``, which goes down; ``stationary`` and ``shadow``; ``armed``.
Output stationary: ``token`` and ``moving``; ``down`` and ``bias``, which go down; ``sum``, which
stays; ``result`` (hidden drain); ``held``. Without a valid token ``moving``, ``sum``, ``down``
and ``bias`` keep their values. ``tag``, the number of the pass, is for observers alone.

**Edges.** The controller puts a token into lane 0; lane i has it i cycles later, and only then is
the lane's word read (what a triangle of skew registers would do). Top lanes carry partial sums or
biases, the tokens of the bottom edge come from the last row's lane. Lanes of unused rows and
columns feed zeros. The bottom row's sums are written into the accumulator memory as they are
registered; a word written in one cycle can enter the top in the next.

**Preload.** ``load`` and ``load_last`` are wires down a column, delayed by a cycle a column: for R
cycles an armed PE takes the word of its upper neighbour (``shadow`` or, single buffered,
``stationary``). ``load_last`` disarms. A PE is armed in the cycle in which it takes ``shadow`` over
(and may take a word in that very cycle), single buffered by its last product (and may take a word
from the next cycle on): so a new tile follows the wavefront.

**Drain.** The column shifts down while its wire ``drain`` is on: R cycles from the one after the
bottom PE's last product, a cycle later in each further column. A PE whose path register holds
something of the next tile already (``held``) does not shift, except in the first of these
cycles; zeros follow the last result. An unused row's PEs take the bias that passes them and add
zeros; nobody reads what they give.

**Free drain.** A PE's last sum goes to the accumulator memory as it is registered; nothing shifts.

**Controller.** It sees: its own pass and element counters, whether lanes hold tokens (the
wavefront has not reached the far corner), the bottom left PE's last token, whether the last
column has drained, and how long ago the last stream ended.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from accelsim.arithmetic.formats import Accumulator
from accelsim.compiler.program import TilePlan
from accelsim.hardware.dataflow import Dataflow
from accelsim.hardware.schema import Array, Drain
from accelsim.simulator.array import register_kernel
from accelsim.simulator.array.interface import ArrayResult, MatrixOperands
from accelsim.simulator.array.overflow import checked_bias, overflow_policy
from accelsim.simulator.array.register_kernel import Observed, Rules, Work
from accelsim.simulator.run import ArrayCounters, Cause, Switching

__all__ = ["CAUSES", "REGISTERS", "observe", "run_register", "step_through"]

CAUSES = (Cause.STREAM, Cause.PRELOAD, Cause.FILL, Cause.DRAIN)
"""Causes by the kernel's numbers."""

REGISTERS = {
    True: ("token", "tag", "moving", "sum", "stationary", "shadow", "armed"),
    False: ("token", "tag", "moving", "sum", "down", "bias", "result", "held"),
}
"""Registers in the kernel's order, by whether the dataflow preloads an operand."""


def run_register(
    operands: MatrixOperands,
    plan: TilePlan,
    array: Array,
    accumulator: Accumulator,
    switching: bool = False,
) -> ArrayResult:
    """Run a plan; parameters and result as in `accelsim.simulator.array.run_array`."""
    masks = _toggle_masks(array, plan.dataflow, accumulator) if switching else None
    observed = observe(array, masks=masks)
    return step_through(operands, plan, array, accumulator, observed)


def observe(
    array: Array,
    window: tuple[int, int] = (0, 0),
    outputs: int = 0,
    masks: NDArray[np.int64] | None = None,
) -> Observed:
    """Return empty tables for the kernel: snapshots of ``window`` cycles, ``outputs`` log lines."""
    start, stop = window
    return Observed(
        trace_start=start,
        trace=np.zeros((stop - start, 8, array.rows, array.columns), np.int64),
        cause_of=np.zeros(stop - start, np.int8),
        causes=np.zeros(len(CAUSES), np.int64),
        log=np.zeros((outputs, 5), np.int64),
        counts=np.zeros(7, np.int64),
        masks=np.zeros(8, np.int64) if masks is None else masks,
        toggles=np.zeros(8, np.int64),
    )


def step_through(
    operands: MatrixOperands,
    plan: TilePlan,
    array: Array,
    accumulator: Accumulator,
    observed: Observed,
    order: NDArray[np.int64] | None = None,
) -> ArrayResult:
    """Step until all is done, filling ``observed``.

    ``order``: int64[rows * columns], the order in which PEs are evaluated within a cycle. It
    changes nothing, which a test proves.
    """
    flow = plan.dataflow
    work = _lay_out(operands, plan, accumulator)
    if order is None:
        order = np.arange(array.rows * array.columns)
    run = register_kernel.run_stationary if flow.preloads else register_kernel.run_output
    run(work, _rules(array, flow, accumulator), order, observed)
    accumulators = work.memory.swapaxes(1, 2) if flow.columns == "m" else work.memory
    return ArrayResult(
        accumulators,
        dict(zip(CAUSES, (int(cycles) for cycles in observed.causes), strict=True)),
        _counters(flow, len(work.passes), observed.counts),
        _switching(flow, observed.toggles) if observed.masks.any() else None,
    )


def _rules(array: Array, flow: Dataflow, accumulator: Accumulator) -> Rules:
    low, high, saturate = overflow_policy(accumulator)
    hidden, free = array.drain is Drain.HIDDEN, array.drain is Drain.FREE
    return Rules(
        rows=array.rows,
        columns=array.columns,
        tile_overlap=array.tile_overlap,
        second_register=array.weight_double_buffering if flow.preloads else hidden,
        result_ports=free and not flow.preloads,
        bias_along_stream=flow.stream == "n",
        low=low,
        high=high,
        saturate=saturate,
    )


def _lay_out(operands: MatrixOperands, plan: TilePlan, accumulator: Accumulator) -> Work:
    """Turn m, n, k into stream, rows and columns of the array, for operands and passes."""
    gemm, flow = plan.gemm, plan.dataflow
    groups = range(gemm.groups)
    matrices = {
        "mk": np.stack([operands.activations(group, 0, gemm.rows_m) for group in groups]),
        "kn": np.stack([operands.weights(group) for group in groups]),
    }
    matrices["km"] = matrices["mk"].swapaxes(1, 2)
    matrices["nk"] = matrices["kn"].swapaxes(1, 2)
    sizes = {"m": gemm.rows_m, "n": gemm.columns_n, "k": gemm.depth_k}
    along = flow.stream if flow.preloads else flow.rows
    below = flow.rows if flow.preloads else flow.stream
    table = [
        (
            step.group,
            *bounds[flow.stream],
            *bounds[flow.rows],
            *bounds[flow.columns],
            step.first_depth,
            step.last_depth,
        )
        for step in plan.passes()
        for bounds in [
            {
                "m": (step.m_start, step.m_stop),
                "n": (step.n_start, step.n_stop),
                "k": (step.k_start, step.k_stop),
            }
        ]
    ]
    return Work(
        passes=np.array(table, np.int64),
        moving=np.array(matrices[flow.stream + flow.rows], np.int64, order="C"),
        factors=np.array(matrices[below + flow.columns], np.int64, order="C"),
        bias=np.stack([checked_bias(operands, group, accumulator) for group in groups]),
        memory=np.zeros((gemm.groups, sizes[along], sizes[flow.columns]), np.int64),
    )


def _toggle_masks(array: Array, flow: Dataflow, accumulator: Accumulator) -> NDArray[np.int64]:
    """Return int64[8]: the bits of each data register, none for control."""
    widths = {"activations": array.activation_bits, "weights": array.weight_bits}
    moving, sums = widths[flow.moves_right], accumulator.bits
    if flow.preloads:
        resident = widths[flow.stationary]
        bits = (0, 0, moving, sums, resident, resident, 0, 0)
    else:
        bits = (0, 0, moving, sums, widths[flow.moves_down], sums, sums, 0)
    return np.array([(1 << width) - 1 for width in bits], np.int64)


def _switching(flow: Dataflow, toggles: NDArray[np.int64]) -> Switching:
    named = dict(zip(REGISTERS[flow.preloads], (int(bits) for bits in toggles), strict=False))
    if flow.preloads:
        return Switching(named["moving"], named["stationary"] + named["shadow"], named["sum"])
    sums = named["sum"] + named["bias"] + named["result"]
    return Switching(named["moving"] + named["down"], 0, sums)


def _counters(flow: Dataflow, passes: int, counts: NDArray[np.int64]) -> ArrayCounters:
    macs, moving, factors, biases, reads, writes, events = (int(count) for count in counts)
    activations, weights = moving, factors
    if flow.moves_right == "weights":
        activations, weights = factors, moving
    return ArrayCounters(
        passes=passes,
        macs=macs,
        stationary_writes=factors if flow.preloads else 0,
        activation_feeds=activations,
        weight_feeds=weights,
        bias_reads=biases,
        accumulator_reads=reads,
        accumulator_writes=writes,
        overflow_events=events,
    )
