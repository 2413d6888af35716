import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from accelsim.errors import DataError
from accelsim.frontend.data.dataset import InputNeeds, Layout
from accelsim.frontend.data.layout import arrange

UNKNOWN, FIRST, LAST = Layout.UNKNOWN, Layout.CHANNELS_FIRST, Layout.CHANNELS_LAST


def arranged(stored, shape, layout=UNKNOWN, channels_last=False):
    values = np.arange(2 * np.prod(stored, dtype=int)).reshape(2, *stored)
    result, words = arrange("images", values, layout, InputNeeds(shape, 10, channels_last))
    assert result.shape == (2, *shape)
    return values, result, words


@pytest.mark.parametrize(
    ("stored", "shape", "channels_last"),
    [
        ((3, 4, 5), (3, 4, 5), False),
        ((4, 5), (1, 4, 5), False),
        ((1, 4, 5), (1, 4, 5), False),
        ((4, 5, 1), (1, 4, 5), False),
        ((4, 5), (1, 4, 5), True),
        ((7,), (7,), False),
        ((7,), (7, 1, 1), True),
        ((1, 1, 7), (7, 1, 1), True),
        ((3, 3, 3), (3, 3, 3), False),
    ],
)
def test_what_fits_keeps_its_order(stored, shape, channels_last):
    values, result, words = arranged(stored, shape, channels_last=channels_last)
    assert (result.ravel() == values.ravel()).all()
    assert words == ""


@pytest.mark.parametrize("channels_last", [False, True])
def test_channels_are_moved_first(channels_last):
    values, result, words = arranged((4, 5, 3), (3, 4, 5), channels_last=channels_last)
    assert (result == values.transpose(0, 3, 1, 2)).all()
    assert words == ", channels moved first"


def test_the_order_of_the_networks_file_comes_first():
    values, result, _ = arranged((3, 3, 3), (3, 3, 3), channels_last=True)
    assert (result == values.transpose(0, 3, 1, 2)).all()
    values, result, _ = arranged((3, 4, 5), (3, 4, 5), channels_last=True)
    assert (result == values).all()


def test_rows_of_features_of_a_file_with_channels_last():
    values, result, words = arranged((4, 7), (7, 4, 1), channels_last=True)
    assert (result[..., 0] == values.transpose(0, 2, 1)).all()
    assert words == ", channels moved first"


def test_a_known_layout_leaves_no_choice():
    values, result, _ = arranged((3, 3, 3), (3, 3, 3), LAST)
    assert (result == values.transpose(0, 3, 1, 2)).all()
    values, result, _ = arranged((3, 3, 3), (3, 3, 3), FIRST, channels_last=True)
    assert (result == values).all()
    with pytest.raises(DataError):
        arranged((4, 5, 3), (3, 4, 5), FIRST)
    with pytest.raises(DataError):
        arranged((3, 4, 5), (3, 4, 5), LAST)


@pytest.mark.parametrize(
    ("stored", "shape"), [((28, 28), (784,)), ((784,), (1, 28, 28)), ((1, 4, 5), (20,))]
)
def test_images_without_channels_may_be_flat(stored, shape):
    values, result, words = arranged(stored, shape)
    assert (result.ravel() == values.ravel()).all()
    assert words == f", reshaped from {list(stored)} to {list(shape)}"


@pytest.mark.parametrize(
    ("stored", "shape", "allowed"),
    [
        ((32, 32, 3), (3072,), "[count, 3072]"),
        ((3072,), (3, 32, 32), "[count, 3, 32, 32] or [count, 32, 32, 3]"),
        ((5, 4), (1, 4, 5), "[count, 1, 4, 5] or [count, 4, 5]"),
        ((4, 3, 5), (3, 4, 5), "[count, 3, 4, 5] or [count, 4, 5, 3]"),
        ((), (7,), "[count, 7]"),
    ],
)
def test_nothing_is_guessed(stored, shape, allowed):
    with pytest.raises(DataError) as caught:
        arranged(stored, shape)
    assert str(caught.value) == f"images: must have shape {allowed}, got {[2, *stored]}"


def test_a_file_with_channels_last_is_asked_for_that():
    with pytest.raises(DataError) as caught:
        arranged((4, 4, 3), (3, 8, 8), channels_last=True)
    assert str(caught.value) == (
        "images: must have shape [count, 8, 8, 3] or [count, 3, 8, 8], got [2, 4, 4, 3]"
    )


@given(
    shape=st.tuples(*[st.integers(1, 4)] * 3),
    stored=st.lists(st.integers(1, 4), min_size=0, max_size=4),
    layout=st.sampled_from(Layout),
    channels_last=st.booleans(),
)
def test_every_element_stays_or_the_data_are_refused(shape, stored, layout, channels_last):
    try:
        values, result, _ = arranged(tuple(stored), shape, layout, channels_last)
    except DataError:
        return
    assert sorted(result[0].ravel()) == sorted(values[0].ravel())
