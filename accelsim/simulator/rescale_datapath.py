"""The integers of the rescale unit, as hardware builds it: multiplier, adder, shifter, clamp.

The integer modes share a datapath and differ only in the constant they add before the shift
(TOSA ``apply_scale_32``). With a mantissa of b bits and t = b - 1 - s:

    single_round:  (acc * mantissa + 2^(t-1)) >> t
    double_round:  the same, plus 2^(b-2) with the sign of acc if s < 0
    truncate:      (acc * mantissa) >> t

``float32`` mode multiplies in IEEE 754 single precision and rounds half to even. Results
saturate to 32 bits, then come zero point and clamp.

What weights' zero points ask for comes before all that: a multiplier and a subtractor for each
lane, the difference in a register as wide as an accumulator and of its overflow policy.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from accelsim.arithmetic import Accumulator, Overflow, Rescale, RescaleMode
from accelsim.errors import InternalError
from accelsim.simulator.kernels import kernel
from accelsim.simulator.threads import run_tasks, shares, threads_for

__all__ = ["RescaledTile", "rescale_tile", "scale_tile", "subtract_row_sums"]

_MODE_CODES = {
    RescaleMode.TRUNCATE: 0,
    RescaleMode.SINGLE_ROUND: 1,
    RescaleMode.DOUBLE_ROUND: 2,
    RescaleMode.FLOAT32: 3,
}

_WORTH_THREADS_WORDS = 1 << 17


@dataclass(frozen=True, eq=False)
class RescaledTile:
    """``values``: int32[m, n] within the clamp; ``clip_events``: how many the clamp changed."""

    values: NDArray[np.int32]
    clip_events: int


def subtract_row_sums(
    accumulators: NDArray[np.int64],
    row_sums: NDArray[np.int64],
    zero_points: NDArray[np.int64],
    accumulator: Accumulator,
) -> tuple[NDArray[np.int64], int]:
    """Return accumulators less their rows' sums times their columns' zero points.

    Parameters
    ----------
    accumulators
        int64[groups, m, n].
    row_sums
        int64[groups, m], values of an accumulator.
    zero_points
        int64[groups, n], of the weights; at most 16 bits.
    accumulator
        Width and overflow policy.

    Returns
    -------
    int64[groups, m, n], differences that left the accumulator's range
    """
    exact = accumulators - row_sums[:, :, np.newaxis] * zero_points[:, np.newaxis, :]
    low, high = accumulator.low, accumulator.high
    events = int(np.count_nonzero((exact < low) | (exact > high)))
    if not events:
        return exact, 0
    if accumulator.overflow is Overflow.SATURATE:
        return exact.clip(low, high), events
    # A register drops the bits above its own, and its highest is the sign.
    unused = 64 - accumulator.bits
    return exact << unused >> unused, events


def scale_tile(accumulators: NDArray[np.int64], parameters: Rescale) -> NDArray[np.int64]:
    """Return int64[m, n]: accumulators times their columns' multipliers, before any zero point.

    Parameters
    ----------
    accumulators
        int64[m, n], values of a 32-bit register.
    parameters
        One multiplier, or one for each column n.
    """
    if parameters.multipliers.size not in (1, accumulators.shape[1]):
        raise InternalError(
            f"{parameters.multipliers.size} multipliers for {accumulators.shape[1]} columns"
        )
    scaled = np.empty(accumulators.shape, dtype=np.int64)
    multipliers = parameters.multipliers.astype(np.float32)

    def scale(share: tuple[int, int]) -> None:
        _scale(
            np.ascontiguousarray(accumulators[slice(*share)], dtype=np.int64),
            _MODE_CODES[parameters.mode],
            parameters.mantissa_bits,
            multipliers,
            parameters.mantissas,
            parameters.shifts,
            scaled[slice(*share)],
        )

    threads = threads_for(scaled.size, _WORTH_THREADS_WORDS)
    run_tasks(scale, shares(len(scaled), threads), threads)
    return scaled


def rescale_tile(
    accumulators: NDArray[np.int64], parameters: Rescale, zero_point: int, low: int, high: int
) -> RescaledTile:
    """Return what the unit writes: scaled, zero point added, clamped to [low, high].

    A clip event is a value outside [low, high] once the zero point is added.
    """
    values = np.empty(accumulators.shape, dtype=np.int32)
    clip_events = _clamp(scale_tile(accumulators, parameters), zero_point, low, high, values)
    return RescaledTile(values, int(clip_events))


@kernel()
def _round_half_even(product: float, register_low: int, register_high: int) -> int:
    """Round to the nearest integer, a tie to the even one, saturated to the register."""
    if product <= register_low:
        return register_low
    if product >= register_high:
        return register_high
    below = int(np.floor(product))
    rest = product - below
    if rest > 0.5 or (rest == 0.5 and below & 1 == 1):
        return below + 1
    return below


@kernel(nogil=True)
def _scale(
    accumulators: NDArray[np.int64],
    mode: int,
    mantissa_bits: int,
    multipliers: NDArray[np.float32],
    mantissas: NDArray[np.int64],
    shifts: NDArray[np.int64],
    scaled: NDArray[np.int64],
) -> None:
    """Scale ``accumulators: int64[m, n]`` into ``scaled: int64[m, n]``.

    ``multipliers: float32[n or 1]``, ``mantissas: int64[n or 1]``, ``shifts: int64[n or 1]``.
    ``mode``: 0 truncate, 1 single_round, 2 double_round, 3 float32.
    """
    register_low = -(1 << 31)
    register_high = (1 << 31) - 1
    shared = multipliers.shape[0] == 1
    for row in range(accumulators.shape[0]):
        for column in range(accumulators.shape[1]):
            entry = 0 if shared else column
            value = accumulators[row, column]
            if mode == 3:
                scaled[row, column] = _round_half_even(
                    np.float32(value) * multipliers[entry], register_low, register_high
                )
                continue
            shift = shifts[entry]
            total = value * mantissas[entry]
            right = mantissa_bits - 1 - shift
            if mode >= 1 and right >= 1:
                total += np.int64(1) << (right - 1)
            if mode == 2 and shift < 0:
                nudge = np.int64(1) << (mantissa_bits - 2)
                total += nudge if value >= 0 else -nudge
            shifted = total >> right if right >= 0 else total << -right
            scaled[row, column] = min(max(shifted, register_low), register_high)


@kernel()
def _clamp(
    scaled: NDArray[np.int64], zero_point: int, low: int, high: int, values: NDArray[np.int32]
) -> int:
    """Fill ``values: int32[m, n]``; return how many of ``scaled: int64[m, n]`` were clipped."""
    clip_events = 0
    for row in range(scaled.shape[0]):
        for column in range(scaled.shape[1]):
            value = scaled[row, column] + zero_point
            clip_events += value < low or value > high
            values[row, column] = min(max(value, low), high)
    return clip_events
