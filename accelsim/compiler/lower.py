"""From an integer network to layer shapes: convolutions become matrix products, values vanish."""

from __future__ import annotations

from math import prod

from accelsim.compiler.shapes import (
    LayerShape,
    MatrixShape,
    NetworkShape,
    TensorShape,
    VectorKind,
    VectorShape,
)
from accelsim.errors import InternalError
from accelsim.network.geometry import Window
from accelsim.network.integer import (
    IntegerAdd,
    IntegerAveragePool,
    IntegerClamp,
    IntegerLayer,
    IntegerMatrix,
    IntegerMaxPool,
    IntegerNetwork,
    IntegerOperator,
    IntegerReshape,
)

__all__ = ["lower_network"]

_ELEMENT = Window((1, 1))


def lower_network(network: IntegerNetwork, batch: int, accumulator_bits: int) -> NetworkShape:
    """Reduce ``network`` to the shapes and widths of its layers for a batch of images.

    A reshape leaves no layer behind: its output is another view of its input's storage.
    """
    storage = {network.input: network.input}
    layers: list[LayerShape] = []
    for layer in network.layers:
        if isinstance(layer.operator, IntegerReshape):
            storage[layer.output] = storage[layer.inputs[0]]
            continue
        storage[layer.output] = layer.output
        layers.append(
            LayerShape(
                name=layer.name,
                work=_work(network, layer, batch, accumulator_bits),
                inputs=tuple(storage[name] for name in layer.inputs),
                output=layer.output,
            )
        )
    return NetworkShape(
        name=network.name,
        batch=batch,
        input=network.input,
        output=network.output,
        layers=tuple(layers),
        tensors={
            name: TensorShape(tensor.shape, tensor.format.bits)
            for name, tensor in network.tensors.items()
        },
        storage=storage,
    )


def _work(
    network: IntegerNetwork, layer: IntegerLayer, batch: int, accumulator_bits: int
) -> MatrixShape | VectorShape:
    operator = layer.operator
    inputs = [network.tensors[name] for name in layer.inputs]
    input_bits = tuple(tensor.format.bits for tensor in inputs)
    output_bits = network.tensors[layer.output].format.bits
    if isinstance(operator, IntegerMatrix):
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
        )
    kind, window = _vector_kind(operator)
    if window is None:
        elements = batch * prod(inputs[0].shape)
        return VectorShape(kind, elements, 1, 1, _ELEMENT, input_bits, output_bits)
    channels, height, width = _image(inputs[0].shape)
    return VectorShape(kind, batch * channels, height, width, window, input_bits, output_bits)


def _vector_kind(operator: IntegerOperator) -> tuple[VectorKind, Window | None]:
    """Return what the vector unit does, and its window if it is not element by element."""
    match operator:
        case IntegerAdd():
            return "add", None
        case IntegerClamp():
            return "clamp", None
        case IntegerMaxPool():
            return "max_pool", operator.window
        case IntegerAveragePool():
            return "average_pool", operator.window
        case _:
            raise InternalError(f"no unit runs {type(operator).__name__}")


def _image(shape: tuple[int, ...]) -> tuple[int, int, int]:
    """Return (channels, height, width); a vector is an image of one pixel."""
    if len(shape) == 3:
        return shape
    return prod(shape), 1, 1
