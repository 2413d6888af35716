"""Addition of two tensors with different scales."""

from __future__ import annotations

from accelsim.arithmetic import addition_rescales
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

    Parameters
    ----------
    left, right, target
        The two inputs and the output tensor.
    spec
        The rescale unit.
    clamp
        Lowest and highest output integer.
    """
    rescales = addition_rescales(
        left.scale,
        right.scale,
        target.scale,
        max(left.format.bits, right.format.bits),
        spec.rescale_mode,
        spec.mantissa_bits,
    )
    return IntegerAdd(*rescales, *clamp)
