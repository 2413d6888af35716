"""Which input rows a range of output rows needs: counted in closed form, never listed.

Output row *y* reads input rows ``y * stride + tap * dilation - top`` for the kernel's taps.
Planes (images, or images x channels) are stacked: *line* ``plane * output_height + y``.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from math import gcd

import numpy as np
from numpy.typing import ArrayLike, NDArray

from accelsim.network.geometry import Window

__all__ = ["InputRows", "input_rows", "valid_taps"]

Integers = NDArray[np.int64]


def _valid(
    size: int, outputs: int, kernel: int, stride: int, before: int, dilation: int
) -> Integers:
    """bool[outputs, kernel] as int64: whether a tap falls inside the input, not on padding."""
    position = (
        np.arange(outputs, dtype=np.int64)[:, None] * stride
        + np.arange(kernel, dtype=np.int64)[None, :] * dilation
        - before
    )
    return ((position >= 0) & (position < size)).astype(np.int64)


def _prefix(counts: Integers) -> Integers:
    return np.concatenate(([0], np.cumsum(counts))).astype(np.int64)


@lru_cache(maxsize=1024)
def valid_taps(window: Window, height: int, width: int) -> tuple[int, int]:
    """Return the taps that do not fall on padding: (vertical, horizontal).

    Each is summed over all output positions of its axis; their product is the number of input
    elements that one channel's windows read, counted as often as they are read.
    """
    outputs_y, outputs_x = window.output_size(height, width)
    top, left, _, _ = window.pads
    axes = (
        (height, outputs_y, window.kernel[0], window.strides[0], top, window.dilations[0]),
        (width, outputs_x, window.kernel[1], window.strides[1], left, window.dilations[1]),
    )
    vertical, horizontal = (int(_valid(*axis).sum()) for axis in axes)
    return vertical, horizontal


@dataclass(frozen=True, eq=False)
class InputRows:
    """Counts of distinct input rows, prepared for one window and input height.

    A tap reads a row that the output row ``reach`` before it has read already if that one is in
    the range too (*early* taps), or that no other row of the range can have read (*late* taps):
    with ``g = gcd(stride, dilation)``, output row ``y - dilation / g`` reads it with tap
    ``tap + stride / g``.

    Attributes
    ----------
    output_height
        Output rows of a plane.
    reach
        ``dilation / g``.
    late, early, taps
        int64[output_height + 1]: prefix sums of the valid late, early and all taps.
    """

    output_height: int
    reach: int
    late: Integers
    early: Integers
    taps: Integers

    def _within_plane(self, first: Integers, stop: Integers) -> Integers:
        fresh = np.minimum(first + self.reach, stop)
        return self.late[stop] - self.late[first] + self.early[fresh] - self.early[first]

    def distinct(self, first_line: ArrayLike, stop_line: ArrayLike) -> Integers:
        """Count the distinct input rows that output lines [first_line, stop_line) read.

        Both may be arrays; every range must hold at least one line.
        """
        first = np.asarray(first_line, dtype=np.int64)
        last = np.asarray(stop_line, dtype=np.int64) - 1
        height = self.output_height
        first_plane, first_row = first // height, first % height
        last_plane, last_row = last // height, last % height
        same = first_plane == last_plane
        head = self._within_plane(first_row, np.where(same, last_row + 1, height))
        tail = self._within_plane(np.zeros_like(last_row), last_row + 1)
        whole = self._within_plane(np.zeros_like(last_row), np.full_like(last_row, height))
        return np.where(same, head, head + tail + (last_plane - first_plane - 1) * whole)

    def taps_before(self, line: ArrayLike) -> Integers:
        """Count the valid vertical taps of all output lines before ``line``."""
        planes, row = np.divmod(np.asarray(line, dtype=np.int64), self.output_height)
        return np.asarray(planes * self.taps[-1] + self.taps[row], dtype=np.int64)


@lru_cache(maxsize=1024)
def input_rows(window: Window, height: int, width: int) -> InputRows:
    """Prepare the row counts of ``window`` over an input of ``height`` x ``width``."""
    outputs, _ = window.output_size(height, width)
    kernel, stride, dilation = window.kernel[0], window.strides[0], window.dilations[0]
    valid = _valid(height, outputs, kernel, stride, window.pads[0], dilation)
    common = gcd(stride, dilation)
    shared = max(0, kernel - stride // common)
    return InputRows(
        output_height=outputs,
        reach=dilation // common,
        late=_prefix(valid[:, shared:].sum(axis=1)),
        early=_prefix(valid[:, :shared].sum(axis=1)),
        taps=_prefix(valid.sum(axis=1)),
    )
