"""What an array engine takes and gives back, whichever engine it is."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from accelsim.simulator.run import ArrayCounters, Cause, Switching

__all__ = ["ArrayResult", "Engine", "MatrixOperands", "VectorOperands"]


class Engine(StrEnum):
    """How finely the array is simulated. The answers are equal wherever they overlap."""

    REGISTER = "register"
    """Two-phase registers, one cycle at a time; every PE can be observed."""
    CYCLE = "cycle"
    """The value of every PE at every cycle, in an order that a CPU likes."""
    TILE = "tile"
    """Exact products, cycles and counts in closed form; no switching activity."""


class MatrixOperands(Protocol):
    """The integers of a matrix layer, produced when an engine asks for them."""

    def activations(self, group: int, m_start: int, m_stop: int) -> NDArray[np.int32]:
        """Return int32[m_stop - m_start, depth_k]: rows of the left matrix of a group."""
        ...

    def weights(self, group: int) -> NDArray[np.int32]:
        """Return int32[depth_k, columns_n]: the right matrix of a group."""
        ...

    def bias(self, group: int) -> NDArray[np.int64]:
        """Return int64[columns_n]: what the accumulators start from; within their range."""
        ...


@runtime_checkable
class VectorOperands(MatrixOperands, Protocol):
    """Operands whose weights have scales of their own along the depth."""

    def scales(self, group: int) -> NDArray[np.int32]:
        """Return int32[vectors, columns_n]: the vectors are those of the plan."""
        ...


@dataclass(frozen=True, eq=False)
class ArrayResult:
    """One matrix layer through the array, with all operands at hand (no stalls).

    ``accumulators``: int64[groups, rows_m, columns_n]. ``row_sums``: int64[groups, rows_m], the
    sums of the rows' activations if they were asked for. ``cycles`` has the causes preload, fill,
    stream and drain of docs/timing.md and sums to the layer's cycles. ``switching`` is None
    unless it was asked for.
    """

    accumulators: NDArray[np.int64]
    cycles: dict[Cause, int]
    counters: ArrayCounters
    switching: Switching | None = None
    row_sums: NDArray[np.int64] | None = None
