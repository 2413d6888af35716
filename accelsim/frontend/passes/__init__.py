"""Rewrites of the imported graph, one in a file, each a pure function from graph to graph."""

from __future__ import annotations

from accelsim.frontend.graph import Graph
from accelsim.frontend.passes.fold_batch_norm import fold_batch_norm
from accelsim.frontend.passes.fold_bias import fold_bias
from accelsim.frontend.passes.inline_constants import inline_constants
from accelsim.frontend.passes.matmul_to_dense import matmul_to_dense
from accelsim.frontend.passes.remove_identity import remove_identity
from accelsim.frontend.passes.remove_unused import remove_unused

__all__ = [
    "fold_batch_norm",
    "fold_bias",
    "inline_constants",
    "matmul_to_dense",
    "remove_identity",
    "remove_unused",
    "simplify",
]


def simplify(graph: Graph) -> Graph:
    """Return the graph in the form that `accelsim.frontend.lower` takes."""
    for rewrite in (
        inline_constants,
        remove_unused,
        remove_identity,
        matmul_to_dense,
        fold_bias,
        fold_batch_norm,
        # Once more: an addition after a normalization can be folded only now.
        fold_bias,
    ):
        graph = rewrite(graph)
    return graph
