"""The values of one axis: a list, or a range with steps or factors."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from accelsim.errors import ConfigError
from accelsim.hardware.fields import Field, with_values
from accelsim.hardware.schema import Hardware
from accelsim.hardware.validation import did_you_mean, value_message
from accelsim.sweeps.axes import Axis
from accelsim.sweeps.expressions import Value
from accelsim.units import shortened

__all__ = [
    "MAX_VALUES",
    "batch_axis",
    "bits_axis",
    "field_axis",
    "listed",
    "make_axis",
    "network_axis",
    "refuse_values",
]

MAX_VALUES = 100_000
"""Values of one axis, at most."""

_MOST_PROBLEMS = 5
"""Values of one axis that are complained of one by one."""

_RANGE_KEYS = ("from", "to", "step", "times")
_WIDTHS = re.compile(r"w(\d{1,2})a(\d{1,2})", re.ASCII)


def field_axis(field: Field, given: object, base: Mapping[str, Any]) -> Axis:
    """Return the axis of a field of the machine.

    Parameters
    ----------
    given
        What the file holds: a list, or ``{from, to, step}`` or ``{from, to, times}``.
    base
        The machine whose field it is.

    Raises
    ------
    ConfigError
        A line for each value that cannot be used; without the place.
    """
    values = listed(given) if isinstance(given, list) else list(_range(field, given))
    problems = []
    numbers: list[Value] = []
    for value in values:
        path = tuple(field.path.split("."))
        wrong = value_message(with_values(base, {field.path: value}), path, Hardware)
        if wrong is None:
            numbers.append(field.number(value))
        else:
            problems.append(wrong)
    refuse_values(problems)
    return make_axis(field.path, values, numbers)


def bits_axis(given: object) -> Axis:
    """Return the axis of operand widths: ``[8, 8]``, ``w4a8`` or one number for both.

    Raises ConfigError as `field_axis` does.
    """
    values = [_widths(value) for value in listed(given)]
    return make_axis("bits", values, values)


def network_axis(given: object) -> Axis:
    """Return the axis of networks; whether there are such networks is not checked here."""
    values = listed(given)
    for value in values:
        if not isinstance(value, str) or not value:
            raise ConfigError(f"must be names or paths of networks, got {shortened(value)}")
    return make_axis("network", values, values)


def batch_axis(given: object) -> Axis:
    """Return the axis of images in a batch, 1 to 65536."""
    values = listed(given)
    for value in values:
        if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= 1 << 16:
            raise ConfigError(f"must be whole numbers from 1 to 65536, got {shortened(value)}")
    return make_axis("batch", values, values)


def refuse_values(problems: list[str]) -> None:
    """Raise ConfigError with the first problems of an axis, a line each, if there are any."""
    shown = problems[:_MOST_PROBLEMS]
    if len(problems) > len(shown):
        shown.append(f"and {len(problems) - len(shown):,} more of its values cannot be used")
    if shown:
        raise ConfigError("\n".join(shown))


def make_axis(name: str, values: list[Any], numbers: list[Any]) -> Axis:
    """Return an axis of values, none of them twice."""
    seen: dict[object, object] = {}
    for value, number in zip(values, numbers, strict=True):
        key = (type(number) is bool, number)
        if key in seen:
            raise ConfigError(f"holds {value!r} twice (as {seen[key]!r})")
        seen[key] = value
    return Axis(name, tuple(values), tuple(numbers))


def listed(given: object) -> list[Any]:
    """Return the values of a list that is neither empty nor too long."""
    if not isinstance(given, list) or not given:
        raise ConfigError(f"must be a list of values, got {shortened(given)}")
    if len(given) > MAX_VALUES:
        raise ConfigError(f"must have at most {MAX_VALUES:,} values, has {len(given):,}")
    return given


def _widths(value: object) -> str:
    pair: list[object] = [value, value]
    if isinstance(value, list):
        pair = value
    elif isinstance(value, str) and (match := _WIDTHS.fullmatch(value)):
        pair = [int(match[1]), int(match[2])]
    legal = [
        isinstance(width, int) and not isinstance(width, bool) and 2 <= width <= 16
        for width in pair
    ]
    if len(pair) != 2 or not all(legal):
        raise ConfigError(
            "must be pairs of weight and activation bits from 2 to 16, such as [4, 8], w4a8 or "
            f"8, got {shortened(value)}"
        )
    return f"w{pair[0]}a{pair[1]}"


def _range(field: Field, given: object) -> Iterator[object]:
    """Yield the values of a range, its end included if a step meets it; exact in decimals."""
    if not isinstance(given, dict):
        raise ConfigError(
            "must be a list of values, or a range such as {from: 8, to: 64, step: 8} or "
            f"{{from: 8, to: 64, times: 2}}, got {shortened(given)}"
        )
    for key in given:
        if key not in _RANGE_KEYS:
            raise ConfigError(
                f"unknown key {shortened(key)} of a range{did_you_mean(key, _RANGE_KEYS)}, "
                f"allowed {', '.join(_RANGE_KEYS)}"
            )
    if "from" not in given or "to" not in given or ("step" in given) == ("times" in given):
        raise ConfigError("a range has from, to, and either step or times")
    low, high = (_end(field, given[key], key) for key in ("from", "to"))
    if high < low:
        raise ConfigError(f"a range goes upwards, from {given['from']} to {given['to']} does not")
    number = low
    if "step" in given:
        step = _end(field, given["step"], "step")
        if step <= 0:
            raise ConfigError(f"step: must be above zero, got {given['step']}")
        steps = (high - low) / step
        if steps >= MAX_VALUES:
            raise ConfigError(f"must have at most {MAX_VALUES:,} values, has {int(steps) + 1:,}")
        for index in range(int(steps) + 1):
            yield _shown(field, low + index * step)
        return
    times = given["times"]
    if isinstance(times, bool) or not isinstance(times, int) or not 2 <= times <= 1000:
        raise ConfigError(f"times: must be a whole number from 2 to 1000, got {shortened(times)}")
    if low <= 0:
        raise ConfigError(f"from: must be above zero where a range multiplies, got {given['from']}")
    while number <= high:
        yield _shown(field, number)
        number *= times


def _end(field: Field, value: object, key: str) -> Decimal:
    if field.quantity is not None:
        try:
            return Decimal(repr(field.quantity.parse(value)))
        except ConfigError as error:
            raise ConfigError(f"{key}: {error}") from None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ConfigError(f"{key}: must be a number, got {shortened(value)}")
    return Decimal(repr(value))


def _shown(field: Field, number: Decimal) -> object:
    plain = int(number) if number == int(number) else float(number)
    if field.quantity is None:
        return plain
    return str(field.quantity.show(plain))
