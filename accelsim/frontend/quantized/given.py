"""From a graph whose integers are known to the quantization that its file gives."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from accelsim.arithmetic import IntegerFormat
from accelsim.frontend.graph import Graph, Node, refuse
from accelsim.frontend.integers import IntegerConstant
from accelsim.frontend.quantized.parameters import WIDEST_BITS
from accelsim.network import (
    Convolution,
    GivenQuantization,
    Network,
    QuantizedTensor,
    QuantizedWeights,
)

__all__ = ["given_quantization"]

CHANNEL_WEIGHT = 64
"""A power of two: any float32 number divided by it is one too."""


def given_quantization(
    graph: Graph, network: Network, column_orders: Mapping[str, NDArray[np.intp]] | None = None
) -> GivenQuantization | None:
    """Return what the graph's file says of its integers; None if it says nothing.

    Parameters
    ----------
    graph
        In the form that `accelsim.frontend.lower` takes.
    network
        What that made of it.
    column_orders
        By dense layer, the column here of each column of the file's weights, where it differs.

    Raises
    ------
    UnsupportedOperatorError
        If weights have scales that do not belong to output channels, or need over 16 bits.
    """
    if not graph.integers and not graph.quantized:
        return None
    tensors = {
        name: QuantizedTensor(network.shapes[name], tensor.format, tensor.scale, tensor.zero_point)
        for name, tensor in graph.quantized.items()
        if name in network.shapes
    }
    matrices = (node for node in graph.nodes if node.operator in ("Conv", "Dense"))
    orders = column_orders or {}
    found = {node.name: _weights(node, graph, orders.get(node.name)) for node in matrices}
    found |= {
        layer.name: _channel_weights(layer.operator)
        for layer in network.layers
        if isinstance(layer.operator, Convolution) and layer.name in _by_channel(graph)
    }
    return GivenQuantization(
        tensors, {name: weights for name, weights in found.items() if weights is not None}
    )


def _by_channel(graph: Graph) -> set[str]:
    """Return the names of nodes that scale and shift each channel by real numbers."""
    return {node.name for node in graph.nodes if node.operator in ("Add", "Mul", "ScaleShift")}


def _channel_weights(operator: Convolution) -> QuantizedWeights:
    """Return a 1x1 depthwise layer's weights: one integer, and a scale that makes it exact.

    The larger the integer, the finer are the steps that its bias is rounded to.
    """
    reals = operator.weights.astype(np.float64)
    sizes = np.abs(reals.reshape(-1))
    return QuantizedWeights(
        integers=(CHANNEL_WEIGHT * np.sign(reals)).astype(np.int32),
        format=IntegerFormat(8),
        scales=np.where(sizes == 0, 1.0, sizes) / CHANNEL_WEIGHT,
    )


def _weights(node: Node, graph: Graph, columns: NDArray[np.intp] | None) -> QuantizedWeights | None:
    constant = graph.integers.get(node.inputs[1])
    if constant is None:
        return None
    if constant.axis not in (None, 0):
        raise refuse(
            node,
            "its weights have scales along their inputs; only one for each output "
            "channel, or one for all, can be rescaled",
        )
    stored, form, zero_points = _as_stored(constant)
    if form.bits > WIDEST_BITS:
        raise refuse(
            node,
            f"its weights less their zero point need {form.bits} bits; "
            f"at most {WIDEST_BITS} are supported",
        )
    integers = stored.astype(np.int32)
    if columns is not None:
        integers[:, columns] = stored
    bias = graph.integers.get(node.input(2))
    return QuantizedWeights(
        integers=integers,
        format=form,
        scales=constant.scales,
        zero_points=zero_points,
        bias=None if bias is None else np.broadcast_to(bias.integers, len(constant.integers)),
        bias_scales=None if bias is None else bias.scales,
    )


def _as_stored(
    constant: IntegerConstant,
) -> tuple[NDArray[np.int64], IntegerFormat, NDArray[np.int64] | None]:
    """Return integers, their format and zero points, as the file has them if so they are narrower.

    Else zero points are subtracted, and there are none. Unsigned integers and their zero points
    are moved down by half their range.
    """
    stored = constant.stored
    if constant.zero_points is None or constant.format.bits <= stored.bits:
        return constant.integers, constant.format, None
    form = IntegerFormat(stored.bits)
    zero_points = constant.zero_points - (stored.low - form.low if not stored.signed else 0)
    along = zero_points.reshape(-1, *[1] * (constant.integers.ndim - 1))
    integers = constant.integers + along
    for values in (zero_points, integers):
        if values.min() < form.low or values.max() > form.high:
            return constant.integers, constant.format, None
    return integers, form, zero_points
