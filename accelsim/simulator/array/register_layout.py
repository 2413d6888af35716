"""The register engine's operands in memory, and the table of passes that says where theirs are.

Lane i of an edge meets an element i cycles after lane 0 does. So what streams is kept in skewed
tiles: line t of a tile holds, for lane i, element t - i, and what all lanes read or write in one
cycle are neighbours. Lanes of unused rows and columns find zeros in their tile. A tile that is
preloaded meets few cycles: the kernel skews each column as it starts to enter, in room that tiles
share.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import Any

import numpy as np
from numpy.typing import NDArray

from accelsim.arithmetic.formats import Accumulator
from accelsim.compiler.program import TilePlan
from accelsim.simulator.array.extremes import extremes
from accelsim.simulator.array.interface import MatrixOperands
from accelsim.simulator.array.overflow import checked_bias
from accelsim.simulator.array.pieces import cut, visits
from accelsim.simulator.array.register_state import Rules, Work, aligned_zeros

__all__ = ["Layout"]

Matrices = Sequence[NDArray[np.integer]]
_INT32 = np.dtype(np.int32)


class _Tiles:
    """The tiles of an edge: which there are, and which one each pass meets.

    keys: int64[passes], a number for each tile; ``lines``: elements that stream; ``pitch``: lanes
    of the edge, filled up.
    """

    def __init__(self, keys: NDArray[np.int64], lines: int, pitch: int) -> None:
        _, self.firsts, numbers = np.unique(keys, return_index=True, return_inverse=True)
        self._lines, self._pitch = lines, pitch
        self._size = _skewed_words(lines, pitch)
        self.numbers = numbers.ravel()
        self.starts = self.numbers * self._size

    def words(self, kind: np.dtype[Any]) -> NDArray[Any]:
        """Return zeros for all tiles."""
        return aligned_zeros(self._size * len(self.firsts), kind)

    def filled(self, kind: np.dtype[Any], contents: Iterable[NDArray[Any]]) -> NDArray[Any]:
        """Return all tiles, each with its [lines, used lanes]."""
        words = self.words(kind)
        for number, tile in enumerate(contents):
            self.unskewed(words, number, tile.shape[1])[:] = tile
        return words

    def unskewed(self, words: NDArray[Any], number: int, lanes: int) -> NDArray[Any]:
        """Return a view of a tile's [lines, lanes]."""
        word = words.itemsize
        strides, offset = (self._pitch * word, (self._pitch + 1) * word), number * self._size * word
        return np.ndarray((self._lines, lanes), words.dtype, words, offset, strides)


