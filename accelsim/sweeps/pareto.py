"""The front of the best points, how much of the space it covers, and its knee.

Everything is to be minimized here; `accelsim.sweeps.judge` turns round what is to be maximized.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

__all__ = ["front", "hypervolume", "knee"]

Costs = Sequence[tuple[float, ...]]

_MOST_STEPS = 5e7
"""Steps that a hypervolume may take; more objectives and points than that are not measured."""


def front(costs: Costs) -> list[int]:
    """Return the indices of the points that no other beats, in order of the first objective.

    A point beats another if it is nowhere worse and somewhere better; equal points stay.

    >>> front([(1, 5), (2, 2), (3, 3), (5, 1), (2, 2)])
    [0, 1, 4, 3]
    """
    values = np.array(costs, dtype=float)
    if not len(values):
        return []
    order = np.lexsort(values.T[::-1])
    # In this order nobody is beaten by a later one, unless they are equal.
    kept = np.empty_like(values)
    indices: list[int] = []
    for index in order:
        point = values[index]
        others = kept[: len(indices)]
        no_worse = (others <= point).all(axis=1)
        if not (no_worse & (others < point).any(axis=1)).any():
            kept[len(indices)] = point
            indices.append(int(index))
    return indices


def knee(costs: Costs) -> int | None:
    """Return the index of the front's balanced point, if there are points.

    Each objective is scaled from 0, the best of the front, to 1, its worst; the knee is nearest
    to the corner where all are 0.

    >>> knee([(0, 10), (1, 1), (10, 0)])
    1
    """
    values = np.array(costs, dtype=float)
    if not len(values):
        return None
    low, high = values.min(axis=0), values.max(axis=0)
    scaled = (values - low) / np.where(high > low, high - low, 1.0)
    return int(np.argmin((scaled**2).sum(axis=1)))


def hypervolume(costs: Costs, reference: Sequence[float], ideal: Sequence[float]) -> float | None:
    """Return the share of the box from ``ideal`` to ``reference`` that the points beat, 0 to 1.

    None where it would take too long: many points of four and more objectives. Exact otherwise.

    >>> hypervolume([(0, 0.5), (0.5, 0)], (1, 1), (0, 0))
    0.75
    """
    corner, best = np.array(reference, dtype=float), np.array(ideal, dtype=float)
    size = corner - best
    if not len(costs) or (size <= 0).any():
        return 0.0
    points = np.unique((np.array(costs, dtype=float) - best) / size, axis=0)
    points = points[(points < 1).all(axis=1)]
    if len(points) ** max(1, len(best) - 1) > _MOST_STEPS:
        return None
    return float(_volume(points))


def _volume(points: NDArray[np.float64]) -> float:
    """Return the volume between the points and (1, 1, ...), slice by slice of the last axis."""
    if not len(points):
        return 0.0
    if points.shape[1] == 1:
        return float(1.0 - points.min())
    if points.shape[1] == 2:
        return _area(points)
    points = points[np.argsort(points[:, -1], kind="stable")]
    edges = np.append(points[:, -1], 1.0)
    total = 0.0
    for index in range(len(points)):
        thickness = edges[index + 1] - edges[index]
        if thickness > 0:
            total += thickness * _volume(points[: index + 1, :-1])
    return total


def _area(points: NDArray[np.float64]) -> float:
    points = points[np.lexsort(points.T[::-1])]
    lowest = np.minimum.accumulate(points[:, 1])
    right = np.append(points[1:, 0], 1.0)
    return float(((right - points[:, 0]) * (1.0 - lowest)).sum())
