"""`accelsim formats`: what number formats can represent."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from accelsim.arithmetic.number_formats import AnyFormat
    from accelsim.report.format_table import FormatRow

__all__ = ["formats"]

_FEW_CODES = 64
_PLOTTED = (
    "int4",
    "sm4",
    "pow2_4",
    "fp4_e1m2",
    "fp4_e2m1",
    "fp4_e3m0",
    "fp6_e2m3",
    "fp6_e3m2",
    "int8",
    "fp8_e4m3",
    "fp8_e5m2",
)


@click.command(short_help="Number formats: range, precision, special values.")
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option("--plot", type=click.Path(path_type=Path), help="Draw number lines to .svg or .png.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document, values included.")
def formats(names: tuple[str, ...], plot: Path | None, as_json: bool) -> None:
    """List number formats, or those of the NAMES given, such as int4, fp8_e4m3 or "fixed<8,4>".

    Of a few formats, the value of every code is printed too. A block format (mx..., vsq...) is
    shown by its elements, at a scale of 1.
    """
    import json

    from accelsim.arithmetic.number_formats import format_catalogue, parse_format
    from accelsim.report.format_table import format_document, format_row

    chosen = tuple(parse_format(name) for name in names)
    listed = chosen or format_catalogue()
    if plot is not None:
        _draw(chosen or tuple(parse_format(name) for name in _PLOTTED), plot)
    if as_json:
        click.echo(json.dumps({"formats": [format_document(f) for f in listed]}, indent=1))
        return
    _print_table([format_row(f) for f in listed])
    for format in chosen:
        _print_codes(format)


def _draw(listed: tuple[AnyFormat, ...], path: Path) -> None:
    from accelsim.errors import ConfigError
    from accelsim.output_folder import write_file
    from accelsim.report.number_lines import number_lines
    from accelsim.report.style import to_png, to_svg

    kind = path.suffix.lower()
    if kind not in (".svg", ".png"):
        raise ConfigError(f"--plot {path}: must end in .svg or .png")
    figure = number_lines(listed)
    content = to_svg(figure, "formats").encode() if kind == ".svg" else to_png(figure)
    write_file(path, content, "--plot")


def _print_table(rows: list[FormatRow]) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold", padding=(0, 1, 0, 0))
    table.add_column("name", no_wrap=True)
    for heading in ("bits", "range", "min > 0", "values", "step %"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("special", no_wrap=True)
    for row in rows:
        step = "" if row.step_pct is None else f"{row.step_pct:.3g}"
        smallest = f"{row.smallest_positive:.3g}"
        specials = ", ".join(row.specials)
        table.add_row(
            row.name, f"{row.bits:g}", _range(row), smallest, f"{row.values}", step, specials
        )
    Console(highlight=False).print(table)
    click.echo(
        "min > 0: smallest positive value.  step %: largest gap to the next value, in\n"
        "percent of the value, in the upper half of the range."
    )


def _range(row: FormatRow) -> str:
    """Say from where to where, briefly."""
    lowest, highest = (
        f"{value:.0f}" if value == round(value) and abs(value) < 1e6 else f"{value:.3g}"
        for value in (row.lowest, row.highest)
    )
    return f"+/- {highest}" if row.lowest == -row.highest else f"{lowest} to {highest}"


def _print_codes(format: AnyFormat) -> None:
    from accelsim.arithmetic.number_formats import BlockFormat

    element = format.element if isinstance(format, BlockFormat) else format
    click.echo(f"\n{format.name}: {format.source}")
    if isinstance(format, BlockFormat):
        shared = f"{format.block} elements share a scale of {format.scale_bits} bits"
        click.echo(f"  {shared}: {format.bits_per_element:g} bits an element")
    values = element.code_values
    if len(values) > _FEW_CODES:
        click.echo(f"  {len(values):,} codes (--json lists them)")
        return
    digits = -(-element.bits // 4)
    cells = [f"0x{code:0{digits}x} {value:>9.5g}" for code, value in enumerate(values)]
    for start in range(0, len(cells), 4):
        click.echo("  " + "   ".join(cells[start : start + 4]))
