"""Scales and zero points of a file, checked: what every quantized form states of a tensor."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from accelsim.arithmetic import IntegerFormat
from accelsim.errors import WorkloadError
from accelsim.frontend.graph import Node, refuse

__all__ = [
    "Parameters",
    "container",
    "container_of_name",
    "linear_parameters",
    "require_format",
    "scale_values",
    "single_number",
]

Constants = Mapping[str, NDArray[Any]]

_CONTAINERS = {
    f"{sign}int{bits}": IntegerFormat(bits, signed=not sign)
    for bits in (2, 4, 8, 16, 32)
    for sign in ("", "u")
}
WIDEST_BITS = 16


@dataclass(frozen=True, eq=False)
class Parameters:
    """scales: float64[channels or 1]; zero_points: int64[channels or 1]; axis: None if one."""

    scales: NDArray[np.float64]
    zero_points: NDArray[np.int64]
    zero_format: IntegerFormat | None = None
    axis: int | None = None

    def along(self, values: NDArray[Any], dimensions: int) -> NDArray[Any]:
        """Shape a value for each channel so that it broadcasts along the axis."""
        if self.axis is None:
            return values.reshape(())
        shape = [1] * dimensions
        shape[self.axis] = -1
        return values.reshape(shape)


def container_of_name(name: str) -> IntegerFormat | None:
    """Return the format of a type as ONNX and numpy name it, None of anything else."""
    return _CONTAINERS.get(name)


def container(values: NDArray[Any]) -> IntegerFormat | None:
    """Return the format of integers that are stored in 2 to 32 bits, None of anything else."""
    return _CONTAINERS.get(values.dtype.name)


def require_format(
    node: Node, format: IntegerFormat | None, widest: int = WIDEST_BITS
) -> IntegerFormat:
    """Return a format of 2 to ``widest`` bits, refuse any other."""
    if format is None or format.bits > widest:
        found = "another type" if format is None else str(format)
        raise refuse(node, f"must make integers of 2 to {widest} bits, makes {found}")
    return format


def linear_parameters(
    node: Node, constants: Constants, shape: tuple[int, ...] | None
) -> Parameters:
    """Return the parameters of a QuantizeLinear or DequantizeLinear.

    Parameters
    ----------
    node
        Its inputs 1 and 2 are scale and zero point.
    constants
        Of the graph.
    shape
        Of what is (de)quantized, where it is a constant; None for a computed tensor.

    Raises
    ------
    WorkloadError
        A scale that is not positive and finite, a zero point of the wrong type or length, scales
        that do not fit the axis, blocks.
    """
    if node.attributes.get("block_size", 0):
        raise refuse(node, "scales of blocks are not supported; use one for each output channel")
    scales = scale_values(node, constants, node.input(1))
    axis = None
    if scales.ndim == 1 and scales.size > 1:
        axis = _axis(node, scales.size, shape)
    elif scales.size != 1 or scales.ndim > 1:
        raise refuse(
            node, f"scale {node.input(1)!r} must have at most one axis, got {list(scales.shape)}"
        )
    zeros, zero_format = np.zeros(scales.size, np.int64), None
    if node.input(2):
        values = constants.get(node.input(2))
        if values is None:
            raise refuse(node, f"zero point {node.input(2)!r} must be a constant")
        zero_format = container(values)
        if zero_format is None:
            raise refuse(
                node,
                f"zero point {node.input(2)!r} must be an integer of 2 to 32 bits, "
                f"is {values.dtype.name}",
            )
        if values.size != scales.size:
            raise refuse(
                node,
                f"zero point {node.input(2)!r} must be [{scales.size}] as its "
                f"scale, is {list(values.shape)}",
            )
        zeros = values.astype(np.int64).reshape(-1)
    return Parameters(scales.reshape(-1), zeros, zero_format, axis)


def scale_values(node: Node, constants: Constants, name: str) -> NDArray[np.float64]:
    """Return a scale as float64 of its shape in the file, every value positive and finite."""
    values = constants.get(name)
    if values is None:
        raise refuse(node, f"scale {name!r} must be a constant")
    if values.dtype.kind != "f" or not values.size:
        raise refuse(
            node, f"scale {name!r} must be float, is {values.dtype.name}{list(values.shape)}"
        )
    with np.errstate(over="ignore", under="ignore"):
        scales = values.astype(np.float32).astype(np.float64)
    wrong = np.flatnonzero(~(np.isfinite(scales) & (scales > 0)))
    if wrong.size:
        place = f" at {wrong[0]} of {scales.size}" if scales.size > 1 else ""
        raise WorkloadError(
            f"{node}: scale {name!r} must be positive and finite, "
            f"got {scales.reshape(-1)[wrong[0]]:g}{place}"
        )
    return scales


def single_number(node: Node, constants: Constants, position: int, what: str) -> float:
    """Return an input that must be one constant finite number."""
    values = constants.get(node.input(position))
    if values is None or values.size != 1 or values.dtype.kind not in "fiu":
        raise refuse(node, f"{what} must be one constant number")
    number = float(values.reshape(()))
    if not np.isfinite(number):
        raise WorkloadError(f"{node}: {what} must be finite, got {number:g}")
    return number


def _axis(node: Node, count: int, shape: tuple[int, ...] | None) -> int:
    if shape is None:
        raise refuse(node, f"{count} scales for a tensor that is computed; one is supported")
    axis = int(node.attributes.get("axis", 1))
    if not -len(shape) <= axis < len(shape):
        raise refuse(node, f"axis must be one of a tensor of shape {list(shape)}, got {axis}")
    if shape[axis] != count:
        raise refuse(
            node,
            f"scale {node.input(1)!r} must be [{shape[axis]}] for axis {axis} of "
            f"a tensor of shape {list(shape)}, is [{count}]",
        )
    return axis % len(shape)
