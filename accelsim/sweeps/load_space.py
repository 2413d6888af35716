"""Space files: from YAML to a checked `Space`, or to one error with every problem, a line each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from accelsim.hardware.fields import hardware_fields
from accelsim.hardware.schema import Hardware
from accelsim.hardware.validation import validate
from accelsim.hardware.yaml_files import Document, FieldPath, Place, parse_document, read_text
from accelsim.sweeps.axes import BATCH, NETWORK, flat_names
from accelsim.sweeps.expressions import Expression, Kind, kind_of
from accelsim.sweeps.metrics import RESULT_NAMES
from accelsim.sweeps.quantization import Quantization
from accelsim.sweeps.space import Space, Strategy
from accelsim.sweeps.space_checker import SpaceChecker
from accelsim.sweeps.space_form import SpaceFile

__all__ = ["load_space", "make_space", "names_of"]


def load_space(path: str | Path) -> Space:
    """Read a space file.

    Raises
    ------
    ConfigError
        With every problem of the file, a line each: ``file:line: field: what is wrong``.
    """
    file = Path(path)
    text = read_text(file)
    return _space(parse_document(text, str(path)), text, file.parent)


def make_space(values: Mapping[str, Any], folder: Path | None = None) -> Space:
    """Return the space of values as a file holds them; paths start in ``folder``.

    Raises ConfigError as `load_space` does, without lines.
    """
    from accelsim.sweeps.keys import canonical_json

    source = "space"
    places: dict[FieldPath, Place] = {(): Place(source)}
    return _space(Document(dict(values), places), canonical_json(values), folder or Path())


def _space(document: Document, text: str, folder: Path) -> Space:
    checker = SpaceChecker(document, folder)
    base = checker.base()
    axes = checker.axes(base)
    names = names_of(base)
    budgets: list[Expression] = []
    constraints: list[Expression] = []
    for constraint in checker.constraints(names):
        is_budget = constraint.names & RESULT_NAMES.keys()
        (budgets if is_budget else constraints).append(constraint)
    networks = checker.networks(axes)
    objectives = checker.objectives(names, networks)
    checker.strategy(axes)
    values = validate(replace(document, problems=tuple(checker.problems)), SpaceFile)
    return Space(
        name=values.name,
        text=text,
        source=document.place(()).source,
        folder=folder,
        network=values.network,
        data=values.data,
        batch=values.batch,
        hardware=values.hardware,
        base=base,
        axes=tuple(axes),
        constraints=tuple(constraints),
        budgets=tuple(budgets),
        objectives=tuple(objectives),
        quantization=Quantization(**values.quantization.model_dump(mode="json")),
        strategy=Strategy(**values.strategy.model_dump()),
    )


def names_of(base: Mapping[str, Any]) -> dict[str, Kind]:
    """Return the names of a design and of its results, for expressions."""
    if not base:
        return {}
    machine = validate(Document(dict(base), {(): Place("hardware")}), Hardware)
    flat = flat_names(machine.model_dump(by_alias=True))
    known = {path: kind_of(flat[path]) for path in hardware_fields() if path in flat}
    known |= {"weight_bits": Kind.NUMBER, "activation_bits": Kind.NUMBER}
    return known | {BATCH: Kind.NUMBER, NETWORK: Kind.TEXT} | RESULT_NAMES
