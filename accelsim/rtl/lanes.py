"""PEs that take several elements of the depth at once: their words, and what must come out of them.

A machine of such PEs is a machine of fixed ones whose depth is shorter: each element of it is a
word of lanes. So the register engine knows the cycles; the integers are plain sums here.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from accelsim.arithmetic import Accumulator, apply_overflow, count_overflows
from accelsim.compiler.plan import Pass, TilePlan
from accelsim.errors import InternalError
from accelsim.hardware.pe_kinds import BRICK_BITS, ONE_A_CYCLE, TERNARY_BITS, PeKind, lane_bits
from accelsim.hardware.schema import Array
from accelsim.simulator.array.interface import MatrixOperands
from accelsim.simulator.array.register_trace import OutputEvent, register_trace

__all__ = [
    "Expected",
    "LaneWords",
    "expected_outputs",
    "kind_parameters",
    "shorter_plan",
    "word_bits",
]

Words = NDArray[np.generic]


@dataclass(frozen=True, eq=False)
class LaneWords:
    """Operands whose depth is cut into words of lanes, the first element in the lowest bits.

    Words are Python integers: as many bits as a PE takes in a cycle.
    """

    operands: MatrixOperands
    depth: int
    lane_bits: tuple[int, int]
    """Of weights and of activations."""

    def activations(self, group: int, m_start: int, m_stop: int) -> Words:
        """Return [m_stop - m_start, words]."""
        return _packed(
            self.operands.activations(group, m_start, m_stop), self.depth, self.lane_bits[1]
        )

    def weights(self, group: int) -> Words:
        """Return [words, columns_n]."""
        return _packed(self.operands.weights(group).T, self.depth, self.lane_bits[0]).T

    def bias(self, group: int) -> NDArray[np.int64]:
        """Return the operands' own."""
        return self.operands.bias(group)

    @classmethod
    def of(cls, operands: MatrixOperands, plan: TilePlan, array: Array) -> LaneWords:
        """Return the words that the PEs of ``array`` take."""
        return cls(operands, plan.pe_rate.depth, _lanes(array))


@dataclass(frozen=True)
class Expected:
    """Every sum or result with its cycle, the last cycle, and how many steps overflowed."""

    outputs: tuple[OutputEvent, ...]
    last_cycle: int
    overflows: int


