"""The layers of a point on report.html, in a table that is as wide as the window."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from accelsim.report.html_table import html_table
from accelsim.report.layer_table import short
from accelsim.report.results import CAUSES, LayerResult, PointResult
from accelsim.report.words import aligned, bits, words

__all__ = ["layer_section"]

_RAMPS = ("preload", "fill", "drain")
_UNITS = ((1e6, "MiB", 2**20), (1e4, "KiB", 2**10), (0, "bytes", 1))
"""From how many bytes on a column is in which unit."""


def layer_section(point: PointResult, *, opened: bool) -> str:
    """Return the layers of one batch, folded away unless ``opened``.

    Ramps are preload, fill and drain; layers.csv has each cause by itself, and every byte.
    """
    layers = point.layers
    grouped = any(layer.groups > 1 for layer in layers)
    causes = [c for c in CAUSES if c not in _RAMPS and any(layer.cycles[c] for layer in layers)]
    ramps = [sum(layer.cycles[cause] for cause in _RAMPS) for layer in layers]
    misses = [layer.traffic.dram_row_misses for layer in layers]
    energies = [sum(layer.energy_pj.values()) for layer in layers]
    large = max(energies, default=0.0) >= 1e7
    columns = [
        ("layer", "", [layer.name for layer in layers]),
        ("operator", "", [words(layer.op) for layer in layers]),
        ("m × n × k", "", [_sizes(layer) for layer in layers]),
        *([("groups", "", [f"{layer.groups:,}" for layer in layers])] if grouped else []),
        ("MACs", "", [short(layer.macs) for layer in layers]),
        ("cycles", "all", [f"{layer.cycles_total:,}" for layer in layers]),
        *((words(c), "cycles", [short(layer.cycles[c]) for layer in layers]) for c in causes),
        *([("ramps", "cycles", list(map(short, ramps)))] if any(ramps) else []),
        ("PEs used", "%", [f"{layer.utilization_pct:.1f}" for layer in layers]),
        _bytes("DRAM read", [layer.traffic.dram_read_bytes for layer in layers]),
        _bytes("DRAM written", [layer.traffic.dram_write_bytes for layer in layers]),
        *([("row misses", "", list(map(short, misses)))] if any(misses) else []),
        (
            "energy",
            "µJ" if large else "nJ",
            aligned([energy * (1e-6 if large else 1e-3) for energy in energies]),
        ),
    ]
    what = "one image" if point.batch == 1 else f"one batch of {point.batch} images"
    return (
        f"<details{' open' if opened else ''}><summary>{escape(bits(point))} bits, {what}</summary>"
        f'<div class="wide">{html_table(columns, text_columns=2)}</div>'
        '<p class="note">m rows, n columns, depth k. Ramps: preload, fill and drain. layers.csv '
        "has each of them, and every byte.</p></details>"
    )


def _sizes(layer: LayerResult) -> str:
    return f"{layer.m:,} × {layer.n:,} × {layer.k:,}" if layer.macs else "0"


def _bytes(name: str, numbers: Sequence[int]) -> tuple[str, str, list[str]]:
    """Return a column of bytes in the unit of its largest."""
    unit, size = next((u, s) for least, u, s in _UNITS if max(numbers, default=0) >= least)
    if size == 1:
        return (name, unit, [f"{number:,}" for number in numbers])
    return (name, unit, [f"{number / size:,.2f}" if number else "0" for number in numbers])
