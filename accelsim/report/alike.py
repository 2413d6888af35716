"""Layers of a long network that differ in nothing but their names, as one with a count."""

from __future__ import annotations

from collections.abc import Sequence

from accelsim.report.results import LayerResult

__all__ = ["Alike", "alike", "longest"]

Alike = tuple[LayerResult, int]
"""The first of some layers that are alike, and how many they are."""

_TOLERANCE = 0.01


def alike(layers: Sequence[LayerResult]) -> list[Alike]:
    """Group layers of the same operator, sizes and widths, whose cycles and energy agree.

    They agree within a percent of the first's: what waits for the layer before differs a little.
    Groups are in the order of their first layers.
    """
    groups: list[list[LayerResult]] = []
    by_form: dict[tuple[object, ...], list[list[LayerResult]]] = {}
    for layer in layers:
        sizes = (layer.m, layer.n, layer.k, layer.groups, layer.macs)
        form = (layer.op, *sizes, layer.weight_bits, layer.input_bits, layer.output_bits)
        known = by_form.setdefault(form, [])
        own = next((group for group in known if _agree(group[0], layer)), None)
        if own is None:
            own = []
            known.append(own)
            groups.append(own)
        own.append(layer)
    return [(group[0], len(group)) for group in groups]


def longest(layers: Sequence[LayerResult], most: int) -> tuple[list[Alike], int]:
    """Return at most so many groups, those with most cycles, and how many layers are left out.

    As many layers as there is room for are each a group.
    """
    if len(layers) <= most:
        return [(layer, 1) for layer in layers], 0
    groups = alike(layers)
    ordered = sorted(groups, key=lambda group: -group[0].cycles_total * group[1])
    kept = {group[0].name for group in ordered[:most]}
    left_out = sum(count for layer, count in groups if layer.name not in kept)
    return [group for group in groups if group[0].name in kept], left_out


def _agree(first: LayerResult, other: LayerResult) -> bool:
    pairs = (
        (first.cycles_total, other.cycles_total),
        (sum(first.energy_pj.values()), sum(other.energy_pj.values())),
    )
    return all(abs(a - b) <= _TOLERANCE * a for a, b in pairs)
