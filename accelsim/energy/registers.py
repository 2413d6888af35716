"""Which register bits of the array are clocked and which travel to a neighbour, by dataflow.

The rule, for all dataflows: the registers of a PE are clocked when a valid token passes and
stand still otherwise (clock gating by the token that travels along). Tokens travel through the
whole array: a tile smaller than the array clocks all R x C PEs, with zeros in the unused ones.
So a badly filled array pays for its idle PEs here, while the multipliers of idle PEs, whose
operands do not change, cost nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

from accelsim.hardware.dataflow import Operand
from accelsim.hardware.schema import Array, Drain

__all__ = [
    "RegisterUse",
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


def register_use(
    array: Array, accumulator_bits: int, stream_cycles: int, passes: int, tiles: int
) -> RegisterUse:
    """Count the register bits that are clocked in one execution of a layer.

    Parameters
    ----------
    array
        The PE grid; the registers are as wide as the operands it is built for.
    stream_cycles
        Vectors that entered at the left edge. Each clocks, in every PE, ``moving`` and the sum;
        output stationary also the operand that moves down.
    passes
        Preloads (an operand is stationary): row r's element shifts through the r + 1 registers
        above and at its PE; with double buffering it is then copied from ``shadow``.
    tiles
        Output tiles (output stationary): a bias passes down each column, and row r's result
        shifts out through R - r registers; with a hidden drain it is copied to them first, with
        a free one it leaves at once.
    """
    widths = _widths(array, accumulator_bits)
    pes = array.rows * array.columns
    shifts = array.columns * array.rows * (array.rows + 1) // 2
    flow = array.flow
    hops = stream_cycles * pes * (widths[flow.moves_right] + widths[flow.moves_down])
    if flow.preloads:
        copies = pes if array.weight_double_buffering else 0
        hops += passes * shifts * widths[flow.stationary]
        return RegisterUse(hops + passes * copies * widths[flow.stationary], hops)
    leaving = 0 if array.drain is Drain.FREE else shifts
    hops += tiles * (pes + leaving) * accumulator_bits
    copies = tiles * pes if array.drain is Drain.HIDDEN else 0
    return RegisterUse(hops + (stream_cycles * pes + copies) * accumulator_bits, hops)


def row_sum_use(array: Array, accumulator_bits: int, stream_cycles: int, tiles: int) -> RegisterUse:
    """Count the register bits that are clocked in a column of adders that sums up rows.

    Its registers are those of a column of PEs but for the weights, which are wires: each vector of
    the stream clocks ``moving`` and the sum in all of them; output stationary, the sums stay and
    leave as those of the PEs do. Parameters are those of `register_use`.
    """
    if not array.has_row_sum_column:
        return RegisterUse(0, 0)
    widths = _widths(array, accumulator_bits)
    moving = stream_cycles * array.rows * widths["activations"]
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
    widths = _widths(array, accumulator_bits)
    return array.rows * (widths["activations"] + sums * accumulator_bits)


def register_bits(array: Array, accumulator_bits: int) -> int:
    """Return the register bits of all PEs, clocked or not."""
    widths, flow = _widths(array, accumulator_bits), array.flow
    if flow.preloads:
        copies = 2 if array.weight_double_buffering else 1
        one = widths[flow.moves_right] + copies * widths[flow.stationary] + accumulator_bits
    else:
        wide = 3 if array.drain is Drain.HIDDEN else 2
        one = widths[flow.moves_right] + widths[flow.moves_down] + wide * accumulator_bits
    return array.rows * array.columns * one


def scaling_register_bits(array: Array, accumulator_bits: int) -> tuple[int, int]:
    """Return (units, register bits of one) that scale sums of vectors of weights; none: (0, 0).

    A unit holds a scale and a result, at the bottom of a column or, output stationary, in a PE.
    """
    if not array.scale_bits:
        return 0, 0
    units = array.columns if array.flow.preloads else array.rows * array.columns
    return units, accumulator_bits + array.scale_bits


def _widths(array: Array, accumulator_bits: int) -> dict[Operand, int]:
    flag_bits = 1 if array.zero_gating else 0
    return {
        "activations": array.pe_activation_bits + flag_bits,
        "weights": array.pe_weight_bits + flag_bits,
        "accumulators": accumulator_bits,
    }
