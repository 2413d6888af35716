"""SCALE-Sim topology files: one convolution or matrix product a row.

Rows of five cells at most are products ``name, M, N, K``: M rows, N columns, **K the depth** (in
ZigZag K is output channels, in Timeloop's exercises M is). Longer rows are convolutions:
``name, input height, input width, filter height, filter width, channels, filters, stride``, and a
stride of the width and padding of all sides, if the heading has columns for them. Without, the
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
from accelsim.units import shortened

__all__ = ["read_scalesim_topology"]

_PRODUCT = ("M", "N", "K")
_CONVOLUTION = (
    *("IFMAP height", "IFMAP width", "filter height", "filter width"),
    *("channels", "filters", "stride"),
)
_HEADINGS = re.compile(r"layer(\s*name|\s*id)?s?", re.IGNORECASE)
_SPARSITY = re.compile(r"[0-9]+:[0-9]+")
_DENSE = "1:1"


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
    for number, row in enumerate(read_rows(path)):
        try:
            if _is_heading(row, number == 0):
                reader.headings = [cell.text for cell in row.cells]
            else:
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
    notes = (*reader.notes, *(extra.note for extra in reader.extras.values()))
    return replace(topology, macs=topology_macs(topology)), notes


def _is_heading(row: Row, is_first: bool) -> bool:
    """Whether a row has names of columns: the first row may have any, others begin with Layer."""
    if row.has_numbers or (is_first and len(row.cells) == 1):
        return False
    return is_first or bool(_HEADINGS.fullmatch(row.cells[0].text))


@dataclass
class _Extra:
    """Cells behind those of a layer in one column, in one or many rows."""

    place: str
    what: str
    more_rows: int = 0

    @property
    def note(self) -> str:
        more = f", here and in {self.more_rows} more" if self.more_rows else ""
        return f"{self.place}: {self.what}{more}"


@dataclass
class _Reader:
    ceil_outputs: bool
    headings: list[str] = field(default_factory=list)
    extras: dict[tuple[int, bool], _Extra] = field(default_factory=dict)
    layers: list[TopologyLayer] = field(default_factory=list)
    shapes: dict[str, Shape] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def read(self, row: Row) -> None:
        """Add one row; a ValueError has the place and what is wrong with it."""
        name, *cells = (cell.text for cell in row.cells)
        if not name:
            raise ValueError(f"{row.place}: a layer must have a name")
        if not cells:
            self.notes.append(f"{row.place}: {name!r} is a section's title: skipped")
        elif len(cells) in (3, 4):
            m, n, k = self._numbers(row, _PRODUCT)
            self._add(name, TokenMatrix(n), (k, m, 1), (n, m, 1))
            self._not_read(row, 4)
        elif len(cells) >= len(_CONVOLUTION):
            self._convolution(name, row)
        else:
            raise ValueError(
                f"{row.place}: must be 4 cells (name, M, N, K) or 8 (name, "
                f"{', '.join(_CONVOLUTION)}), got {len(row.cells)}"
            )

    def _numbers(self, row: Row, names: tuple[str, ...]) -> list[int]:
        return [cell.whole(name) for cell, name in zip(row.cells[1:], names, strict=False)]

    def _heading(self, column: int) -> str:
        return self.headings[column] if column < len(self.headings) else ""

    def _not_read(self, row: Row, start: int) -> None:
        """Note the cells of a row from a column on; cells of one column together."""
        for column, cell in enumerate(row.cells[start:], start):
            if cell.text in ("", _DENSE):
                continue
            is_sparsity = bool(_SPARSITY.fullmatch(cell.text))
            if (column, is_sparsity) in self.extras:
                self.extras[column, is_sparsity].more_rows += 1
                continue
            heading = self._heading(column)
            what = f"{shortened(cell.text)}{f' ({heading})' if heading else ''} is not read"
            if is_sparsity:
                what = f"{shortened(cell.text)} (sparsity) is not modelled: dense"
            elif "batch" in heading.lower():
                what += " (use --batch)"
            self.extras[column, is_sparsity] = _Extra(cell.place, what)

    def _convolution(self, name: str, row: Row) -> None:
        height, width, kernel_y, kernel_x, channels, filters, stride_y = self._numbers(
            row, _CONVOLUTION
        )
        after = len(_CONVOLUTION) + 1
        stride_x = stride_y
        if "stride" in self._heading(after).lower() and len(row.cells) > after:
            stride_x = row.cells[after].whole("stride of the width")
            after += 1
        pad = 0
        if "pad" in self._heading(after).lower() and len(row.cells) > after:
            pad = row.cells[after].whole("padding", least=0)
            after += 1
        self._not_read(row, after)
        padded = (height + 2 * pad, width + 2 * pad)
        if kernel_y > padded[0] or kernel_x > padded[1]:
            raise ValueError(
                f"{row.place}: filter {kernel_y} x {kernel_x} is larger than IFMAP "
                f"{height} x {width}{f' with padding {pad}' if pad else ''}"
            )
        strides = (stride_y, stride_x)
        window = Window((kernel_y, kernel_x), strides, (pad, pad, pad, pad))
        rest = ((padded[0] - kernel_y) % stride_y, (padded[1] - kernel_x) % stride_x)
        if any(rest):
            floor = window.output_size(height, width)
            bottom, right = (
                stride - left if left else 0 for stride, left in zip(strides, rest, strict=True)
            )
            theirs = replace(window, pads=(pad, pad, pad + bottom, pad + right))
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
