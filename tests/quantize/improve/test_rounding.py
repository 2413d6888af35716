"""AdaRound against every rounding there is; bias correction against means; draws against odds."""

from itertools import product

import numpy as np
import pytest

from accelsim.arithmetic import IntegerFormat
from accelsim.network import Convolution, Dense, Layer, Network, Window
from accelsim.quantize.float_forward import float_forward
from accelsim.quantize.improve import adaround, correct_biases
from accelsim.quantize.improve.adaptive_rounding import (
    output_errors,
    rounded_for_output,
    second_moments,
)
from accelsim.quantize.weights import quantize_weights


def one_layer(operator, shape):
    layer = Layer("layer", operator, ("x",), "y")
    outputs = (
        (len(operator.bias),)
        if isinstance(operator, Dense)
        else (len(operator.bias), *operator.window.output_size(*shape[1:]))
    )
    return Network("net", "x", "y", (layer,), {"x": shape, "y": outputs})


def dense(random, outputs, depth):
    weights = random.normal(size=(outputs, depth)).astype(np.float32)
    return Dense(weights, random.normal(size=outputs).astype(np.float32))


def grouped(random):
    weights = random.normal(size=(4, 3, 3, 2)).astype(np.float32)
    window = Window((3, 2), strides=(2, 1), pads=(1, 0, 1, 1))
    return Convolution(weights, random.normal(size=4).astype(np.float32), window, groups=2)


def nearest(operator, bits=3, per_channel=True, symmetric=True):
    form = IntegerFormat(bits, restricted=symmetric)
    return quantize_weights(
        operator.weights, operator.bias, 0.01, form, per_channel, symmetric=symmetric
    )


def real(quantized):
    shape = (-1, *[1] * (quantized.integers.ndim - 1))
    return quantized.centred * quantized.scales.reshape(shape)


def correlated(random, rows, depth):
    return random.normal(size=(rows, depth)) @ random.normal(size=(depth, depth)) + 1.0


@pytest.mark.parametrize("bits", [2, 3, 4])
def test_adaround_goes_most_of_the_way_to_the_best_of_all_roundings(bits):
    remaining = []
    for seed in range(6):
        random = np.random.default_rng(seed)
        operator = dense(random, 3, 7)
        inputs = correlated(random, 50, 7)
        before = nearest(operator, bits)
        after = rounded_for_output(one_layer(operator, (7,)).layers[0], before, inputs)
        moments = inputs.T @ inputs / len(inputs)
        for channel in range(3):
            steps = operator.weights[channel] / before.scales[channel]
            choices = [
                np.clip(np.floor(steps) + ups, before.format.low, before.format.high)
                for ups in product((0, 1), repeat=7)
            ]
            best = min(float((c - steps) @ moments @ (c - steps)) for c in choices)
            found, at_first = (
                float((q.integers[channel] - steps) @ moments @ (q.integers[channel] - steps))
                for q in (after, before)
            )
            assert found <= at_first * (1 + 1e-9)
            if at_first > best * (1 + 1e-9):
                remaining.append((found - best) / (at_first - best))
    assert len(remaining) > 6
    assert np.mean(remaining) < 0.4


@pytest.mark.parametrize("symmetric", [True, False])
@pytest.mark.parametrize("per_channel", [True, False])
@pytest.mark.parametrize("kind", ["dense", "grouped"])
def test_adaround_takes_neighbours_and_lowers_the_output_error(kind, per_channel, symmetric):
    random = np.random.default_rng(8)
    operator = dense(random, 5, 12) if kind == "dense" else grouped(random)
    shape = (12,) if kind == "dense" else (6, 7, 5)
    inputs = random.normal(size=(40, *shape)) + 0.7
    network = one_layer(operator, shape)
    before = {"layer": nearest(operator, 3, per_channel, symmetric)}
    after = adaround(network, before, {"x": inputs})
    changed = after["layer"].integers - before["layer"].integers
    assert np.abs(changed).max() == 1
    steps = operator.weights / before["layer"].scales.reshape(-1, *[1] * (changed.ndim - 1))
    assert (np.abs(after["layer"].centred - steps) < 1.0 + 1e-6).all()
    assert np.abs(after["layer"].integers).max() <= (3 if symmetric else 4)
    exact = float_forward(network, inputs)["y"]
    errors = [
        np.square(
            float_forward(network, inputs, weights=lambda _, q=q: real(q))["y"] - exact
        ).mean()
        for q in (before["layer"], after["layer"])
    ]
    assert errors[1] < (0.8 if symmetric else 0.9) * errors[0]


def test_second_moments_give_the_output_error_of_a_grouped_convolution():
    random = np.random.default_rng(9)
    operator = grouped(random)
    inputs = random.normal(size=(6, 6, 7, 5))
    network = one_layer(operator, (6, 7, 5))
    difference = random.normal(size=operator.weights.shape)
    moved = float_forward(network, inputs, weights=lambda _: operator.weights + difference)["y"]
    error = np.square(moved - float_forward(network, inputs)["y"]).mean(axis=(0, 2, 3))
    moments = second_moments(operator, inputs)
    by_group = difference.reshape(2, 2, -1)
    formed = np.concatenate([output_errors(by_group[g], moments[g]) for g in range(2)])
    np.testing.assert_allclose(formed, error, rtol=1e-9)


@pytest.mark.parametrize("symmetric", [True, False])
@pytest.mark.parametrize("kind", ["dense", "grouped"])
def test_a_corrected_bias_brings_the_mean_output_back(kind, symmetric):
    random = np.random.default_rng(10)
    operator = dense(random, 5, 12) if kind == "dense" else grouped(random)
    shape = (12,) if kind == "dense" else (6, 7, 5)
    inputs = random.normal(size=(40, *shape)) + 0.7
    network = one_layer(operator, shape)
    weights = {"layer": nearest(operator, 2, symmetric=symmetric)}
    corrected = correct_biases(network, weights, {"x": inputs})
    exact = float_forward(network, inputs)["y"]
    rounded = float_forward(corrected, inputs, weights=lambda _: real(weights["layer"]))["y"]
    axes = (0, *range(2, exact.ndim))
    np.testing.assert_allclose(rounded.mean(axis=axes), exact.mean(axis=axes), atol=1e-5)
    off = float_forward(network, inputs, weights=lambda _: real(weights["layer"]))["y"]
    assert np.abs(off.mean(axis=axes) - exact.mean(axis=axes)).max() > 0.01


def test_stochastic_rounding_is_right_on_average_and_repeatable():
    random = np.random.default_rng(11)
    weights = random.normal(size=(4, 2000)).astype(np.float32)
    bias = np.zeros(4, dtype=np.float32)
    form = IntegerFormat(4, restricted=True)

    def rounded(seed):
        generator = np.random.default_rng(seed)
        return quantize_weights(weights, bias, 0.01, form, True, generator=generator)

    np.testing.assert_array_equal(rounded(0).integers, rounded(0).integers)
    assert (rounded(0).integers != rounded(1).integers).any()
    steps = weights / rounded(0).scales[:, np.newaxis]
    draws = np.mean([rounded(seed).integers for seed in range(60)], axis=0)
    assert np.abs(draws - steps).max() < 0.35
    assert abs((draws - steps).mean()) < 2e-3
