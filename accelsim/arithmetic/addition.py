"""The rescales of an addition of two tensors with different scales."""

from __future__ import annotations

import numpy as np

from accelsim.arithmetic.rescale import Rescale, RescaleMode, make_rescale

__all__ = ["AdditionRescales", "addition_rescales"]

AdditionRescales = tuple[Rescale, Rescale, Rescale, int]
"""Of the left operand, of the right one, of the sum; and the operands' shift to the left."""


def addition_rescales(
    left_scale: float,
    right_scale: float,
    target_scale: float,
    bits: int,
    mode: RescaleMode,
    mantissa_bits: int = 32,
) -> AdditionRescales:
    """Return the rescales for operands of ``bits`` bits.

    Integer modes: TensorFlow Lite's ADD. Both operands, shifted left, are brought to twice the
    larger of their scales, so that neither multiplier is above one half. ``float32`` mode:
    onnxruntime's QLinearAdd, s_a / s_out and s_b / s_out in float32, nothing shifted.

    Examples
    --------
    >>> left, right, total, shift = addition_rescales(0.5, 0.25, 1.0, 8, RescaleMode.DOUBLE_ROUND)
    >>> [unit.multipliers.item() for unit in (left, right)], total.multipliers.item() * 2**shift
    ([0.5, 0.25], 1.0)
    """
    if mode is RescaleMode.FLOAT32:
        shift = 0
        factors = (
            float(np.float32(left_scale) / np.float32(target_scale)),
            float(np.float32(right_scale) / np.float32(target_scale)),
            1.0,
        )
    else:
        # As many bits as int32 has left beside the operands: TensorFlow Lite's 20 and 15.
        shift = 20 if bits <= 8 else 15
        common = 2.0 * max(left_scale, right_scale)
        factors = (
            left_scale / common,
            right_scale / common,
            common / (2.0**shift * target_scale),
        )
    left, right, total = (make_rescale(factor, mode, mantissa_bits) for factor in factors)
    return left, right, total, shift
