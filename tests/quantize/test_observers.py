"""Range methods: their definitions by slower or published means, and what all of them keep to."""

import math
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from accelsim.arithmetic import IntegerFormat
from accelsim.quantize.codes import Codes
from accelsim.quantize.histograms import divergence, least_divergent_bound
from accelsim.quantize.observers import OBSERVERS, Range, RangeMethod

codes = st.builds(
    Codes,
    st.builds(IntegerFormat, st.integers(2, 10), st.booleans()),
    st.booleans(),
)
samples = arrays(
    np.float32,
    st.tuples(st.integers(1, 5), st.integers(1, 12)),
    elements=st.floats(-100, 100, width=32).map(lambda x: 0.0 if abs(x) < 1e-3 else x),
)


def observed(method, values, format_bits=8, symmetric=False, percent=99.0):
    return OBSERVERS[method](values, Codes(IntegerFormat(format_bits), symmetric), percent)


@settings(max_examples=40)
@pytest.mark.parametrize("method", list(RangeMethod))
@given(values=samples, target=codes)
def test_a_range_lies_in_what_was_seen_and_its_integers_are_within_half_a_step(
    method, values, target
):
    found = OBSERVERS[method](values, target, 99.0)
    assert min(values.min(), 0.0) <= found.low
    assert found.high <= max(values.max(), 0.0)
    scale, zero_point = target.fit(found.low, found.high)
    rounded = target.rounded(values.astype(np.float64), found.low, found.high)
    reached = (np.array([target.format.low, target.format.high]) - zero_point) * scale
    inside = (values >= reached[0]) & (values <= reached[1])
    assert (np.abs(rounded - values)[inside] <= scale * (0.5 + 1e-6)).all()
    again = target.rounded(rounded, found.low, found.high)
    np.testing.assert_array_equal(again, rounded)


@pytest.mark.parametrize("method", list(RangeMethod))
@pytest.mark.parametrize("constant", [0.0, 3.5, -2.0])
def test_a_constant_is_met(method, constant):
    found = observed(method, np.full((4, 3), constant, np.float32))
    target = Codes(IntegerFormat(8), symmetric=False)
    if method is RangeMethod.CROSS_ENTROPY:
        # Equal logits stay equal whatever the range: the widest one is kept.
        assert found == Range(constant, constant)
    met = target.rounded(np.array([constant]), found.low, found.high)
    np.testing.assert_allclose(met, constant, rtol=1e-6)


@settings(max_examples=30)
@given(values=samples)
def test_a_moving_average_is_the_recurrence(values):
    low, high = float(values[0].min()), float(values[0].max())
    for sample in values[1:]:
        low += 0.01 * (float(sample.min()) - low)
        high += 0.01 * (float(sample.max()) - high)
    found = observed(RangeMethod.MOVING_AVERAGE, values)
    assert (found.low, found.high) == pytest.approx((low, high), rel=1e-9, abs=1e-9)


@settings(max_examples=25)
@given(values=samples, target=codes)
def test_mse_is_the_smallest_of_the_grid_by_hand(values, target):
    def error(factor):
        low, high = min(values.min() * factor, 0.0), max(values.max() * factor, 0.0)
        scale, zero_point = target.fit(float(low), float(high))
        total = 0.0
        for value in values.ravel().tolist():
            integer = min(
                max(round(value / scale) + zero_point, target.format.low), target.format.high
            )
            total += ((integer - zero_point) * scale - value) ** 2
        return total

    found = OBSERVERS[RangeMethod.MSE](values, target, 100.0)
    rounded = target.rounded(values.astype(np.float64), found.low, found.high)
    got = np.square(rounded - values.astype(np.float64)).sum()
    assert got == pytest.approx(min(error(k / 100) for k in range(1, 101)), rel=1e-4, abs=1e-6)


NORMAL = (1.7388, 2.1611, 2.5621, 2.9371, 3.2872, 3.6152, 3.9241)
LAPLACE = (2.8737, 3.9133, 5.0341, 6.2065, 7.4137, 8.6458, 9.8968)


@pytest.mark.parametrize(
    ("quantiles", "bounds"), [("normal", NORMAL), ("laplace", LAPLACE)], ids=["normal", "laplace"]
)
def test_octav_finds_the_fixed_points_of_known_distributions(quantiles, bounds):
    shares = (np.arange(400_000) + 0.5) / 400_000
    if quantiles == "laplace":
        values = np.where(shares < 0.5, np.log(2 * shares), -np.log(2 - 2 * shares))
    else:
        grid = np.linspace(-6, 6, 40_001)
        distribution = np.array([NormalDist().cdf(x) for x in grid])
        values = np.interp(shares, distribution, grid)
    for bits, bound in zip(range(2, 9), bounds, strict=True):
        found = observed(RangeMethod.OCTAV, values, bits, symmetric=True)
        assert found.high == pytest.approx(bound, rel=5e-3)
        assert found.low == pytest.approx(-bound, rel=5e-3)


@settings(max_examples=30)
@given(values=samples, bits=st.integers(2, 8))
def test_octav_balances_by_bisection(values, bits):
    found = observed(RangeMethod.OCTAV, values, bits, symmetric=True)
    magnitudes = np.abs(values.astype(np.float64)).ravel()
    bound = max(-found.low, found.high)
    if bound >= magnitudes.max() or bound == 0.0:
        return
    inside = magnitudes <= bound
    noise = 4.0**-bits / 3.0
    balanced = magnitudes[~inside].sum() / (noise * inside.sum() + (~inside).sum())
    assert bound == pytest.approx(balanced, rel=1e-9) or _cycles(magnitudes, noise, bound)


