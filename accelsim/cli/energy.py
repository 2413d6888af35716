"""`accelsim energy`: technology tables, and how a number of a run was made."""

from __future__ import annotations

from pathlib import Path

import click

__all__ = ["energy"]


@click.group()
def energy() -> None:
    """Show technology tables, check your own, and explain the energy of a run."""


@energy.command("list")
def list_tables() -> None:
    """List the technology tables that ship with accelsim."""
    from rich import box
    from rich.console import Console
    from rich.table import Table

    from accelsim.energy import load_table, table_names
    from accelsim.units import format_nanometres, format_volts

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold")
    table.add_column("name", no_wrap=True)
    for heading in ("node", "voltage"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("description")
    values = sorted((load_table(name).values for name in table_names()), key=lambda v: -v.node)
    for one in values:
        node, voltage = format_nanometres(one.node), format_volts(one.voltage)
        table.add_row(one.name, node, voltage, one.description)
    Console(highlight=False).print(table)


@energy.command(short_help="Print every entry of a table with its source.")
@click.argument("table", default="horowitz_45nm")
def show(table: str) -> None:
    """Print every entry of TABLE, a name or a YAML file, with how it is known and its source."""
    from accelsim.energy import load_table

    loaded = load_table(table)
    entries = loaded.entries()
    for name, entry in entries.items():
        numbers = ", ".join(
            f"{field} {value:g}" if isinstance(value, float) else f"{field} {value}"
            for field, value in entry
            if isinstance(value, int | float)
        )
        click.echo(f"{name}: {numbers} per {entry.per}")
        click.echo(f"    {entry.tag}: {entry.source}")
        if entry.range:
            ends = f"x{entry.range.low:g} to x{entry.range.high:g}"
            click.echo(f"    range {ends}: {entry.range.source}")


@energy.command(short_help="Check a technology table.")
@click.argument("file", type=click.Path(path_type=Path))
def check(file: Path) -> None:
    """Check the technology table in FILE; every problem is listed with its line."""
    from accelsim.energy import load_table
    from accelsim.errors import ConfigError
    from accelsim.units import format_nanometres

    if not file.is_file():
        raise ConfigError(f"{file}: no such file")
    values = load_table(str(file.absolute() if len(file.parts) == 1 else file)).values
    click.echo(f"{file}: ok: {values.name}, {format_nanometres(values.node)}")


@energy.command(short_help="Show how the energy of a run was made.")
@click.argument("run", type=click.Path(path_type=Path))
@click.argument("layer", required=False)
@click.option("--point", help="Bit-width, such as w8a8.  [default: the first]")
def explain(run: Path, layer: str | None, point: str | None) -> None:
    """Show how the energy of the run in folder RUN, or of one LAYER, was made.

    Every line is a count times a price; the sources of the prices stand below.
    """
    from accelsim.cli.console import terminal_width
    from accelsim.report.energy_account import explain as explain_account
    from accelsim.report.energy_account import read_account

    click.echo(explain_account(read_account(run), layer, point, terminal_width()), nl=False)
