"""MEAN: a pool whose window is everything that is averaged."""

from __future__ import annotations

from math import prod

import numpy as np

from accelsim.arithmetic import RescaleMode, mean_rescale
from accelsim.frontend.tflite.graph import TfliteOperator, TfliteTensor, brief, corrupt, refuse
from accelsim.frontend.tflite.layout import layout_of
from accelsim.frontend.tflite.scope import Lowered, Scope, Step
from accelsim.network import (
    IntegerAveragePool,
    IntegerReshape,
    QuantizedTensor,
    Shape,
    Window,
)

__all__ = ["lower_mean"]

LARGEST_SUM_ELEMENTS = 2**23
"""Elements of 8 bits whose sum surely fits 32 bits."""


def lower_mean(operator: TfliteOperator, scope: Scope) -> Lowered:
    """MEAN over height, width or both; over other neighbouring axes by way of another shape."""
    source, target = scope.source(operator), scope.target(operator)
    axes = _axes(operator, scope, source)
    kept = tuple(1 if axis in axes else size for axis, size in enumerate(source.shape))
    dropped = tuple(size for axis, size in enumerate(source.shape) if axis not in axes)
    if target.shape not in (kept, dropped):
        scope.require_shape(operator, target, kept)
    count = prod(source.shape[axis] for axis in axes)
    if count > LARGEST_SUM_ELEMENTS:
        raise refuse(operator, f"a sum of {count} elements does not fit 32 bits")
    stated, result = scope.quantized(source), scope.quantized(target)
    shape, kernel = _image_and_window(operator, source.shape, axes)
    steps = []
    if shape != stated.shape:
        steps.append(Step("rows", IntegerReshape(channels_last=True), _view(stated, shape)))
    window = Window(kernel)
    unit = mean_rescale(stated.scale / result.scale, count, RescaleMode.DOUBLE_ROUND)
    mean = IntegerAveragePool(
        window, False, (count,), (unit,), result.format.low, result.format.high
    )
    pooled = (shape[0], *window.output_size(shape[1], shape[2]))
    steps.append(Step("", mean, _view(result, pooled)))
    if pooled != result.shape:
        steps.append(Step("shape", IntegerReshape(channels_last=True), result))
    return scope.chain(operator, (source,), steps, target)


def _axes(operator: TfliteOperator, scope: Scope, source: TfliteTensor) -> set[int]:
    """Return the averaged axes of the file's tensor."""
    stated = np.asarray(scope.constant(operator, 1, ("INT32",)).values).reshape(-1).tolist()
    rank = len(source.shape)
    if not stated or any(not -rank <= axis < rank for axis in stated):
        raise corrupt(operator, f"axes {brief(stated)} do not fit an input of {rank} axes")
    return {axis % rank for axis in stated}


def _image_and_window(
    operator: TfliteOperator, shape: Shape, axes: set[int]
) -> tuple[tuple[int, int, int], tuple[int, int]]:
    """Return the image (channels, height, width) to pool, and the window's height and width."""
    layout = layout_of(shape)
    averaged = sorted(axis for axis in axes if shape[axis] > 1)
    places = {layout.axes[axis] for axis in averaged}
    if len(layout.shape) == 3 and places <= {1, 2}:
        channels, height, width = layout.shape
        kernel = (height if 1 in places else 1, width if 2 in places else 1)
        return (channels, height, width), kernel
    first, last = (averaged[0], averaged[-1]) if averaged else (0, -1)
    between = [axis for axis in range(first, last + 1) if shape[axis] > 1]
    if between != averaged:
        raise refuse(
            operator,
            f"a mean of shape {brief(shape)} over axes {brief(sorted(axes))}, which are not "
            "neighbours",
        )
    block = prod(shape[axis] for axis in averaged)
    before = prod(shape[:first])
    return (prod(shape) // before // block, before, block), (1, block)


def _view(tensor: QuantizedTensor, shape: Shape) -> QuantizedTensor:
    return QuantizedTensor(shape, tensor.format, tensor.scale, tensor.zero_point)
