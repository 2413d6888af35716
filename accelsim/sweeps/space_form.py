"""The form of a space file, and how one objective is written in it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from accelsim.errors import ConfigError
from accelsim.frontend import LARGEST_SEED
from accelsim.hardware.quantities import Count, Part, Text, Word
from accelsim.hardware.validation import did_you_mean, value_message
from accelsim.network import NARROWEST_SCALE_BITS, WIDEST_SCALE_BITS
from accelsim.quantize import LayerBits, RangeMethod, WeightRounding
from accelsim.quantize.layer_bits import check_layer_bits
from accelsim.quantize.weight_groups import LARGEST_GROUP
from accelsim.sweeps.axes import Axis
from accelsim.sweeps.axis_values import listed, make_axis, refuse_values
from accelsim.sweeps.expressions import Kind, parse_expression
from accelsim.sweeps.metrics import METRICS, Objective, metric_objective
from accelsim.sweeps.quantization import NOTHING, QUANTIZATION, layer_choice
from accelsim.units import shortened

__all__ = [
    "MAX_GRID_POINTS",
    "QUANTIZATION_CHOICES",
    "SpaceFile",
    "layer_axis",
    "quantization_axis",
    "read_objective",
]

MAX_GRID_POINTS = 10_000_000
"""Points of a grid, at most; larger spaces can be sampled."""


def _refusal(error: ConfigError) -> PydanticCustomError:
    return PydanticCustomError("accelsim_unit", "{text}", {"text": str(error)})


def _layer_bits(text: str) -> str:
    try:
        return str(LayerBits.parse(text))
    except ConfigError as error:
        raise _refusal(error) from None


def _each_layer_once(texts: tuple[str, ...]) -> tuple[str, ...]:
    try:
        check_layer_bits([LayerBits.parse(text) for text in texts])
    except ConfigError as error:
        raise _refusal(error) from None
    return texts


_LayerBits = Annotated[Text, AfterValidator(_layer_bits)]


class _QuantizationPart(Part):
    per_channel: bool = True
    group_size: Annotated[int | None, Field(ge=1, le=LARGEST_GROUP)] = None
    scale_bits: Annotated[int, Field(ge=NARROWEST_SCALE_BITS, le=WIDEST_SCALE_BITS)] = 8
    symmetric_activations: bool = False
    asymmetric_weights: bool = False
    range_method: Annotated[RangeMethod, Field(strict=False)] = RangeMethod.MIN_MAX
    weight_range_method: Literal["min_max", "percentile", "mse", "kl", "octav"] = "min_max"
    percentile: Annotated[float, Field(gt=0, le=100)] = 99.9
    equalize: bool = False
    smooth: Annotated[float | None, Field(ge=0, le=1)] = None
    weight_rounding: Annotated[WeightRounding, Field(strict=False)] = WeightRounding.NEAREST
    correct_biases: bool = False
    layer_bits: Annotated[
        tuple[_LayerBits, ...], Field(strict=False), AfterValidator(_each_layer_once)
    ] = ()
    seed: Annotated[int, Field(ge=0, le=LARGEST_SEED)] = 0


QUANTIZATION_CHOICES = tuple(
    name for name in _QuantizationPart.model_fields if name != "layer_bits"
)
"""What an axis can vary; widths of layers have an axis for each layer."""

_MAY_BE_LEFT_OUT = {"smooth": "0 to 1", "group_size": f"1 to {LARGEST_GROUP}"}


class _StrategyPart(Part):
    method: Literal["grid", "random", "latin_hypercube", "nsga2", "tpe"] = "grid"
    points: Annotated[int | None, Field(ge=1, le=MAX_GRID_POINTS)] = None
    seed: Annotated[int, Field(ge=0, le=2**31)] = 0


class SpaceFile(Part):
    """The form of a space file; what axes, constraints and objectives hold is checked apart."""

    schema_version: Literal["accelsim.space/1"] = Field(alias="schema")
    name: Word
    description: Text = ""
    network: Word = "digits_cnn"
    data: Word | None = None
    hardware: Word = "edge_16x16"
    batch: Count = 1
    axes: dict[str, Any]
    constraints: tuple[Any, ...] | list[Any] = ()
    objectives: tuple[Any, ...] | list[Any] = ()
    quantization: _QuantizationPart = _QuantizationPart()
    strategy: _StrategyPart = _StrategyPart()


def quantization_axis(name: str, given: object) -> Axis:
    """Return the axis ``quantization.NAME``; its values are as in the section ``quantization``.

    The axes ``quantization.smooth`` and ``quantization.group_size`` have ``none`` for a network
    that is left as it is, and for weights without groups.

    Raises
    ------
    ConfigError
        A line for each value that cannot be used; without the place.
    """
    values = listed(given)
    field = name.removeprefix(QUANTIZATION)
    problems = []
    for value in values:
        if field in _MAY_BE_LEFT_OUT and value == NOTHING:
            continue
        section = {"quantization": {field: value}}
        wrong = value_message(section, ("quantization", field), SpaceFile)
        if wrong is None and value is None:
            wrong = f"must be {_MAY_BE_LEFT_OUT[field]}, or {NOTHING}, got nothing"
        problems += [] if wrong is None else [wrong]
    refuse_values(problems)
    return make_axis(name, values, values)


def layer_axis(name: str, given: object) -> Axis:
    """Return the axis ``quantization.layer_bits.LAYER``: ``w4a8``, ``w4``, ``a8``, 8 or ``none``.

    Whether networks have such a layer is not checked here.

    Raises
    ------
    ConfigError
        A line for each value that cannot be used; without the place.
    """
    problems: list[str] = []
    values: list[str] = []
    for value in listed(given):
        try:
            if value == NOTHING:
                values.append(NOTHING)
                continue
            entry = layer_choice(name, value)
            values.append(str(entry).removeprefix(f"{entry.layer}="))
        except ConfigError as error:
            problems.append(str(error))
    refuse_values(problems)
    return make_axis(name, values, values)


def read_objective(item: object, names: Mapping[str, Kind]) -> Objective | None:
    """Return the objective ``latency``, or ``{name: pes, minimize: array.rows * 2}``.

    Without names, as the machine has problems of its own, there is no expression to check.
    """
    if isinstance(item, str):
        if item not in METRICS:
            raise ConfigError(
                f"must be one of {', '.join(METRICS)}, got {shortened(item)}"
                f"{did_you_mean(item, METRICS)}"
            )
        return metric_objective(item)
    ways = ("minimize", "maximize")
    if not isinstance(item, dict) or not isinstance(item.get("name"), str):
        raise ConfigError("must be a name, or {name: ..., minimize: EXPRESSION}")
    way = [key for key in ways if key in item]
    if len(way) != 1 or set(item) - {"name", *ways} or not isinstance(item[way[0]], str):
        raise ConfigError("must have a name, and an expression to minimize or to maximize")
    if item["name"] in METRICS or not item["name"].isidentifier():
        raise ConfigError(f"{shortened(item['name'])} cannot be the name of an expression")
    if not names:
        return None
    expression = parse_expression(item[way[0]], names)
    if expression.kind is not Kind.NUMBER:
        raise ConfigError(f"must give a number, {expression.text!r} gives {expression.kind}")
    return Objective(item["name"], expression, way[0] == "maximize")
