"""Padding that windows do, and padding that has to be written."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from accelsim.arithmetic import Accumulator, IntegerFormat, RescaleMode, make_rescale
from accelsim.compiler.fuse_pads import fuse_pads
from accelsim.network.geometry import Shape, Window
from accelsim.network.integer import (
    IntegerLayer,
    IntegerMatrix,
    IntegerMaxPool,
    IntegerNetwork,
    IntegerPad,
    QuantizedTensor,
)


def tensor(shape: Shape, zero_point: int = 3) -> QuantizedTensor:
    return QuantizedTensor(shape, IntegerFormat(8), 1.0, zero_point)


def matrix(window: Window, channels: int = 2) -> IntegerMatrix:
    return IntegerMatrix(
        weights=np.ones((1, channels, *window.kernel), np.int32),
        weight_format=IntegerFormat(8),
        weight_scales=np.ones(1),
        bias=np.zeros(1, np.int64),
        window=window,
        groups=1,
        rescale=make_rescale(0.5, RescaleMode.SINGLE_ROUND),
        clamp_low=-128,
        clamp_high=127,
    )


STRIDED = Window((3, 3), (2, 2), pads=(0, 1, 0, 0))
PAD = IntegerPad((0, 1, 2), (0, 3, 4), fill=3)


def padded(
    pad: IntegerPad = PAD, padded_tensor: QuantizedTensor | None = None, *others: IntegerLayer
) -> IntegerNetwork:
    """x, padded to p, which a strided convolution reads; others may read it, too."""
    layers = (
        IntegerLayer("pad", pad, ("x",), "p"),
        IntegerLayer("conv", matrix(STRIDED), ("p",), "y"),
        *others,
    )
    tensors = {
        "x": tensor((2, 4, 4)),
        "p": padded_tensor or tensor((2, 8, 10)),
        "y": tensor((1, 3, 5)),
        "z": tensor((2, 8, 10)),
    }
    return IntegerNetwork("padded", "x", "y", layers, tensors, Accumulator())


def test_padding_moves_into_the_window_that_reads_it() -> None:
    fused = fuse_pads(padded())
    (layer,) = fused.layers
    assert (layer.name, layer.inputs, layer.output) == ("conv", ("x",), "y")
    assert layer.operator.window == Window((3, 3), (2, 2), pads=(1, 3, 3, 4))
    assert set(fused.tensors) == {"x", "y", "z"}
    assert layer.operator.window.output_size(4, 4) == STRIDED.output_size(8, 10)


def test_every_matrix_layer_that_reads_it_gets_its_own() -> None:
    other = IntegerLayer("point", matrix(Window((1, 1))), ("p",), "z")
    conv, point = fuse_pads(padded(PAD, None, other)).layers
    assert conv.operator.window.pads == (1, 3, 3, 4)
    assert point.operator.window.pads == (1, 2, 3, 4)


def test_a_network_without_such_padding_is_left_alone() -> None:
    plain = padded()
    plain = replace(plain, layers=plain.layers[1:])
    assert fuse_pads(plain) is plain


@pytest.mark.parametrize(
    "network",
    [
        padded(IntegerPad((1, 1, 2), (0, 3, 4), fill=3), tensor((3, 8, 10))),
        padded(IntegerPad((0, 1, 2), (0, 3, 4), fill=-128)),
        padded(PAD, None, IntegerLayer("max", IntegerMaxPool(Window((1, 1))), ("p",), "z")),
        replace(padded(), output="p"),
    ],
    ids=["pads channels", "not of zeros", "a pool reads it", "it is the output"],
)
def test_padding_that_has_to_be_written_stays(network: IntegerNetwork) -> None:
    assert fuse_pads(network) is network
