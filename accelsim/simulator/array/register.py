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

from typing import Any

import numpy as np
from numpy.typing import NDArray

from accelsim.arithmetic.formats import Accumulator
from accelsim.compiler.program import TilePlan
from accelsim.hardware.dataflow import Dataflow
from accelsim.hardware.schema import Array, Drain
from accelsim.simulator.array import register_kernel
from accelsim.simulator.array.interface import ArrayResult, MatrixOperands
from accelsim.simulator.array.overflow import OverflowBound, checked_bias, overflow_policy
from accelsim.simulator.array.register_kernel import Observed, Rules, Work
from accelsim.simulator.run import ArrayCounters, Cause, Switching

__all__ = ["CAUSES", "LAST_CYCLE", "Stepper", "run_register"]

CAUSES = (Cause.STREAM, Cause.PRELOAD, Cause.FILL, Cause.DRAIN)
"""Causes by the kernel's numbers."""

LAST_CYCLE = int(np.iinfo(np.int64).max)
"""A cycle after the end of every run."""


def run_register(
    operands: MatrixOperands,
    plan: TilePlan,
    array: Array,
    accumulator: Accumulator,
    switching: bool = False,
) -> ArrayResult:
    """Run a plan; parameters and result as in `accelsim.simulator.array.run_array`."""
    stepper = Stepper(operands, plan, array, accumulator)
    if not switching:
        stepper.advance(LAST_CYCLE)
        return stepper.result()
    masks = _toggle_masks(array, plan.dataflow, accumulator)
    toggles = dict.fromkeys(masks, 0)
    done = False
    while not done:
        before = stepper.registers()
        done = stepper.advance(stepper.cycle + 1)
        after = stepper.registers()
        for name, mask in masks.items():
            bits = (before[name] ^ after[name]).astype(np.int64) & mask
            toggles[name] += int(np.bitwise_count(bits).sum())
    return stepper.result(_switching(plan.dataflow, toggles))


class Stepper:
    """A plan on its way through the array, which can be stopped and looked at after any cycle.

    Parameters
    ----------
    operands, plan, array, accumulator
        As of `accelsim.simulator.array.run_array`.
    outputs
        Lines of the log of results, at most.
    order
        int64[rows * columns], the order in which PEs are evaluated within a cycle. It changes
        nothing, which a test proves.
    """

    def __init__(
        self,
        operands: MatrixOperands,
        plan: TilePlan,
        array: Array,
        accumulator: Accumulator,
        outputs: int = 0,
        order: NDArray[np.int64] | None = None,
    ) -> None:
        self._flow = plan.dataflow
        self._work = _lay_out(operands, plan, accumulator)
        checked = _can_overflow(operands, plan, accumulator)
        self._rules = _rules(array, self._flow, accumulator, checked)
        self._order = np.empty(0, np.int64) if order is None else order
        self._machine = register_kernel.new_machine(self._work, self._rules, self._flow.preloads)
        self._out = Observed(
            causes=np.zeros(len(CAUSES), np.int64),
            log=np.zeros((outputs, 5), np.int64),
            counts=np.zeros(7, np.int64),
        )

    @property
    def cycle(self) -> int:
        """Cycles that are over."""
        return int(self._machine.control[register_kernel.CYCLE])

    @property
    def log(self) -> NDArray[np.int64]:
        """int64[outputs, 5]: cycle, column, pass, index in the pass, value of each result."""
        return self._out.log

    @property
    def causes(self) -> dict[Cause, int]:
        """Cycles so far by their cause."""
        return dict(zip(CAUSES, (int(cycles) for cycles in self._out.causes), strict=True))

    def advance(self, until: int) -> bool:
        """Step until so many cycles are over; return whether all is done, perhaps before that."""
        kernel = register_kernel
        run = kernel.run_stationary if self._flow.preloads else kernel.run_output
        return bool(run(self._machine, self._work, self._rules, self._order, self._out, until))

    def registers(self) -> dict[str, NDArray[np.integer]]:
        """Return every PE's registers: name to integers [rows, columns], good for one cycle."""
        return register_kernel.registers(self._machine, self._rules, self._flow.preloads)

    def result(self, switching: Switching | None = None) -> ArrayResult:
        """Return what the run gave, once it is done."""
        memory = self._work.memory
        accumulators = memory.swapaxes(1, 2) if self._flow.columns == "m" else memory
        counters = _counters(self._flow, len(self._work.passes), self._out.counts)
        return ArrayResult(accumulators.astype(np.int64), self.causes, counters, switching)


def _can_overflow(operands: MatrixOperands, plan: TilePlan, accumulator: Accumulator) -> bool:
    """Whether any partial sum could leave the accumulators' range; else none is checked."""
    gemm = plan.gemm
    return any(
        OverflowBound.from_group(operands, group, accumulator).can_overflow(
            operands.activations(group, 0, gemm.rows_m), accumulator
        )
        for group in range(gemm.groups)
    )


def _rules(array: Array, flow: Dataflow, accumulator: Accumulator, checked: bool) -> Rules:
    low, high, saturate = overflow_policy(accumulator)
    hidden, free = array.drain is Drain.HIDDEN, array.drain is Drain.FREE
    return Rules(
        rows=array.rows,
        columns=array.columns,
        tile_overlap=array.tile_overlap,
        second_register=array.weight_double_buffering if flow.preloads else hidden,
        result_ports=free and not flow.preloads,
        bias_along_stream=flow.stream == "n",
        checked=checked,
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
    words = _narrowest(*matrices.values())
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
        moving=np.array(matrices[flow.stream + flow.rows], words, order="C"),
        factors=np.array(matrices[below + flow.columns], words, order="C"),
        bias=np.stack([checked_bias(operands, group, accumulator) for group in groups]).astype(
            np.int32
        ),
        memory=np.zeros((gemm.groups, sizes[along], sizes[flow.columns]), np.int32),
    )


def _narrowest(*matrices: NDArray[np.int32]) -> np.dtype[Any]:
    """Return the type of the operand registers: more of them fit the CPU's caches."""
    limits = np.iinfo(np.int16)
    fits = all(limits.min <= part.min() and part.max() <= limits.max for part in matrices)
    return np.dtype(np.int16 if fits else np.int32)


def _toggle_masks(array: Array, flow: Dataflow, accumulator: Accumulator) -> dict[str, int]:
    """Return the bits of each data register; control registers are not counted."""
    widths = {"activations": array.activation_bits, "weights": array.weight_bits}
    bits = {"moving": widths[flow.moves_right], "sum": accumulator.bits}
    if flow.preloads:
        bits |= dict.fromkeys(("stationary", "shadow"), widths[flow.stationary])
    else:
        bits |= {"down": widths[flow.moves_down]}
        bits |= dict.fromkeys(("bias", "result"), accumulator.bits)
    return {name: (1 << width) - 1 for name, width in bits.items()}


def _switching(flow: Dataflow, toggles: dict[str, int]) -> Switching:
    if flow.preloads:
        return Switching(
            toggles["moving"], toggles["stationary"] + toggles["shadow"], toggles["sum"]
        )
    sums = toggles["sum"] + toggles["bias"] + toggles["result"]
    return Switching(toggles["moving"] + toggles["down"], 0, sums)


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