def _cycles(magnitudes, noise, bound):
    """Whether the iteration visits ``bound`` again: with few values it may alternate."""
    following = bound
    for _ in range(200):
        inside = magnitudes <= following
        following = magnitudes[~inside].sum() / (noise * inside.sum() + (~inside).sum())
        if following == pytest.approx(bound, rel=1e-9):
            return True
    return False


def test_octav_knows_one_sided_values():
    values = np.abs(np.random.default_rng(0).standard_normal(50_000))
    two_sided = observed(RangeMethod.OCTAV, np.concatenate([values, -values]), 5)
    one_sided = observed(RangeMethod.OCTAV, values, 4)
    assert one_sided.low == pytest.approx(values.min())
    assert one_sided.high == pytest.approx(two_sided.high, rel=1e-3)


def test_kl_by_the_definition():
    magnitudes = np.abs(np.random.default_rng(5).laplace(size=300))
    levels = 1500
    counts, edges = np.histogram(magnitudes, bins=2048, range=(0, magnitudes.max()))
    found = {}
    for bins in range(levels, 2049):
        reference = [float(c) for c in counts[:bins]]
        reference[-1] += float(counts[bins:].sum())
        counterpart = [0.0] * bins
        for level in range(levels):
            first, last = -(-level * bins // levels), -(-(level + 1) * bins // levels)
            filled = [i for i in range(first, last) if counts[i]]
            for i in filled:
                counterpart[i] = sum(float(counts[j]) for j in filled) / len(filled)
        pairs = [(p, q) for p, q in zip(reference, counterpart, strict=True) if p or q]
        pairs = [(max(p, 1e-4), max(q, 1e-4)) for p, q in pairs]
        total = sum(p for p, _ in pairs)
        found[bins] = sum(p / total * math.log(p / q) for p, q in pairs)
    bound = least_divergent_bound(magnitudes, levels)
    bins = int(np.argmin(np.abs(edges - bound)))
    assert found[bins] == pytest.approx(min(found.values()), abs=1e-12)


def test_kl_cuts_a_far_outlier_and_keeps_a_flat_histogram():
    flat = np.linspace(0.0, 1.0, 4096)
    assert least_divergent_bound(flat, 128) == pytest.approx(1.0, abs=1e-3)
    values = np.concatenate([np.abs(np.random.default_rng(1).standard_normal(100_000)), [50.0]])
    assert least_divergent_bound(values, 128) < 10.0


def test_kl_is_not_deceived_by_spikes_or_zeros():
    spikes = np.repeat(np.arange(17) / 16, 500)
    assert least_divergent_bound(spikes, 15) == 1.0
    relu = np.maximum(np.random.default_rng(4).standard_normal(50_000), 0.0)
    for levels in (7, 15, 255):
        assert 2.0 < least_divergent_bound(relu, levels) <= relu.max()


def test_divergence_is_that_of_the_definition():
    p, q = np.array([1.0, 3.0]), np.array([2.0, 2.0])
    expected = 0.25 * np.log(0.5) + 0.75 * np.log(1.5)
    assert divergence(p, q) == pytest.approx(expected)
    assert divergence(p, p) == 0.0
    assert divergence(p, p / 2) == pytest.approx(np.log(2.0))
    assert divergence(np.array([1.0, 0.0]), np.array([1.0, 0.0])) == 0.0


def test_cross_entropy_keeps_the_probabilities_of_the_classes():
    generator = np.random.default_rng(2)
    logits = generator.normal(size=(200, 10)) * 4
    logits[0, 0] = -60.0
    full = observed(RangeMethod.MIN_MAX, logits, 4)
    found = observed(RangeMethod.CROSS_ENTROPY, logits, 4)
    target = Codes(IntegerFormat(4), symmetric=False)

    def kept(seen):
        rounded = target.rounded(logits, seen.low, seen.high)
        return (rounded.argmax(axis=1) == logits.argmax(axis=1)).mean()

    assert found.low > full.low
    assert kept(found) > kept(full) + 0.1


def test_cross_entropy_is_the_smallest_of_the_grid_by_hand():
    logits = np.random.default_rng(7).normal(size=(6, 4)) * 3
    target = Codes(IntegerFormat(3), symmetric=False)

    def log_shares(row):
        total = math.log(math.fsum(math.exp(value) for value in row))
        return [value - total for value in row]

    def error(low, high):
        scale, zero_point = target.fit(low, high)
        found = 0.0
        for row in logits.tolist():
            integers = [min(max(round(value / scale) + zero_point, -4), 3) for value in row]
            reals = [(integer - zero_point) * scale for integer in integers]
            pairs = zip(log_shares(row), log_shares(reals), strict=True)
            found -= math.fsum(math.exp(exact) * rounded for exact, rounded in pairs)
        return found

    ends = [(logits.min() * k / 100, logits.max() * k / 100) for k in range(1, 101)]
    found = OBSERVERS[RangeMethod.CROSS_ENTROPY](logits, target, 100.0)
    least = min(error(float(low), float(high)) for low, high in ends)
    assert error(found.low, found.high) == pytest.approx(least, rel=1e-12)
    assert least < error(float(logits.min()), float(logits.max()))


def test_a_large_tensor_is_searched_by_a_part_of_it_that_speaks_for_all():
    values = np.random.default_rng(3).normal(size=(40, 20_000))
    target = Codes(IntegerFormat(4), symmetric=False)

    def error(seen):
        return np.square(target.rounded(values, seen.low, seen.high) - values).mean()

    found = observed(RangeMethod.MSE, values, 4)
    full = Range(values.min(), values.max())
    grid = [Range(full.low * k / 100, full.high * k / 100) for k in range(20, 101)]
    assert error(found) <= 1.01 * min(error(candidate) for candidate in grid)
    assert error(found) < 0.5 * error(full)
