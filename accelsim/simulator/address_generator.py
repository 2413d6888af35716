"""The address generator: a layer's tensors as the rows and columns of a matrix product.

DRAM and scratchpad hold each tensor once. Between scratchpad and array, counters walk the
output pixels and the kernel, so that the array sees rows of the im2col matrix that never exists
as a whole. Padding is the input's zero point, made at the edge of the array and not read.
"""

from __future__ import annotations

from math import prod

import numpy as np
from numpy.typing import NDArray

from accelsim.errors import InternalError
from accelsim.network.integer import IntegerMatrix
from accelsim.network.run_time import RunTimeMatrix
from accelsim.simulator.kernels import kernel
from accelsim.simulator.threads import run_tasks, shares, threads_for

__all__ = ["AddressGenerator"]

_WORTH_THREADS_WORDS = 1 << 18


class AddressGenerator:
    """The operands of a convolution or dense layer for one batch.

    Row ``m = image * height_out * width_out + y * width_out + x`` (output pixel); column n is an
    output channel of the group; depth k runs over kernel rows, then kernel columns, then the
    group's input channels (channel fastest).

    Parameters
    ----------
    tensor
        int32[batch, channels, height, width] or int32[batch, features]: the layer's input.
    zero_point
        The input's integer for 0, which padding reads as: one, or int64[batch], one an image.
    operator
        Weights, bias and window of the layer.

    Attributes
    ----------
    elements_fetched
        Input elements read from ``tensor`` so far; padding is not read.
    """

    def __init__(
        self,
        tensor: NDArray[np.int32],
        zero_point: int | NDArray[np.int64],
        operator: IntegerMatrix | RunTimeMatrix,
    ) -> None:
        if tensor.ndim not in (2, 4):
            raise InternalError(f"a layer's input must have 2 or 4 axes, got {tensor.shape}")
        maps = tensor if tensor.ndim == 4 else tensor[:, :, np.newaxis, np.newaxis]
        out_channels, group_channels = operator.weights.shape[:2]
        if maps.shape[1] != group_channels * operator.groups:
            raise InternalError(
                f"an input of {maps.shape[1]} channels does not fit weights "
                f"{operator.weights.shape} in {operator.groups} groups"
            )
        # Channel fastest, as the depth is: a tap's channels are neighbours.
        self._maps = np.ascontiguousarray(maps.transpose(0, 2, 3, 1), dtype=np.int32)
        self._weights: tuple[int, NDArray[np.int32]] | None = None
        self._zero_points = np.broadcast_to(zero_point, len(maps)).astype(np.int32)
        self._operator = operator
        self._group_channels: int = group_channels
        self._group_columns = out_channels // operator.groups
        self._out_size = operator.window.output_size(*maps.shape[2:])
        self.elements_fetched = 0

    @property
    def rows_m(self) -> int:
        """Rows of the product: output pixels of all images of the batch."""
        return len(self._maps) * self._out_size[0] * self._out_size[1]

    @property
    def depth_k(self) -> int:
        """Depth of the product."""
        return prod(self._operator.window.kernel) * self._group_channels

    @property
    def output_shape(self) -> tuple[int, int, int, int]:
        """(batch, channels, height, width) of the layer's output."""
        channels = self._group_columns * self._operator.groups
        return (len(self._maps), channels, *self._out_size)

    def activations(self, group: int, m_start: int, m_stop: int) -> NDArray[np.int32]:
        """Return rows [m_start, m_stop) of a group's product.

        Returns
        -------
        int32[m_stop - m_start, depth_k]
        """
        rows = np.empty((m_stop - m_start, self.depth_k), dtype=np.int32)
        window = self._operator.window
        geometry = np.array([*window.kernel, *window.strides, *window.pads[:2], *window.dilations])

        def gather(share: tuple[int, int]) -> int:
            return _gather(
                self._maps,
                group * self._group_channels,
                self._group_channels,
                geometry,
                self._out_size[0],
                self._out_size[1],
                m_start + share[0],
                self._zero_points,
                rows[slice(*share)],
            )

        threads = threads_for(rows.size, _WORTH_THREADS_WORDS)
        self.elements_fetched += sum(run_tasks(gather, shares(len(rows), threads), threads))
        return rows

    def weights(self, group: int) -> NDArray[np.int32]:
        """Return a group's weights as int32[depth_k, columns n], a column's depth contiguous."""
        if self._weights is None or self._weights[0] != group:
            columns = self._operator.weights[self._columns(group)].astype(np.int32, copy=False)
            taps = columns.transpose(0, 2, 3, 1).reshape(len(columns), -1)
            self._weights = group, taps.T
        return self._weights[1]

    def bias(self, group: int) -> NDArray[np.int64]:
        """Return a group's biases as int64[columns n]."""
        return self._operator.bias[self._columns(group)]

    def scales(self, group: int) -> NDArray[np.int32]:
        """Return the scales of a group's vectors of weights as int32[vectors, columns n]."""
        vectors = self._operator.vectors
        if vectors is None:
            raise InternalError("this layer's weights have no vectors")
        return vectors.scales[:, self._columns(group)]

    def padding_free_elements(self) -> int:
        """Count the im2col elements of all groups that are input elements, not padding."""
        images, height, width, channels = self._maps.shape
        return int(images * channels) * self._valid_taps(0, height) * self._valid_taps(1, width)

    def _valid_taps(self, axis: int, size: int) -> int:
        """Count the (output position, kernel tap) pairs of an axis that are not padding."""
        window = self._operator.window
        first = -window.pads[axis]
        stride, dilation = window.strides[axis], window.dilations[axis]
        return sum(
            0 <= first + position * stride + tap * dilation < size
            for position in range(self._out_size[axis])
            for tap in range(window.kernel[axis])
        )

    def _columns(self, group: int) -> slice:
        return slice(group * self._group_columns, (group + 1) * self._group_columns)


@kernel(nogil=True)
def _gather(
    maps: NDArray[np.int32],
    channel_start: int,
    channels: int,
    window: NDArray[np.int64],
    out_height: int,
    out_width: int,
    m_start: int,
    zero_points: NDArray[np.int32],
    rows: NDArray[np.int32],
) -> int:
    """Fill ``rows: int32[m, k]`` from ``maps: int32[batch, height, width, channels]``.

    ``window: int64[8]`` is kernel, strides, pads (top, left) and dilations, each (y, x);
    ``zero_points: int32[batch]``. Returns the number of elements read from ``maps``.
    """
    height = maps.shape[1]
    width = maps.shape[2]
    fetched = 0
    for row in range(rows.shape[0]):
        pixel = m_start + row
        image = pixel // (out_height * out_width)
        top = pixel // out_width % out_height * window[2] - window[4]
        left = pixel % out_width * window[3] - window[5]
        k = 0
        for tap_y in range(window[0]):
            y = top + tap_y * window[6]
            for tap_x in range(window[1]):
                x = left + tap_x * window[7]
                if 0 <= y < height and 0 <= x < width:
                    for channel in range(channels):
                        rows[row, k + channel] = maps[image, y, x, channel_start + channel]
                    fetched += channels
                else:
                    for channel in range(channels):
                        rows[row, k + channel] = zero_points[image]
                k += channels
    return fetched
