"""One float layer with known tensors to one integer layer's operator."""

from __future__ import annotations

from accelsim.errors import InternalError
from accelsim.network.graph import (
    Add,
    AveragePool,
    Clamp,
    Convolution,
    Dense,
    MaxPool,
    Reshape,
)
from accelsim.network.integer import (
    IntegerClamp,
    IntegerOperator,
    IntegerReshape,
    QuantizedTensor,
)
from accelsim.quantize.activations import clamp_codes
from accelsim.quantize.fusion import LayerPlan
from accelsim.quantize.lower_add import lower_add
from accelsim.quantize.lower_matrix import lower_matrix
from accelsim.quantize.lower_pool import lower_average_pool, lower_max_pool
from accelsim.quantize.spec import QuantizationSpec

__all__ = ["lower"]


def lower(
    plan: LayerPlan,
    inputs: tuple[QuantizedTensor, ...],
    output: QuantizedTensor,
    spec: QuantizationSpec,
) -> IntegerOperator:
    """Return the integer operator of a layer whose tensors are known.

    Raises
    ------
    ConfigError
        If a bias does not fit in the accumulator.
    WorkloadError
        If weights are not finite, or a pool has no integer form.
    """
    name, operator = plan.layer.name, plan.layer.operator
    clamp = clamp_codes(operator if isinstance(operator, Clamp) else plan.clamp, output)
    if isinstance(operator, Convolution | Dense):
        return lower_matrix(name, operator, inputs[0], output, spec, clamp)
    if isinstance(operator, Add):
        return lower_add(inputs[0], inputs[1], output, spec, clamp)
    if isinstance(operator, MaxPool):
        return lower_max_pool(name, operator, inputs[0])
    if isinstance(operator, AveragePool):
        return lower_average_pool(name, operator, inputs[0], output, spec, clamp)
    if isinstance(operator, Clamp):
        return IntegerClamp(*clamp)
    if isinstance(operator, Reshape):
        return IntegerReshape()
    raise InternalError(f"layer {name!r}: no integer form of {operator!r}")
