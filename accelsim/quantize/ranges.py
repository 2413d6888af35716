"""The range of real values that an activation tensor's integers have to cover."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import isfinite
from typing import Any

import numpy as np
from numpy.typing import NDArray

from accelsim.errors import DataError
from accelsim.network.graph import Network
from accelsim.quantize.fusion import plan_network
from accelsim.quantize.spec import QuantizationSpec, RangeMethod

__all__ = ["Range", "observe_ranges", "observed_tensors"]

FloatArray = NDArray[np.floating[Any]]


@dataclass(frozen=True)
class Range:
    """Real values from ``low`` to ``high``, both finite, ``low <= high``."""

    low: float
    high: float

    def __post_init__(self) -> None:
        if not (isfinite(self.low) and isfinite(self.high) and self.low <= self.high):
            raise DataError(
                f"range: must be finite with low <= high, got [{self.low:g}, {self.high:g}]"
            )


def min_max(values: FloatArray, spec: QuantizationSpec) -> Range:  # noqa: ARG001
    """Return the smallest and the largest value."""
    return Range(float(values.min()), float(values.max()))


def percentile(values: FloatArray, spec: QuantizationSpec) -> Range:
    """Return the range of the central ``spec.percentile`` percent of the values."""
    tail = (100.0 - spec.percentile) / 2.0
    low, high = np.percentile(values.astype(np.float64), (tail, 100.0 - tail))
    return Range(float(low), float(high))


OBSERVERS: dict[RangeMethod, Callable[[FloatArray, QuantizationSpec], Range]] = {
    RangeMethod.MIN_MAX: min_max,
    RangeMethod.PERCENTILE: percentile,
}


def observed_tensors(network: Network) -> tuple[str, ...]:
    """Return the names of the tensors whose range quantization needs, in execution order.

    Fewer than all: a layer's output that only goes into a clamp is never formed, and max pools,
    reshapes and clamps keep the scale of their input.
    """
    plan = plan_network(network)
    return tuple(tensor for tensor, owner in plan.scale_owners.items() if tensor == owner)


def observe_ranges(
    network: Network, activations: Mapping[str, FloatArray], spec: QuantizationSpec
) -> dict[str, Range]:
    """Take the range of every tensor of `observed_tensors` from calibration activations.

    Parameters
    ----------
    network
        The float network.
    activations
        float[images, *shape] by tensor name; more tensors than needed do no harm.
    spec
        Says which range method.

    Raises
    ------
    DataError
        If a tensor's activations are missing, empty or not finite.
    """
    observe = OBSERVERS[spec.range_method]
    ranges: dict[str, Range] = {}
    for tensor in observed_tensors(network):
        if tensor not in activations:
            raise DataError(f"calibration: no activations of tensor {tensor!r}")
        values = np.asarray(activations[tensor])
        if values.size == 0:
            raise DataError(f"calibration: tensor {tensor!r} has no values: at least one image")
        bad = int(np.count_nonzero(~np.isfinite(values)))
        if bad:
            raise DataError(
                f"calibration: tensor {tensor!r} has {bad} values that are NaN or infinite "
                f"of {values.size}"
            )
        ranges[tensor] = observe(values, spec)
    return ranges
