"""`accelsim version`: what is installed."""

from __future__ import annotations

import click

__all__ = ["version"]


@click.command(short_help="Versions of accelsim and its libraries.")
def version() -> None:
    """Print the versions of accelsim and of the libraries that its numbers depend on."""
    from accelsim.report.provenance import versions

    for name, number in versions().items():
        click.echo(f"{name} {number}")
