"""Greedy: the operand is narrowed next that saves most for the noise that it adds."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from accelsim.quantize import LayerBits, with_layer_bits
from accelsim.report.mixed_widths import SearchStep
from accelsim.width_search.goal import Goal
from accelsim.width_search.networks import Layers, Networks

__all__ = ["NARROWER", "Greedy"]

NARROWER = (6, 4, 3, 2)
"""Widths that are tried, one after the other."""


class Greedy:
    """Narrows one operand after the other, as far as the accuracy, or until the budget, allows."""

    def __init__(self, networks: Networks, goal: Goal, start: Layers, step: SearchStep) -> None:
        """Begin with widths, and what was measured of them."""
        self._networks, self._goal = networks, goal
        self._start = self._layers = start
        self._step = step
        self._change: Layers = ()
        self._refused: set[Layers] = set()
        self._narrows = goal.narrows(step)

    def ask(self) -> Layers | None:
        """Return the next network to measure; None: nothing is left that saves."""
        change = self._best_change() if self._narrows else None
        if change is None:
            return None
        self._change = change
        return _changed(self._layers, change)

    def tell(self, layers: Layers, step: SearchStep) -> None:
        """Hear what was measured."""
        if self._goal.badness(step) >= self._goal.badness(self._step):
            # What harms too much now harms too much later, when more is narrow.
            self._refused.add(self._change)
            return
        self._layers, self._step = layers, step
        self._narrows = self._goal.narrows(step)

    def _best_change(self) -> Layers | None:
        """Return the operands and widths that save most for their noise; None: nothing saves."""
        best, best_score = None, 0.0
        for change in self._changes():
            if change in self._refused:
                continue
            costs = self._networks.costs(_changed(self._layers, change))
            changed = replace(
                self._step, cycles_per_image=costs.cycles, energy_uj_per_image=costs.energy_uj
            )
            saved = self._goal.cost(self._step) - self._goal.cost(changed)
            score = saved / self._harm(change) if saved > 0.0 else 0.0
            if score > best_score:
                best, best_score = change, score
        return best

    def _changes(self) -> list[Layers]:
        """Return every operand that is not pinned, with the next narrower width it could have.

        PEs get narrower only when all of the widest operands do: so those of all layers together
        are a change, too.
        """
        widths = self._networks.widths(self._layers)
        weights = {
            name: bits
            for name, bits in widths.weights.items()
            if bits > NARROWER[-1] and name not in self._networks.pinned_weights
        }
        activations = {
            name: widths.activations[tensor]
            for name, tensor in widths.written.items()
            if widths.activations[tensor] > NARROWER[-1]
            and name not in self._networks.pinned_activations
        }
        narrower_weights = {name: LayerBits(name, _below(bits)) for name, bits in weights.items()}
        narrower_activations = {
            name: LayerBits(name, None, _below(bits)) for name, bits in activations.items()
        }
        singles = [(e,) for e in (*narrower_weights.values(), *narrower_activations.values())]
        groups = [
            tuple(entries[name] for name, bits in found.items() if bits == max(found.values()))
            for found, entries in (
                (weights, narrower_weights),
                (activations, narrower_activations),
            )
            if found
        ]
        return [*singles, *(group for group in groups if len(group) > 1)]

    def _harm(self, change: Layers) -> float:
        """Return the noise of the output with these operands alone narrowed: their sensitivity."""
        noise = self._networks.rightness(_changed(self._start, change)).output_mse
        return max(noise, float(np.finfo(np.float64).tiny))


def _below(bits: int) -> int:
    """Return the widest of the widths that are tried below one."""
    return next(narrower for narrower in NARROWER if narrower < bits)


def _changed(layers: Layers, change: Layers) -> Layers:
    for entry in change:
        layers = with_layer_bits(layers, entry)
    return layers
