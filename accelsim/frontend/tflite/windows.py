"""Kernels, strides, dilations and SAME or VALID padding as a `Window`."""

from __future__ import annotations

from dataclasses import replace

from accelsim.frontend.tflite.graph import TfliteOperator, TfliteTensor, brief, corrupt, refuse
from accelsim.frontend.tflite.scope import MAXIMUM_TENSOR_ELEMENTS
from accelsim.network import Window

__all__ = ["image_of", "window_of"]

MAXIMUM_KERNEL_ELEMENTS = 2**20
"""Of a pool, whose kernel is two numbers in the file: each element takes time when it runs."""


def image_of(operator: TfliteOperator, source: TfliteTensor) -> tuple[int, int, int]:
    """Return (height, width, channels) of an input that must be one image."""
    if len(source.shape) != 4:
        raise refuse(operator, f"its input must have 4 axes, got shape {brief(source.shape)}")
    batch, height, width, channels = source.shape
    if batch != 1:
        raise refuse(
            operator, f"its input is a batch of {batch} images; convert the model with a batch of 1"
        )
    return height, width, channels


def window_of(
    operator: TfliteOperator, kernel: tuple[int, int], source: TfliteTensor
) -> tuple[Window, tuple[int, int]]:
    """Return the window over an image, and the output's (height, width)."""
    height, width, channels = image_of(operator, source)
    options = operator.options
    strides = (options.get("stride_y", 0), options.get("stride_x", 0))
    dilations = (options.get("dilation_y", 1), options.get("dilation_x", 1))
    if min(*kernel, *strides, *dilations) < 1:
        raise corrupt(
            operator,
            f"kernel {brief(kernel)}, strides {brief(strides)} and dilations {brief(dilations)} "
            "must be at least 1",
        )
    if kernel[0] * kernel[1] > MAXIMUM_KERNEL_ELEMENTS:
        raise refuse(
            operator,
            f"its kernel {brief(kernel)} has more than {MAXIMUM_KERNEL_ELEMENTS} elements",
        )
    window = Window(kernel, strides, dilations=dilations)
    if options.get("padding", "SAME") == "SAME":
        window = replace(window, pads=window.same_pads(height, width))
    top, left, bottom, right = window.pads
    padded = channels * (height + top + bottom) * (width + left + right)
    if padded > MAXIMUM_TENSOR_ELEMENTS:
        raise refuse(
            operator,
            f"its padded input has {padded} elements; at most {MAXIMUM_TENSOR_ELEMENTS} are "
            "supported",
        )
    size = window.output_size(height, width)
    if min(size) < 1:
        raise corrupt(operator, f"its window does not fit in its input {brief(source.shape)}")
    return window, size
