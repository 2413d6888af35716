"""YAML files from users, as plain values that remember their lines.

YAML is parsed, never executed: tags, anchors and aliases are refused, files and nesting are
bounded, duplicate keys are problems. A problem does not stop the reading; all of a file's
problems are reported together (`accelsim.hardware.validation`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import AliasEvent, CollectionEndEvent, CollectionStartEvent, NodeEvent
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode
from ruamel.yaml.parser import Parser

from accelsim.errors import ConfigError
from accelsim.units import shortened

__all__ = ["Document", "FieldPath", "Place", "Problem", "parse_document", "read_text"]

MAX_FILE_BYTES = 256 * 1024
MAX_DEPTH = 16

FieldPath = tuple[str | int, ...]
"""Where a value sits: ("array", "rows")."""

_INTEGER = re.compile(r"[-+]?(?:0|[1-9][0-9]{0,30})")


@dataclass(frozen=True)
class Place:
    """Where a value was written: a line of a file, or something that has no lines.

    ``names_field``: the source already says which field it is (an override).
    """

    source: str
    line: int | None = None
    names_field: bool = False


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong, at one place. ``path`` is empty when it is the whole file."""

    place: Place
    path: FieldPath
    message: str

    def __str__(self) -> str:
        place = self.place
        line = "" if place.line is None else f":{place.line}"
        shows_field = self.path and not place.names_field
        field = f"{'.'.join(map(_printable, self.path))}: " if shows_field else ""
        return f"{place.source}{line}: {field}{self.message}"


@dataclass(frozen=True)
class Document:
    """The values of one YAML file, the place of every value, and what is wrong so far.

    ``places`` has at least the empty path: the file itself.
    """

    values: dict[str, object]
    places: dict[FieldPath, Place]
    problems: tuple[Problem, ...] = ()

    def place(self, path: FieldPath) -> Place:
        """Return where ``path`` was written; for what is missing, where its group was."""
        while path not in self.places:
            path = path[:-1]
        return self.places[path]

    def override(self, assignment: str) -> Document:
        """Return a copy with ``array.rows=32`` applied; what is wrong with it is a problem."""
        place = Place(f"--set {assignment}", names_field=True)
        name, equals, text = assignment.partition("=")
        keys = name.strip().split(".")
        if not equals or not all(keys) or not text.strip():
            return self._with_problem(place, "must be FIELD=VALUE (for example array.rows=32)")
        try:
            value = _scalar(_compose(text, place.source))
        except (ConfigError, ValueError):
            return self._with_problem(
                place, f"must set one number or word, got {shortened(text.strip())}"
            )
        places = self.places | {tuple(keys): place}
        for depth in range(1, len(keys)):
            places.setdefault(tuple(keys[:depth]), place)
        try:
            return replace(self, values=_assigned(self.values, keys, value), places=places)
        except KeyError as error:
            return self._with_problem(place, f"{error.args[0]!r} is a value, not a group of fields")

    def _with_problem(self, place: Place, message: str) -> Document:
        return replace(self, problems=(*self.problems, Problem(place, (), message)))


def _printable(step: str | int) -> str:
    """A key comes from the user's file: nothing in it reaches the terminal as a command."""
    text = str(step)
    return text if text.isprintable() and len(text) <= 60 else shortened(text)


def read_text(path: Path) -> str:
    """Return a text file of at most 256 KiB; raises ConfigError when it cannot be read."""
    try:
        with path.open("rb") as stream:
            data = stream.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror})") from error
    if len(data) > MAX_FILE_BYTES:
        raise ConfigError(f"{path}: must be at most {MAX_FILE_BYTES} bytes long")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: must be UTF-8 text, byte {error.start} is not") from error


def parse_document(text: str, source: str) -> Document:
    """Parse the text of a YAML file whose top level is a mapping; ``source`` names it."""
    node = _compose(text, source)
    if not isinstance(node, MappingNode):
        raise ConfigError(f"{source}:1: must be a mapping of fields")
    places: dict[FieldPath, Place] = {(): Place(source, 1)}
    problems: list[Problem] = []
    values = _mapping(node, source, (), places, problems)
    return Document(values, places, tuple(problems))


class _NotPlainError(Exception):
    """Something that `_refuse_machinery` has to look at, before anything is built of it."""


