"""One float layer with known tensors to one integer layer's operator."""

from __future__ import annotations

from accelsim.arithmetic import make_rescale
from accelsim.errors import InternalError
from accelsim.network.given import QuantizedWeights
from accelsim.network.graph import (
    Add,
    AveragePool,
    Clamp,
    Convolution,
    Dense,
    MaxPool,
    Pad,
    Reshape,
)
from accelsim.network.integer import (
    IntegerClamp,
    IntegerOperator,
    IntegerPad,
    IntegerRequantize,
    IntegerReshape,
    QuantizedTensor,
)
from accelsim.quantize.activations import clamp_codes
from accelsim.quantize.fusion import LayerPlan
from accelsim.quantize.lower_add import lower_add
from accelsim.quantize.lower_matrix import lower_matrix
from accelsim.quantize.lower_pool import lower_average_pool, lower_max_pool
from accelsim.quantize.spec import Arithmetic

__all__ = ["lower", "requantize", "same_integers"]


def lower(
    plan: LayerPlan,
    inputs: tuple[QuantizedTensor, ...],
    output: QuantizedTensor,
    weights: QuantizedWeights | None,
    spec: Arithmetic,
) -> IntegerOperator:
    """Return the integer operator of a layer whose tensors, and weights if any, are known.

    A clamp between two scales or zero points is a requantization.

    Raises
    ------
    ConfigError
        If a bias does not fit in the accumulator.
    WorkloadError
        If a bias is not finite, or a pool has no integer form.
    """
    name, operator = plan.layer.name, plan.layer.operator
    clamp = clamp_codes(operator if isinstance(operator, Clamp) else plan.clamp, output)
    if isinstance(operator, Convolution | Dense):
        if weights is None:
            raise InternalError(f"layer {name!r}: a matrix without integer weights")
        return lower_matrix(name, operator, weights, inputs[0], output, spec, clamp)
    if isinstance(operator, Add):
        return lower_add(inputs[0], inputs[1], output, spec, clamp)
    if isinstance(operator, MaxPool):
        return lower_max_pool(name, operator, inputs[0])
    if isinstance(operator, AveragePool):
        return lower_average_pool(name, operator, inputs[0], output, spec, clamp)
    if isinstance(operator, Clamp):
        if same_integers(inputs[0], output):
            return IntegerClamp(*clamp)
        return requantize(inputs[0], output, spec, clamp)
    if isinstance(operator, Pad):
        return IntegerPad(operator.before, operator.after, fill=inputs[0].zero_point)
    if isinstance(operator, Reshape):
        return IntegerReshape()
    raise InternalError(f"layer {name!r}: no integer form of {operator!r}")


def same_integers(first: QuantizedTensor, second: QuantizedTensor) -> bool:
    """Whether an integer means the same real number in both tensors."""
    return (first.scale, first.zero_point) == (second.scale, second.zero_point)


def requantize(
    source: QuantizedTensor, target: QuantizedTensor, spec: Arithmetic, clamp: tuple[int, int]
) -> IntegerRequantize:
    """Return the step from one tensor's scale and zero point to another's."""
    factor = source.scale / target.scale
    return IntegerRequantize(make_rescale(factor, spec.rescale_mode, spec.mantissa_bits), *clamp)
