"""Blocks of four depths and lanes of columns hold every operand once, and zeros."""

from __future__ import annotations

import numpy as np
import pytest

from accelsim.simulator.array.packing import LANES, pack_factors, pack_moving


def padded(words, tile):
    """Each tile of the depth of [rows, depth], filled up to a multiple of four with zeros."""
    tiles = [words[:, start : start + tile] for start in range(0, words.shape[1], tile)]
    return np.concatenate([np.pad(part, ((0, 0), (0, -part.shape[1] % 4))) for part in tiles], 1)


@pytest.mark.parametrize(("elements", "depth", "tile"), [(1, 1, 1), (67, 9, 4), (5, 23, 7)])
def test_moving_words_lie_in_blocks_of_four_depths(elements, depth, tile):
    words = np.arange(1, elements * depth + 1, dtype=np.int32).reshape(elements, depth)
    packed = pack_moving(words, tile)
    assert np.array_equal(packed.transpose(1, 0, 2).reshape(elements, -1), padded(words, tile))


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize(("depth", "tile", "count"), [(1, 1, 1), (23, 7, 16), (8, 8, 5)])
def test_factors_lie_in_lanes_whatever_their_order_in_memory(order, depth, tile, count):
    words = np.arange(1, 20 * depth + 1, dtype=np.int32).reshape(20, depth)
    packed = pack_factors(np.asarray(words, order=order), 3, 3 + count, tile)
    assert np.array_equal(packed[:, :count].T, padded(words, tile)[3 : 3 + count])
    assert not packed[:, count:LANES].any()
