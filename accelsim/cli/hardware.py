"""`accelsim hardware`: the machines that ship, and checks of a user's own."""

from __future__ import annotations

from pathlib import Path

import click

__all__ = ["hardware"]


@click.group()
def hardware() -> None:
    """List, show and check hardware descriptions."""


@hardware.command("list")
def list_presets() -> None:
    """List the machines that ship with accelsim."""
    from rich import box
    from rich.console import Console
    from rich.table import Table

    from accelsim.hardware import load_hardware, preset_names
    from accelsim.units import format_hertz

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold")
    table.add_column("name", no_wrap=True)
    for heading in ("rows x columns", "dataflow", "clock"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("description")
    for name in preset_names():
        machine = load_hardware(name)
        array = machine.array
        size = f"{array.rows} x {array.columns}"
        table.add_row(name, size, array.dataflow, format_hertz(machine.clock), machine.description)
    Console(highlight=False).print(table)


@hardware.command(short_help="Print a machine as YAML.")
@click.argument("name")
@click.option("--set", "overrides", multiple=True, metavar="FIELD=VALUE", help="Change a field.")
def show(name: str, overrides: tuple[str, ...]) -> None:
    """Print the complete description of machine NAME (or of a file) as YAML."""
    from accelsim.hardware import dump_hardware, load_hardware

    click.echo(dump_hardware(load_hardware(name, overrides)), nl=False)


@hardware.command(short_help="Check a hardware file.")
@click.argument("file", type=click.Path(path_type=Path))
def check(file: Path) -> None:
    """Check the hardware description in FILE; every problem is listed with its line."""
    from accelsim.errors import ConfigError
    from accelsim.hardware import load_hardware

    if file.is_dir():
        raise ConfigError(f"{file}: is a folder, not a hardware file")
    if not file.is_file():
        raise ConfigError(f"{file}: no such file")
    looks_like_a_name = len(file.parts) == 1 and file.suffix not in (".yaml", ".yml")
    machine = load_hardware(str(file.absolute() if looks_like_a_name else file))
    click.echo(f"{file}: ok: {machine.name}, {machine.array.rows} x {machine.array.columns} PEs")
