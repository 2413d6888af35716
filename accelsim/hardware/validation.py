"""From a document to a checked value, or to one error that lists every problem, a line each.

edge16.yaml:7: array.colums: unknown field (did you mean 'columns'?)
--set array.rows=0: must be 1 to 1024, got 0
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from types import UnionType
from typing import Any, Literal, TypeVar, get_args, get_origin

from pydantic import BaseModel, GetCoreSchemaHandler, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails, PydanticCustomError, core_schema

from accelsim.errors import ConfigError
from accelsim.hardware.yaml_files import Document, FieldPath, Problem
from accelsim.units import shortened

__all__ = ["Complaint", "Quantity", "did_you_mean", "raise_complaints", "validate", "value_message"]

ModelT = TypeVar("ModelT", bound=BaseModel)

_FROM_TEXT = {"from_text": True}
_KINDS = {
    "hardware": "a machine (--hardware takes it)",
    "topology": "a network of shapes (accelsim run takes it as NETWORK)",
    "space": "a space of designs (accelsim sweep takes it)",
    "energy": "an energy table (technology.table of a machine names it)",
    "dram": "a DRAM table (technology.dram_table of a machine names it)",
}
"""What the files of accelsim are, by the word of their schema."""
_COMPLAINTS = "accelsim_complaints"


@dataclass(frozen=True)
class Complaint:
    """A cross-field check that failed: the field to change and the whole message."""

    path: FieldPath
    message: str


def raise_complaints(complaints: Iterable[Complaint]) -> None:
    """Raise, inside a pydantic validator, all complaints of one model; none: return."""
    found = tuple(complaints)
    if found:
        text = "; ".join(f"{'.'.join(map(str, c.path))}: {c.message}" for c in found)
        raise PydanticCustomError(_COMPLAINTS, "{text}", {"text": text, "complaints": found})


@dataclass(frozen=True)
class Quantity:
    """Field metadata: the value is text with a unit in files and dumps, a number in memory.

    A file must state the unit. Code that builds a model passes the number itself, in the unit
    that the field's documentation states.
    """

    parse: Callable[[object], float]
    show: Callable[[Any], str]

    def __get_pydantic_core_schema__(
        self, source: object, handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        """Parse before the range checks; print with the unit in JSON mode."""
        return core_schema.with_info_before_validator_function(
            self._number,
            handler(source),
            serialization=core_schema.plain_serializer_function_ser_schema(
                self.show, when_used="json"
            ),
        )

    def _number(self, value: object, info: core_schema.ValidationInfo[Any]) -> object:
        if not isinstance(value, str) and not info.context:
            return value
        try:
            return self.parse(value)
        except ConfigError as error:
            raise PydanticCustomError("accelsim_unit", "{text}", {"text": str(error)}) from error


def validate(document: Document, model: type[ModelT]) -> ModelT:
    """Return the document as a ``model``, or raise ConfigError with every problem in file order.

    A file of another kind has one problem: that it is one.
    """
    _refuse_other_kinds(document, model)
    problems = list(document.problems)
    checked: ModelT | None = None
    try:
        checked = model.model_validate(document.values, context=_FROM_TEXT)
    except ValidationError as failure:
        problems += _problems(document, model, failure)
    if problems or checked is None:
        problems.sort(key=lambda problem: problem.place.line or 1 << 30)
        raise ConfigError("\n".join(map(str, problems)))
    return checked


def _refuse_other_kinds(document: Document, model: type[BaseModel]) -> None:
    form = next((info for info in model.model_fields.values() if info.alias == "schema"), None)
    if form is None:
        return
    given, wanted = str(document.values.get("schema")), _choices(form.annotation)[0]
    kinds = [re.fullmatch(r"accelsim\.([a-z]+)/\d+", schema) for schema in (given, str(wanted))]
    if kinds[0] and kinds[1] and kinds[0][1] != kinds[1][1] and kinds[0][1] in _KINDS:
        what, other = (_KINDS[kind[1]] for kind in kinds if kind)
        message = f"is {given!r}: {what}, not {other.partition(' (')[0]}"
        raise ConfigError(str(Problem(document.place(("schema",)), ("schema",), message)))


def value_message(values: Mapping[str, Any], path: FieldPath, model: type[BaseModel]) -> str | None:
    """Return what is wrong with the value at ``path`` itself, whatever the rest of ``values`` is.

    ``values`` is as in a file; a value that only does not go with another one is not reported.
    """
    try:
        model.model_validate(values, context=_FROM_TEXT)
    except ValidationError as failure:
        for error in failure.errors():
            if error["loc"] == path and error["type"] != _COMPLAINTS:
                return _message(model, error)
    return None


def did_you_mean(word: object, allowed: Iterable[str]) -> str:
    """Return `` (did you mean 'x'?)`` for the closest allowed word, or an empty string."""
    close = difflib.get_close_matches(str(word), list(allowed), n=1)
    return f" (did you mean {close[0]!r}?)" if close else ""


def _problems(
    document: Document, model: type[BaseModel], failure: ValidationError
) -> list[Problem]:
    problems: list[Problem] = []
    misspelt: set[FieldPath] = set()
    missing: list[FieldPath] = []
    for error in failure.errors():
        path = error["loc"]
        if error["type"] == "missing":
            missing.append(path)
        elif error["type"] == "extra_forbidden":
            allowed = _field_names(_owner(model, path))
            close = difflib.get_close_matches(str(path[-1]), allowed, n=1)
            misspelt.update((*path[:-1], name) for name in close)
            hint = did_you_mean(path[-1], allowed) or f", allowed {', '.join(allowed)}"
            problems.append(Problem(document.place(path), path, f"unknown field{hint}"))
        elif error["type"] == _COMPLAINTS:
            for complaint in error["ctx"]["complaints"]:
                where = (*path, *complaint.path)
                problems.append(Problem(document.place(where), where, complaint.message))
        else:
            problems.append(Problem(document.place(path), path, _message(model, error)))
    # A misspelt field is also a missing one: one mistake, one line.
    problems += [
        Problem(document.place(path), path, "is missing")
        for path in missing
        if path not in misspelt
    ]
    return problems


def _message(model: type[BaseModel], error: ErrorDetails) -> str:
    kind, value = error["type"], error["input"]
    field = _field(model, error["loc"])
    if kind == "accelsim_unit":
        return str(error["ctx"]["text"])
    if kind in ("enum", "literal_error") and field is not None:
        allowed = _choices(field.annotation)
        listed = ", ".join(map(repr, allowed))
        hint = did_you_mean(value, map(str, allowed))
        return f"must be one of {listed}, got {_brief(value)}{hint}"
    if kind in ("greater_than_equal", "less_than_equal") and field is not None:
        return f"must be {_range(field)}, got {_shown(field, value)}"
    return f"{_EXPECTED.get(kind) or error['msg']}, got {_brief(value)}"


_EXPECTED = {
    "int_type": "must be a whole number",
    "int_from_float": "must be a whole number",
    "float_type": "must be a number",
    "finite_number": "must be a finite number",
    "bool_type": "must be true or false",
    "string_type": "must be text",
    "string_too_short": "must not be empty",
    "string_too_long": "is too long",
    "too_short": "must not be empty",
    "too_long": "is too long",
    "model_type": "must be a group of fields",
    "dict_type": "must be a group of fields",
}


def _brief(value: object) -> str:
    if isinstance(value, Mapping | list):
        return "a group of fields" if isinstance(value, Mapping) else "a list"
    if isinstance(value, bool):
        return str(value).lower()
    return "nothing" if value is None else shortened(value)


def _range(field: FieldInfo) -> str:
    """Say the field's whole range, so that one try is enough to get it right."""
    ends = (getattr(item, end, None) for end in ("ge", "le") for item in field.metadata)
    return " to ".join(_shown(field, end) for end in ends if end is not None)


