"""The smallest and the largest word, whichever way an array lies in memory."""

from __future__ import annotations

import numpy as np
import pytest

from accelsim.simulator.array.extremes import extremes

WORDS = np.array([[5, -(2**31), 0], [7, 2**31 - 1, -1]], np.int32)


@pytest.mark.parametrize(
    "words",
    [
        WORDS,
        WORDS.T,
        np.stack([WORDS, WORDS]),
        np.repeat(WORDS, 2, axis=1)[:, ::2],
        WORDS.astype(np.int64),
    ],
    ids=["rows", "columns", "three dimensions", "with gaps", "wider words"],
)
def test_both_ends_of_the_range_are_found(words):
    assert extremes(words) == (-(2**31), 2**31 - 1)


def test_a_single_word_is_both():
    assert extremes(np.array([-3], np.int32)) == (-3, -3)
