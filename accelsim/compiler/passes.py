"""A pass: one tile of a product through the array."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Pass"]


@dataclass(frozen=True)
class Pass:
    """One tile through the array: a preload (if the dataflow has one) and a stream.

    Bounds are half-open and in the group's GEMM coordinates. ``first_depth``: accumulators start
    from the bias; ``last_depth``: they are complete when the pass has drained. ``fetches_*``: the
    operand is not in its scratchpad yet (weights: this pass's tile, activations: the block of
    rows m, or its part of the depth, that starts here); ``releases_*``: this pass is its last use
    before that space is given away. Every fetch has exactly one release.
    """

    group: int
    m_start: int
    m_stop: int
    n_start: int
    n_stop: int
    k_start: int
    k_stop: int
    first_depth: bool
    last_depth: bool
    fetches_weights: bool
    fetches_activations: bool
    releases_weights: bool
    releases_activations: bool

    @property
    def m_size(self) -> int:
        """Rows of the product in this pass."""
        return self.m_stop - self.m_start

    @property
    def n_size(self) -> int:
        """Columns of the product in this pass."""
        return self.n_stop - self.n_start

    @property
    def k_size(self) -> int:
        """Depth of the product in this pass."""
        return self.k_stop - self.k_start