class Layout:
    """Operands and accumulator memory of a plan: ``work`` is what the kernel gets."""

    def __init__(
        self, operands: MatrixOperands, plan: TilePlan, rules: Rules, accumulator: Accumulator
    ) -> None:
        gemm, flow = plan.gemm, plan.dataflow
        groups = range(gemm.groups)
        left = [operands.activations(group, 0, gemm.rows_m) for group in groups]
        right = [operands.weights(group) for group in groups]
        matrices = {"mk": left, "kn": right}
        matrices |= {"km": [matrix.T for matrix in left], "nk": [matrix.T for matrix in right]}
        bias = np.stack([checked_bias(operands, group, accumulator) for group in groups])
        sizes = {"m": gemm.rows_m, "n": gemm.columns_n, "k": gemm.depth_k}
        lines, rows, columns = sizes[flow.stream], sizes[flow.rows], sizes[flow.columns]
        words = _narrowest(left + right)

        bounds = _bounds(plan)
        group, at = bounds[:, 0], {"m": bounds[:, 1:3], "n": bounds[:, 3:5], "k": bounds[:, 5:7]}
        stream, row, column = at[flow.stream], at[flow.rows], at[flow.columns]

        def parts(of: Matrices, tiles: _Tiles, bounds: NDArray[np.int64]) -> Iterator[NDArray[Any]]:
            """Yield the columns of a group's matrix that each tile holds."""
            chosen = zip(group[tiles.firsts], bounds[tiles.firsts].tolist(), strict=True)
            return (of[number][:, start:stop] for number, (start, stop) in chosen)

        entering = _Tiles(group * rows + row[:, 0], lines, rules.left_pitch)
        across = _Tiles(group * columns + column[:, 0], lines, rules.pitch)
        moving = matrices[flow.stream + flow.rows]
        skipped = stream[:, 0] * rules.pitch
        if flow.preloads:
            # Tiles of the resident operand are laid out as they enter.
            resident = _column_by_column(matrices[flow.rows + flow.columns])
            kept = (group * columns + column[:, 0]) * rows + row[:, 0]
            # In one room: a tile enters a column R cycles after the one before, or later, and by
            # then all words of that one's column have entered.
            top = np.zeros(len(bounds), np.int64)
            second = aligned_zeros(_skewed_words(rules.rows, rules.pitch), words)
            results, memory = across.starts + skipped, across.words(_INT32)
        else:
            factors = matrices[flow.stream + flow.columns]
            resident, kept = np.zeros(0, np.int32), np.zeros(len(bounds), np.int64)
            top = across.starts + skipped
            second = across.filled(words, parts(factors, across, column))
            results = (group * rows + row[:, 0]) * columns + column[:, 0]
            memory = np.zeros(gemm.groups * rows * columns, np.int32)
        if flow.stream == "n":
            # One line for all columns, backwards, as column c meets an element c cycles after the
            # first column does; zeros before and behind it.
            backwards = np.zeros((gemm.groups, lines + 2 * rules.pitch), np.int32)
            backwards[:, rules.pitch : rules.pitch + lines] = bias[:, ::-1]
            biases = backwards.reshape(-1)
            biased = group * backwards.shape[1] + rules.pitch + lines - 1 - stream[:, 0]
        else:
            biased = across.numbers * rules.pitch
            biases = np.zeros(len(across.firsts) * rules.pitch, np.int32)
            alike = parts(list(bias[:, np.newaxis]), across, column)
            for line, part in zip(biases.reshape(-1, rules.pitch), alike, strict=True):
                line[: part.shape[1]] = part[0]
        table = (
            *(part[:, 1] - part[:, 0] for part in (stream, row, column)),
            *(at["k"][:, 0] == 0, at["k"][:, 1] == gemm.depth_k),
            entering.starts + stream[:, 0] * rules.left_pitch,
            *(top, biased, results, kept),
        )
        self._plan, self._across = plan, across
        self._columns = np.column_stack((group, column))[across.firsts].tolist()
        self.work = Work(
            passes=np.stack([np.asarray(part, np.int64) for part in table], axis=1),
            depth=gemm.depth_k,
            columns=columns,
            moving=entering.filled(words, parts(moving, entering, row)),
            factors=second,
            resident=resident,
            resident_pitch=rows,
            bias=biases,
            memory=memory,
        )

    def accumulators(self) -> NDArray[np.int64]:
        """Return int64[groups, m, n]: what the accumulator memory holds."""
        gemm, flow, memory = self._plan.gemm, self._plan.dataflow, self.work.memory
        if not flow.preloads:
            return memory.reshape(gemm.groups, gemm.rows_m, gemm.columns_n).astype(np.int64)
        sums = np.empty((gemm.groups, gemm.rows_m, gemm.columns_n), np.int64)
        streamed = sums.swapaxes(1, 2) if flow.columns == "m" else sums
        for number, (group, start, stop) in enumerate(self._columns):
            tile = self._across.unskewed(memory, number, stop - start)
            streamed[group, :, start:stop] = tile
        return sums


def _skewed_words(lines: int, pitch: int) -> int:
    """Return the words of a skewed tile."""
    return (lines + pitch - 1) * pitch


def _bounds(plan: TilePlan) -> NDArray[np.int64]:
    """Return (group, m_start, m_stop, n_start, n_stop, k_start, k_stop) of each pass."""
    whole = cut(0, plan.gemm.depth_k, plan.depth_together)
    depths = {part[0]: np.array(cut(*part, plan.tile_k), np.int64) for part in whole}
    bounds = []
    for start, tiles in groupby(_tiles_of_visits(plan), lambda tile: tile[-1]):
        heads = np.array([tile[:-1] for tile in tiles], np.int64)
        repeated = np.repeat(heads, len(depths[start]), axis=0)
        bounds.append(np.hstack([repeated, np.tile(depths[start], (len(heads), 1))]))
    return np.concatenate(bounds)


def _tiles_of_visits(plan: TilePlan) -> Iterator[tuple[int, ...]]:
    """Yield (group, m_start, m_stop, n_start, n_stop, k_start) in execution order."""
    for visit in visits(plan):
        for rows in cut(visit.m_start, visit.m_stop, plan.tile_m):
            yield visit.group, *rows, visit.n_start, visit.n_stop, visit.k_start


def _column_by_column(matrices: Matrices) -> NDArray[np.int32]:
    """Return the words of matrices one column after the other, without a copy if they lie so."""
    turned = [matrix.T for matrix in matrices]
    stacked = turned[0] if len(turned) == 1 else np.stack(turned)
    return np.require(stacked, np.int32, ["C", "W"]).reshape(-1)


def _narrowest(matrices: Matrices) -> np.dtype[Any]:
    """Return the type of the operand registers: more of them fit the CPU's caches."""
    limits = np.iinfo(np.int16)
    ranges = [extremes(part) for part in matrices]
    fits = all(limits.min <= low and high <= limits.max for low, high in ranges)
    return np.dtype(np.int16 if fits else np.int32)
