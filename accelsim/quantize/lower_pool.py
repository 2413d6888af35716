"""Pools: how many elements each window has, and the rescale that divides by it."""

from __future__ import annotations

import numpy as np

from accelsim.arithmetic import RescaleMode, make_rescale
from accelsim.errors import WorkloadError
from accelsim.network.geometry import Window
from accelsim.network.graph import AveragePool, MaxPool
from accelsim.network.integer import IntegerAveragePool, IntegerMaxPool, QuantizedTensor
from accelsim.quantize.spec import Arithmetic

__all__ = ["check_average", "lower_average_pool", "lower_max_pool"]

LARGEST_SUM = (1 << 31) - 1


def lower_max_pool(name: str, operator: MaxPool, source: QuantizedTensor) -> IntegerMaxPool:
    """Return the integer form of a max pool.

    Raises
    ------
    WorkloadError
        If a window lies in padding alone.
    """
    _window_counts(name, operator.window, source)
    return IntegerMaxPool(operator.window)


def lower_average_pool(
    name: str,
    operator: AveragePool,
    source: QuantizedTensor,
    target: QuantizedTensor,
    spec: Arithmetic,
    clamp: tuple[int, int],
) -> IntegerAveragePool:
    """Return the integer form of an average pool, one rescale for each count of elements.

    Parameters
    ----------
    name
        Of the layer, for messages.
    operator
        The window, and whether padding counts.
    source, target
        Input and output tensor.
    spec
        The rescale unit.
    clamp
        Lowest and highest output integer.

    Raises
    ------
    WorkloadError
        If a window lies in padding alone, or its sum may need more than 32 bits.
    """
    window = operator.window
    ordered = check_average(name, operator, source)
    if spec.rescale_mode is RescaleMode.FLOAT32:
        # onnxruntime's order of operations, in float32.
        factors = [
            float(np.float32(source.scale) / (np.float32(target.scale) * np.float32(count)))
            for count in ordered
        ]
    else:
        factors = [source.scale / (target.scale * count) for count in ordered]
    rescales = tuple(
        make_rescale(factor, spec.rescale_mode, spec.mantissa_bits) for factor in factors
    )
    return IntegerAveragePool(window, operator.count_include_pad, ordered, rescales, *clamp)


def check_average(name: str, operator: AveragePool, source: QuantizedTensor) -> tuple[int, ...]:
    """Return the numbers of elements that the windows average, ascending.

    Raises
    ------
    WorkloadError
        If a window lies in padding alone, or its sum may need more than 32 bits.
    """
    counts = _window_counts(name, operator.window, source)
    elements = operator.window.kernel[0] * operator.window.kernel[1]
    if elements * (source.format.high - source.format.low) > LARGEST_SUM:
        raise WorkloadError(
            f"layer {name!r}: an average over {elements} elements of {source.format} needs sums "
            "of more than 32 bits; use fewer activation bits"
        )
    return (elements,) if operator.count_include_pad else tuple(sorted(counts))


def _window_counts(name: str, window: Window, source: QuantizedTensor) -> set[int]:
    """Return the numbers of elements outside padding that the windows have."""
    _, height, width = source.shape
    rows = _axis_counts(window, 0, height)
    columns = _axis_counts(window, 1, width)
    if 0 in rows | columns:
        raise WorkloadError(
            f"layer {name!r}: pads {window.pads} put a whole window of kernel {window.kernel} "
            "into padding"
        )
    return {row * column for row in rows for column in columns}


def _axis_counts(window: Window, axis: int, size: int) -> set[int]:
    """Return, for each output row (axis 0) or column (axis 1), how many taps are not padding."""
    outputs = window.output_size(size, size)[axis]
    before = window.pads[axis]
    dilation, stride = window.dilations[axis], window.strides[axis]
    starts = (output * stride - before for output in range(outputs))
    return {
        sum(0 <= start + tap * dilation < size for tap in range(window.kernel[axis]))
        for start in starts
    }
