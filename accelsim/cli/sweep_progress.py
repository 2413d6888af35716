"""What a person or a machine sees of a sweep while it runs, and at its end."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from accelsim.sweeps.progress import Progress
    from accelsim.sweeps.space import Space
    from accelsim.sweeps.store import Store

__all__ = ["bar", "duration", "json_lines", "nothing", "print_end", "print_status"]

_JSON_SECONDS = 1.0
_SHOWN_REASONS = 5

Show = Callable[["Progress"], None]


@contextmanager
def nothing() -> Iterator[Show]:
    """Show nothing."""
    yield lambda _: None


@contextmanager
def json_lines() -> Iterator[Show]:
    """Print a JSON line on stdout every second."""
    shown = 0.0

    def show(progress: Progress) -> None:
        nonlocal shown
        now = time.monotonic()
        if now - shown >= _JSON_SECONDS:
            shown = now
            click.echo(json.dumps({"event": "progress", **asdict(progress)}))

    yield show


@contextmanager
def bar() -> Iterator[Show]:
    """Show a bar on stderr, where that is a terminal."""
    from rich.console import Console
    from rich.progress import BarColumn, TextColumn
    from rich.progress import Progress as Bar

    console = Console(stderr=True)
    columns = (BarColumn(bar_width=24), TextColumn("{task.description}"))
    with Bar(*columns, console=console, transient=True, disable=not console.is_terminal) as shown:
        task = shown.add_task("starting", total=None)
        yield lambda progress: shown.update(
            task, total=progress.total, completed=progress.stored, description=line(progress)
        )


def line(progress: Progress) -> str:
    """Say in one line how far a sweep is.

    >>> from accelsim.sweeps.progress import Progress
    >>> line(Progress(90, 2, 8, 0, 0, 1000, 600.0, 90.0, 10.0, {"latency": 12.345}))
    '100/1,000 points, 600/min, 1 min 30 s left, 2 failed, best latency 12.35'
    """
    from accelsim.report.words import significant

    total = "" if progress.total is None else f"/{progress.total:,}"
    parts = [f"{progress.stored:,}{total} points"]
    if progress.points_per_minute:
        parts.append(f"{progress.points_per_minute:,.0f}/min")
    if progress.eta_seconds is not None:
        parts.append(f"{duration(progress.eta_seconds)} left")
    if progress.failed:
        parts.append(f"{progress.failed:,} failed")
    parts += [f"best {name} {significant(value, 4)}" for name, value in progress.best.items()]
    return ", ".join(parts)


def duration(seconds: float) -> str:
    """Print a time as people say it.

    >>> duration(0.2), duration(59.7), duration(3700), duration(200000)
    ('under 1 s', '1 min', '1 h 1 min', '2 days 7 h')
    """
    if seconds < 1:
        return "under 1 s"
    whole = round(seconds)
    units = ((86400, "days"), (3600, "h"), (60, "min"), (1, "s"))
    first = next(index for index, (size, _) in enumerate(units) if whole >= size)
    parts = []
    for size, unit in units[first : first + 2]:
        count, whole = divmod(whole, size)
        if count:
            parts.append(f"{count} {'day' if unit == 'days' and count == 1 else unit}")
    return " ".join(parts)


def print_end(progress: Progress, space: Space, store: Path, *, as_json: bool, quiet: bool) -> None:
    """Say how a sweep ended."""
    from accelsim.report.words import significant

    if as_json:
        click.echo(json.dumps({"event": "end", "store": str(store), **asdict(progress)}))
        return
    if quiet:
        return
    computed = progress.stored - progress.found
    known = f", {progress.found:,} were there" if progress.found else ""
    click.echo(
        f"{space.name}: {progress.stored:,} points in {store} "
        f"({computed:,} computed in {duration(progress.seconds)}{known})"
    )
    if progress.over_budget:
        click.echo(
            f"  {progress.over_budget:,} break a budget ({space.budget_text}): not judged below"
        )
    if progress.impossible:
        click.echo(f"  {progress.impossible:,} cannot be built, or the network does not fit them")
    if progress.failed:
        click.echo(f"  {progress.failed:,} failed (why: accelsim sweep status {store})")
    units = {objective.name: objective.unit for objective in space.objectives}
    for name, value in progress.best.items():
        click.echo(f"  best {name}: {significant(value, 6)} {units[name]}".rstrip())
    if not progress.best and progress.done > progress.over_budget:
        click.echo(
            f"  {len(space.networks)} networks, each with its front: accelsim pareto {store}"
        )


def print_status(store: Store, *, as_json: bool) -> None:
    """Print the spaces of a store and why points failed."""
    from accelsim.sweeps.read_store import stored_spaces, why_failed

    spaces = stored_spaces(store)
    reasons = {stored.identity: why_failed(store, stored) for stored in spaces}
    if as_json:
        documents = [
            {
                "space": stored.space.name,
                "networks": list(stored.space.networks),
                "combinations": stored.space.size,
                "points": dict(stored.counts),
                "current": stored.current,
                "inputs": dict(stored.inputs),
                "reasons": [
                    {"status": status, "reason": reason, "points": count}
                    for status, reason, count in reasons[stored.identity]
                ],
            }
            for stored in spaces
        ]
        click.echo(json.dumps({"schema": "accelsim.sweep_status/1", "spaces": documents}, indent=2))
        return
    if not spaces:
        click.echo(f"{store.path}: holds no points yet")
    for stored in spaces:
        counts = [f"{stored.counts.get('done', 0):,} done"]
        for name in ("impossible", "failed"):
            if stored.counts.get(name):
                counts.append(f"{stored.counts[name]:,} {name}")
        of = f"of {stored.space.size:,} combinations"
        older = "" if stored.current else ", by another version of accelsim (kept, not used again)"
        click.echo(f"{stored.space.name}: {', '.join(counts)} {of}{older}")
        for status, reason, count in reasons[stored.identity][:_SHOWN_REASONS]:
            click.echo(f"  {count:,} {status}: {reason.splitlines()[0]}")
        more = len(reasons[stored.identity]) - _SHOWN_REASONS
        if more > 0:
            click.echo(f"  and {more:,} other reasons")
