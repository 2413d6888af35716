"""The terminal: the table on stdout, progress on stderr while somebody is watching."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from accelsim.report.layer_table import render_layers
from accelsim.report.noise_table import render_noise
from accelsim.report.results import RunResult
from accelsim.report.table import render_table

__all__ = ["print_result", "progress_bar", "terminal_width"]


def print_result(result: RunResult) -> None:
    """Print the table of a run, as wide as the terminal (80 columns where there is none)."""
    console = Console()
    color = console.is_terminal and not console.no_color
    click.echo(render_table(result, console.width, color=color), nl=False, color=color)
    click.echo(render_noise(result, console.width), nl=False)
    if not result.has_values:
        click.echo(render_layers(result, console.width), nl=False)


def terminal_width() -> int:
    """Return the columns of the terminal, 80 where there is none."""
    return Console().width


@contextmanager
def progress_bar() -> Iterator[Callable[[str, int, int], None]]:
    """Give a function (what, steps done, steps in all) that moves a bar on stderr.

    Nothing is shown where stderr is not a terminal.
    """
    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as bar:
        task = bar.add_task("starting", total=None)
        yield lambda what, done, total: bar.update(
            task, description=what, completed=done, total=total
        )