class _PlainParser(Parser):
    """A parser that gives nothing but plain mappings, sequences and scalars."""

    def __init__(self, loader: Any) -> None:
        super().__init__(loader)
        self._depth = 0

    def get_event(self) -> Any:
        event = super().get_event()
        self._depth += _step(event)
        if self._depth > MAX_DEPTH or isinstance(event, AliasEvent) or _is_marked(event):
            raise _NotPlainError
        return event


def _step(event: object) -> int:
    return isinstance(event, CollectionStartEvent) - isinstance(event, CollectionEndEvent)


def _is_marked(event: Any) -> bool:
    """Whether it has an anchor or a tag."""
    anchored = isinstance(event, NodeEvent) and bool(event.anchor)
    return anchored or getattr(event, "tag", None) is not None


def _compose(text: str, source: str) -> Node | None:
    try:
        try:
            yaml = YAML(typ="safe", pure=True)
            yaml.Parser = _PlainParser
            node: Node | None = yaml.compose(text)
        except (_NotPlainError, YAMLError):
            # What cannot run as it is may hold machinery, too, which is to be said first.
            _refuse_machinery(text, source)
            raise
    except MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        problem = " ".join(str(error.problem).split())
        raise ConfigError(f"{source}:{line}: is not YAML: {problem}") from error
    except YAMLError as error:
        raise ConfigError(f"{source}: is not YAML: {' '.join(str(error).split())}") from error
    return node


def _refuse_machinery(text: str, source: str) -> None:
    """Refuse what can run code, grow without bound or recurse, before anything is built."""
    problems = []
    depth = 0
    for event in YAML(typ="safe", pure=True).parse(text):
        here = Place(source, event.start_mark.line + 1)
        depth += _step(event)
        if depth > MAX_DEPTH:
            problems.append(Problem(here, (), f"is nested deeper than {MAX_DEPTH} levels"))
            break
        if isinstance(event, AliasEvent) or (isinstance(event, NodeEvent) and event.anchor):
            problems.append(Problem(here, (), f"anchors and aliases are refused: {event.anchor}"))
        elif getattr(event, "tag", None) is not None:
            problems.append(Problem(here, (), f"YAML tags are refused: {event.tag}"))
    if problems:
        raise ConfigError("\n".join(map(str, problems)))


def _mapping(
    node: MappingNode,
    source: str,
    path: FieldPath,
    places: dict[FieldPath, Place],
    problems: list[Problem],
) -> dict[str, object]:
    values: dict[str, object] = {}
    for key_node, value_node in node.value:
        place = Place(source, key_node.start_mark.line + 1)
        if not isinstance(key_node, ScalarNode):
            problems.append(Problem(place, path, "a key must be a word"))
            continue
        key = str(key_node.value)
        here = (*path, key)
        if key in values:
            first = places[here].line
            problems.append(Problem(place, here, f"is given twice, first in line {first}"))
            continue
        places[here] = place
        values[key] = _value(value_node, source, here, places, problems)
    return values


def _value(
    node: Node,
    source: str,
    path: FieldPath,
    places: dict[FieldPath, Place],
    problems: list[Problem],
) -> object:
    if isinstance(node, MappingNode):
        return _mapping(node, source, path, places, problems)
    if isinstance(node, SequenceNode):
        items = []
        for index, item in enumerate(node.value):
            here = (*path, index)
            places[here] = Place(source, item.start_mark.line + 1)
            items.append(_value(item, source, here, places, problems))
        return items
    return _scalar(node)


def _scalar(node: Node | None) -> object:
    """Return a YAML 1.2 scalar: what is not a plain number, truth value or null stays text."""
    if not isinstance(node, ScalarNode):
        raise ValueError("not a scalar")
    text = str(node.value)
    kind = str(node.tag).rpartition(":")[2]
    if kind == "int" and _INTEGER.fullmatch(text):
        return int(text)
    if kind == "bool":
        return text.lower() == "true"
    if kind == "null":
        return None
    if kind == "float":
        try:
            return float(text)
        except ValueError:
            return text
    return text


def _assigned(values: dict[str, object], keys: list[str], value: object) -> dict[str, object]:
    if len(keys) == 1:
        return values | {keys[0]: value}
    group = values.get(keys[0], {})
    if not isinstance(group, dict):
        raise KeyError(keys[0])
    return values | {keys[0]: _assigned(group, keys[1:], value)}
