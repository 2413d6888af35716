"""Execute an integer network layer by layer, exactly as `accelsim.network.integer` defines it."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

import numpy as np
from numpy.typing import NDArray

from accelsim.arithmetic import rescale
from accelsim.errors import DataError, InternalError
from accelsim.golden.matrix import accumulate
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
        By layer that rescales: values (zero point added) outside its clamp.
    """

    outputs: NDArray[np.int32]
    tensors: dict[str, NDArray[np.int32]]
    overflow_events: dict[str, int]
    clip_events: dict[str, int]


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
        layer.name: 0 for layer in integer.layers if isinstance(layer.operator, IntegerMatrix)
    }
    clips = {
        layer.name: 0 for layer in integer.layers if isinstance(layer.operator, RescalingOperator)
    }
    kept = tuple(integer.tensors) if keep_tensors else (integer.output,)
    tensors = {
        name: np.empty((len(inputs), *integer.tensors[name].shape), dtype=np.int32) for name in kept
    }
    for start in range(0, len(inputs), step):
        values: dict[str, IntegerArray] = {
            integer.input: inputs[start : start + step].astype(np.int64)
        }
        for layer in integer.layers:
            result, overflow_events, clip_events = _execute_layer(layer, integer, values)
            values[layer.output] = result
            if layer.name in overflows:
                overflows[layer.name] += overflow_events
            if layer.name in clips:
                clips[layer.name] += clip_events
        for name in kept:
            tensors[name][start : start + step] = values[name]
    return GoldenRun(tensors[integer.output], tensors, overflows, clips)


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


def _execute_layer(
    layer: IntegerLayer, integer: IntegerNetwork, values: dict[str, IntegerArray]
) -> tuple[IntegerArray, int, int]:
    """Return (result, overflow events, clip events) of one layer."""
    operator = layer.operator
    source = values[layer.inputs[0]]
    tensor = integer.tensors[layer.inputs[0]]
    target = integer.tensors[layer.output]
    shape = (len(source), *target.shape)
    if not isinstance(operator, RescalingOperator):
        return _without_rescale(operator, source, tensor, target).reshape(shape), 0, 0
    overflow_events = 0
    if isinstance(operator, IntegerMatrix):
        maps = source.reshape(len(source), *tensor.shape, *(1,) * (3 - len(tensor.shape)))
        sums, overflow_events = accumulate(operator, maps, tensor.zero_point, integer.accumulator)
        rescaled = rescale(sums, operator.rescale, channel_axis=1)
    elif isinstance(operator, IntegerAdd):
        right = integer.tensors[layer.inputs[1]]
        rescaled = add(
            operator,
            source - tensor.zero_point,
            values[layer.inputs[1]] - right.zero_point,
        )
    elif isinstance(operator, IntegerRequantize):
        rescaled = rescale(source - tensor.zero_point, operator.rescale)
    else:
        rescaled = average_pool(operator, source - tensor.zero_point)
    shifted = rescaled + target.zero_point
    clamped = shifted.clip(operator.clamp_low, operator.clamp_high)
    clip_events = int(np.count_nonzero(shifted != clamped))
    return clamped.reshape(shape), overflow_events, clip_events


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
