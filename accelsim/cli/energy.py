"""`accelsim energy`: technology tables, and how a number of a run was made."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from accelsim.energy.entries import Sourced

__all__ = ["energy"]


@click.group()
def energy() -> None:
    """Show technology and DRAM tables, check your own, and explain the energy of a run."""


@energy.command("list", short_help="List the tables that ship with accelsim.")
def list_tables() -> None:
    """List the technology tables and the DRAM tables that ship with accelsim."""
    from rich import box
    from rich.console import Console
    from rich.table import Table

    from accelsim.energy import load_table, table_names
    from accelsim.energy.dram_table import dram_table_names, load_dram_table
    from accelsim.units import format_nanometres, format_volts

    console = Console(highlight=False)
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold")
    table.add_column("name", no_wrap=True)
    for heading in ("node", "voltage"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("description")
    values = sorted((load_table(name).values for name in table_names()), key=lambda v: -v.node)
    for one in values:
        node, voltage = format_nanometres(one.node), format_volts(one.voltage)
        table.add_row(one.name, node, voltage, one.description)
    console.print(table)
    memories = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold")
    memories.add_column("DRAM table", no_wrap=True)
    for heading in ("types", "description"):
        memories.add_column(heading)
    for name in dram_table_names():
        dram = load_dram_table(name).values
        memories.add_row(dram.name, ", ".join(dram.types), dram.description)
    console.print(memories)


@energy.command(short_help="Print every entry of a table with its source.")
@click.argument("table", default="horowitz_45nm")
def show(table: str) -> None:
    """Print every entry of TABLE, a name or a YAML file, with how it is known and its source.

    A technology table is printed with the DRAM table that goes with it by default.
    """
    from accelsim.energy import load_table
    from accelsim.energy.dram_table import is_dram_table, load_dram_table

    dram = is_dram_table(table)
    entries = load_dram_table(table).values.entries() if dram else load_table(table).entries()
    for name, entry in entries.items():
        click.echo(f"{name}: {_numbers(entry)} per {entry.per}")
        click.echo(f"    {entry.tag}: {entry.source}")
        if entry.range:
            ends = f"x{entry.range.low:g} to x{entry.range.high:g}"
            click.echo(f"    range {ends}: {entry.range.source}")


def _numbers(entry: Sourced) -> str:
    """Return an entry's own numbers, quantities with their units."""
    others = {"per", "tag", "source", "range", "background", "timing"}
    numbers = entry.model_dump(mode="json", exclude=others)
    return ", ".join(
        f"{field} {value:g}" if isinstance(value, float) else f"{field} {value}"
        for field, value in numbers.items()
    )


@energy.command(short_help="Check a table of your own.")
@click.argument("file", type=click.Path(path_type=Path))
def check(file: Path) -> None:
    """Check the technology or DRAM table in FILE; every problem is listed with its line."""
    from accelsim.energy import load_table, table_names
    from accelsim.energy.dram_table import dram_table_names, is_dram_table, load_dram_table
    from accelsim.errors import ConfigError
    from accelsim.units import format_nanometres

    if not file.is_file():
        raise ConfigError(f"{file}: no such file")
    # A file in this folder that has the name of a shipped table is meant here.
    path = f"./{file}" if str(file) in (*table_names(), *dram_table_names()) else str(file)
    if is_dram_table(path):
        memories = load_dram_table(path).values
        click.echo(f"{file}: ok: {memories.name}, {', '.join(memories.types)}")
        return
    values = load_table(path).values
    click.echo(f"{file}: ok: {values.name}, {format_nanometres(values.node)}")


@energy.command(short_help="Ask your CACTI about SRAM, and make a table of its answers.")
@click.argument("program", type=click.Path(path_type=Path))
@click.option("--table", default="horowitz_45nm", show_default=True, help="What the rest is from.")
@click.option(
    "--size",
    "sizes",
    multiple=True,
    default=("8KiB", "32KiB", "128KiB", "512KiB"),
    show_default=True,
    help="Size of a bank; twice or more.",
)
@click.option("--cells", type=click.Choice(["hp", "lop", "lstp"]), default="lop", show_default=True)
@click.option("--kelvin", default=300, show_default=True, help="Temperature: 300 to 400, by tens.")
@click.option("--timeout", default=120.0, show_default=True, help="Seconds for each question.")
@click.option("--output", type=click.Path(path_type=Path), help="Table to write (.yaml).")
def cacti(
    program: Path,
    table: str,
    sizes: tuple[str, ...],
    cells: str,
    kelvin: int,
    timeout: float,
    output: Path | None,
) -> None:
    """Ask PROGRAM, a CACTI 7 of yours, what SRAM costs at the node of a table.

    Tried with the CACTI that calls itself 7.0.3DD Prerelease of Aug, 2012. Others (6.5) were not
    tried: what is not understood of an answer is an error, and nothing is written.

    Prints its answers, the power law through them, and the table's own law. With --output, writes
    the table with CACTI's SRAM in place of its own, and with CACTI's version and inputs: --set
    technology.table=FILE uses it.
    """
    from rich import box
    from rich.console import Console
    from rich.table import Table

    from accelsim.cli.console import progress_bar
    from accelsim.energy import load_table
    from accelsim.energy.cacti import Cacti
    from accelsim.energy.cacti_table import cacti_table, read_law_pj
    from accelsim.errors import ConfigError
    from accelsim.hardware.schema import SramCells
    from accelsim.output_folder import write_file
    from accelsim.units import format_bytes, parse_bytes

    if not 0 < timeout <= 3600:
        raise ConfigError(f"--timeout: must be above 0 and at most 3600, got {timeout:g}")
    if kelvin not in range(300, 401, 10):
        raise ConfigError(f"--kelvin: must be 300 to 400, a multiple of 10, got {kelvin}")
    try:
        counts = [parse_bytes(size) for size in sizes]
    except ConfigError as error:
        raise ConfigError(f"--size: {error}") from None
    base = load_table(table).values
    with progress_bar() as progress:
        made = cacti_table(
            Cacti(program, timeout), base, counts, SramCells(cells), kelvin, progress
        )
    console = Console(highlight=False)
    rows = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold")
    rows.add_column("bank", no_wrap=True)
    rows.add_column("cells")
    headings = ("read pJ", "law pJ", "table pJ", "write pJ", "leakage mW", "area mm2")
    for heading in headings:
        rows.add_column(heading, justify="right")
    for answer in (*made.answers, *made.others):
        size = answer.query.size_bytes
        rows.add_row(
            format_bytes(size),
            str(answer.query.cells),
            f"{answer.read_pj:.4g}",
            f"{read_law_pj(made.values.sram_read, size):.4g}" if answer in made.answers else "",
            f"{read_law_pj(base.sram_read, size):.4g}",
            f"{answer.write_pj:.4g}",
            f"{answer.leakage_uw / 1e3:.4g}",
            f"{answer.area_um2 / 1e6:.4g}",
        )
    console.print(rows)
    console.print(
        f"CACTI (version {made.answers[0].version}), sha256 {made.sha256[:12]}; words of "
        f"{base.sram_read.width_bits} bits at {base.node}nm and {kelvin} K"
    )
    if output is not None:
        write_file(output, made.yaml().encode(), "--output")
        console.print(f"Table: {output}", soft_wrap=True)


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
