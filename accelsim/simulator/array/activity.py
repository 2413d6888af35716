"""What the multiplier and the adder of every PE see change, pass after pass.

A PE sees its operands and sums with valid tokens only: between two products its inputs hold. With
zero gating it does not see a product of which an operand is zero either. Unused rows and columns
see zeros with valid tokens, as in `docs/timing.md`.

Register bits that toggle are counted by the engines (`Switching`); this is what lies between them.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from accelsim.arithmetic.formats import Accumulator
from accelsim.compiler.program import TilePlan
from accelsim.hardware.schema import Array
from accelsim.simulator.array.interface import MatrixOperands
from accelsim.simulator.array.overflow import OverflowBound, overflow_policy
from accelsim.simulator.array.pieces import cut, visits
from accelsim.simulator.array.widths import register_masks
from accelsim.simulator.run import Activity

__all__ = ["measure_activity"]

Words = NDArray[np.int32]

_KEPT_WORDS = 1 << 23


def measure_activity(
    operands: MatrixOperands, plan: TilePlan, array: Array, accumulator: Accumulator
) -> Activity:
    """Return what changed at the inputs of every PE's multiplier and adder in a plan.

    Parameters as of `accelsim.simulator.array.run_array`; PEs start with zeros at their inputs. A
    column of adders that sums up rows is the last column, and sees nothing here.
    """
    from accelsim.simulator.array.activity_kernel import output_tile, stationary_pass

    flow, pes = plan.dataflow, (array.rows, array.columns)
    last = np.zeros((4, *pes), np.int32)
    counts = np.zeros((5, *pes), np.int64)
    masks = register_masks(array, flow, accumulator)
    policy = overflow_policy(accumulator)
    waiting: dict[tuple[int, int], Words] = {}
    for tile in _tiles(operands, plan, accumulator):
        left, right, bias, checked = tile.left, tile.right, tile.bias, tile.checked
        if not flow.preloads:
            sums = np.zeros(pes, np.int32)
            sums[:, : right.shape[1]] = bias
            rows, columns = _padded(left, array.rows, 0), _padded(right, array.columns, 1)
            output_tile(
                rows, columns, sums, last, counts, masks, array.zero_gating, checked, *policy
            )
            continue
        by_columns = flow.columns == "n"
        moving, resident = (left, right) if by_columns else (right.T, left.T)
        sums = waiting.pop(tile.place, np.zeros((len(moving), array.columns), np.int32))
        if tile.starts:
            sums[:, : resident.shape[1]] = bias if by_columns else bias[:, np.newaxis]
        if not tile.ends:
            waiting[tile.place] = sums
        for start, stop in cut(0, moving.shape[1], array.rows):
            words = _padded(_padded(resident[start:stop], array.rows, 0), array.columns, 1)
            stationary_pass(
                _padded(moving[:, start:stop], array.rows, 1),
                words,
                sums,
                last,
                counts,
                masks,
                array.zero_gating,
                checked,
                *policy,
            )
    # A column of adders that sums up rows rests when nobody asks for its sums.
    adders = array.stepped_columns - array.columns
    return Activity(*(np.pad(part, ((0, 0), (0, adders))) for part in counts))


class _Tile(NamedTuple):
    """An output tile with its whole depth, or with a part of it.

    left: int32[m, depth], right: int32[depth, n], bias: int32[n]. ``place``: its first row and
    column, ``starts`` and ``ends``: whether this is the first and the last part, ``checked``:
    whether it may overflow.
    """

    place: tuple[int, int]
    starts: bool
    ends: bool
    left: Words
    right: Words
    bias: Words
    checked: bool


def _tiles(operands: MatrixOperands, plan: TilePlan, accumulator: Accumulator) -> Iterator[_Tile]:
    """Yield the plan's tiles in execution order; output stationary, each with its whole depth."""
    keep = plan.gemm.rows_m * plan.gemm.depth_k <= _KEPT_WORDS
    for group, of_group in groupby(visits(plan), lambda visit: visit.group):
        weights = operands.weights(group)
        bias = operands.bias(group).astype(np.int32)
        bound = OverflowBound.from_group(operands, group, accumulator)
        blocks: dict[int, tuple[Words, bool]] = {}
        for visit in of_group:
            if visit.m_start not in blocks:
                if not keep:
                    blocks.clear()
                rows = operands.activations(group, visit.m_start, visit.m_stop)
                blocks[visit.m_start] = rows, bound.can_overflow(rows, accumulator)
            rows, checked = blocks[visit.m_start]
            depth, columns = (visit.k_start, visit.k_stop), slice(visit.n_start, visit.n_stop)
            if not plan.dataflow.preloads:
                if visit.k_start:
                    continue
                depth = (0, plan.gemm.depth_k)
            ends, part = depth[1] == plan.gemm.depth_k, slice(*depth)
            for start, stop in cut(0, len(rows), plan.tile_m):
                yield _Tile(
                    place=(visit.m_start + start, visit.n_start),
                    starts=depth[0] == 0,
                    ends=ends,
                    left=rows[start:stop, part],
                    right=weights[part, columns],
                    bias=bias[columns],
                    checked=checked,
                )


def _padded(words: Words, length: int, axis: int) -> Words:
    """Return the words with zeros behind them along an axis, as a new C-ordered array."""
    shape = list(words.shape)
    shape[axis] = length
    found = np.zeros(shape, np.int32)
    found[tuple(slice(size) for size in words.shape)] = words
    return found