def word_bits(array: Array) -> dict[str, int]:
    """Return the bits of a word of each operand in a PE."""
    if array.pe_kind is PeKind.COMPOSABLE:
        bits = array.pe_weight_bits**2 // BRICK_BITS
        return {"weights": bits, "activations": bits}
    if array.pe_kind is PeKind.TERNARY:
        bits = array.pe_activation_bits
        return {"weights": TERNARY_BITS * max(1, bits // BRICK_BITS), "activations": bits}
    return {"weights": array.pe_weight_bits, "activations": array.pe_activation_bits}


def kind_parameters(array: Array) -> dict[str, int]:
    """Return what the RTL's PEs are told of their kind: see step.sv."""
    lanes = dict(zip(("weights", "activations"), _lanes(array), strict=True))
    flow = array.flow
    other = flow.stationary if flow.preloads else flow.moves_down
    kind = {PeKind.FIXED: 0, PeKind.COMPOSABLE: 1, PeKind.TERNARY: 2}[array.pe_kind]
    if array.pe_kind is PeKind.TERNARY and flow.moves_right == "weights":
        kind = 3
    codes = [
        (lane_bits(lanes[name]) // BRICK_BITS).bit_length() - 1
        for name in (flow.moves_right, other)
    ]
    return {
        "KIND": kind,
        "PE_BITS": array.pe_activation_bits,
        "LANES": 0 if array.pe_kind is PeKind.FIXED else codes[0] << 2 | codes[1],
    }


def expected_outputs(
    operands: MatrixOperands, plan: TilePlan, array: Array, accumulator: Accumulator
) -> Expected:
    """Return what must come out of a plan, and when."""
    if plan.pe_rate.cycles > 1:
        raise InternalError("there is no RTL of PEs that take several cycles for an element")
    shorter = shorter_plan(plan)
    fixed = array.model_copy(update={"pe_kind": PeKind.FIXED, "pe_bits": None})
    trace = register_trace(_Nothing(shorter), shorter, fixed, accumulator, 0, 1)
    sums, overflows = _sums(operands, plan, accumulator)
    passes = list(plan.passes())
    return Expected(
        tuple(
            event._replace(value=int(sums[_place(event, passes[event.pass_number], plan)]))
            for event in trace.outputs
        ),
        sum(trace.result.cycles.values()) - 1,
        overflows,
    )


def shorter_plan(plan: TilePlan) -> TilePlan:
    """Return the same plan of words: what is one element of the depth to a PE."""
    return replace(
        plan,
        gemm=replace(plan.gemm, depth_k=plan.depth_steps),
        tile_k=-(-plan.tile_k // plan.pe_rate.depth),
        block_k=plan.block_k // plan.tile_k * -(-plan.tile_k // plan.pe_rate.depth),
        pe_rate=ONE_A_CYCLE,
    )


@dataclass(frozen=True, eq=False)
class _Nothing:
    """Zeros, and no bias: the register engine is asked for cycles only."""

    plan: TilePlan

    def activations(self, group: int, m_start: int, m_stop: int) -> NDArray[np.int32]:  # noqa: ARG002
        return np.zeros((m_stop - m_start, self.plan.gemm.depth_k), np.int32)

    def weights(self, group: int) -> NDArray[np.int32]:  # noqa: ARG002
        return np.zeros((self.plan.gemm.depth_k, self.plan.gemm.columns_n), np.int32)

    def bias(self, group: int) -> NDArray[np.int64]:  # noqa: ARG002
        return np.zeros(self.plan.gemm.columns_n, np.int64)


_Place = tuple[int, int, int, int]


def _place(event: OutputEvent, part: Pass, plan: TilePlan) -> _Place:
    """Return (group, depth tile, row m, column n) of a sum."""
    m, n = part.m_start, part.n_start
    if plan.dataflow.columns == "n":
        m, n = m + event.position, n + event.column
    else:
        m, n = m + event.column, n + event.position
    return part.group, (part.k_stop - 1) // plan.tile_k, m, n


def _sums(
    operands: MatrixOperands, plan: TilePlan, accumulator: Accumulator
) -> tuple[NDArray[np.int64], int]:
    """Return every sum after each depth tile, int64[groups, tiles, m, n], and the overflows."""
    gemm, step = plan.gemm, plan.pe_rate.depth
    found = np.empty((gemm.groups, plan.k_tiles, gemm.rows_m, gemm.columns_n), np.int64)
    overflows = 0
    for group in range(gemm.groups):
        left = operands.activations(group, 0, gemm.rows_m).astype(np.int64)
        right = operands.weights(group).astype(np.int64)
        sums = np.broadcast_to(operands.bias(group), found.shape[2:])
        for start in range(0, gemm.depth_k, step):
            exact = sums + left[:, start : start + step] @ right[start : start + step]
            overflows += count_overflows(exact, accumulator)
            sums = apply_overflow(exact, accumulator)
            found[group, start // plan.tile_k] = sums
    return found, overflows


def _lanes(array: Array) -> tuple[int, int]:
    """Return the bits of a lane of weights and of activations."""
    lanes = lane_bits(array.weight_bits), lane_bits(array.activation_bits)
    if array.pe_kind is PeKind.TERNARY:
        return TERNARY_BITS, min(lanes[1], array.pe_activation_bits)
    return lanes


def _packed(words: NDArray[np.integer], depth: int, bits: int) -> Words:
    """Return [lines, words]: ``depth`` neighbours of a line in one."""
    lines, length = words.shape
    padded = np.zeros((lines, -(-length // depth) * depth), object)
    padded[:, :length] = words & np.int64((1 << bits) - 1)
    shifts = np.array([1 << (bits * lane) for lane in range(depth)], object)
    packed: Words = (padded.reshape(lines, -1, depth) * shifts).sum(axis=2)
    return packed
