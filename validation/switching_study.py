"""How well activity predicts what gates do: each scenario by a coefficient of all the others."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from accelsim.energy.switching_lines import CHANGED_PARTIAL_PRODUCTS, CHANGED_PRODUCT_INPUTS
from validation.gates import Netlist, adder, multiplier
from validation.scenarios import Scenario

__all__ = [
    "ADDER_BITS",
    "ADDER_MODELS",
    "CONSTANT",
    "MULTIPLIER_MODELS",
    "NON_ZERO",
    "PARTIAL_PRODUCTS",
    "SHARE_HELD_OUT",
    "WITH_INPUTS",
    "Measured",
    "Study",
    "best_shares",
    "from_random",
    "measure",
    "study",
    "units",
]

ACCUMULATOR_BITS = 32

Words = NDArray[np.int64]


@dataclass(frozen=True)
class Measured:
    """A scenario: load that changed in the gates, and what the models count, each for one MAC."""

    name: str
    gates: float
    counts: dict[str, tuple[float, ...]]


@dataclass(frozen=True)
class Study:
    """Predictions of held-out scenarios: relative errors, by model and then by scenario."""

    names: tuple[str, ...]
    errors: dict[str, tuple[float, ...]]

    def mean_pct(self, model: str) -> float:
        """The mean of the absolute errors."""
        return 100 * float(np.mean(np.abs(self.errors[model])))

    def largest_pct(self, model: str) -> float:
        """The largest absolute error."""
        return 100 * float(np.max(np.abs(self.errors[model])))


def _ones(words: Words, bits: int) -> Words:
    masked = (words & ((1 << bits) - 1)).astype(np.uint64)
    return np.bitwise_count(masked).astype(np.int64)


def _partial_products(a: Words, w: Words, bits: int) -> Words:
    before, after = slice(None, -1), slice(1, None)
    now = _ones(a[after], bits) * _ones(w[after], bits)
    then = _ones(a[before], bits) * _ones(w[before], bits)
    stay = _ones(a[after] & a[before], bits) * _ones(w[after] & w[before], bits)
    return now + then - 2 * stay


def _distance(words: Words, bits: int) -> Words:
    return _ones(words[1:] ^ words[:-1], bits)


Count = Callable[[Words, Words, Words, int], Words]
Models = dict[str, tuple[Count, ...]]


def _constant(a: Words, _w: Words, _s: Words, _bits: int) -> Words:
    return np.ones(len(a) - 1, np.int64)


def _non_zero(a: Words, w: Words, _s: Words, _bits: int) -> Words:
    return (a[1:] * w[1:] != 0).astype(np.int64)


def _operand_bits(a: Words, w: Words, _s: Words, bits: int) -> Words:
    return _distance(a, bits) + _distance(w, bits)


def _changed_partial_products(a: Words, w: Words, _s: Words, bits: int) -> Words:
    return _partial_products(a, w, bits)


def _inputs(a: Words, w: Words, _s: Words, bits: int) -> Words:
    return bits * (_distance(a, bits) + _distance(w, bits))


def _products_and_inputs(a: Words, w: Words, s: Words, bits: int) -> Words:
    """As the tables price them: at random, partial products and their inputs cost the same."""
    return _partial_products(a, w, bits) * 8 + _inputs(a, w, s, bits) * 3


def _product_bits(a: Words, w: Words, _s: Words, bits: int) -> Words:
    return _distance(a * w, 2 * bits)


def _adder_bits(a: Words, w: Words, s: Words, _bits: int) -> Words:
    return _distance(a * w, ACCUMULATOR_BITS) + _distance(s, ACCUMULATOR_BITS)


CONSTANT, NON_ZERO = "constant for each MAC", "MACs without a zero operand"
PARTIAL_PRODUCTS = "partial products that change"
WITH_INPUTS = "partial products and their inputs, in equal parts at random"
SHARE_HELD_OUT = "the same, their shares held out, too"
ADDER_BITS = "bits of product and sum that change"

MULTIPLIER_MODELS: Models = {
    CONSTANT: (_constant,),
    NON_ZERO: (_non_zero,),
    "Hamming distances of the operands": (_operand_bits,),
    PARTIAL_PRODUCTS: (_changed_partial_products,),
    WITH_INPUTS: (_products_and_inputs,),
    SHARE_HELD_OUT: (_changed_partial_products, _inputs),
    "partial products and bits of the product": (_changed_partial_products, _product_bits),
}
ADDER_MODELS: Models = {CONSTANT: (_constant,), ADDER_BITS: (_adder_bits,)}


def measure(
    scenario: Scenario, unit: Netlist, models: Models, bits: int, *, adds: bool
) -> Measured:
    """Let a unit's gates see a scenario; check every output word against integers."""
    load, steps = 0, 0
    counts = {name: np.zeros(len(features), np.int64) for name, features in models.items()}
    for a, w, s in zip(scenario.activations, scenario.weights, scenario.sums, strict=True):
        if adds:
            outputs, changed = unit.run(a=a * w, b=s)
            expected = a * w + s
        else:
            outputs, changed = unit.run(a=a, b=w)
            expected = a * w
        (found,) = outputs.values()
        if not np.array_equal(found, expected):
            raise AssertionError(f"{scenario.name}: the gates calculate something else")
        load += int(changed.sum())
        steps += len(changed)
        for name, features in models.items():
            counts[name] += [int(count(a, w, s, bits).sum()) for count in features]
    means = {name: tuple((totals / steps).tolist()) for name, totals in counts.items()}
    return Measured(scenario.name, load / steps, means)


