"""What is varied: the axes of a space, and the choices of one value each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from accelsim.hardware.fields import hardware_fields
from accelsim.sweeps.expressions import Value

__all__ = [
    "BATCH",
    "BITS",
    "NETWORK",
    "WIDTH_FIELDS",
    "Axis",
    "Choice",
    "flat_names",
    "parse_widths",
    "width_names",
]

BITS, NETWORK, BATCH = "bits", "network", "batch"
"""Axes that are not fields of the machine."""

Choice = tuple[int, ...]
"""The index of a value for each axis."""

WIDTH_FIELDS = ("array.weight_bits", "array.activation_bits")


@dataclass(frozen=True)
class Axis:
    """What is varied, in the order of the file.

    ``values`` are as a file holds them ("64KiB"), ``numbers`` as expressions see them (65536).
    A value of the axis ``bits`` is "w4a8". ``brings``: for every value, if anything, other fields
    of the machine that come with it, as a file holds them.
    """

    name: str
    values: tuple[Value, ...]
    numbers: tuple[Value, ...]
    brings: tuple[Mapping[str, Value], ...] = ()

    @cached_property
    def brought_numbers(self) -> tuple[Mapping[str, Value], ...]:
        """What each value brings, as expressions see it."""
        fields = hardware_fields()
        return tuple(
            {name: fields[name].number(value) for name, value in brought.items()}
            for brought in self.brings
        )


def parse_widths(text: str) -> tuple[int, int]:
    """Return weight and activation bits of ``w4a8``."""
    weights, _, activations = text[1:].partition("a")
    return int(weights), int(activations)


def width_names(weight_bits: int, activation_bits: int) -> dict[str, Value]:
    """Return the names by which expressions read operand widths."""
    widths: dict[str, Value] = {"weight_bits": weight_bits, "activation_bits": activation_bits}
    return widths | {f"array.{name}": value for name, value in widths.items()}


def flat_names(description: Mapping[str, Any], before: str = "") -> dict[str, Value]:
    """Return the values of a description by dotted path, enumerations as their texts."""
    flat: dict[str, Value] = {}
    for key, value in description.items():
        if isinstance(value, Mapping):
            flat |= flat_names(value, f"{before}{key}.")
        elif isinstance(value, str):
            flat[f"{before}{key}"] = str(value)
        elif isinstance(value, bool | int | float):
            flat[f"{before}{key}"] = value
    return flat
