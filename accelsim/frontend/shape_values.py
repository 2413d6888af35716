"""Shapes that a graph computes (Shape, Gather, Concat, ...): as numbers, the batch left open."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from operator import add, mul, sub
from typing import Any

from numpy.typing import NDArray

from accelsim.frontend.graph import Node, refuse
from accelsim.network import Shape

__all__ = ["SHAPE_OPERATORS", "ShapeValue", "axes_of", "shape_value"]

SHAPE_OPERATORS = (
    "Add",
    "Cast",
    "Concat",
    "Div",
    "Gather",
    "Mul",
    "ReduceProd",
    "Shape",
    "Slice",
    "Squeeze",
    "Sub",
    "Unsqueeze",
)
LARGEST_SHAPE = 64


@dataclass(frozen=True)
class ShapeValue:
    """Whole numbers of a shape; None is the batch, whatever it is."""

    sizes: tuple[int | None, ...]


def axes_of(node: Node, constants: Mapping[str, NDArray[Any]]) -> tuple[int, ...] | None:
    """Return the axes of Squeeze, Unsqueeze or ReduceMean: an attribute, later an input."""
    if not node.input(1):
        axes = node.attributes.get("axes")
        return None if axes is None else tuple(int(axis) for axis in axes)
    values = constants.get(node.input(1))
    if values is None or values.dtype.kind not in "iu":
        raise refuse(node, "axes must be constant whole numbers")
    return tuple(int(axis) for axis in values.reshape(-1))


def shape_value(
    node: Node,
    shapes: Mapping[str, Shape],
    values: Mapping[str, ShapeValue],
    constants: Mapping[str, NDArray[Any]],
) -> ShapeValue:
    """Compute a node on shapes.

    Raises
    ------
    UnsupportedOperatorError
        If it computes with the batch, or with anything but small shapes.
    """
    if node.operator == "Shape":
        if node.input(0) not in shapes:
            raise refuse(node, f"the shape of {node.input(0)!r} is not known")
        start, end = (node.attributes.get(name) for name in ("start", "end"))
        return ShapeValue((None, *shapes[node.input(0)])[slice(start, end)])
    sizes = [_sizes(node, name, values, constants) for name in node.inputs if name]
    if node.operator in ("Cast", "Squeeze", "Unsqueeze"):
        return ShapeValue(tuple(sizes[0]))
    if node.operator == "Concat":
        return _bounded(node, [size for part in sizes for size in part])
    if node.operator == "Gather":
        return _bounded(node, [_element(node, sizes[0], index) for index in sizes[1]])
    if node.operator == "Slice":
        return _slice(node, sizes)
    if node.operator == "ReduceProd":
        return ShapeValue((prod(_known(node, sizes[0])),))
    return _arithmetic(node, sizes[0], sizes[1])


def _sizes(
    node: Node,
    name: str,
    values: Mapping[str, ShapeValue],
    constants: Mapping[str, NDArray[Any]],
) -> Sequence[int | None]:
    if name in values:
        return values[name].sizes
    found = constants.get(name)
    if found is None or found.dtype.kind not in "iu" or found.size > LARGEST_SHAPE:
        raise refuse(node, f"{name!r} is no shape that is known")
    return [int(value) for value in found.reshape(-1)]


def _bounded(node: Node, sizes: list[int | None]) -> ShapeValue:
    if len(sizes) > LARGEST_SHAPE:
        raise refuse(node, f"a shape of {len(sizes)} axes")
    return ShapeValue(tuple(sizes))


def _known(node: Node, sizes: Sequence[int | None]) -> list[int]:
    known = [size for size in sizes if size is not None]
    if len(known) < len(sizes):
        raise refuse(node, "computes with the batch; the batch must stay the first dimension")
    return known


def _element(node: Node, sizes: Sequence[int | None], index: int | None) -> int | None:
    if index is None or not -len(sizes) <= index < len(sizes):
        raise refuse(node, f"takes element {index} of {len(sizes)}")
    return sizes[index]


def _slice(node: Node, sizes: list[Sequence[int | None]]) -> ShapeValue:
    bounds = [_known(node, part) for part in sizes[1:]]
    if not bounds:
        bounds = [list(node.attributes.get(name, ())) for name in ("starts", "ends")]
    step = bounds[3] if len(bounds) > 3 else [1]
    if len(bounds) < 2 or any(len(part) != 1 for part in (*bounds[:2], step)) or step == [0]:
        raise refuse(node, "only a slice of a shape's one axis is supported")
    return ShapeValue(tuple(sizes[0][slice(bounds[0][0], bounds[1][0], step[0])]))


def _arithmetic(
    node: Node, first: Sequence[int | None], second: Sequence[int | None]
) -> ShapeValue:
    left, right = _known(node, first), _known(node, second)
    if len(left) != len(right) and 1 not in (len(left), len(right)):
        raise refuse(node, f"shapes of {len(left)} and {len(right)} numbers")
    count = max(len(left), len(right)) if left and right else 0
    pairs = [(left[i % len(left)], right[i % len(right)]) for i in range(count)]
    if node.operator == "Div" and any(divisor == 0 for _, divisor in pairs):
        raise refuse(node, "divides by zero")
    compute = _ARITHMETIC[node.operator]
    return ShapeValue(tuple(compute(first, second) for first, second in pairs))


def _towards_zero(dividend: int, divisor: int) -> int:
    quotient = abs(dividend) // abs(divisor)
    return quotient if (dividend < 0) == (divisor < 0) else -quotient


_ARITHMETIC: dict[str, Callable[[int, int], int]] = {
    "Add": add,
    "Sub": sub,
    "Mul": mul,
    "Div": _towards_zero,
}
