"""ADD, pools, activations and QUANTIZE: the layers of the vector unit."""

from __future__ import annotations

from accelsim.arithmetic import (
    RescaleMode,
    addition_rescales,
    logistic_table,
    make_rescale,
)
from accelsim.frontend.tflite.clamps import activation_clamp, fused_clamp
from accelsim.frontend.tflite.graph import TfliteOperator, TfliteTensor, brief, refuse
from accelsim.frontend.tflite.scope import FORMATS, Lowered, Scope, Step
from accelsim.frontend.tflite.windows import image_of, window_of
from accelsim.network import (
    IntegerAdd,
    IntegerClamp,
    IntegerLookup,
    IntegerMaxPool,
    IntegerQuotientPool,
    IntegerRequantize,
    Window,
)

__all__ = [
    "lower_add",
    "lower_average_pool",
    "lower_logistic",
    "lower_max_pool",
    "lower_quantize",
    "lower_relu",
    "lower_relu6",
    "require_unit_interval",
]

MODE = RescaleMode.DOUBLE_ROUND


def lower_add(operator: TfliteOperator, scope: Scope) -> Lowered:
    """ADD of two tensors of one shape."""
    left, right = scope.source(operator, 0), scope.source(operator, 1)
    target = scope.target(operator)
    if not left.shape == right.shape == target.shape:
        raise refuse(
            operator,
            f"shapes {brief(left.shape)} and {brief(right.shape)} would be broadcast; only tensors "
            "of one shape are added",
        )
    result = scope.quantized(target)
    rescales = addition_rescales(
        scope.quantized(left).scale, scope.quantized(right).scale, result.scale, 8, MODE
    )
    summed = IntegerAdd(*rescales, *fused_clamp(operator, result))
    return scope.single(operator, (left, right), summed, target)


def lower_average_pool(operator: TfliteOperator, scope: Scope) -> Lowered:
    """AVERAGE_POOL_2D: of the integers themselves, padding not counted."""
    source, target, window = _pooled(operator, scope)
    clamp = fused_clamp(operator, scope.quantized(target))
    return scope.single(operator, (source,), IntegerQuotientPool(window, *clamp), target)


def lower_max_pool(operator: TfliteOperator, scope: Scope) -> Lowered:
    """MAX_POOL_2D, and a clamp for its activation where that excludes an integer."""
    source, target, window = _pooled(operator, scope)
    result = scope.quantized(target)
    clamp = fused_clamp(operator, result)
    steps = [Step("", IntegerMaxPool(window), result)]
    if clamp != (result.format.low, result.format.high):
        steps.append(Step("clamp", IntegerClamp(*clamp), result))
    return scope.chain(operator, (source,), steps, target)


def lower_relu(operator: TfliteOperator, scope: Scope) -> Lowered:
    """RELU on its own: brought to the output's scale, then clamped."""
    source, target = scope.source(operator), scope.target(operator)
    scope.require_shape(operator, target, source.shape)
    clamp = activation_clamp("RELU", scope.quantized(target))
    return _requantized(operator, scope, source, target, clamp)


def lower_relu6(operator: TfliteOperator, scope: Scope) -> Lowered:
    """RELU6 on its own. TensorFlow Lite Micro knows it only where nothing is rescaled."""
    source, target = scope.source(operator), scope.target(operator)
    scope.require_shape(operator, target, source.shape)
    scope.require_same_quantization(operator, source, target)
    clamp = activation_clamp("RELU6", scope.quantized(source))
    return scope.single(operator, (source,), IntegerClamp(*clamp), target)


def lower_quantize(operator: TfliteOperator, scope: Scope) -> Lowered:
    """QUANTIZE of integers: the same reals on another scale, or with another sign."""
    types = tuple(FORMATS)
    source, target = scope.source(operator, types=types), scope.target(operator, types)
    scope.require_shape(operator, target, source.shape)
    result = scope.quantized(target).format
    return _requantized(operator, scope, source, target, (result.low, result.high))


def lower_logistic(operator: TfliteOperator, scope: Scope) -> Lowered:
    """LOGISTIC as a table of the 256 integers."""
    source, target = scope.source(operator), scope.target(operator)
    scope.require_shape(operator, target, source.shape)
    stated = scope.quantized(source)
    require_unit_interval(operator, scope, target)
    table = logistic_table(stated.scale, stated.zero_point)
    return scope.single(operator, (source,), IntegerLookup(table), target)


def require_unit_interval(operator: TfliteOperator, scope: Scope, target: TfliteTensor) -> None:
    """Refuse an output that does not have the steps that TensorFlow Lite's kernel writes."""
    result = scope.quantized(target)
    if abs(result.scale * 256 - 1) > 1e-3 or result.zero_point != -128:
        raise refuse(
            operator,
            f"its output must have scale 1/256 and zero point -128, got {result.scale:.6g} and "
            f"{result.zero_point}",
        )


def _requantized(
    operator: TfliteOperator,
    scope: Scope,
    source: TfliteTensor,
    target: TfliteTensor,
    clamp: tuple[int, int],
) -> Lowered:
    factor = scope.quantized(source).scale / scope.quantized(target).scale
    unit = IntegerRequantize(make_rescale(factor, MODE), *clamp)
    return scope.single(operator, (source,), unit, target)


def _pooled(operator: TfliteOperator, scope: Scope) -> tuple[TfliteTensor, TfliteTensor, Window]:
    source, target = scope.source(operator), scope.target(operator)
    options = operator.options
    kernel = (options.get("kernel_y", 0), options.get("kernel_x", 0))
    window, (height, width) = window_of(operator, kernel, source)
    _, _, channels = image_of(operator, source)
    scope.require_shape(operator, target, (1, height, width, channels))
    scope.require_same_quantization(operator, source, target)
    return source, target, window
