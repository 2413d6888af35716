"""JSON documents back into records, field by field as the records declare them.

A run folder may have been edited: every value is checked for its type, and every number is
finite and not negative, as all numbers of a run are.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, fields, is_dataclass
from math import isfinite
from types import UnionType
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from accelsim.errors import DataError
from accelsim.hardware.validation import did_you_mean
from accelsim.units import shortened

__all__ = ["LARGEST_NUMBER", "read_fields", "read_record", "require_fields"]

LARGEST_NUMBER = 1e30
"""No count, cycle or energy of a run is anywhere near; larger ones overflow on their way."""

Record = TypeVar("Record")


def read_record(kind: type[Record], document: object, where: str) -> Record:
    """Return a document as a record of ``kind``, a dataclass; ``where`` names it in messages.

    Fields are numbers, text, None, mappings, sequences or dataclasses of these.

    Raises
    ------
    DataError
        If a field is missing, not known, or not what the record declares.
    """
    names = [field.name for field in fields(kind)]  # type: ignore[arg-type]
    found = require_fields(document, names, where)
    return kind(**read_fields(kind, names, found, where))


def require_fields(document: object, known: Sequence[str], where: str) -> dict[str, Any]:
    """Return a document that is a group of fields, all of them ``known``."""
    if not isinstance(document, dict):
        raise _refusal(where, "a group of fields", document)
    for name in document:
        if name not in known:
            place = _inside(where, _name(name))
            raise DataError(f"{place}: unknown field{did_you_mean(name, known)}")
    return document


def read_fields(
    kind: type[Any], names: Sequence[str], document: Mapping[str, object], where: str
) -> dict[str, Any]:
    """Return the fields ``names`` of a record of ``kind``; those with a default may be missing."""
    hints = get_type_hints(kind)
    values: dict[str, Any] = {}
    for field in fields(kind):
        if field.name in names:
            if field.name in document:
                place = _inside(where, field.name)
                values[field.name] = _checked(hints[field.name], document[field.name], place)
            elif field.default is MISSING and field.default_factory is MISSING:
                raise DataError(f"{_inside(where, field.name)}: is missing")
    return values


def _inside(where: str, name: str) -> str:
    return f"{where}: {name}" if where.endswith(".json") else f"{where}.{name}"


def _checked(hint: Any, value: object, place: str) -> Any:
    origin, inner = get_origin(hint), get_args(hint)
    if origin is UnionType:
        if value is None:
            return None
        return _checked(inner[0], value, place)
    if is_dataclass(hint):
        return read_record(hint, value, place)  # type: ignore[arg-type]
    if origin in (tuple, Sequence):
        if not isinstance(value, list):
            raise _refusal(place, "a list", value)
        items = [_checked(inner[0], item, f"{place}[{i}]") for i, item in enumerate(value)]
        return tuple(items) if origin is tuple else items
    if origin is Mapping:
        if not isinstance(value, dict):
            raise _refusal(place, "a group of fields", value)
        return {
            _text(name, place): _checked(inner[1], item, f"{place}.{_name(name)}")
            for name, item in value.items()
        }
    if hint is str:
        return _text(value, place)
    if hint is bool:
        if not isinstance(value, bool):
            raise _refusal(place, "true or false", value)
        return value
    if hint in (int, float):
        return _number(hint, value, place)
    return _plain(value, place)


def _plain(value: object, place: str) -> object:
    """Whatever JSON has, but nothing that cannot be written again."""
    if isinstance(value, str):
        return _text(value, place)
    if isinstance(value, list):
        return [_plain(item, f"{place}[{index}]") for index, item in enumerate(value)]
    if isinstance(value, dict):
        return {
            _text(name, place): _plain(item, f"{place}.{_name(name)}")
            for name, item in value.items()
        }
    if isinstance(value, float) and not isfinite(value):
        raise _refusal(place, "a finite number", value)
    return value


def _number(kind: type[int] | type[float], value: object, place: str) -> int | float:
    what = "a whole number" if kind is int else "a number"
    allowed = (int,) if kind is int else (int, float)
    if isinstance(value, bool) or not isinstance(value, allowed):
        raise _refusal(place, what, value)
    # Not a number is below nothing and above nothing.
    if not 0 <= value <= LARGEST_NUMBER:
        raise _refusal(place, f"{what} from 0 to {LARGEST_NUMBER:g}", value)
    return kind(value)


def _text(value: object, place: str) -> str:
    if not isinstance(value, str):
        raise _refusal(place, "text", value)
    if any(unicodedata.category(letter) in ("Cc", "Cs") for letter in value if letter != "\n"):
        raise _refusal(place, "text without control characters", value)
    return value


def _name(name: str) -> str:
    return name if name.isidentifier() else shortened(name)


def _refusal(place: str, what: str, value: object) -> DataError:
    return DataError(f"{place}: must be {what}, got {shortened(value)}")
