"""ONNX's Pad: how much on each side of each axis, and that it is zeros."""

from __future__ import annotations

from accelsim.frontend.graph import Graph, Node, refuse

__all__ = ["pad_amounts"]

_RANK = 4


def pad_amounts(node: Node, graph: Graph) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return the elements before and after each axis, the batch's first.

    Pads and their axes are inputs since opset 11 and 18, attributes before; with axes the tensor
    is taken as [batch, channels, height, width].

    Raises
    ------
    UnsupportedOperatorError
        If it does not pad with zeros, cuts something off, or pads the batch.
    """
    if node.attributes.get("mode", "constant") != "constant":
        raise refuse(node, f"mode must be constant, got {node.attributes['mode']}")
    pads = _integers(node, graph, 1, "pads")
    _require_zero(node, graph)
    if node.input(3):
        axes = _integers(node, graph, 3, "axes")
        if len(pads) != 2 * len(axes) or any(not -_RANK <= axis < _RANK for axis in axes):
            raise refuse(node, f"{len(pads)} pads do not fit axes {list(axes)}")
        spread = [0] * (2 * _RANK)
        for place, axis in enumerate(axes):
            spread[axis % _RANK] = pads[place]
            spread[_RANK + axis % _RANK] = pads[len(axes) + place]
        pads = tuple(spread)
    half = len(pads) // 2
    if len(pads) % 2 or not half or min(pads) < 0 or pads[0] or pads[half]:
        raise refuse(node, f"must pad all axes but the batch by 0 or more, got {list(pads)}")
    return pads[:half], pads[half:]


def _integers(node: Node, graph: Graph, position: int, name: str) -> tuple[int, ...]:
    if not node.input(position):
        return tuple(int(value) for value in node.attributes.get(name, ()))
    values = graph.constants.get(node.input(position))
    if values is None or values.dtype.kind not in "iu" or values.ndim != 1:
        raise refuse(node, f"{name} must be constant whole numbers")
    return tuple(int(value) for value in values)


def _require_zero(node: Node, graph: Graph) -> None:
    value = node.attributes.get("value", 0.0)
    if node.input(2):
        values = graph.constants.get(node.input(2))
        if values is None or values.size != 1:
            raise refuse(node, "the padding must be a constant number")
        value = float(values.reshape(()))
    if value != 0:
        raise refuse(node, f"must pad with zeros, got {value:g}")
