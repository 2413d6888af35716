"""Accuracy in any number format, without a machine: values are rounded, sums are not.

Weights and activations take the nearest value of their format; products and sums are float64. So
nothing is said of cycles or energy, and an accumulator that is itself narrow is not covered. The
array computes integers only; for these, `accelsim.quantize.quantize_network` is the real thing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from accelsim.arithmetic.number_formats import AnyFormat, BlockFormat, NumberFormat
from accelsim.errors import DataError
from accelsim.network.graph import Convolution, Dense, Layer, Network
from accelsim.quantize.few_values import binary_weights, ternary_weights
from accelsim.quantize.float_forward import float_forward
from accelsim.quantize.fusion import plan_network
from accelsim.quantize.noise import sqnr_db

__all__ = ["FormatStudy", "format_weights", "study_formats", "tensor_scales"]

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class FormatStudy:
    """What a network computes in two number formats.

    Attributes
    ----------
    weight_format, activation_format
        Names; none: float.
    outputs
        float64[images, *shape].
    sqnr_db
        By layer: power of the float output over that of the error, ``10 * log10``.
    """

    weight_format: str | None
    activation_format: str | None
    outputs: FloatArray
    sqnr_db: dict[str, float]


def study_formats(
    network: Network,
    images: NDArray[np.floating],
    calibration_images: NDArray[np.floating],
    weight_format: AnyFormat | None,
    activation_format: AnyFormat | None,
) -> FormatStudy:
    """Run a network with its weights and activations rounded to number formats.

    Each output channel's weights have a scale of their own that brings the largest magnitude to
    the format's largest value (binary and ternary weights: the scale of the paper). Each
    activation tensor that the accelerator stores has the scale that its largest calibration
    value asks for. Block formats find their scales in the values themselves: along the depth of
    the product for weights, along the channels for activations.

    Parameters
    ----------
    network
        The float network.
    images, calibration_images
        float[images, *input shape].
    weight_format, activation_format
        None leaves them in float.

    Raises
    ------
    DataError
        If there is no image, or one is not finite.
    """
    for name, given in (("images", images), ("calibration_images", calibration_images)):
        if not len(given) or not np.isfinite(given).all():
            raise DataError(f"{name}: need at least one image, all values finite")
    scales = (
        tensor_scales(network, calibration_images, activation_format)
        if isinstance(activation_format, NumberFormat)
        else {}
    )
    rounded = {
        layer.name: format_weights(layer, weight_format)
        for layer in network.layers
        if weight_format is not None
    }
    stored = _stored_tensors(network)

    def after(tensor: str, values: FloatArray) -> FloatArray:
        if activation_format is None or tensor not in stored:
            return values
        if isinstance(activation_format, BlockFormat):
            return _along_channels(activation_format, values)
        return activation_format.quantize(values / scales[tensor]) * scales[tensor]

    exact = float_forward(network, images)
    plain = float_forward(
        network,
        images,
        **({"weights": lambda layer: rounded[layer.name]} if rounded else {}),
        after=after,
    )
    return FormatStudy(
        weight_format.name if weight_format else None,
        activation_format.name if activation_format else None,
        plain[network.output],
        {
            layer.name: _sqnr_db(exact[layer.output], plain[layer.output])
            for layer in network.layers
        },
    )


def format_weights(layer: Layer, format: AnyFormat) -> NDArray[np.floating]:
    """Return a layer's weights in a number format, float64 in their own shape and unit."""
    operator = layer.operator
    if not isinstance(operator, Convolution | Dense):
        return np.zeros(0)
    weights = operator.weights.astype(np.float64)
    if format.name in ("binary", "ternary"):
        few = binary_weights(weights) if format.name == "binary" else ternary_weights(weights)
        return few.integers * few.scales.reshape(-1, *[1] * (weights.ndim - 1))
    if isinstance(format, BlockFormat):
        # The depth's order on the array: kernel row, kernel column, channel.
        deep = np.moveaxis(weights, 1, -1)
        flat = format.quantize(deep.reshape(len(deep), -1))
        return np.moveaxis(flat.reshape(deep.shape), -1, 1)
    largest = np.abs(weights).max(axis=tuple(range(1, weights.ndim)), keepdims=True)
    scales = np.where(largest > 0.0, largest, 1.0) / _reach(format)
    return format.quantize(weights / scales) * scales


def tensor_scales(
    network: Network, calibration_images: NDArray[np.floating], format: NumberFormat
) -> Mapping[str, float]:
    """Return, by tensor, what 1.0 of the format stands for."""
    tensors = float_forward(network, calibration_images)
    largest = {name: float(np.abs(values).max()) for name, values in tensors.items()}
    return {name: (value or 1.0) / _reach(format) for name, value in largest.items()}


def _reach(format: NumberFormat) -> float:
    """The magnitude that both signs reach, or that an unsigned format does."""
    return min(-format.lowest, format.highest) if format.lowest < 0.0 else format.highest


def _stored_tensors(network: Network) -> frozenset[str]:
    """Tensors that the accelerator keeps: a clamp's input and what the host computes are none."""
    return frozenset(plan_network(network).scale_owners)


def _along_channels(format: BlockFormat, values: FloatArray) -> FloatArray:
    return np.moveaxis(format.quantize(np.moveaxis(values, 1, -1)), -1, 1)


def _sqnr_db(exact: FloatArray, rounded: FloatArray) -> float:
    return sqnr_db(float(np.square(exact).sum()), float(np.square(exact - rounded).sum()))
