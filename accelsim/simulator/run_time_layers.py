"""Layers whose output range is found at run time, on a batch: words, then integers."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import prod

import numpy as np
from numpy.typing import NDArray

from accelsim.arithmetic import LARGEST_MAGNITUDE, RunTimeCodes
from accelsim.network.integer import IntegerLayer, IntegerNetwork
from accelsim.network.run_time import (
    RunTimeAdd,
    RunTimeAveragePool,
    RunTimeClamp,
    RunTimeMatrix,
)
from accelsim.simulator.range_datapath import (
    Words,
    add_words,
    average_words,
    bound_codes,
    matrix_words,
    quantize_words,
)
from accelsim.simulator.vector_datapath import pool_windows

__all__ = ["FoundCodes", "clamp_at_run_time", "matrix_at_run_time", "vector_at_run_time"]

IntegerTensor = NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class FoundCodes:
    """Each image's scale and zero point, by tensor that has them from run time, as they come."""

    integer: IntegerNetwork
    images: int
    found: dict[str, RunTimeCodes] = field(default_factory=dict)

    def of(self, name: str) -> RunTimeCodes:
        """Return a tensor's scales and zero points, a static tensor's for every image."""
        if name in self.found:
            return self.found[name]
        tensor = self.integer.tensors[name]
        return RunTimeCodes.same(tensor.scale, tensor.zero_point, self.images)

    def zero_point(self, name: str) -> int | NDArray[np.int64]:
        """Return a tensor's zero point, or those of all images."""
        tensor = self.integer.tensors[name]
        return self.of(name).zero_points if tensor.at_run_time else tensor.zero_point

    def pass_on(self, layer: IntegerLayer) -> None:
        """Give the output of a layer that chooses or moves integers the codes of its input."""
        if self.integer.tensors[layer.output].at_run_time:
            self.found[layer.output] = self.of(layer.inputs[0])

    def second_pass(self, layer: IntegerLayer, words: Words, symmetric: bool) -> IntegerTensor:
        """Return int32[images, elements] of float32[images, elements], whose codes are kept."""
        target = self.integer.tensors[layer.output].format
        integers, self.found[layer.output] = quantize_words(words.values, target, symmetric)
        return integers


def matrix_at_run_time(
    layer: IntegerLayer, operator: RunTimeMatrix, columns: NDArray[np.int64], codes: FoundCodes
) -> tuple[IntegerTensor, int]:
    """Return int32[m, output channels] of accumulators int64[m, output channels], and clips."""
    words = matrix_words(columns, codes.of(layer.inputs[0]), operator)
    by_image = Words(words.values.reshape(codes.images, -1), words.clip_events)
    integers = codes.second_pass(layer, by_image, operator.range.symmetric)
    return integers.reshape(columns.shape), words.clip_events


def vector_at_run_time(
    layer: IntegerLayer,
    operator: RunTimeAdd | RunTimeAveragePool,
    inputs: list[IntegerTensor],
    codes: FoundCodes,
) -> tuple[IntegerTensor, int, int]:
    """Return int32[images, elements], lane operations of the first pass, and clips."""
    source = codes.of(layer.inputs[0])
    if isinstance(operator, RunTimeAdd):
        left, right = inputs
        words = add_words(left, right, source, codes.of(layer.inputs[1]), operator.range)
        operations = left.size
    else:
        words, operations = _average(operator, inputs[0], source)
    return codes.second_pass(layer, words, operator.range.symmetric), operations, words.clip_events


def clamp_at_run_time(
    layer: IntegerLayer, operator: RunTimeClamp, values: IntegerTensor, codes: FoundCodes
) -> IntegerTensor:
    """Return the integers within bounds that each image has of its own."""
    own, target = codes.of(layer.inputs[0]), codes.integer.tensors[layer.output].format
    shape = (-1, *[1] * (values.ndim - 1))
    low, high = (
        bound_codes(bound, own, target, LARGEST_MAGNITUDE).reshape(shape)
        for bound in (operator.low, operator.high)
    )
    return np.minimum(np.maximum(values, low), high).astype(np.int32)


def _average(
    operator: RunTimeAveragePool, maps: IntegerTensor, codes: RunTimeCodes
) -> tuple[Words, int]:
    """Return the means of the windows, and an addition for each element that is not padding."""
    window = operator.window
    sums, counts = pool_windows(window, maps, zero_point=0, largest=False)
    operations = maps.shape[0] * maps.shape[1] * int(counts.sum())
    # Sums of the integers, less the zero point of each that is no padding.
    sums -= codes.zero_points.reshape(-1, 1, 1, 1) * counts
    if operator.count_include_pad:
        counts[:] = prod(window.kernel)
    return average_words(sums, counts, codes, operator.range), operations