def _shown(field: FieldInfo, value: Any) -> str:
    quantity = next((item for item in field.metadata if isinstance(item, Quantity)), None)
    return quantity.show(value) if quantity else repr(value)


def _choices(annotation: Any) -> list[str]:
    if get_origin(annotation) is Literal:
        return list(get_args(annotation))
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return [str(member.value) for member in annotation]
    return []


def _field_names(model: type[BaseModel] | None) -> list[str]:
    return [info.alias or name for name, info in model.model_fields.items()] if model else []


def _owner(model: type[BaseModel], path: FieldPath) -> type[BaseModel] | None:
    """Return the model that the last step of ``path`` is (or is not) a field of."""
    kind: Any = model
    for step in path[:-1]:
        kind = _inside(kind, step)
    return kind if isinstance(kind, type) and issubclass(kind, BaseModel) else None


def _field(model: type[BaseModel], path: FieldPath) -> FieldInfo | None:
    owner = _owner(model, path)
    if owner is None or not path:
        return None
    for name, info in owner.model_fields.items():
        if path[-1] in (info.alias, name):
            return info
    return None


def _present(annotation: Any) -> Any:
    """Return what a field holds if it holds anything: ``X`` of ``X | None``."""
    kinds = [kind for kind in get_args(annotation) if kind is not type(None)]
    optional = get_origin(annotation) is UnionType and len(kinds) == 1
    return kinds[0] if optional else annotation


def _inside(kind: Any, step: str | int) -> Any:
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        info = _field(kind, (step,))
        return _present(info.annotation) if info else None
    return get_args(kind)[1] if get_origin(kind) is dict else None
