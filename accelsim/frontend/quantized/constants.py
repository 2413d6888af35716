"""Integer constants of a file: stored, clipped, cast, turned; and what they mean in the end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from accelsim.arithmetic import IntegerFormat, holding, quantize
from accelsim.frontend.graph import Node, refuse
from accelsim.frontend.integers import IntegerConstant
from accelsim.frontend.quantized.parameters import (
    WIDEST_BITS,
    Parameters,
    container,
    container_of_name,
    require_format,
)

__all__ = [
    "StoredConstant",
    "cast_format",
    "clip_bounds",
    "clipped_constant",
    "dequantized_constant",
    "format_between",
    "quantized_constant",
    "quantized_format",
    "stored_constant",
]


@dataclass(frozen=True, eq=False)
class StoredConstant:
    """Integers before anything says what they mean.

    integers: int64[...]; ``container``: the type that the file stores them in; ``format``: what
    a clip leaves of it.
    """

    integers: NDArray[np.int64]
    container: IntegerFormat
    format: IntegerFormat


def stored_constant(values: NDArray[Any]) -> StoredConstant | None:
    """Return an initializer as integers of 2 to 32 bits; None if it is something else."""
    found = container(values)
    return None if found is None else StoredConstant(values.astype(np.int64), found, found)


def quantized_constant(node: Node, values: NDArray[Any], parameters: Parameters) -> StoredConstant:
    """Return what QuantizeLinear makes of a float constant."""
    if values.dtype.kind != "f" or not np.isfinite(values).all():
        raise refuse(node, f"{node.inputs[0]!r} must be float and finite, is {values.dtype.name}")
    target = quantized_format(node, parameters)
    integers = quantize(
        values.astype(np.float32),
        parameters.scales if parameters.axis is not None else parameters.scales[0],
        parameters.zero_points if parameters.axis is not None else parameters.zero_points[0],
        target,
        axis=parameters.axis,
    )
    return StoredConstant(integers.astype(np.int64), target, target)


def dequantized_constant(
    node: Node, stored: StoredConstant | None, parameters: Parameters, kind: str
) -> IntegerConstant:
    """Return weights or a bias, zero points subtracted; ``kind`` is the file's type.

    Raises
    ------
    UnsupportedOperatorError
        If the integers have more than 16 bits and are no int32, or their zero points are of
        another type.
    """
    if stored is None:
        raise refuse(
            node,
            f"{node.inputs[0]!r} must be integers of 2 to 16 bits (weights) or int32 (a bias), "
            f"is {kind}",
        )
    if parameters.zero_format not in (None, stored.container):
        raise refuse(
            node,
            f"zero point {node.input(2)!r} is {parameters.zero_format}, the integers "
            f"{node.inputs[0]!r} are {stored.container}",
        )
    if stored.container.bits > WIDEST_BITS and (
        not stored.container.signed or parameters.zero_points.any()
    ):
        raise refuse(node, f"{stored.container} with zero point: an int32 bias has none")
    integers = stored.integers - parameters.along(parameters.zero_points, stored.integers.ndim)
    return IntegerConstant(
        integers=integers,
        format=holding(integers, stored.format),
        scales=parameters.scales,
        axis=parameters.axis,
        stored=stored.format,
        zero_points=parameters.zero_points if stored.container.bits <= WIDEST_BITS else None,
    )


def clipped_constant(
    node: Node, stored: StoredConstant, constants: Mapping[str, NDArray[Any]]
) -> StoredConstant:
    """Return what Clip leaves; a range that is a narrower format's becomes that format."""
    low, high = clip_bounds(node, stored.format, constants)
    return replace(
        stored,
        integers=stored.integers.clip(low, high),
        format=format_between(low, high, stored.container) or stored.format,
    )


def clip_bounds(
    node: Node, format: IntegerFormat, constants: Mapping[str, NDArray[Any]]
) -> tuple[int, int]:
    """Return the bounds of a Clip of integers, within their format."""
    bounds = [format.low, format.high]
    for place in (1, 2):
        name = node.input(place)
        if name:
            values = constants.get(name)
            if values is None or values.size != 1 or container(values) is None:
                raise refuse(node, "the bounds of a clip of integers must be constant integers")
            bounds[place - 1] = int(values.reshape(()))
    low, high = max(bounds[0], format.low), min(bounds[1], format.high)
    if low > high:
        raise refuse(node, f"min must be at most max, got {low} and {high}")
    return low, high


def format_between(low: int, high: int, within: IntegerFormat) -> IntegerFormat | None:
    """Return the format of the same sign that has exactly this range; None if there is none.

    >>> str(format_between(-8, 7, IntegerFormat(8)))
    'int4'
    >>> format_between(0, 127, IntegerFormat(8)) is None
    True
    """
    bits = high.bit_length() + int(within.signed)
    for restricted in (False, True) if within.signed else (False,):
        if 2 <= bits <= within.bits:
            found = IntegerFormat(bits, within.signed, restricted)
            if (found.low, found.high) == (low, high):
                return found
    return None


def quantized_format(node: Node, parameters: Parameters) -> IntegerFormat:
    """Return the format that QuantizeLinear makes: its zero point's, or the attribute's."""
    if parameters.zero_format is not None:
        return require_format(node, parameters.zero_format)
    asked = node.attributes.get("output_dtype", 0) or onnx.TensorProto.UINT8
    return require_format(node, _data_type_format(asked))


def cast_format(node: Node) -> IntegerFormat | None:
    """Return the integers of 2 to 32 bits that a Cast makes; None of anything else."""
    return _data_type_format(node.attributes.get("to", 0))


def _data_type_format(data_type: int) -> IntegerFormat | None:
    names = {number: name for name, number in onnx.TensorProto.DataType.items()}
    return container_of_name(names.get(data_type, "").lower())
