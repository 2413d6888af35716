"""The options of operators in a TensorFlow Lite file, under names of our own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from accelsim.errors import WorkloadError

__all__ = ["OPTIONS", "names_of", "read_options"]

_CONVOLUTION = {
    "padding": "Padding",
    "stride_y": "StrideH",
    "stride_x": "StrideW",
    "dilation_y": "DilationHFactor",
    "dilation_x": "DilationWFactor",
    "activation": "FusedActivationFunction",
}

_POOL = {
    "padding": "Padding",
    "stride_y": "StrideH",
    "stride_x": "StrideW",
    "kernel_y": "FilterHeight",
    "kernel_x": "FilterWidth",
    "activation": "FusedActivationFunction",
}

OPTIONS: Mapping[str, tuple[str, Mapping[str, str]]] = {
    "ADD": ("AddOptions", {"activation": "FusedActivationFunction"}),
    "AVERAGE_POOL_2D": ("Pool2DOptions", _POOL),
    "CONV_2D": ("Conv2DOptions", _CONVOLUTION),
    "DEPTHWISE_CONV_2D": ("DepthwiseConv2DOptions", _CONVOLUTION),
    "FULLY_CONNECTED": (
        "FullyConnectedOptions",
        {"activation": "FusedActivationFunction", "weights_format": "WeightsFormat"},
    ),
    "MAX_POOL_2D": ("Pool2DOptions", _POOL),
    "SOFTMAX": ("SoftmaxOptions", {"beta": "Beta"}),
}
"""By operator: the schema's table, and its accessor for each of our names.

A depthwise convolution's multiplier and FULLY_CONNECTED's keep_num_dims repeat what shapes say.
"""

_ENUMERATIONS = {"activation": "ActivationFunctionType", "padding": "Padding"}


def names_of(enumeration: type) -> dict[int, str]:
    """Return a schema enumeration's names by value."""
    return {value: name for name, value in vars(enumeration).items() if isinstance(value, int)}


def read_options(schema: Any, operator: Any, kind: str) -> dict[str, Any]:
    """Return the options of an operator, enumerations by name.

    An operator without its table has the schema's defaults, as the table's absent fields have.

    Parameters
    ----------
    schema
        The schema package.
    operator
        The schema's Operator table.
    kind
        A key of `OPTIONS`.
    """
    table, fields = OPTIONS[kind]
    stated = operator.BuiltinOptionsType()
    expected = getattr(schema.BuiltinOptions, table)
    union = operator.BuiltinOptions()
    if union is None or stated == schema.BuiltinOptions.NONE:
        return {}
    if stated != expected:
        raise WorkloadError(f"is corrupt: {kind} has options of type {stated}, not {expected}")
    options = getattr(schema, table)()
    options.Init(union.Bytes, union.Pos)
    values = {name: getattr(options, accessor)() for name, accessor in fields.items()}
    for name, enumeration in _ENUMERATIONS.items():
        if name in values:
            known = names_of(getattr(schema, enumeration))
            if values[name] not in known:
                raise WorkloadError(f"is corrupt: {kind} has {name} {values[name]}")
            values[name] = known[values[name]]
    return values
