"""Execute an integer network layer by layer, exactly as `accelsim.network.integer` defines it."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import prod

import numpy as np
from numpy.typing import NDArray

from accelsim.arithmetic import (
    RunTimeCodes,
    bound_codes,
    find_codes,
    rescale,
    run_time_integers,
)
from accelsim.errors import DataError, InternalError
from accelsim.golden.matrix import accumulate
from accelsim.golden.run_time import add_reals, average_reals, clamp_reals, matrix_reals
from accelsim.golden.vector import (
    add,
    average_pool,
    max_pool,
    pad,
    quotient_pool,
    reshape,
    softmax,
)
from accelsim.network.integer import (
    IntegerAdd,
    IntegerAveragePool,
    IntegerClamp,
    IntegerLayer,
    IntegerLookup,
    IntegerMatrix,
    IntegerMaxPool,
    IntegerNetwork,
    IntegerOperator,
    IntegerPad,
    IntegerQuotientPool,
    IntegerRequantize,
    IntegerReshape,
    IntegerSoftmax,
    QuantizedTensor,
)
from accelsim.network.run_time import (
    RunTimeAdd,
    RunTimeClamp,
    RunTimeMatrix,
    RunTimeOperator,
)

__all__ = ["GoldenRun", "execute"]

# An int64 working array of this many elements is 1 MiB: the few that are alive stay in cache.
CHUNK_ELEMENTS = 1 << 17

IntegerArray = NDArray[np.int64]

RescalingOperator = IntegerMatrix | IntegerAdd | IntegerAveragePool | IntegerRequantize


@dataclass(frozen=True, eq=False)
class GoldenRun:
    """What an integer network computes.

    Attributes
    ----------
    outputs
        int32[images, *shape]: the network's output tensor.
    tensors
        int32[images, *shape] by name: every tensor, or only the output if the rest was not kept.
    overflow_events
        By matrix layer: accumulate steps whose exact sum was outside the accumulator.
    clip_events
        By layer that rescales: values (zero point added) outside its clamp. By layer that finds
        its range at run time: real values outside its clamp.
    codes
        Scale and zero point of every image, by tensor whose range is found at run time.
    """

    outputs: NDArray[np.int32]
    tensors: dict[str, NDArray[np.int32]]
    overflow_events: dict[str, int]
    clip_events: dict[str, int]
    codes: dict[str, RunTimeCodes] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class _Values:
    """Integers of some images by tensor, and by those found at run time scales and zero points."""

    integer: IntegerNetwork
    images: int
    tensors: dict[str, IntegerArray]
    codes: dict[str, RunTimeCodes]

    def codes_of(self, name: str) -> RunTimeCodes:
        """Return a tensor's scales and zero points, those of a static one for every image."""
        if name in self.codes:
            return self.codes[name]
        tensor = self.integer.tensors[name]
        return RunTimeCodes.same(tensor.scale, tensor.zero_point, self.images)


