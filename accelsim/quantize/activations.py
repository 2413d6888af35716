"""Scale and zero point of an activation tensor from its real range."""

from __future__ import annotations

from accelsim.arithmetic import IntegerFormat
from accelsim.network.geometry import Shape
from accelsim.network.graph import Clamp
from accelsim.network.integer import QuantizedTensor
from accelsim.quantize.codes import Codes
from accelsim.quantize.observers import Range
from accelsim.quantize.spec import QuantizationSpec

__all__ = ["activation_codes", "clamp_codes", "quantized_tensor"]


def quantized_tensor(
    shape: Shape, observed: Range, bits: int, spec: QuantizationSpec
) -> QuantizedTensor:
    """Fit a tensor's integers of a width to a real range, as `Codes.fit` does."""
    codes = activation_codes(bits, spec)
    scale, zero_point = codes.fit(observed.low, observed.high)
    return QuantizedTensor(shape, codes.format, scale, zero_point)


def activation_codes(bits: int, spec: QuantizationSpec) -> Codes:
    """Return the integers of a width that stand for activations."""
    target = IntegerFormat(bits, signed=spec.signed_activations)
    return Codes(target, spec.symmetric_activations)


def clamp_codes(clamp: Clamp, tensor: QuantizedTensor) -> tuple[int, int]:
    """Return the integers of a clamp's bounds, within the tensor's format."""
    return _code(clamp.low, tensor), _code(clamp.high, tensor)


def _code(bound: float, tensor: QuantizedTensor) -> int:
    steps = bound / tensor.scale + tensor.zero_point
    return round(min(max(steps, tensor.format.low), tensor.format.high))
