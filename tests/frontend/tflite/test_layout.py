import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accelsim.frontend.tflite import from_file_layout, in_file_layout
from accelsim.frontend.tflite.layout import layout_of

sizes = st.integers(1, 4)


@pytest.mark.parametrize(
    ("stated", "shape", "axes"),
    [
        ((7,), (7,), (0,)),
        ((1, 7), (7,), (None, 0)),
        ((5, 7), (7, 5, 1), (1, 0)),
        ((1, 5, 7), (7, 5, 1), (None, 1, 0)),
        ((2, 5, 7), (7, 2, 5), (1, 2, 0)),
        ((1, 1, 1, 7), (7, 1, 1), (None, 1, 2, 0)),
        ((1, 3, 5, 7), (7, 3, 5), (None, 1, 2, 0)),
        ((2, 3, 5, 7), (7, 6, 5), (None, None, 2, 0)),
        ((1, 2, 3, 5, 7), (7, 6, 5), (None, None, None, 2, 0)),
    ],
)
def test_shapes_are_stated_channels_first(stated, shape, axes):
    layout = layout_of(stated)
    assert (layout.shape, layout.axes) == (shape, axes)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(shape=st.lists(sizes, min_size=1, max_size=5).map(tuple), images=st.integers(0, 3))
def test_to_the_file_and_back_is_the_same(shape, images):
    stated = np.arange(images * np.prod(shape)).reshape(images, *shape)
    here = from_file_layout(stated, shape)
    assert here.shape == (images, *layout_of(shape).shape)
    assert in_file_layout(here, shape).tolist() == stated.tolist()


def test_an_image_s_pixels_stay_where_they_are():
    stated = np.random.default_rng(0).integers(0, 99, (2, 1, 4, 5, 3))
    assert (
        from_file_layout(stated, (1, 4, 5, 3)).tolist()
        == stated[:, 0].transpose(0, 3, 1, 2).tolist()
    )
