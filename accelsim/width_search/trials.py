"""Optuna: every operand's width is a dimension, and a model of what was measured proposes."""

from __future__ import annotations

from accelsim.optuna_search import Choice, Dimension, OptunaSearch
from accelsim.report.mixed_widths import SearchStep
from accelsim.width_search.goal import Goal
from accelsim.width_search.greedy import NARROWER
from accelsim.width_search.networks import Layers, Networks

__all__ = ["Trials", "Uniform"]


class Uniform:
    """The network at each width everywhere; no operand wider than it starts, pinned ones kept."""

    def __init__(self, networks: Networks, start: Layers) -> None:
        widths = networks.widths(start)
        self._left = [
            networks.layers(
                {
                    name: own if name in networks.pinned_weights else min(own, bits)
                    for name, own in widths.weights.items()
                },
                {
                    name: widths.activations[tensor]
                    if name in networks.pinned_activations
                    else min(widths.activations[tensor], bits)
                    for name, tensor in widths.written.items()
                },
            )
            for bits in reversed(NARROWER)
        ]

    def ask(self) -> Layers | None:
        """Return the next network to measure, None after the last."""
        return self._left.pop() if self._left else None

    def tell(self, layers: Layers, step: SearchStep) -> None:
        """Learn nothing."""


class Trials:
    """What Optuna's TPE proposes, one network after the other.

    What others measured is known to the model, so that nothing is measured twice.
    """

    def __init__(
        self, networks: Networks, goal: Goal, start: Layers, trials: int, seed: int
    ) -> None:
        """Begin; raises ConfigError where Optuna is missing."""
        self._networks, self._goal = networks, goal
        widths = networks.widths(start)
        self._weights, self._written = tuple(widths.weights), tuple(widths.written)
        names = [f"{name} weights" for name in self._weights]
        names += [f"{name} activations" for name in self._written]
        pinned = [name in networks.pinned_weights for name in self._weights]
        pinned += [name in networks.pinned_activations for name in self._written]
        self._values = tuple(
            (widest,) if kept else (*(bits for bits in reversed(NARROWER) if bits < widest), widest)
            for widest, kept in zip(self._bits(start), pinned, strict=True)
        )
        self._search = OptunaSearch(
            tuple(
                Dimension(name, len(values), is_ordered=True)
                for name, values in zip(names, self._values, strict=True)
            ),
            "tpe",
            objectives=1,
            choices=trials,
            seed=seed,
            generation=1,
            wanted_by="--search optuna",
        )

    def ask(self) -> Layers | None:
        """Return the next network to measure; None: enough were, or all."""
        while not self._search.finished:
            for choice in self._search.ask(1):
                return self._layers(choice)
        return None

    def tell(self, layers: Layers, step: SearchStep) -> None:
        """Hear what was measured, whoever asked for it."""
        values = zip(self._values, self._bits(layers), strict=True)
        choice = tuple(bits.index(own) for bits, own in values)
        self._search.tell(choice, (self._goal.badness(step),))

    def _bits(self, layers: Layers) -> tuple[int, ...]:
        """Return the widths of all operands, weights first."""
        widths = self._networks.widths(layers)
        activations = (widths.activations[tensor] for tensor in widths.written.values())
        return (*widths.weights.values(), *activations)

    def _layers(self, choice: Choice) -> Layers:
        bits = [values[index] for values, index in zip(self._values, choice, strict=True)]
        weights, written = bits[: len(self._weights)], bits[len(self._weights) :]
        return self._networks.layers(
            dict(zip(self._weights, weights, strict=True)),
            dict(zip(self._written, written, strict=True)),
        )
