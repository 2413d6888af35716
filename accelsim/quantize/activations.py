"""Scale and zero point of an activation tensor from its real range."""

from __future__ import annotations

import numpy as np

from accelsim.arithmetic import IntegerFormat
from accelsim.network.geometry import Shape
from accelsim.network.graph import Clamp
from accelsim.network.integer import QuantizedTensor
from accelsim.quantize.ranges import Range
from accelsim.quantize.spec import QuantizationSpec

__all__ = ["clamp_codes", "quantized_tensor"]

# Finer steps would need rescale multipliers that a 32-bit mantissa and shift do not reach.
SMALLEST_SCALE = 2.0**-30


def quantized_tensor(shape: Shape, observed: Range, spec: QuantizationSpec) -> QuantizedTensor:
    """Fit a tensor's integers to a real range.

    The range is widened to hold zero, so that zero (padding, ReLU's bound) has an exact integer:
    the zero point. A constant zero tensor takes the range [0, 1]. Scales are float32 numbers, as
    files store them.
    """
    target = IntegerFormat(spec.activation_bits, signed=spec.signed_activations)
    low, high = min(observed.low, 0.0), max(observed.high, 0.0)
    if low == high:
        high = 1.0
    if spec.symmetric_activations:
        middle = (target.low + target.high + 1) // 2
        scale = _storable(max(-low, high) / (target.high - middle))
        return QuantizedTensor(shape, target, scale, middle)
    scale = _storable((high - low) / (target.high - target.low))
    zero_point = round(target.low - low / scale)
    return QuantizedTensor(shape, target, scale, min(max(zero_point, target.low), target.high))


def clamp_codes(clamp: Clamp, tensor: QuantizedTensor) -> tuple[int, int]:
    """Return the integers of a clamp's bounds, within the tensor's format."""
    return _code(clamp.low, tensor), _code(clamp.high, tensor)


def _code(bound: float, tensor: QuantizedTensor) -> int:
    steps = bound / tensor.scale + tensor.zero_point
    return round(min(max(steps, tensor.format.low), tensor.format.high))


def _storable(scale: float) -> float:
    return float(np.float32(max(scale, SMALLEST_SCALE)))
