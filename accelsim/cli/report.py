"""`accelsim report`: the report of a run folder, drawn again from its stored numbers."""

from __future__ import annotations

from pathlib import Path

import click

__all__ = ["report"]


@click.command(short_help="Draw the report of a run folder again.")
@click.argument("folder", type=click.Path(path_type=Path))
def report(folder: Path) -> None:
    """Draw plots and report.html of the run in FOLDER again, and print its table."""
    from accelsim.cli.console import print_result
    from accelsim.report.folder import rebuild_report

    print_result(rebuild_report(folder))
    click.echo(f" Report: {folder / 'report.html'}")
