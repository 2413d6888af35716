"""How a file's tensors are stated here: channels first, the batch left out.

The last axis of a file's tensor is its channels. With the elements kept in the file's order (the
channels running fastest):

    file                        here
    [K], [1, K]                 (K,)
    [R, K], [1, R, K]           (K, R, 1)
    [A, B, K]                   (K, A, B)
    [1, H, W, C]                (C, H, W)
    [N, H, W, C], and more axes (C, N * H, W)
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from accelsim.network import Shape

__all__ = ["Layout", "from_file_layout", "in_file_layout", "layout_of"]


@dataclass(frozen=True)
class Layout:
    """A tensor's shape here, and for each of the file's axes the axis here that it is.

    An axis that is left out or joined with another is None.
    """

    shape: Shape
    axes: tuple[int | None, ...]


def layout_of(file_shape: Shape) -> Layout:
    """Return the layout of a tensor of one axis or more.

    >>> layout_of((1, 32, 24, 3))
    Layout(shape=(3, 32, 24), axes=(None, 1, 2, 0))
    >>> layout_of((5, 10))
    Layout(shape=(10, 5, 1), axes=(1, 0))
    """
    *outer, channels = file_shape
    if len(outer) <= 1 and prod(outer) == 1:
        return Layout((channels,), (*(None for _ in outer), 0))
    if len(outer) == 1:
        return Layout((channels, outer[0], 1), (1, 0))
    if len(outer) == 2 and outer[0] == 1:
        return Layout((channels, outer[1], 1), (None, 1, 0))
    joined = outer[:-2]
    height = outer[-2] * prod(joined)
    axis = 1 if prod(joined) == 1 else None
    return Layout((channels, height, outer[-1]), (*(None for _ in joined), axis, 2, 0))


def in_file_layout(values: NDArray[Any], file_shape: Shape) -> NDArray[Any]:
    """Return [images, *file shape] from [images, *shape here]: the file's tensor, image by image.

    >>> in_file_layout(np.arange(6).reshape(1, 2, 3, 1), (1, 3, 1, 2)).tolist()
    [[[[[0, 3]], [[1, 4]], [[2, 5]]]]]
    """
    return np.moveaxis(values, 1, -1).reshape(len(values), *file_shape)


def from_file_layout(values: NDArray[Any], file_shape: Shape) -> NDArray[Any]:
    """Return [images, *shape here] from [images, *file shape]; the inverse of `in_file_layout`.

    >>> from_file_layout(np.arange(6).reshape(1, 1, 3, 1, 2), (1, 3, 1, 2)).tolist()
    [[[[0], [2], [4]], [[1], [3], [5]]]]
    """
    channels, *rest = layout_of(file_shape).shape
    return np.moveaxis(values.reshape(len(values), *rest, channels), -1, 1)
