"""How far the integers of a network are from its float tensors, layer by layer."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf, log10

import numpy as np
from numpy.typing import NDArray

from accelsim.golden import GoldenRun, execute
from accelsim.network.graph import Network
from accelsim.network.integer import IntegerNetwork, QuantizedTensor
from accelsim.quantize.float_forward import float_forward
from accelsim.quantize.host import quantize_input

__all__ = ["MeasuredNoise", "Noise", "measure_noise", "sqnr_db"]

_IMAGES = 64
"""Images whose tensors are in memory together."""


@dataclass(frozen=True)
class Noise:
    """A tensor's mean square, and that of its error (MSE), in the tensor's own unit squared."""

    signal_power: float
    mse: float

    @property
    def sqnr_db(self) -> float:
        """Signal to quantization noise ratio, decibel; infinite where there is no noise."""
        return sqnr_db(self.signal_power, self.mse)


@dataclass(frozen=True, eq=False)
class MeasuredNoise:
    """What an integer network computes, and how far that is from its float network.

    Attributes
    ----------
    outputs
        int32[images, *shape]: the integer network's output.
    input, layers
        Noise of the network's input, and of what each integer layer writes, in execution order.
    output
        Noise of the network's output, before what the host does (softmax).
    """

    outputs: NDArray[np.int32]
    input: Noise
    layers: dict[str, Noise]
    output: Noise


def measure_noise(
    network: Network, integer: IntegerNetwork, images: NDArray[np.floating]
) -> MeasuredNoise:
    """Compare every tensor of an integer network with the same tensor in float.

    Integers are golden's, as the array computes them; reals are float64 and free of any
    quantization, so a layer's noise holds that of the layers before it.

    Parameters
    ----------
    network
        The float network that the integers stand for; after equalization or smoothing, the
        equalized or smoothed one (`scaled_network`).
    integer
        Its integers.
    images
        float[images, *input shape], at least one.
    """
    tensors = {integer.input: integer.input, integer.output: integer.output}
    tensors |= {layer.output: layer.output for layer in integer.layers}
    powers = {name: np.zeros(2) for name in tensors}
    outputs = []
    for start in range(0, len(images), _IMAGES):
        batch = images[start : start + _IMAGES]
        exact = float_forward(network, batch)
        inputs = quantize_input(integer, np.asarray(batch, dtype=np.float32))
        run = execute(integer, inputs)
        outputs.append(run.outputs)
        found = {**run.tensors, integer.input: inputs}
        for name, sums in powers.items():
            sums += _powers(exact[name], _reals(found[name], integer.tensors[name], run, name))
    elements = {name: len(images) * int(np.prod(integer.tensors[name].shape)) for name in tensors}
    noise = {name: Noise(*(sums / elements[name]).tolist()) for name, sums in powers.items()}
    return MeasuredNoise(
        np.concatenate(outputs),
        noise[integer.input],
        {layer.name: noise[layer.output] for layer in integer.layers},
        noise[integer.output],
    )


def sqnr_db(signal: float, noise: float) -> float:
    """Return ``10 log10(signal / noise)`` of two powers; infinite where one of them is zero."""
    if noise == 0.0:
        return inf
    return 10.0 * log10(signal / noise) if signal else -inf


def _reals(
    integers: NDArray[np.int32], tensor: QuantizedTensor, run: GoldenRun, name: str
) -> NDArray[np.float64]:
    """Return float64[images, ...] that a tensor's integers stand for."""
    if not tensor.at_run_time:
        return (integers - np.float64(tensor.zero_point)) * tensor.scale
    codes, shape = run.codes[name], (-1, *[1] * (integers.ndim - 1))
    above = integers - codes.zero_points.astype(np.float64).reshape(shape)
    return np.asarray(above * codes.scales.astype(np.float64).reshape(shape))


def _powers(exact: NDArray[np.float64], real: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the sums of squares of a tensor and of its error."""
    return np.array([np.square(exact).sum(), np.square(exact - real).sum()])
