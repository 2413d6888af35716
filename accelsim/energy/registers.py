"""Which register bits of the array are clocked and which travel to a neighbour, by dataflow.

The rule, for all dataflows: the registers of a PE are clocked when a valid token passes and
stand still otherwise (clock gating by the token that travels along). Tokens travel through the
whole array: a tile smaller than the array clocks all R x C PEs, with zeros in the unused ones.
So a badly filled array pays for its idle PEs here, while the multipliers of idle PEs, whose
operands do not change, cost nothing.

What the registers hold is a matter of the kind of PE. Composable ones are charged for those of
the fixed PE of their width, at the price that synthesis found (`array_lines`); the bits that hop
are those of the lanes that a layer uses. Bit-serial ones take a bit of an activation in each
cycle and a weight that moves once for each token; the partial sums that move down are those of
one bit of the activations, as wide as a column's sum of weights can be.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from accelsim.hardware.dataflow import Operand
from accelsim.hardware.pe_kinds import BRICK_BITS, PeKind, lane_bits
from accelsim.hardware.schema import Array, Drain

__all__ = [
    "RegisterUse",
    "plane_bits",
    "register_bits",
    "register_use",
    "row_sum_bits",
    "row_sum_use",
    "scaling_register_bits",
]


@dataclass(frozen=True)
class RegisterUse:
    """Register bits of one execution of a layer.

    ``clocked_bits`` take a value with a token; ``hops_bits`` of them take it from the register
    of a neighbouring PE, over a wire as long as a PE.
    """

    clocked_bits: int
    hops_bits: int


@dataclass(frozen=True)
class _Word:
    """A register of ``bits``, which takes a value in one of ``every`` cycles of a stream."""

    bits: int
    every: int = 1

    def streamed_bits(self, stream_cycles: int) -> int:
        return stream_cycles // self.every * self.bits


def register_use(
    array: Array,
    accumulator_bits: int,
    stream_cycles: int,
    passes: int,
    tiles: int,
    operand_bits: tuple[int, int] | None = None,
) -> RegisterUse:
    """Count the register bits that are clocked in one execution of a layer.

    Parameters
    ----------
    array
        The PE grid; the registers are as wide as the operands it is built for.
    stream_cycles
        Cycles in which elements of a stream entered at the left edge. Each clocks, in every PE,
        ``moving`` and the sum; output stationary also the operand that moves down.
    passes
        Preloads (an operand is stationary): row r's element shifts through the r + 1 registers
        above and at its PE; with double buffering it is then copied from ``shadow``.
    tiles
        Output tiles (output stationary): a bias passes down each column, and row r's result
        shifts out through R - r registers; with a hidden drain it is copied to them first, with
        a free one it leaves at once.
    operand_bits
        The layer's bits of weights and of activations; None: those that the array is for.
    """
    weight_bits, activation_bits = operand_bits or (array.weight_bits, array.activation_bits)
    counts = accumulator_bits, stream_cycles, passes, tiles
    words = _words(array, accumulator_bits, weight_bits, activation_bits)
    use = _use(array, words, *counts)
    if array.pe_kind is not PeKind.COMPOSABLE:
        return use
    rate = array.pe_rate(weight_bits, activation_bits)
    words |= {
        "activations": _Word(rate.depth * lane_bits(activation_bits), rate.cycles),
        "weights": _Word(rate.depth * lane_bits(weight_bits), rate.cycles),
    }
    return RegisterUse(use.clocked_bits, _use(array, words, *counts).hops_bits)


def _use(
    array: Array,
    words: Mapping[Operand, _Word],
    accumulator_bits: int,
    stream_cycles: int,
    passes: int,
    tiles: int,
) -> RegisterUse:
    pes = array.rows * array.columns
    shifts = array.columns * array.rows * (array.rows + 1) // 2
    flow = array.flow
    moving = words[flow.moves_right], words[flow.moves_down]
    hops = pes * sum(word.streamed_bits(stream_cycles) for word in moving)
    if flow.preloads:
        copies = pes if array.weight_double_buffering else 0
        hops += passes * shifts * words[flow.stationary].bits
        return RegisterUse(hops + passes * copies * words[flow.stationary].bits, hops)
    leaving = 0 if array.drain is Drain.FREE else shifts
    hops += tiles * (pes + leaving) * accumulator_bits
    copies = tiles * pes if array.drain is Drain.HIDDEN else 0
    own = accumulator_bits + _shifted_bits(array)
    return RegisterUse(hops + stream_cycles * pes * own + copies * accumulator_bits, hops)


def row_sum_use(array: Array, accumulator_bits: int, stream_cycles: int, tiles: int) -> RegisterUse:
    """Count the register bits that are clocked in a column of adders that sums up rows.

    Its registers are those of a column of PEs but for the weights, which are wires: each element of
    the stream clocks ``moving`` and the sum in all of them; output stationary, the sums stay and
    leave as those of the PEs do. Parameters are those of `register_use`.
    """
    if not array.has_row_sum_column:
        return RegisterUse(0, 0)
    moving = stream_cycles * array.rows * _moving_bits(array)
    sums = stream_cycles * array.rows * accumulator_bits
    if array.flow.preloads:
        return RegisterUse(moving + sums, moving + sums)
    shifts = 0 if array.drain is Drain.FREE else array.rows * (array.rows + 1) // 2
    copies = array.rows if array.drain is Drain.HIDDEN else 0
    leaving = tiles * shifts * accumulator_bits
    return RegisterUse(
        moving + sums + leaving + tiles * copies * accumulator_bits, moving + leaving
    )


def row_sum_bits(array: Array, accumulator_bits: int) -> int:
    """Return the register bits of a column of adders that sums up rows, clocked or not."""
    if not array.has_row_sum_column:
        return 0
    sums = 2 if not array.flow.preloads and array.drain is Drain.HIDDEN else 1
    return array.rows * (_moving_bits(array) + sums * accumulator_bits)


def register_bits(array: Array, accumulator_bits: int) -> int:
    """Return the register bits of all PEs, clocked or not."""
    narrow = array.pe_kind is PeKind.TERNARY
    # Ternary PEs have most weights beside the narrowest activations.
    activation_bits = BRICK_BITS if narrow else array.activation_bits
    words, flow = _words(array, accumulator_bits, array.weight_bits, activation_bits), array.flow
    right = words[flow.moves_right].bits
    if flow.preloads:
        copies = 2 if array.weight_double_buffering else 1
        one = right + copies * words[flow.stationary].bits + words["accumulators"].bits
    else:
        wide = 3 if array.drain is Drain.HIDDEN else 2
        one = right + words[flow.moves_down].bits + wide * accumulator_bits + _shifted_bits(array)
    return array.rows * array.columns * one


def scaling_register_bits(array: Array, accumulator_bits: int) -> tuple[int, int]:
    """Return (units, register bits of one) that scale sums of groups of weights; none: (0, 0).

    A unit holds a scale and a result, at the bottom of a column or, output stationary, in a PE.
    """
    if not array.scale_bits:
        return 0, 0
    units = array.columns if array.flow.preloads else array.rows * array.columns
    return units, accumulator_bits + array.scale_bits


def plane_bits(array: Array) -> int:
    """Return the bits of a column's sum of weights, each taken or not: a bit-serial partial sum.

    >>> plane_bits(Array(rows=16, columns=16, dataflow="ws", pe_kind="bit_serial"))
    12
    """
    return array.pe_weight_bits + (array.rows - 1).bit_length()


def _words(
    array: Array, accumulator_bits: int, weight_bits: int, activation_bits: int
) -> dict[Operand, _Word]:
    """Return what a PE's registers hold of a layer of these operand widths."""
    kind, flow = array.pe_kind, array.flow
    sums = _Word(accumulator_bits)
    if kind is PeKind.BIT_SERIAL:
        stays = flow.stationary
        return {
            "activations": _Word(array.pe_activation_bits if stays == "activations" else 1),
            "weights": _Word(array.pe_weight_bits, 1 if stays == "weights" else activation_bits),
            "accumulators": _Word(plane_bits(array)) if flow.preloads else sums,
        }
    if kind is PeKind.TERNARY:
        depth = array.pe_rate(weight_bits, activation_bits).depth
        return {
            "activations": _Word(depth * lane_bits(activation_bits)),
            "weights": _Word(depth * BRICK_BITS),
            "accumulators": sums,
        }
    flag_bits = 1 if array.zero_gating else 0
    return {
        "activations": _Word(array.pe_activation_bits + flag_bits),
        "weights": _Word(array.pe_weight_bits + flag_bits),
        "accumulators": sums,
    }


def _shifted_bits(array: Array) -> int:
    """Return the bits of the weight that moves up a bit a cycle (bit serial, accumulators stay)."""
    if array.pe_kind is not PeKind.BIT_SERIAL or array.flow.preloads:
        return 0
    return array.pe_weight_bits + array.pe_activation_bits - 1


def _moving_bits(array: Array) -> int:
    """Return the bits of an activation that moves past a column of adders: of fixed PEs."""
    return array.pe_activation_bits + (1 if array.zero_gating else 0)
