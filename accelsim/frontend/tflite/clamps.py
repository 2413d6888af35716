"""Fused activations as ranges of output integers."""

from __future__ import annotations

import numpy as np

from accelsim.arithmetic import Rounding, round_values
from accelsim.frontend.tflite.graph import TfliteOperator, refuse
from accelsim.network import QuantizedTensor

__all__ = ["activation_clamp", "fused_clamp"]

_REAL_RANGES: dict[str, tuple[float | None, float | None]] = {
    "NONE": (None, None),
    "RELU": (0.0, None),
    "RELU6": (0.0, 6.0),
    "RELU_N1_TO_1": (-1.0, 1.0),
}


def fused_clamp(operator: TfliteOperator, target: QuantizedTensor) -> tuple[int, int]:
    """Return the (lowest, highest) output integer of an operator with a fused activation."""
    activation = operator.options.get("activation", "NONE")
    if activation not in _REAL_RANGES:
        raise refuse(operator, f"fused activation {activation} is not supported")
    return activation_clamp(activation, target)


def activation_clamp(activation: str, tensor: QuantizedTensor) -> tuple[int, int]:
    """Return an activation's range in a tensor's integers.

    An end x is ``round(x / scale) + zero_point``, divided in float32 and rounded half away from
    zero (TensorFlow Lite's CalculateActivationRangeQuantized), or the format's end.
    """
    low, high = _REAL_RANGES[activation]
    return (
        tensor.format.low if low is None else _integer_of(low, tensor),
        tensor.format.high if high is None else _integer_of(high, tensor),
    )


def _integer_of(real: float, tensor: QuantizedTensor) -> int:
    """Return the integer for a real number, within the format."""
    with np.errstate(over="ignore"):
        quotient = np.float64(np.float32(real) / np.float32(tensor.scale))
    steps = float(round_values(np.asarray(quotient), Rounding.HALF_AWAY))
    # A tiny scale makes the quotient infinite: limit it before it becomes an integer.
    limited = min(max(steps, -(2.0**31)), 2.0**31)
    return min(max(int(limited) + tensor.zero_point, tensor.format.low), tensor.format.high)
