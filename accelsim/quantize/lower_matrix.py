"""Convolutions and dense layers: integer weights, the zero points folded into the bias."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from accelsim.arithmetic import Rescale, RescaleMode, make_rescale
from accelsim.errors import ConfigError, WorkloadError
from accelsim.network.geometry import Window
from accelsim.network.given import QuantizedWeights
from accelsim.network.graph import Convolution, Dense
from accelsim.network.integer import IntegerMatrix, QuantizedTensor
from accelsim.quantize.layer_bits import WIDEST_BITS
from accelsim.quantize.spec import Arithmetic

__all__ = ["as_run", "lower_matrix", "zero_points_of"]

WIDEST_ACCUMULATOR = 32
_BEYOND = 2.0**52


def lower_matrix(
    name: str,
    operator: Convolution | Dense,
    weights: QuantizedWeights,
    source: QuantizedTensor,
    target: QuantizedTensor,
    spec: Arithmetic,
    clamp: tuple[int, int],
) -> IntegerMatrix:
    """Return the integer form of a convolution or dense layer.

    Parameters
    ----------
    name
        Of the layer, for messages.
    operator
        Geometry, and the float bias where the weights bring none.
    weights
        The layer's integers.
    source, target
        Input and output tensor.
    spec
        The rescale unit and the accumulator.
    clamp
        Lowest and highest output integer.

    Raises
    ------
    ConfigError
        If a bias does not fit in the accumulator, or weights less their zero points in 16 bits.
    WorkloadError
        If the bias is not finite.
    """
    if not np.isfinite(operator.bias).all():
        raise WorkloadError(f"layer {name!r}: bias is NaN or infinite")
    weights = as_run(name, weights, spec)
    integers = weights.integers
    if isinstance(operator, Dense):
        integers = integers[:, :, np.newaxis, np.newaxis]
        window, groups = Window((1, 1)), 1
    else:
        window, groups = operator.window, operator.groups
    return IntegerMatrix(
        weights=integers,
        weight_format=weights.format,
        weight_scales=weights.scales,
        bias=_folded_bias(name, operator.bias, weights, source, spec),
        window=window,
        groups=groups,
        rescale=_rescale(weights.scales, source.scale, target.scale, spec),
        clamp_low=clamp[0],
        clamp_high=clamp[1],
        weight_zero_points=zero_points_of(weights),
        vectors=weights.vectors,
    )


def as_run(layer: str, weights: QuantizedWeights, spec: Arithmetic) -> QuantizedWeights:
    """Return weights less their zero points where that costs no bit, or there are no row sums."""
    plain = weights.without_zero_points()
    if spec.row_sums and plain.format.bits > weights.format.bits:
        return weights
    if plain.format.bits > WIDEST_BITS:
        raise ConfigError(
            f"layer {layer!r}: its weights less their zero points need {plain.format.bits} bits, "
            f"at most {WIDEST_BITS} are supported; array.row_sums=true keeps them at "
            f"{weights.format.bits}"
        )
    return plain


def zero_points_of(weights: QuantizedWeights) -> NDArray[np.int64] | None:
    """Return a zero point for each output channel, None if there is nothing to subtract."""
    if weights.zero_points is None:
        return None
    return np.broadcast_to(weights.zero_points, len(weights.integers)).copy()


def _folded_bias(
    layer: str,
    bias: NDArray[np.float32],
    weights: QuantizedWeights,
    source: QuantizedTensor,
    spec: Arithmetic,
) -> NDArray[np.int64]:
    """Return the bias in steps of s_w * s_x, less zero_point * sum of the channel's weights.

    Weights with zero points count as what they are less these.
    """
    steps = _bias_steps(bias, weights, weights.scales * source.scale)
    multiples = weights.centred
    if weights.vectors is not None:
        multiples = multiples * weights.vectors.of_weights(multiples.shape)
    sums = multiples.reshape(len(bias), -1).sum(axis=1)
    folded: NDArray[np.int64] = steps - source.zero_point * sums
    accumulator = spec.accumulator
    outside = np.flatnonzero((folded < accumulator.low) | (folded > accumulator.high))
    if outside.size:
        wider = "a wider accumulator, " if accumulator.bits < WIDEST_ACCUMULATOR else ""
        wider += "fewer scale bits, " if weights.vectors else ""
        raise ConfigError(
            f"layer {layer!r}: bias {folded[outside[0]]} of output channel {outside[0]} (its zero "
            f"point folded in) does not fit the {accumulator.bits}-bit accumulator "
            f"[{accumulator.low}, {accumulator.high}], as for {outside.size} of {folded.size} "
            f"channels; use {wider}symmetric activations or fewer bits"
        )
    return folded


def _bias_steps(
    bias: NDArray[np.float32], weights: QuantizedWeights, step: NDArray[np.float64]
) -> NDArray[np.int64]:
    """Return the bias as whole steps of s_w * s_x: the given integers if that is their scale."""
    real = bias.astype(np.float64)
    if weights.bias is not None and weights.bias_scales is not None:
        # The file's scale is the product in float32.
        if np.allclose(weights.bias_scales, step, rtol=1e-5, atol=0.0):
            return weights.bias
        real = weights.bias * weights.bias_scales
    # What is beyond every accumulator stays so, and stays an integer.
    rounded = np.rint(real / step).clip(-_BEYOND, _BEYOND)
    return np.asarray(rounded, dtype=np.int64)


def _rescale(
    weight_scales: NDArray[np.float64],
    source_scale: float,
    target_scale: float,
    spec: Arithmetic,
) -> Rescale:
    if spec.rescale_mode is RescaleMode.FLOAT32:
        # onnxruntime forms s_x * s_w / s_y in float32, left to right.
        products = np.float32(source_scale) * weight_scales.astype(np.float32)
        multipliers = (products / np.float32(target_scale)).astype(np.float64)
    else:
        multipliers = weight_scales * source_scale / target_scale
    return make_rescale(multipliers, spec.rescale_mode, spec.mantissa_bits)
