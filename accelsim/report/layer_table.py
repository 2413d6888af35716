"""Each layer's cycles by cause, traffic and energy, as wide as the terminal allows."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence

from rich import box
from rich.console import Console
from rich.table import Table

from accelsim.report.alike import Alike, longest
from accelsim.report.results import CAUSES, LayerResult, PointResult, RunResult
from accelsim.report.words import aligned, bits, words

__all__ = ["render_layers", "short"]

_MOST_LAYERS = 64
_WIDE_COLUMNS = 180
_WIDE_NAME, _NARROW_NAME = 22, 21
_CAUSE_GROUPS: dict[str, tuple[str, ...]] = {
    "ramps": ("preload", "fill", "drain"),
    "stalls": ("stall_weights", "stall_activations", "stall_rescale", "stall_output"),
}

_Column = tuple[str, list[str]]


def render_layers(result: RunResult, width: int) -> str:
    """Return the first bit-width's layers as text of at most ``width`` columns.

    From 180 columns on every cause has its column; below, only sums: ``ramps`` are
    preload, fill and drain. Of a long network layers that are alike are one row, and the rows
    with most cycles are shown.
    """
    point = result.points[0]
    groups, left_out = longest(point.layers, _MOST_LAYERS)
    layers = [layer for layer, _ in groups]
    wide = width >= _WIDE_COLUMNS
    stream = io.StringIO()
    console = Console(file=stream, width=width, no_color=True, highlight=False)
    table = Table(
        box=box.SIMPLE_HEAD,
        title=f"layers at {bits(point)} bits, {_per(point)}{_note(point, groups, left_out)}",
        title_justify="left",
        pad_edge=False,
        padding=(0, 0, 0, 1),
        caption=None if wide else "ramps: cycles of preload, fill and drain",
        caption_justify="left",
    )
    table.add_column(
        "layer", no_wrap=True, overflow="ellipsis", max_width=_WIDE_NAME if wide else _NARROW_NAME
    )
    columns = _wide_columns(layers) if wide else _narrow_columns(layers)
    for heading, _ in columns:
        table.add_column(heading, justify="right", no_wrap=True)
    room = _WIDE_NAME if wide else _NARROW_NAME
    for (layer, count), *cells in zip(groups, *(cells for _, cells in columns), strict=True):
        table.add_row(_name(layer, count, room), *cells)
    console.print(table)
    return "\n".join(line.rstrip() for line in stream.getvalue().splitlines()) + "\n"


def _note(point: PointResult, groups: Sequence[Alike], left_out: int) -> str:
    """Say which of many layers the rows stand for."""
    if all(count == 1 for _, count in groups) and not left_out:
        return ""
    rest = f"; {left_out} shorter ones left out" if left_out else ""
    alike = "; ×: alike, numbers of one" if any(count > 1 for _, count in groups) else ""
    return f" ({len(point.layers)} layers{alike}{rest}; each: --output, --json)"


def _name(layer: LayerResult, count: int, room: int) -> str:
    """Name a layer in so many letters, with how many there are."""
    times = f" ×{count}" if count > 1 else ""
    most = room - len(times)
    name = layer.name if len(layer.name) <= most else f"{layer.name[: most - 1]}…"
    return f"{name}{times}"


def _per(point: PointResult) -> str:
    return "one image" if point.batch == 1 else f"one batch of {point.batch}"


def _narrow_columns(layers: Sequence[LayerResult]) -> list[_Column]:
    groups = [
        (name, [short(sum(layer.cycles[cause] for cause in causes)) for layer in layers])
        for name, causes in _CAUSE_GROUPS.items()
    ]
    return [
        ("MACs", [short(layer.macs) for layer in layers]),
        ("cycles", [short(layer.cycles_total) for layer in layers]),
        *groups,
        ("util.\n%", [f"{layer.utilization_pct:.1f}" for layer in layers]),
        ("DRAM\nbytes", [_dram(layer) for layer in layers]),
        ("energy\nµJ", _microjoules(layers)),
    ]


def _wide_columns(layers: Sequence[LayerResult]) -> list[_Column]:
    causes = [cause for cause in CAUSES if any(layer.cycles[cause] for layer in layers)]

    def numbers(value: Callable[[LayerResult], int]) -> list[str]:
        return [f"{value(layer):,}" for layer in layers]

    return [
        ("operator", [layer.op for layer in layers]),
        ("m", numbers(lambda layer: layer.m)),
        ("n", numbers(lambda layer: layer.n)),
        ("k", numbers(lambda layer: layer.k)),
        ("groups", numbers(lambda layer: layer.groups)),
        ("MACs", [short(layer.macs) for layer in layers]),
        ("cycles", numbers(lambda layer: layer.cycles_total)),
        *(
            (
                words(c).replace("activations", "acts.").replace(" ", "\n"),
                [short(x.cycles[c]) for x in layers],
            )
            for c in causes
        ),
        ("util.\n%", [f"{layer.utilization_pct:.1f}" for layer in layers]),
        ("DRAM\nbytes", [_dram(layer) for layer in layers]),
        ("act.\nread", [short(layer.traffic.activation_reads) for layer in layers]),
        ("weight\nread", [short(layer.traffic.weight_reads) for layer in layers]),
        ("energy\nµJ", _microjoules(layers)),
    ]


def _dram(layer: LayerResult) -> str:
    return short(layer.traffic.dram_read_bytes + layer.traffic.dram_write_bytes)


def _microjoules(layers: Sequence[LayerResult]) -> list[str]:
    return aligned([1e-6 * sum(layer.energy_pj.values()) for layer in layers])


def short(count: int) -> str:
    """Print a count with few digits.

    >>> short(9_999), short(99_999), short(118_013_952), short(2_359_296_000_000)
    ('9,999', '100.0k', '118.0M', '2.4T')
    """
    for size, unit in ((10**12, "T"), (10**9, "G"), (10**6, "M"), (10**3, "k")):
        if count >= max(size, 10_000):
            return f"{count / size:.1f}{unit}"
    return f"{count:,}"