def execute(
    integer: IntegerNetwork, inputs: NDArray[np.int32], *, keep_tensors: bool = True
) -> GoldenRun:
    """Run images through an integer network.

    Parameters
    ----------
    integer
        The network.
    inputs
        int32[images, *input shape], integers of the input tensor's format; no image is allowed.
    keep_tensors
        Return every intermediate tensor, not only the output. Without them, memory does not
        grow with the images beyond inputs and outputs.

    Raises
    ------
    DataError
        If the inputs are not integers, have another shape than the network's input, or leave
        its range.
    """
    _check_inputs(integer, inputs)
    largest = max(prod(tensor.shape) for tensor in integer.tensors.values())
    step = max(1, CHUNK_ELEMENTS // largest)
    overflows = {
        layer.name: 0
        for layer in integer.layers
        if isinstance(layer.operator, IntegerMatrix | RunTimeMatrix)
    }
    clips = {
        layer.name: 0
        for layer in integer.layers
        if isinstance(layer.operator, RescalingOperator | RunTimeOperator)
    }
    run_time = [name for name, tensor in integer.tensors.items() if tensor.at_run_time]
    codes = {
        name: RunTimeCodes(np.zeros(len(inputs), np.float32), np.zeros(len(inputs), np.int64))
        for name in run_time
    }
    kept = tuple(integer.tensors) if keep_tensors else (integer.output,)
    tensors = {
        name: np.empty((len(inputs), *integer.tensors[name].shape), dtype=np.int32) for name in kept
    }
    for start in range(0, len(inputs), step):
        images = inputs[start : start + step].astype(np.int64)
        values = _Values(integer, len(images), {integer.input: images}, {})
        for layer in integer.layers:
            if isinstance(layer.operator, RunTimeOperator):
                result, overflow_events, clip_events = _execute_run_time(
                    layer, layer.operator, values
                )
            else:
                result, overflow_events, clip_events = _execute_layer(layer, values)
            values.tensors[layer.output] = result
            if layer.name in overflows:
                overflows[layer.name] += overflow_events
            if layer.name in clips:
                clips[layer.name] += clip_events
        for name in kept:
            tensors[name][start : start + step] = values.tensors[name]
        for name in run_time:
            codes[name].scales[start : start + step] = values.codes[name].scales
            codes[name].zero_points[start : start + step] = values.codes[name].zero_points
    return GoldenRun(tensors[integer.output], tensors, overflows, clips, codes)


def _check_inputs(integer: IntegerNetwork, inputs: NDArray[np.int32]) -> None:
    tensor = integer.tensors[integer.input]
    if not np.issubdtype(inputs.dtype, np.integer):
        raise DataError(f"inputs: must be integers, got {inputs.dtype} (quantize them first)")
    if inputs.shape[1:] != tensor.shape:
        raise DataError(
            f"inputs: shape of one image must be {tensor.shape} for network {integer.name!r}, "
            f"got {inputs.shape[1:]}"
        )
    low, high = tensor.format.low, tensor.format.high
    if inputs.size and (inputs.min() < low or inputs.max() > high):
        raise DataError(
            f"inputs: must be {tensor.format} integers in [{low}, {high}], "
            f"got [{inputs.min()}, {inputs.max()}]"
        )


def _execute_run_time(
    layer: IntegerLayer, operator: RunTimeOperator, values: _Values
) -> tuple[IntegerArray, int, int]:
    """Return what `_execute_layer` does for a layer that finds its range, which it notes down."""
    integer = values.integer
    source, tensor = values.tensors[layer.inputs[0]], integer.tensors[layer.inputs[0]]
    target = integer.tensors[layer.output]
    codes = values.codes_of(layer.inputs[0])
    overflow_events = 0
    if isinstance(operator, RunTimeMatrix):
        maps = _as_maps(source, tensor)
        reals, overflow_events = matrix_reals(operator, maps, codes, integer.accumulator)
    elif isinstance(operator, RunTimeAdd):
        right = values.tensors[layer.inputs[1]]
        reals = add_reals(source, right, codes, values.codes_of(layer.inputs[1]))
    else:
        reals = average_reals(operator, source, codes)
    clamped, clip_events = clamp_reals(reals, operator.range)
    found = find_codes(clamped, target.format, operator.range.symmetric)
    values.codes[layer.output] = found
    result = run_time_integers(clamped, found, target.format)
    return result.reshape(values.images, *target.shape), overflow_events, clip_events


def _execute_layer(layer: IntegerLayer, values: _Values) -> tuple[IntegerArray, int, int]:
    """Return (result, overflow events, clip events) of one layer."""
    integer, operator = values.integer, layer.operator
    source = values.tensors[layer.inputs[0]]
    tensor = integer.tensors[layer.inputs[0]]
    target = integer.tensors[layer.output]
    shape = (len(source), *target.shape)
    if not isinstance(operator, RescalingOperator):
        if target.at_run_time:
            values.codes[layer.output] = values.codes_of(layer.inputs[0])
        if isinstance(operator, RunTimeClamp):
            result = _clamp_at_run_time(operator, source, values.codes[layer.output], target)
        else:
            result = _without_rescale(operator, source, tensor, target)
        return result.reshape(shape), 0, 0
    overflow_events = 0
    if isinstance(operator, IntegerMatrix):
        maps = _as_maps(source, tensor)
        sums, overflow_events = accumulate(operator, maps, tensor.zero_point, integer.accumulator)
        rescaled = rescale(sums, operator.rescale, channel_axis=1)
    elif isinstance(operator, IntegerAdd):
        right = integer.tensors[layer.inputs[1]]
        rescaled = add(
            operator,
            source - tensor.zero_point,
            values.tensors[layer.inputs[1]] - right.zero_point,
        )
    elif isinstance(operator, IntegerRequantize):
        rescaled = rescale(source - tensor.zero_point, operator.rescale)
    else:
        rescaled = average_pool(operator, source - tensor.zero_point)
    shifted = rescaled + target.zero_point
    clamped = shifted.clip(operator.clamp_low, operator.clamp_high)
    clip_events = int(np.count_nonzero(shifted != clamped))
    return clamped.reshape(shape), overflow_events, clip_events


def _as_maps(source: IntegerArray, tensor: QuantizedTensor) -> IntegerArray:
    """Return int64[images, channels, height, width]; a vector is a map of one pixel."""
    return source.reshape(len(source), *tensor.shape, *(1,) * (3 - len(tensor.shape)))


def _clamp_at_run_time(
    operator: RunTimeClamp, source: IntegerArray, codes: RunTimeCodes, target: QuantizedTensor
) -> IntegerArray:
    shape = (-1, *[1] * (source.ndim - 1))
    low = bound_codes(operator.low, codes, target.format).reshape(shape)
    high = bound_codes(operator.high, codes, target.format).reshape(shape)
    return np.minimum(np.maximum(source, low), high)


def _without_rescale(
    operator: IntegerOperator,
    source: IntegerArray,
    tensor: QuantizedTensor,
    target: QuantizedTensor,
) -> IntegerArray:
    """Return the result of a layer that chooses, counts or moves integers."""
    match operator:
        case IntegerReshape():
            return reshape(operator, source, target.shape)
        case IntegerClamp():
            return source.clip(operator.clamp_low, operator.clamp_high)
        case IntegerMaxPool():
            return max_pool(source, operator.window, tensor.format.low)
        case IntegerQuotientPool():
            return quotient_pool(operator, source)
        case IntegerLookup():
            return operator.table[source - tensor.format.low].astype(np.int64)
        case IntegerPad():
            return pad(operator, source)
        case IntegerSoftmax():
            return softmax(operator, source)
        case _:
            raise InternalError(f"golden has no {type(operator).__name__}")
