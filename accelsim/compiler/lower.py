"""From an integer network to layer shapes: convolutions become matrix products, values vanish.

Memory holds a tensor with its channels fastest, as the depth of a matrix product runs, and a
dense layer's weights are laid out when they are stored. So neither way of reshaping moves
anything: with channels last, elements keep their order in memory; with channels first, the
weights of the layer that follows are stored in the order of the elements.
"""

from __future__ import annotations

from dataclasses import replace
from math import prod

import numpy as np

from accelsim.compiler.shapes import (
    LayerShape,
    MatrixShape,
    NetworkShape,
    TensorShape,
    VectorKind,
    VectorShape,
)
from accelsim.compiler.two_passes import WORD_BITS, two_passes, words_name
from accelsim.compiler.vector_limits import parts_add_up
from accelsim.errors import InternalError
from accelsim.network.geometry import Window
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
)
from accelsim.network.run_time import (
    RunTimeAdd,
    RunTimeAveragePool,
    RunTimeClamp,
    RunTimeMatrix,
    RunTimeOperator,
)

__all__ = ["lower_network"]

_ELEMENT = Window((1, 1))


def lower_network(network: IntegerNetwork, batch: int, accumulator_bits: int) -> NetworkShape:
    """Reduce ``network`` to the shapes and widths of its layers for a batch of images.

    A layer that finds its output's range at run time becomes two, with a tensor of words between.
    A reshape leaves no layer behind: its output is another view of its input's storage. Nor
    does a softmax, which the host does: the tensors that it reads and writes are in DRAM.

    Raises
    ------
    ConfigError
        The sum of a group of weights could leave the accumulator's range before it is scaled.
    """
    storage = {network.input: network.input}
    tensors = {
        name: TensorShape(tensor.shape, tensor.format.bits)
        for name, tensor in network.tensors.items()
    }
    layers: list[LayerShape] = []
    kept: set[str] = set()
    for layer in network.layers:
        if isinstance(layer.operator, IntegerReshape):
            storage[layer.output] = storage[layer.inputs[0]]
            continue
        storage[layer.output] = layer.output
        if isinstance(layer.operator, IntegerSoftmax):
            kept |= {storage[layer.inputs[0]], layer.output}
            continue
        lowered = LayerShape(
            name=layer.name,
            work=_work(network, layer, batch, accumulator_bits),
            inputs=tuple(storage[name] for name in layer.inputs),
            output=layer.output,
        )
        if not isinstance(layer.operator, RunTimeOperator):
            layers.append(lowered)
            continue
        words, target = words_name(layer.output, tensors), tensors[layer.output]
        storage[words] = words
        tensors[words] = TensorShape(target.shape, WORD_BITS)
        layers += two_passes(lowered, target, batch, words, layer.operator.range.step)
    return NetworkShape(
        name=network.name,
        batch=batch,
        input=network.input,
        output=network.output,
        layers=tuple(layers),
        tensors=tensors,
        storage=storage,
        kept=frozenset(kept),
    )


def _work(
    network: IntegerNetwork, layer: IntegerLayer, batch: int, accumulator_bits: int
) -> MatrixShape | VectorShape:
    operator = layer.operator
    inputs = [network.tensors[name] for name in layer.inputs]
    input_bits = tuple(tensor.format.bits for tensor in inputs)
    output_bits = network.tensors[layer.output].format.bits
    if isinstance(operator, IntegerMatrix | RunTimeMatrix):
        vectors = operator.vectors
        accumulator = replace(network.accumulator, bits=accumulator_bits)
        return MatrixShape(
            input_shape=_image(inputs[0].shape),
            out_channels=operator.weights.shape[0],
            window=operator.window,
            groups=operator.groups,
            batch=batch,
            weight_bits=operator.weight_format.bits,
            input_bits=input_bits[0],
            output_bits=output_bits,
            accumulator_bits=accumulator_bits,
            row_sums=operator.has_row_sums,
            vector_depth=min(vectors.size, operator.weights[0].size) if vectors else 0,
            scale_bits=vectors.scale_bits if vectors else 0,
            weights_are_ternary=bool(np.abs(operator.weights).max() <= 1),
            vector_parts_add_up=vectors is None
            or parts_add_up(layer.name, operator, vectors, inputs[0].format, accumulator),
        )
    if isinstance(operator, IntegerPad):
        return _pad(operator, inputs[0].shape, batch, input_bits, output_bits)
    kind, window = _vector_kind(operator)
    if window is None:
        elements = batch * prod(inputs[0].shape)
        return VectorShape(kind, elements, 1, 1, _ELEMENT, input_bits, output_bits)
    channels, height, width = _image(inputs[0].shape)
    return VectorShape(kind, batch * channels, height, width, window, input_bits, output_bits)


def _vector_kind(operator: IntegerOperator) -> tuple[VectorKind, Window | None]:
    """Return what the vector unit does, and its window if it is not element by element."""
    match operator:
        case IntegerAdd() | RunTimeAdd():
            return "add", None
        case IntegerClamp() | RunTimeClamp():
            return "clamp", None
        case IntegerMaxPool():
            return "max_pool", operator.window
        case IntegerAveragePool() | RunTimeAveragePool():
            return "average_pool", operator.window
        case IntegerQuotientPool():
            return "quotient_pool", operator.window
        case IntegerRequantize():
            return "requantize", None
        case IntegerLookup():
            return "lookup", None
        case _:
            raise InternalError(f"no unit runs {type(operator).__name__}")


def _pad(
    operator: IntegerPad,
    shape: tuple[int, ...],
    batch: int,
    input_bits: tuple[int, ...],
    output_bits: int,
) -> VectorShape:
    """Return the copy of an image line by line: a line holds the channels of all its pixels.

    Of the padding only its amount matters, so a line has all of its padding behind it.
    """
    channels, height, width = (*shape, 1, 1)[:3]
    (less, top, left), (more, bottom, right) = (
        (*sides, 0, 0)[:3] for sides in (operator.before, operator.after)
    )
    beside = (less + channels + more) * (left + width + right) - channels * width
    window = Window((1, 1), pads=(top, 0, bottom, beside))
    return VectorShape("pad", batch, height, channels * width, window, input_bits, output_bits)


def _image(shape: tuple[int, ...]) -> tuple[int, int, int]:
    """Return (channels, height, width); a vector is an image of one pixel."""
    if len(shape) == 3:
        return shape
    return prod(shape), 1, 1
