"""Window geometry shared by convolutions and pools: strides, pads, dilations, groups."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Shape", "Window"]

Shape = tuple[int, ...]
"""One image's tensor, the batch left out: (channels, height, width) or (features,)."""


@dataclass(frozen=True)
class Window:
    """A sliding window over height and width.

    ``pads`` are (top, left, bottom, right) as ONNX orders them; every pair is (height, width).
    """

    kernel: tuple[int, int]
    strides: tuple[int, int] = (1, 1)
    pads: tuple[int, int, int, int] = (0, 0, 0, 0)
    dilations: tuple[int, int] = (1, 1)

    def output_size(self, height: int, width: int) -> tuple[int, int]:
        """Return (height, width) of the output, rounded down as ONNX does.

        >>> Window((3, 3), strides=(2, 2), pads=(1, 1, 1, 1)).output_size(8, 8)
        (4, 4)
        """
        top, left, bottom, right = self.pads
        extent_y = (self.kernel[0] - 1) * self.dilations[0] + 1
        extent_x = (self.kernel[1] - 1) * self.dilations[1] + 1
        return (
            (height + top + bottom - extent_y) // self.strides[0] + 1,
            (width + left + right - extent_x) // self.strides[1] + 1,
        )

    def same_pads(
        self, height: int, width: int, *, lower: bool = False
    ) -> tuple[int, int, int, int]:
        """Return the pads of SAME padding: one output for every stride's worth of input.

        An odd pad's larger half is at the end, or at the beginning if ``lower``.

        >>> Window((3, 3), strides=(2, 2)).same_pads(8, 9)
        (0, 1, 1, 1)
        """
        before, after = [], []
        geometry = zip((height, width), self.kernel, self.dilations, self.strides, strict=True)
        for size, taps, dilation, stride in geometry:
            extent = (taps - 1) * dilation + 1
            total = max((-(-size // stride) - 1) * stride + extent - size, 0)
            small, large = total // 2, total - total // 2
            before.append(large if lower else small)
            after.append(small if lower else large)
        return before[0], before[1], after[0], after[1]
