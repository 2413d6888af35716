"""Addition of two tensors with different scales."""

from __future__ import annotations

import numpy as np

from accelsim.arithmetic import RescaleMode, make_rescale
from accelsim.network.integer import IntegerAdd, QuantizedTensor
from accelsim.quantize.spec import Arithmetic

__all__ = ["lower_add"]


def lower_add(
    left: QuantizedTensor,
    right: QuantizedTensor,
    target: QuantizedTensor,
    spec: Arithmetic,
    clamp: tuple[int, int],
) -> IntegerAdd:
    """Return the integer form of an addition.

    Integer modes: TensorFlow Lite's ADD. Both operands are brought to twice the larger of their
    scales, so that neither multiplier is above one half. ``float32`` mode: onnxruntime's
    QLinearAdd, s_a / s_out and s_b / s_out in float32.

    Parameters
    ----------
    left, right, target
        The two inputs and the output tensor.
    spec
        The rescale unit.
    clamp
        Lowest and highest output integer.
    """
    if spec.rescale_mode is RescaleMode.FLOAT32:
        shift = 0
        factors = (
            float(np.float32(left.scale) / np.float32(target.scale)),
            float(np.float32(right.scale) / np.float32(target.scale)),
            1.0,
        )
    else:
        # As many bits as int32 has left beside the operands: TensorFlow Lite's 20 and 15.
        shift = 20 if max(left.format.bits, right.format.bits) <= 8 else 15
        common = 2.0 * max(left.scale, right.scale)
        factors = (
            left.scale / common,
            right.scale / common,
            common / (2.0**shift * target.scale),
        )
    rescale_left, rescale_right, rescale_sum = (
        make_rescale(factor, spec.rescale_mode, spec.mantissa_bits) for factor in factors
    )
    return IntegerAdd(rescale_left, rescale_right, rescale_sum, shift, *clamp)
