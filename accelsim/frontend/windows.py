"""ONNX's window attributes (kernel, strides, pads, auto_pad, dilations, ceil_mode) as a Window."""

from __future__ import annotations

from dataclasses import replace

from accelsim.frontend.graph import Node, refuse
from accelsim.network import Shape, Window

__all__ = ["conv_window", "pool_window"]


def conv_window(node: Node, kernel: tuple[int, int], image: Shape) -> Window:
    """Return the window of a Conv over an image (channels, height, width)."""
    window = _window(node, kernel, image)
    _require_output(node, window, image)
    return window


def pool_window(node: Node, image: Shape) -> Window:
    """Return the window of a pool; where sizes are rounded up, it is padded further at the end.

    That padding is the same as rounding up wherever padding is not counted.
    """
    kernel = node.attributes["kernel_shape"]
    if len(kernel) != 2:
        raise refuse(node, f"only 2-dimensional windows are supported, got {list(kernel)}")
    window = _window(node, (kernel[0], kernel[1]), image)
    if any(pad >= size for pad, size in zip(window.pads, window.kernel * 2, strict=True)):
        raise refuse(node, f"pads must be smaller than the kernel, got {list(window.pads)}")
    if node.attributes.get("ceil_mode"):
        rounded = _rounded_up(window, image)
        if rounded != window and node.attributes.get("count_include_pad"):
            raise refuse(node, "ceil_mode with count_include_pad changes the result here")
        window = rounded
    _require_output(node, window, image)
    return window


def _window(node: Node, kernel: tuple[int, int], image: Shape) -> Window:
    values = node.attributes
    strides = _pair(node, "strides")
    dilations = _pair(node, "dilations")
    if min(*kernel, *strides, *dilations) < 1:
        raise refuse(node, "kernel, strides and dilations must be at least 1")
    window = Window(kernel, strides, dilations=dilations)
    mode = values.get("auto_pad", "NOTSET")
    if mode == "VALID":
        return window
    if mode in ("SAME_UPPER", "SAME_LOWER"):
        pads = window.same_pads(image[1], image[2], lower=mode == "SAME_LOWER")
        return replace(window, pads=pads)
    pads = tuple(values.get("pads", (0, 0, 0, 0)))
    if mode != "NOTSET" or len(pads) != 4 or min(pads) < 0:
        raise refuse(node, f"auto_pad {mode} with pads {list(pads)} is not supported")
    return replace(window, pads=pads)


def _pair(node: Node, name: str) -> tuple[int, int]:
    values = node.attributes.get(name, (1, 1))
    if len(values) != 2:
        raise refuse(node, f"{name} must have 2 values, got {list(values)}")
    return values[0], values[1]


def _extents(window: Window) -> tuple[int, int]:
    y, x = window.kernel
    return (y - 1) * window.dilations[0] + 1, (x - 1) * window.dilations[1] + 1


def _rounded_up(window: Window, image: Shape) -> Window:
    top, left, bottom, right = window.pads
    more = []
    sizes = zip(
        image[1:], (top, left), (bottom, right), _extents(window), window.strides, strict=True
    )
    for size, before, after, extent, stride in sizes:
        room = size + before + after - extent
        # A window that would start in the padding at the end is left out, as ONNX says.
        starts_inside = (room // stride + 1) * stride < size + before
        more.append(stride - room % stride if room % stride and starts_inside else 0)
    return replace(window, pads=(top, left, bottom + more[0], right + more[1]))


def _require_output(node: Node, window: Window, image: Shape) -> None:
    if min(window.output_size(image[1], image[2])) < 1:
        raise refuse(node, f"the window does not fit in its input of shape {list(image)}")
