"""From the text of a topology file to its lines, all of a file's problems at once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from accelsim.errors import ConfigError, WorkloadError
from accelsim.frontend.topology.schema import (
    LAYER_KINDS,
    LayerFields,
    RepeatFields,
    TopologyFields,
)
from accelsim.hardware.validation import ModelT, did_you_mean, validate
from accelsim.hardware.yaml_files import Document, FieldPath, Place, Problem, parse_document
from accelsim.units import shortened

__all__ = ["LayerLine", "TopologyLines", "read_topology"]


@dataclass(frozen=True)
class LayerLine:
    """A layer as it is written, and where; ``prefix``: of its repetition's names."""

    fields: LayerFields
    place: Place
    prefix: str = ""
    begins: bool = False
    """Whether it is the first of a repetition."""


@dataclass(frozen=True)
class TopologyLines:
    """A file: its head, and its layers with repetitions written out."""

    head: TopologyFields
    layers: tuple[LayerLine, ...]
    place: Place


def read_topology(text: str, source: str) -> TopologyLines:
    """Check every line against its kind.

    Raises
    ------
    WorkloadError
        With every problem of the file, a line each.
    """
    try:
        document = parse_document(text, source)
    except ConfigError as error:
        raise WorkloadError(str(error)) from None
    reader = _Reader(document)
    head = reader.check((), TopologyFields)
    written = document.values.get("layers")
    layers = tuple(reader.lines(("layers",), written)) if isinstance(written, list) else ()
    if head is None or reader.problems:
        raise WorkloadError("\n".join(reader.problems))
    return TopologyLines(head, layers, document.place(()))


@dataclass
class _Reader:
    document: Document
    problems: list[str] = field(default_factory=list)

    def check(self, path: FieldPath, model: type[ModelT]) -> ModelT | None:
        """Return what is written at ``path`` as a ``model``, or note its problems."""
        try:
            return validate(self._part(path), model)
        except ConfigError as error:
            self.problems += str(error).splitlines()
            return None

    def lines(self, path: FieldPath, written: list[Any], depth: int = 0) -> Iterator[LayerLine]:
        for index, value in enumerate(written):
            here = (*path, index)
            if not isinstance(value, dict):
                self._note(here, "a layer must be a group of fields")
            elif "repeat" in value and not depth:
                yield from self._repeat(here)
            else:
                yield from self._layer(here, value)

    def _repeat(self, path: FieldPath) -> Iterator[LayerLine]:
        fields = self.check(path, RepeatFields)
        if fields is None:
            return
        once = tuple(self.lines((*path, "layers"), fields.layers, depth=1))
        for number in range(fields.repeat):
            prefix = f"{fields.name}{number}_"
            for index, line in enumerate(once):
                yield LayerLine(line.fields, line.place, prefix, begins=index == 0)

    def _layer(self, path: FieldPath, value: dict[str, object]) -> Iterator[LayerLine]:
        kind = value.get("op")
        if kind not in LAYER_KINDS:
            listed = ", ".join(LAYER_KINDS)
            got = "nothing" if kind is None else shortened(kind)
            hint = did_you_mean(kind, LAYER_KINDS)
            self._note(path, f"op: must be one of {listed}, got {got}{hint}")
            return
        fields = self.check(path, LAYER_KINDS[str(kind)])
        if fields is not None:
            yield LayerLine(fields, self.document.place(path))

    def _part(self, path: FieldPath) -> Document:
        """Return the document below ``path``; its messages name fields from there."""
        values: Any = self.document.values
        for step in path:
            values = values[step]
        places = {
            place[len(path) :]: at
            for place, at in self.document.places.items()
            if place[: len(path)] == path
        }
        return Document(values, places, () if path else self.document.problems)

    def _note(self, path: FieldPath, message: str) -> None:
        self.problems.append(str(Problem(self.document.place(path), (), message)))
