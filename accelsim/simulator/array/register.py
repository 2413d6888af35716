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
from accelsim.simulator.array.interface import ArrayResult, MatrixOperands
from accelsim.simulator.array.overflow import OverflowBound, overflow_policy
from accelsim.simulator.array.register_contents import registers
from accelsim.simulator.array.register_kernel import run
from accelsim.simulator.array.register_layout import Layout
from accelsim.simulator.array.register_state import (
    CYCLE,
    Observed,
    Policy,
    Rules,
    new_machine,
)
from accelsim.simulator.run import ArrayCounters, Cause, Switching

__all__ = ["CAUSES", "LAST_CYCLE", "Stepper", "run_register"]

CAUSES = (Cause.STREAM, Cause.PRELOAD, Cause.FILL, Cause.DRAIN)
"""Causes by the kernel's numbers."""

_NO_MASKS = np.zeros((0, 3), np.int32)

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
    stepper = Stepper(operands, plan, array, accumulator, switching=switching)
    stepper.advance(LAST_CYCLE)
    return stepper.result()


class Stepper:
    """A plan on its way through the array, which can be stopped and looked at after any cycle.

    Parameters
    ----------
    operands, plan, array, accumulator
        As of `accelsim.simulator.array.run_array`.
    outputs
        Lines of the log of results, at most.
    order
        int64[rows * columns], a column of adders included: the order in which PEs are evaluated
        within a cycle. It changes nothing, which a test proves.
    switching
        Count the register bits that toggle, in PEs: a column of adders is counted apart.
    """

    def __init__(
        self,
        operands: MatrixOperands,
        plan: TilePlan,
        array: Array,
        accumulator: Accumulator,
        outputs: int = 0,
        order: NDArray[np.int64] | None = None,
        switching: bool = False,
    ) -> None:
        self._flow = plan.dataflow
        self._rules = _rules(array, self._flow, accumulator)
        self._layout = Layout(operands, plan, self._rules, accumulator)
        if order is None:
            # One PE after the other: only so are sums exact before they wrap or saturate.
            checked = _can_overflow(operands, plan, accumulator)
            order = np.arange(array.rows * array.stepped_columns if checked else 0)
        self._order = order
        self._machine = new_machine(self._layout.work.moving.dtype, self._rules)
        self._out = Observed(
            causes=np.zeros(len(CAUSES), np.int64),
            log=np.zeros((outputs, 5), np.int64),
            counts=np.zeros(7, np.int64),
            masks=_toggle_masks(array, self._flow, accumulator) if switching else _NO_MASKS,
            toggles=np.zeros((2, 3), np.int64),
        )

    @property
    def cycle(self) -> int:
        """Cycles that are over."""
        return int(self._machine.control[CYCLE])

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
        work = self._layout.work
        return run(self._machine, work, self._rules, self._order, self._out, until)

    def registers(self) -> dict[str, NDArray[np.integer]]:
        """Return every PE's registers: name to integers [rows, columns], good for one cycle.

        A column of adders that sum up rows is the last one.
        """
        return registers(self._machine, self._rules)

    def result(self) -> ArrayResult:
        """Return what the run gave, once it is done."""
        flow, passes = self._flow, len(self._layout.work.passes)
        counters = _counters(flow, passes, self._out.counts)
        switching = _switching(flow, self._out.toggles) if len(self._out.masks) else None
        accumulators = self._layout.accumulators()
        return ArrayResult(accumulators, self.causes, counters, switching)


def _can_overflow(operands: MatrixOperands, plan: TilePlan, accumulator: Accumulator) -> bool:
    """Whether any partial sum could leave the accumulators' range; else none is checked."""
    gemm = plan.gemm
    return any(
        OverflowBound.from_group(operands, group, accumulator).can_overflow(
            operands.activations(group, 0, gemm.rows_m), accumulator
        )
        for group in range(gemm.groups)
    )


def _rules(array: Array, flow: Dataflow, accumulator: Accumulator) -> Rules:
    hidden, free = array.drain is Drain.HIDDEN, array.drain is Drain.FREE
    return Rules.of_size(
        array.rows,
        array.stepped_columns,
        pe_columns=array.columns,
        preloads=flow.preloads,
        tile_overlap=array.tile_overlap,
        second_register=-int(array.weight_double_buffering if flow.preloads else hidden),
        result_ports=free and not flow.preloads,
        bias_along_stream=flow.stream == "n",
        policy=Policy(*overflow_policy(accumulator)),
    )


def _toggle_masks(array: Array, flow: Dataflow, accumulator: Accumulator) -> NDArray[np.int32]:
    """Return the bits of each data register, words and sums; control registers are not counted."""
    widths = {"activations": array.pe_activation_bits, "weights": array.pe_weight_bits}
    second = widths[flow.stationary if flow.preloads else flow.moves_down]
    words = [widths[flow.moves_right], second, second]
    bits = np.array([words, [accumulator.bits] * len(words)])
    masks: NDArray[np.int32] = ((np.int64(1) << bits) - 1).astype(np.uint32).view(np.int32)
    return masks


def _switching(flow: Dataflow, toggles: NDArray[np.int64]) -> Switching:
    words, sums = toggles.tolist()
    moving, second = words[0], sum(words[1:])
    if flow.preloads:
        return Switching(moving, second, sum(sums))
    return Switching(moving + second, 0, sum(sums))


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
