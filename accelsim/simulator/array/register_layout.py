"""The register engine's operands in memory, and the table of passes that says where theirs are.

Lane i of an edge meets an element i cycles after lane 0 does. So what streams is kept in skewed
tiles: line t of a tile holds, for lane i, element t - i, and what all lanes read or write in one
cycle are neighbours. Lanes of unused rows and columns find zeros in their tile.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from accelsim.arithmetic.formats import Accumulator
from accelsim.compiler.program import TilePlan
from accelsim.simulator.array.cells import CELLS
from accelsim.simulator.array.interface import MatrixOperands
from accelsim.simulator.array.overflow import checked_bias
from accelsim.simulator.array.pieces import cut, visits
from accelsim.simulator.array.register_state import Rules, Work, aligned_zeros

__all__ = ["Layout"]

Matrices = Sequence[NDArray[np.integer]]
_INT32 = np.dtype(np.int32)


class _Tiles:
    """The tiles of an edge: which there are, and which one each pass meets.

    ``lines``: elements that stream; ``pitch``: lanes of the edge, filled up.
    """

    def __init__(
        self, group: NDArray[np.int64], bounds: NDArray[np.int64], lines: int, pitch: int
    ) -> None:
        keys = np.stack([group, *bounds], axis=1)
        self.keys, numbers = np.unique(keys, axis=0, return_inverse=True)
        self._lines, self._pitch = lines, pitch
        self._size = (lines + pitch - 1) * pitch
        self.numbers = numbers.ravel()
        self.starts = self.numbers * self._size

    def words(self, kind: np.dtype[Any], matrices: Matrices | None = None) -> NDArray[Any]:
        """Return all tiles, with the lanes of each group's [lines, lanes], or zeros."""
        words = aligned_zeros(self._size * len(self.keys), kind)
        if matrices is not None:
            for (group, start, stop), tile in self.unskewed(words):
                tile[:] = matrices[group][:, start:stop]
        return words

    def unskewed(self, words: NDArray[Any]) -> Iterator[tuple[tuple[int, int, int], NDArray[Any]]]:
        """Yield (group, first and last lane) of each tile, and a view of it as [lines, lanes]."""
        word = words.itemsize
        strides = (self._pitch * word, (self._pitch + 1) * word)
        for number, (group, start, stop) in enumerate(self.keys.tolist()):
            shape, offset = (self._lines, stop - start), number * self._size * word
            yield (group, start, stop), np.ndarray(shape, words.dtype, words, offset, strides)


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

        bounds = np.array(list(_bounds(plan)), np.int64).T
        group, at = bounds[0], {"m": bounds[1:3], "n": bounds[3:5], "k": bounds[5:7]}
        stream, row, column = at[flow.stream], at[flow.rows], at[flow.columns]
        entering = _Tiles(group, row, lines, rules.left_pitch)
        across = _Tiles(group, column, lines, rules.pitch)
        skipped = stream[0] * rules.pitch
        down = (group * rows + row[0]) * columns + column[0]
        if flow.preloads:
            # The words of a preload are read together, also beyond a matrix's first and last.
            margin = CELLS * (columns + 1)
            top, results = margin + down, across.starts + skipped
            factors = np.zeros(gemm.groups * rows * columns + 2 * margin, words)
            factors[margin:-margin] = np.stack(matrices[flow.rows + flow.columns]).ravel()
            memory = across.words(_INT32)
        else:
            top, results = across.starts + skipped, down
            factors = across.words(words, matrices[flow.stream + flow.columns])
            memory = np.zeros(gemm.groups * rows * columns, np.int32)
        if flow.stream == "n":
            everywhere = np.broadcast_to(bias[:, :, np.newaxis], (*bias.shape, columns))
            biased, biases = across.starts + skipped, across.words(_INT32, list(everywhere))
        else:
            biased = across.numbers * rules.pitch
            biases = np.zeros((len(across.keys), rules.pitch), np.int32)
            for line, (of_group, start, stop) in zip(biases, across.keys.tolist(), strict=True):
                line[: stop - start] = bias[of_group, start:stop]
            biases = biases.ravel()
        table = (
            *(stream[1] - stream[0], row[1] - row[0], column[1] - column[0]),
            *(at["k"][0] == 0, at["k"][1] == gemm.depth_k),
            entering.starts + stream[0] * rules.left_pitch,
            *(top, biased, results),
        )
        self._plan, self._across = plan, across
        self.work = Work(
            passes=np.stack([np.asarray(part, np.int64) for part in table], axis=1),
            depth=gemm.depth_k,
            columns=columns,
            moving=entering.words(words, matrices[flow.stream + flow.rows]),
            factors=factors,
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
        for (group, start, stop), tile in self._across.unskewed(memory):
            streamed[group, :, start:stop] = tile
        return sums


def _bounds(plan: TilePlan) -> Iterator[tuple[int, ...]]:
    """Yield (group, m_start, m_stop, n_start, n_stop, k_start, k_stop) of each pass."""
    depths = cut(0, plan.gemm.depth_k, plan.tile_k)
    for visit in visits(plan):
        columns = (visit.n_start, visit.n_stop)
        for rows in cut(visit.m_start, visit.m_stop, plan.tile_m):
            head = (visit.group, *rows, *columns)
            yield from (head + depth for depth in depths)


def _narrowest(matrices: Matrices) -> np.dtype[Any]:
    """Return the type of the operand registers: more of them fit the CPU's caches."""
    limits = np.iinfo(np.int16)
    fits = all(limits.min <= part.min() and part.max() <= limits.max for part in matrices)
    return np.dtype(np.int16 if fits else np.int32)
