"""Stored images brought to the shape that a network takes, where only one way of it is possible."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from accelsim.errors import DataError
from accelsim.frontend.data.dataset import InputNeeds, Layout
from accelsim.network import Shape

__all__ = ["arrange"]


def arrange(
    name: str, values: NDArray[Any], stored: Layout, needs: InputNeeds | None
) -> tuple[NDArray[Any], str]:
    """Return values[count, *shape] with the shape of the network, and what was done in words.

    Images are (channels, height, width) or (height, width, channels); axes of size 1 may be left
    out. A file that does not say which one holds (``stored`` unknown) holds what the network's
    own file states if that fits, else the other. Images without channels to speak of may be flat
    vectors, or become them. Nothing else is reshaped.

    Raises
    ------
    DataError
        If no way or none without a guess leads to the network's shape.
    """
    if values.ndim < 2:
        raise DataError(f"{name}: must have shape {_shown(needs)}, got {list(values.shape)}")
    image = values.shape[1:]
    if needs is None:
        return values, ""
    last = _channels_last(needs.shape)
    known = {
        Layout.CHANNELS_FIRST: [(needs.shape, False)],
        Layout.CHANNELS_LAST: [(last, True)],
        Layout.UNKNOWN: [(needs.shape, False), (last, True)],
    }[stored]
    # The network's own order of axes comes first.
    for shape, moved in sorted(known, key=lambda way: way[1] != needs.channels_last):
        if _without_ones(shape) == _without_ones(image):
            arranged = values.reshape(len(values), *shape)
            if not moved:
                return arranged, ""
            reordered = shape[-1] > 1 and math.prod(shape[:-1]) > 1
            return np.moveaxis(arranged, -1, 1), ", channels moved first" if reordered else ""
    if math.prod(image) == math.prod(needs.shape) and len(_without_ones(needs.shape)) < 3:
        flat = 1 in (len(_without_ones(image)), len(_without_ones(needs.shape)))
        if flat and len(_without_ones(image)) < 3:
            words = f", reshaped from {list(image)} to {list(needs.shape)}"
            return values.reshape(len(values), *needs.shape), words
    raise DataError(f"{name}: must have shape {_shown(needs)}, got {list(values.shape)}")


def _channels_last(shape: Shape) -> Shape:
    return (*shape[1:], shape[0])


def _without_ones(shape: Shape) -> Shape:
    return tuple(size for size in shape if size != 1)


def _shown(needs: InputNeeds | None) -> str:
    if needs is None:
        return "[count, ...]"
    shapes = [needs.shape]
    if len(needs.shape) == 3 and needs.shape[0] == 1:
        shapes.append(needs.shape[1:])
    elif len(_without_ones(needs.shape)) > 1:
        shapes.append(_channels_last(needs.shape))
    if needs.channels_last:
        shapes.reverse()
    return " or ".join(f"[{', '.join(map(str, ('count', *shape)))}]" for shape in shapes)
