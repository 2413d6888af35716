"""SCALE-Sim topology files: one convolution or matrix product a row.

Rows of five cells at most are products ``name, M, N, K``: M rows, N columns, **K the depth** (in
ZigZag K is output channels, in Timeloop's exercises M is). Longer rows are convolutions:
``name, input height, input width, filter height, filter width, channels, filters, stride``. The
input is as large as it says: padding is in it. Layers do not follow from each other; each reads
its input from DRAM and leaves its output there.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from pathlib import Path

from accelsim.errors import WorkloadError
from accelsim.frontend.scalesim.cells import Row, read_rows
from accelsim.network.geometry import Shape, Window
from accelsim.network.topology import (
    FilterBank,
    TokenMatrix,
    Topology,
    TopologyLayer,
    TopologyOperator,
    topology_macs,
)

__all__ = ["read_scalesim_topology"]

_PRODUCT = ("M", "N", "K")
_CONVOLUTION = (
    *("IFMAP height", "IFMAP width", "filter height", "filter width"),
    *("channels", "filters", "stride"),
)
_HEADINGS = re.compile(r"layer(\s*name|\s*id)?s?", re.IGNORECASE)


def read_scalesim_topology(path: Path, ceil_outputs: bool) -> tuple[Topology, tuple[str, ...]]:
    """Return the layers of a file and notes on how it was read.

    ``ceil_outputs``: as many outputs as SCALE-Sim counts, ceil((input - filter + stride) /
    stride). Otherwise a window that does not fit any more is not counted.

    Raises
    ------
    WorkloadError
        With every problem of the file, a line each: file:line:column.
    ConfigError
        If the file cannot be read.
    """
    reader = _Reader(ceil_outputs)
    for row in read_rows(path):
        try:
            reader.read(row)
        except ValueError as error:
            reader.problems.append(str(error))
    if not reader.layers and not reader.problems:
        reader.problems.append(f"{path}: holds no layer")
    if reader.problems:
        raise WorkloadError("\n".join(reader.problems))
    topology = Topology(
        name=path.stem,
        description="",
        source=path.name,
        layers=tuple(reader.layers),
        shapes=reader.shapes,
        given=tuple(layer.inputs[0] for layer in reader.layers),
        kept=tuple(layer.output for layer in reader.layers),
    )
    return replace(topology, macs=topology_macs(topology)), tuple(reader.notes)


@dataclass
class _Reader:
    ceil_outputs: bool
    layers: list[TopologyLayer] = field(default_factory=list)
    shapes: dict[str, Shape] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def read(self, row: Row) -> None:
        """Add one row; a ValueError has the place and what is wrong with it."""
        name, *cells = (cell.text for cell in row.cells)
        if _HEADINGS.fullmatch(name):
            return
        if not cells:
            self.notes.append(f"{row.place}: {name!r} is a section's title: skipped")
            return
        if len(cells) in (3, 4):
            m, n, k = self._numbers(row, _PRODUCT)
            self._add(name, TokenMatrix(n), (k, m, 1), (n, m, 1))
        elif len(cells) in (7, 8):
            self._convolution(name, row)
        else:
            raise ValueError(
                f"{row.place}: must be 4 cells (name, M, N, K) or 8 (name, "
                f"{', '.join(_CONVOLUTION)}), got {len(row.cells)}"
            )
        if len(cells) in (4, 8):
            self.notes.append(
                f"{row.cells[-1].place}: {cells[-1]!r} (sparsity) is not modelled: dense"
            )

    def _numbers(self, row: Row, names: tuple[str, ...]) -> list[int]:
        return [cell.whole(name) for cell, name in zip(row.cells[1:], names, strict=False)]

    def _convolution(self, name: str, row: Row) -> None:
        height, width, kernel_y, kernel_x, channels, filters, stride = self._numbers(
            row, _CONVOLUTION
        )
        if kernel_y > height or kernel_x > width:
            raise ValueError(
                f"{row.place}: filter {kernel_y} x {kernel_x} is larger than IFMAP "
                f"{height} x {width}"
            )
        window = Window((kernel_y, kernel_x), (stride, stride))
        rest = ((height - kernel_y) % stride, (width - kernel_x) % stride)
        if any(rest):
            floor = window.output_size(height, width)
            bottom, right = (stride - left if left else 0 for left in rest)
            theirs = replace(window, pads=(0, 0, bottom, right))
            ceil = theirs.output_size(height, width)
            window = theirs if self.ceil_outputs else window
            taken = (
                "the first" if self.ceil_outputs else "the second (--scalesim-ofmap ceil: first)"
            )
            self.notes.append(
                f"{row.place}: {name}: {ceil[0]} x {ceil[1]} outputs as SCALE-Sim rounds, "
                f"{floor[0]} x {floor[1]} of whole windows; taken: {taken}"
            )
        depthwise = "DP" in name
        if depthwise:
            self.notes.append(f"{row.place}: {name}: 'DP' in its name makes it depthwise")
        groups = channels if depthwise else 1
        out_channels = channels if depthwise else filters
        operator = FilterBank(out_channels, window, groups)
        size = window.output_size(height, width)
        self._add(name, operator, (channels, height, width), (out_channels, *size))

    def _add(self, name: str, operator: TopologyOperator, shape: Shape, output: Shape) -> None:
        unique, number = name, 2
        while unique in self.shapes:
            unique, number = f"{name}.{number}", number + 1
        given = f"{unique}.input"
        self.shapes |= {given: shape, unique: output}
        self.layers.append(TopologyLayer(unique, operator, (given,), unique))