def study(measured: Sequence[Measured]) -> Study:
    """Predict each scenario by the coefficients that fit all others best.

    Best: the least sum of squared relative errors. A scenario never sees its own coefficient.
    """
    errors = {}
    for model in measured[0].counts:
        ratios = _ratios(measured, model)
        found = []
        for i in range(len(measured)):
            others = np.delete(ratios, i, axis=0)
            coefficients = np.linalg.lstsq(others, np.ones(len(others)), rcond=None)[0]
            found.append(float(ratios[i] @ coefficients - 1))
        errors[model] = tuple(found)
    return Study(tuple(one.name for one in measured), errors)


def from_random(measured: Sequence[Measured], model: str) -> tuple[float, ...]:
    """Return relative errors with the coefficient of random operands, new in every cycle.

    That is how the energy tables are applied: one published number, everything else held out.
    The scenario that it is taken from is left out.
    """
    names = [one.name for one in measured]
    ratios = _ratios(measured, model)[:, 0]
    reference = names.index("os uniform x uniform")
    return tuple(np.delete(ratios / ratios[reference] - 1, reference).tolist())


def best_shares(measured: Sequence[Measured]) -> tuple[float, float]:
    """Return the share of inputs, in steps of 0.1, with the least mean error.

    Two of them: with the coefficient of random operands, and with that of the other scenarios.
    """
    shares = [tenths / 10 for tenths in range(11)]
    weighed = [_at_share(measured, share) for share in shares]
    random = [float(np.mean(np.abs(from_random(one, WITH_INPUTS)))) for one in weighed]
    held_out = [study(one).mean_pct(WITH_INPUTS) for one in weighed]
    return shares[int(np.argmin(random))], shares[int(np.argmin(held_out))]


def _at_share(measured: Sequence[Measured], share: float) -> list[Measured]:
    """Count partial products and inputs as if inputs had this share of a random multiplication."""
    found = []
    for one in measured:
        products, inputs = one.counts[SHARE_HELD_OUT]
        weighed = (1 - share) * products / CHANGED_PARTIAL_PRODUCTS
        weighed += share * inputs / CHANGED_PRODUCT_INPUTS
        found.append(Measured(one.name, one.gates, {WITH_INPUTS: (weighed,)}))
    return found


def _ratios(measured: Sequence[Measured], model: str) -> NDArray[np.float64]:
    """Return float[scenarios, features]: counts over what the gates did."""
    counts = np.array([one.counts[model] for one in measured])
    ratios: NDArray[np.float64] = counts / np.array([[one.gates] for one in measured])
    return ratios


def units(bits: int = 8) -> tuple[Netlist, Netlist]:
    """Return the gates of a multiplier and of an adder as wide as the accumulator."""
    return multiplier(bits), adder(ACCUMULATOR_BITS)
