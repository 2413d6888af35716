"""The report of a sweep: a page, and the same figures for papers."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from pathlib import Path

from accelsim.errors import ConfigError
from accelsim.frontend import is_shapes
from accelsim.output_folder import reason
from accelsim.report.provenance import versions
from accelsim.report.style import to_png, to_svg
from accelsim.report.sweep_page import PageAxis, PageColumn, SweepPage, sweep_html
from accelsim.report.sweep_plots import SweepFigure, sweep_figures
from accelsim.report.words import significant
from accelsim.request import RunRequest
from accelsim.sweeps.analyse import Front, find_front, sensitivity
from accelsim.sweeps.axes import BITS, NETWORK, WIDTH_FIELDS, Choice
from accelsim.sweeps.export import whole_file
from accelsim.sweeps.expressions import Value
from accelsim.sweeps.judge import objective_costs
from accelsim.sweeps.metrics import METRICS, Objective
from accelsim.sweeps.quantization import QUANTIZATION
from accelsim.sweeps.read_store import StoredSpace, read_rows
from accelsim.sweeps.space import Space
from accelsim.sweeps.store import Store

__all__ = ["MOST_POINTS", "write_report"]

MOST_POINTS = 20_000
"""Points on a page; of more, all of the front and an even sample of the others."""


def write_report(
    store: Store,
    stored: StoredSpace,
    objectives: Sequence[Objective],
    output: Path,
    figures: Path | None,
) -> Front:
    """Write the page of a space to ``output``; return the front that it shows.

    ``figures``: a folder for the figures as SVG and PNG.

    Raises
    ------
    ConfigError
        If no point can be judged yet, or a file cannot be written.
    """
    found = find_front(stored.space, objectives, list(read_rows(store, stored)))
    if not found.judged:
        over = f": {found.over_budget:,} break {stored.space.budget_text}"
        raise ConfigError(
            f"{store.path}: no point of {stored.space.name} has results to be judged"
            f"{over if found.over_budget else ' yet'}"
        )
    shares = sensitivity(stored.space, found)
    html = sweep_html(_page(stored, found, shares))
    with whole_file(output) as partial:
        partial.write_text(html, encoding="utf-8")
    if figures is not None:
        _write_figures(stored, found, shares, figures)
    return found


def _page(
    stored: StoredSpace, found: Front, shares: Mapping[str, Mapping[str, float]]
) -> SweepPage:
    space = stored.space
    shown = _shown(found)
    members = set(found.members)
    own = [objective.name for objective in found.objectives]
    values = [_values(space, found, index) for index in shown]
    columns = {
        objective.name: PageColumn(
            objective.unit,
            objective.maximize,
            [None if value is None else _short(value[place]) for value in values],
        )
        for place, objective in enumerate(found.objectives)
    }
    for name, metric in METRICS.items():
        numbers = [found.rows[index].numbers.get(metric.column) for index in shown]
        if name not in columns and any(number is not None for number in numbers):
            columns[name] = PageColumn(metric.unit, metric.maximize, list(map(_short, numbers)))
    ways = [_way(space, found.rows[index].choice) for index in shown]
    kinds = {way: place for place, way in enumerate(dict.fromkeys(ways))}
    return SweepPage(
        title=space.name,
        lead=f"{', '.join(space.networks)} on {space.hardware} and {space.size:,} variants of it.",
        notes=_notes(stored, found, len(shown)),
        cards=_cards(found),
        axes=[
            PageAxis(
                axis.name, axis.values, [found.rows[i].choice[place] for i in shown], axis.brings
            )
            for place, axis in enumerate(space.axes)
        ],
        columns=columns,
        objectives=own,
        front=[_kind(found, members, index) for index in shown],
        keys=[found.rows[i].key[:8] for i in shown],
        sensitivity=shares,
        base=space.base,
        hardware=space.hardware,
        network=space.network,
        batch=space.batch,
        options=[_options(space, dict(way)) for way in kinds],
        operand_bits=[_operand_bits(space, dict(way)) for way in kinds],
        files={name: file.fields for name, file in space.files.items()},
        option=[kinds[way] for way in ways],
        facts={**stored.inputs, **versions()},
    )


def _shown(found: Front) -> list[int]:
    """Return the points of the page: all, or all of the front and an even sample of the rest."""
    everything = range(len(found.rows))
    if len(everything) <= MOST_POINTS:
        return list(everything)
    members = set(found.members)
    others = [index for index in everything if index not in members]
    room = max(0, MOST_POINTS - len(members))
    return sorted([*members, *random.Random(0).sample(others, min(room, len(others)))])


def _values(space: Space, found: Front, index: int) -> tuple[float, ...] | None:
    """Return the objectives of a point as people read them, of one over budget, too."""
    row = found.rows[index]
    if found.values[index] is not None or not row.numbers:
        return found.values[index]
    costs = objective_costs(space, found.objectives, row.choice, row.numbers)
    if costs is None:
        return None
    pairs = zip(found.objectives, costs, strict=True)
    return tuple(-cost if objective.maximize else cost for objective, cost in pairs)


def _kind(found: Front, members: set[int], index: int) -> int:
    if found.values[index] is None:
        return -1 if found.rows[index].numbers else 0
    return 2 if index in found.knees else int(index in members)


def _notes(stored: StoredSpace, found: Front, shown: int) -> list[str]:
    space = stored.space
    names = ", ".join(
        f"{objective.name} ({'more' if objective.maximize else 'less'} is better)"
        for objective in found.objectives
    )
    same = " of the same network" if found.by_network else ""
    notes = [
        f"{len(found.rows):,} designs are stored. {len(found.members):,} of {found.judged:,} that "
        f"are judged are on the front: no other{same} is better in {names} at once."
    ]
    missing = len(found.rows) - found.judged - found.over_budget
    if found.over_budget:
        notes.append(
            f"{found.over_budget:,} of {len(found.rows):,} break a budget ({space.budget_text}): "
            "they are shown (in orange), and not judged."
        )
    if missing:
        notes.append(f"{missing:,} could not be run: they are in the table without numbers.")
    if shown < len(found.rows):
        notes.append(
            f"This page has {shown:,} of {len(found.rows):,} points: all of the front and an even "
            "sample of the others. The figures above and below are of all points."
        )
    if not stored.current:
        notes.append("These results are of another version of accelsim.")
    return notes


def _cards(found: Front) -> list[tuple[str, str, str]]:
    if found.by_network:
        return [
            (name, f"{len(own.members):,} on its front", f"of {own.judged:,} that are judged")
            for name, own in found.by_network.items()
        ]
    cards = []
    values = [value for value in found.values if value is not None]
    for place, objective in enumerate(found.objectives):
        column = [value[place] for value in values]
        best, worst = (max, min) if objective.maximize else (min, max)
        text = f"{significant(best(column), 5)} {objective.unit}".strip()
        detail = f"worst {significant(worst(column), 5)}"
        cards.append((f"Best {objective.name}", text, detail))
    volume = "-" if found.hypervolume is None else f"{found.hypervolume:.4f}"
    cards.append(("Hypervolume", volume, "of the box from best to worst"))
    return cards


def _way(space: Space, choice: Choice) -> tuple[tuple[str, Value], ...]:
    """Return the settings of a point that are not about its machine."""
    return tuple(
        (axis.name, axis.values[index])
        for axis, index in zip(space.axes, choice, strict=True)
        if axis.name in (NETWORK, BITS, *WIDTH_FIELDS) or axis.name.startswith(QUANTIZATION)
    )


def _operand_bits(space: Space, settings: Mapping[str, Value]) -> tuple[int, int] | None:
    """Return what PEs are built for if layers have widths of their own."""
    if not space.quantized(settings).layers:
        return None
    return space.operand_bits(settings)


def _options(space: Space, settings: Mapping[str, Value]) -> list[str]:
    """Return the options of `accelsim run` that are not about the machine."""
    if is_shapes(str(settings.get(NETWORK, space.network))):
        return []
    options = [] if space.data is None else ["--data", space.data]
    if str(settings.get(NETWORK, space.network)) in space.files:
        return options
    choices = space.quantized(settings).choices
    for option, value in RunRequest(**choices).quantization_words:
        options += [option] if value is None else [option, value]
    options += ["--seed", str(choices["seed"])] if choices["seed"] else []
    return options


def _short(value: float | None) -> float | None:
    """Six digits are more than a screen shows."""
    return None if value is None else float(f"{value:.6g}")


def _write_figures(
    stored: StoredSpace, found: Front, shares: Mapping[str, Mapping[str, float]], folder: Path
) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"--figures {folder}: {reason(error)}") from None
    members = set(found.members)
    drawn = sweep_figures(
        SweepFigure(
            title=stored.space.name,
            objectives=[(objective.name, objective.unit) for objective in found.objectives],
            values=[value for value in found.values if value is not None],
            front=[i in members for i, value in enumerate(found.values) if value is not None],
            sensitivity=shares,
        )
    )
    for name, figure in drawn.items():
        for suffix, content in (("svg", to_svg(figure, name).encode()), ("png", to_png(figure))):
            with whole_file(folder / f"{name}.{suffix}") as partial:
                partial.write_bytes(content)
