"""Which register bits of the array are clocked, by dataflow.

The rule, for all dataflows: the registers of a PE are clocked when a valid token passes and
stand still otherwise (clock gating by the token that travels along). Tokens travel through the
whole array: a tile smaller than the array clocks all R x C PEs, with zeros in the unused ones.
So a badly filled array pays for its idle PEs here, while the multipliers of idle PEs, whose
operands do not change, cost nothing.
"""

from __future__ import annotations

from accelsim.hardware.dataflow import Operand
from accelsim.hardware.schema import Array, Drain

__all__ = ["clocked_register_bits"]


def clocked_register_bits(
    array: Array, accumulator_bits: int, stream_cycles: int, passes: int, tiles: int
) -> int:
    """Count the register bits clocked in one execution of a layer.

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
    widths: dict[Operand, int] = {
        "activations": array.activation_bits,
        "weights": array.weight_bits,
        "accumulators": accumulator_bits,
    }
    pes = array.rows * array.columns
    shifts = array.columns * array.rows * (array.rows + 1) // 2
    flow = array.flow
    streamed = stream_cycles * pes * (widths[flow.moves_right] + widths[flow.moves_down])
    if flow.preloads:
        writes = shifts + (pes if array.weight_double_buffering else 0)
        return streamed + passes * writes * widths[flow.stationary]
    streamed += stream_cycles * pes * accumulator_bits
    drained = {Drain.EXPOSED: shifts, Drain.HIDDEN: shifts + pes, Drain.FREE: 0}[array.drain]
    return streamed + tiles * (pes + drained) * accumulator_bits
