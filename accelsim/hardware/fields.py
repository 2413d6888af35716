"""The fields of a description by dotted path, and what is wrong with one value of one of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, get_args

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from accelsim.errors import ConfigError
from accelsim.hardware.schema import Hardware
from accelsim.hardware.validation import Quantity
from accelsim.units import shortened

__all__ = ["Field", "hardware_fields", "with_values"]

_LABELS = ("schema", "name", "description", "source")
"""Fields that say what a machine is called; they change nothing that it does."""


@dataclass(frozen=True)
class Field:
    """A field that holds one value: ``array.rows``. ``quantity``: how its text is read."""

    path: str
    quantity: Quantity | None

    def number(self, value: object) -> float | int | str | bool:
        """Return a value of a file as the number it means; a text without a unit is itself.

        >>> hardware_fields()["clock"].number("1GHz"), hardware_fields()["array.rows"].number(8)
        (1000000000.0, 8)

        Raises ConfigError if it is no single value.
        """
        if self.quantity is not None:
            number: float | int = self.quantity.parse(value)
            return number
        if not isinstance(value, bool | int | float | str):
            raise ConfigError(f"must be one value, got {shortened(value)}")
        return value


def hardware_fields() -> dict[str, Field]:
    """Return the fields of a machine that change what it does, in the order of the file.

    >>> "array.rows" in hardware_fields(), "name" in hardware_fields()
    (True, False)
    """
    return {field.path: field for field in _leaves(Hardware, ()) if field.path not in _LABELS}


def with_values(description: Mapping[str, Any], changes: Mapping[str, object]) -> dict[str, Any]:
    """Return a description with other values at the dotted paths of ``changes``.

    >>> with_values({"array": {"rows": 8, "columns": 8}}, {"array.rows": 16})
    {'array': {'rows': 16, 'columns': 8}}
    """
    changed = dict(description)
    for path, value in changes.items():
        *groups, name = path.split(".")
        inner = changed
        for group in groups:
            inner[group] = dict(inner.get(group) or {})
            inner = inner[group]
        inner[name] = value
    return changed


def _leaves(model: type[BaseModel], before: tuple[str, ...]) -> Iterator[Field]:
    for name, info in model.model_fields.items():
        path = (*before, info.alias or name)
        inner = _group(info)
        if inner is not None:
            yield from _leaves(inner, path)
        else:
            quantity = next((item for item in info.metadata if isinstance(item, Quantity)), None)
            yield Field(".".join(path), quantity)


def _group(info: FieldInfo) -> type[BaseModel] | None:
    """Return the model of a group of fields, one that may be left out included."""
    kinds = (info.annotation, *get_args(info.annotation))
    return next((k for k in kinds if isinstance(k, type) and issubclass(k, BaseModel)), None)
