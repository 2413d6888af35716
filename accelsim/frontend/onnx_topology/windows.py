"""The window of an ONNX convolution or pool, of an image or of one column of it."""

from __future__ import annotations

from dataclasses import replace

from accelsim.frontend.onnx_topology.graph import ShapeNode
from accelsim.network.geometry import Window

__all__ = ["onnx_window"]


def onnx_window(
    node: ShapeNode,
    kernel: tuple[int, ...],
    size: tuple[int, int],
    output: tuple[int, int],
) -> Window:
    """Return the window whose output has the sizes that ONNX infers: rounded up, it is padded."""
    axes = len(kernel)
    strides = tuple(node.attributes.get("strides", ())) or (1,) * axes
    dilations = tuple(node.attributes.get("dilations", ())) or (1,) * axes
    pads = tuple(node.attributes.get("pads", ())) or (0,) * (2 * axes)
    if axes == 1:
        pads = (pads[0], 0, pads[1], 0)
    window = Window(_pair(kernel), _pair(strides), (0, 0, 0, 0), _pair(dilations))
    auto = node.attributes.get("auto_pad", b"NOTSET")
    if auto in (b"SAME_UPPER", b"SAME_LOWER"):
        return replace(window, pads=window.same_pads(*size, lower=auto == b"SAME_LOWER"))
    if auto == b"NOTSET":
        window = replace(window, pads=(pads[0], pads[1], pads[2], pads[3]))
    top, left, *after = window.pads
    bottom, right = (
        max(pad, (count - 1) * stride + (taps - 1) * dilation + 1 - length - before)
        for pad, count, stride, taps, dilation, length, before in zip(
            *(after, output, window.strides, window.kernel, window.dilations, size, (top, left)),
            strict=True,
        )
    )
    return replace(window, pads=(top, left, bottom, right))


def _pair(sizes: tuple[int, ...]) -> tuple[int, int]:
    first, second = (*sizes, 1)[:2]
    return int(first), int(second)
