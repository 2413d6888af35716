"""QONNX's Quant: scale, zero point and bit-width as inputs, sign and rounding as attributes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from accelsim.arithmetic import IntegerFormat, holding
from accelsim.arithmetic.rounding import Rounding, round_values
from accelsim.frontend.graph import Node, refuse
from accelsim.frontend.integers import Affine, IntegerConstant
from accelsim.frontend.quantized.parameters import (
    Parameters,
    require_format,
    scale_values,
    single_number,
)

__all__ = ["quant_constant", "quant_tensor"]

WIDEST_FORMAT = 32

Constants = Mapping[str, NDArray[Any]]

_CEIL = "ceil"
_ROUNDINGS: dict[str, Rounding | str] = {
    "ROUND": Rounding.HALF_EVEN,
    "HALF_EVEN": Rounding.HALF_EVEN,
    "HALF_UP": Rounding.HALF_UP,
    "CEIL": _CEIL,
    "FLOOR": Rounding.FLOOR,
    "DOWN": Rounding.TRUNCATE,
    "ROUND_TO_ZERO": Rounding.TRUNCATE,
}


def quant_tensor(node: Node, constants: Constants) -> Affine:
    """Return the integers of a tensor that a Quant node computes.

    Raises
    ------
    UnsupportedOperatorError
        If there is not one scale, or rounding is not to nearest, halves to even.
    """
    if _rounding(node) is not Rounding.HALF_EVEN:
        raise refuse(node, "rounding_mode of a computed tensor must be ROUND")
    scales = scale_values(node, constants, node.input(1))
    if scales.size != 1:
        raise refuse(node, f"{scales.size} scales for a tensor that is computed; one is supported")
    format = require_format(node, _format(node, constants))
    return Affine(format, float(scales.reshape(())), _zero_point(node, constants, format))


def quant_constant(node: Node, constants: Constants) -> IntegerConstant:
    """Return the integers of a constant that goes through a Quant node."""
    values = constants[node.inputs[0]]
    if values.dtype.kind != "f" or not np.isfinite(values).all():
        raise refuse(node, f"{node.inputs[0]!r} must be float and finite, is {values.dtype.name}")
    scales = scale_values(node, constants, node.input(1))
    axis = _channel_axis(node, scales, values)
    format = _format(node, constants)
    zero_point = _zero_point(node, constants, format)
    flat = Parameters(scales.reshape(-1), np.array([zero_point]), axis=axis)
    steps = values.astype(np.float64) / flat.along(flat.scales, values.ndim)
    rounded = _round(steps, _rounding(node)) + zero_point
    integers = rounded.clip(format.low, format.high).astype(np.int64) - zero_point
    return IntegerConstant(
        integers, holding(integers, format), flat.scales, axis, format, flat.zero_points
    )


def _format(node: Node, constants: Constants) -> IntegerFormat:
    bits = single_number(node, constants, 3, "bit-width")
    if not bits.is_integer() or not 2 <= bits <= WIDEST_FORMAT:
        raise refuse(node, f"bit-width must be a whole number from 2 to 16, got {bits:g}")
    signed = bool(node.attributes.get("signed", 1))
    narrow = bool(node.attributes.get("narrow", 0))
    if narrow and not signed:
        raise refuse(node, "narrow is supported for signed integers only")
    return IntegerFormat(int(bits), signed, restricted=narrow)


def _zero_point(node: Node, constants: Constants, format: IntegerFormat) -> int:
    zero_point = single_number(node, constants, 2, "zero point")
    if not zero_point.is_integer() or not format.low <= zero_point <= format.high:
        raise refuse(
            node,
            f"zero point must be a whole number from {format.low} to "
            f"{format.high}, got {zero_point:g}",
        )
    return int(zero_point)


def _round(steps: NDArray[np.float64], rounding: Rounding | str) -> NDArray[np.float64]:
    if isinstance(rounding, Rounding):
        return round_values(steps, rounding)
    return np.ceil(steps)


def _rounding(node: Node) -> Rounding | str:
    name = str(node.attributes.get("rounding_mode", "ROUND"))
    if name.upper() not in _ROUNDINGS:
        raise refuse(node, f"rounding_mode must be one of {', '.join(_ROUNDINGS)}, got {name}")
    return _ROUNDINGS[name.upper()]


def _channel_axis(node: Node, scales: NDArray[np.float64], values: NDArray[Any]) -> int | None:
    """Return the one axis along which scales vary, aligned at the last axis as broadcasting is."""
    if scales.size == 1:
        return None
    shape = (1,) * (values.ndim - scales.ndim) + scales.shape
    varying = [axis for axis, size in enumerate(shape) if size > 1]
    if (
        len(shape) != values.ndim
        or len(varying) != 1
        or (shape[varying[0]] != values.shape[varying[0]])
    ):
        raise refuse(
            node, f"scales {list(scales.shape)} do not fit one axis of {list(values.shape)}"
        )
    return varying[0]
