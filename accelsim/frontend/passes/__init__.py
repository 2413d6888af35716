"""Rewrites of the imported graph, one in a file, each a pure function from graph to graph."""

from __future__ import annotations

import numpy as np

from accelsim.frontend.graph import Graph
from accelsim.frontend.passes.fold_batch_norm import fold_batch_norm
from accelsim.frontend.passes.fold_bias import fold_bias
from accelsim.frontend.passes.inline_constants import inline_constants
from accelsim.frontend.passes.matmul_to_dense import matmul_to_dense
from accelsim.frontend.passes.remove_identity import remove_identity
from accelsim.frontend.passes.remove_unused import remove_unused
from accelsim.frontend.quantized import absorb_quantization, expand_integer_operators

__all__ = [
    "fold_batch_norm",
    "fold_bias",
    "inline_constants",
    "matmul_to_dense",
    "remove_identity",
    "remove_unused",
    "simplify",
]


_REWRITES = (
    inline_constants,
    remove_unused,
    expand_integer_operators,
    absorb_quantization,
    remove_identity,
    matmul_to_dense,
    fold_bias,
    fold_batch_norm,
    # Once more: an addition after a normalization can be folded only now.
    fold_bias,
)


def simplify(graph: Graph) -> Graph:
    """Return the graph in the form that `accelsim.frontend.lower` takes."""
    # A weight that grows too large for float32 is refused where its layer is made.
    with np.errstate(over="ignore", invalid="ignore"):
        for rewrite in _REWRITES:
            graph = rewrite(graph)
    return graph
