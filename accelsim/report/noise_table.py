"""The noise of what each layer writes, a row a layer and a column a bit-width."""

from __future__ import annotations

import io

from rich import box
from rich.console import Console
from rich.table import Table

from accelsim.report.results import RunResult
from accelsim.report.words import bits

__all__ = ["render_noise"]


def render_noise(result: RunResult, width: int) -> str:
    """Return the SQNR of every layer at every bit-width, decibel; nothing if not measured."""
    first = result.points[0]
    if all(layer.mse is None for layer in first.layers):
        return ""
    stream = io.StringIO()
    console = Console(width=width, file=stream, highlight=False, markup=False)
    console.print(
        f" SQNR in dB of what each layer writes, against float, {first.images_simulated:,} images"
    )
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold", padding=(0, 1, 0, 0))
    table.add_column("layer", overflow="fold")
    for point in result.points:
        table.add_column(f"{bits(point)} bits", justify="right", no_wrap=True)
    for layers in zip(*(point.layers for point in result.points), strict=True):
        cells = ["-" if layer.sqnr_db is None else f"{layer.sqnr_db:.1f}" for layer in layers]
        table.add_row(layers[0].name, *cells)
    console.print(table)
    return "\n".join(line.rstrip() for line in stream.getvalue().splitlines()) + "\n"
