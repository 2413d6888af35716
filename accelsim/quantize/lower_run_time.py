"""Layers whose output range is found at run time, from float layers with known weights."""

from __future__ import annotations

import numpy as np

from accelsim.arithmetic import LARGEST_MAGNITUDE, middle_code
from accelsim.errors import ConfigError, UnsupportedOperatorError, WorkloadError
from accelsim.network.geometry import Window
from accelsim.network.given import QuantizedWeights
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
    IntegerOperator,
    IntegerReshape,
    QuantizedTensor,
)
from accelsim.network.run_time import (
    RunTimeAdd,
    RunTimeAveragePool,
    RunTimeClamp,
    RunTimeMatrix,
    RunTimeRange,
)
from accelsim.quantize.fusion import LayerPlan
from accelsim.quantize.lower_matrix import as_run, zero_points_of
from accelsim.quantize.lower_pool import check_average, lower_max_pool
from accelsim.quantize.spec import Arithmetic

__all__ = ["lower_run_time"]


def lower_run_time(
    plan: LayerPlan,
    source: QuantizedTensor,
    weights: QuantizedWeights | None,
    spec: Arithmetic,
    symmetric: bool,
    step: str,
) -> IntegerOperator:
    """Return the operator of a layer whose output has a scale and zero point for each image.

    Parameters
    ----------
    plan
        The layer and the clamp fused into it.
    source
        Its first input.
    weights
        Its integer weights, if it is a matrix layer.
    spec
        The accumulator.
    symmetric
        Real zero is the middle integer.
    step
        Name of the layer's second pass: `RunTimeRange.step`.

    Raises
    ------
    ConfigError
        If a sum of weights times a zero point may not fit in the accumulator, or weights less
        their zero points in 16 bits.
    UnsupportedOperatorError
        If the layer has no form with ranges found at run time.
    WorkloadError
        If a bias is not finite, or a pool has no integer form.
    """
    name, operator = plan.layer.name, plan.layer.operator
    found = RunTimeRange(_bounded(plan.clamp.low), _bounded(plan.clamp.high), symmetric, step)
    match operator:
        case Convolution() | Dense() if weights is not None:
            return _matrix(name, operator, weights, source, spec, found)
        case Add():
            return RunTimeAdd(found)
        case AveragePool():
            check_average(name, operator, source)
            return RunTimeAveragePool(operator.window, operator.count_include_pad, found)
        case MaxPool():
            return lower_max_pool(name, operator, source)
        case Clamp():
            return RunTimeClamp(operator.low, operator.high)
        case Reshape():
            return IntegerReshape()
    kind = type(operator).__name__
    raise UnsupportedOperatorError(
        f"layer {name!r}: {kind} of a tensor whose range is found at run time is not supported; "
        "use another --range"
    )


def _matrix(
    name: str,
    operator: Convolution | Dense,
    weights: QuantizedWeights,
    source: QuantizedTensor,
    spec: Arithmetic,
    found: RunTimeRange,
) -> RunTimeMatrix:
    if not np.isfinite(operator.bias).all():
        raise WorkloadError(f"layer {name!r}: bias is NaN or infinite")
    weights = as_run(name, weights, spec)
    integers, window, groups = weights.integers, Window((1, 1)), 1
    if isinstance(operator, Dense):
        integers = integers[:, :, np.newaxis, np.newaxis]
    else:
        window, groups = operator.window, operator.groups
    matrix = RunTimeMatrix(
        weights=integers,
        weight_format=weights.format,
        weight_scales=weights.scales.astype(np.float32),
        real_bias=operator.bias.astype(np.float32),
        window=window,
        groups=groups,
        range=found,
        weight_zero_points=zero_points_of(weights),
        vectors=weights.vectors,
    )
    _check_corrections(name, matrix, source, spec)
    return matrix


def _check_corrections(
    name: str, matrix: RunTimeMatrix, source: QuantizedTensor, spec: Arithmetic
) -> None:
    """Refuse corrections that no register of the accumulator's width holds."""
    if source.at_run_time:
        form = source.format
        largest = middle_code(form) if matrix.range.symmetric else max(-form.low, form.high)
    else:
        largest = abs(source.zero_point)
    corrections = largest * np.abs(matrix.weight_sums)
    outside = np.flatnonzero(corrections > spec.accumulator.high)
    if outside.size:
        raise ConfigError(
            f"layer {name!r}: a zero point of up to {largest} times the sum of the weights of "
            f"output channel {outside[0]} does not fit the {spec.accumulator.bits}-bit "
            f"accumulator, as for {outside.size} of {corrections.size} channels; use a wider "
            "accumulator, symmetric activations or fewer bits"
        )


def _bounded(bound: float) -> float:
    """Return a bound as a float32 number that `RunTimeRange` may hold."""
    return float(np.float32(min(max(bound, -LARGEST_MAGNITUDE), LARGEST_MAGNITUDE)))
