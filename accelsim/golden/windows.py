"""Sliding a window over feature maps: one strided view for each kernel element."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from accelsim.network.geometry import Window

__all__ = ["taps"]


def taps(
    maps: NDArray[np.int64], window: Window, fill: int
) -> Iterator[tuple[int, int, NDArray[np.int64]]]:
    """Yield what each kernel element sees, kernel rows first, then kernel columns.

    Parameters
    ----------
    maps
        int64[images, channels, height, width].
    window
        Kernel, strides, pads and dilations.
    fill
        The integer that stands for padding.

    Yields
    ------
    (kernel row, kernel column, int64[images, channels, output height, output width])
    """
    top, left, bottom, right = window.pads
    padded = np.pad(maps, ((0, 0), (0, 0), (top, bottom), (left, right)), constant_values=fill)
    height, width = window.output_size(*maps.shape[2:])
    stride_y, stride_x = window.strides
    for kernel_y in range(window.kernel[0]):
        for kernel_x in range(window.kernel[1]):
            y = kernel_y * window.dilations[0]
            x = kernel_x * window.dilations[1]
            rows = slice(y, y + (height - 1) * stride_y + 1, stride_y)
            columns = slice(x, x + (width - 1) * stride_x + 1, stride_x)
            yield kernel_y, kernel_x, padded[:, :, rows, columns]
