"""Rewrites of the imported graph, one in a file, each a pure function from graph to graph."""

from __future__ import annotations

import numpy as np

from accelsim.frontend.graph import Graph
from accelsim.frontend.passes.fold_batch_norm import fold_batch_norm
from accelsim.frontend.passes.fold_bias import fold_bias
from accelsim.frontend.passes.fold_constants import fold_constants
from accelsim.frontend.passes.fold_pad import fold_pad
from accelsim.frontend.passes.fold_scale import fold_scale
from accelsim.frontend.passes.inline_constants import inline_constants
from accelsim.frontend.passes.matmul_to_dense import matmul_to_dense
from accelsim.frontend.passes.reduce_mean import reduce_mean
from accelsim.frontend.passes.remove_identity import remove_identity
from accelsim.frontend.passes.remove_transposes import remove_transposes
from accelsim.frontend.passes.remove_unused import remove_unused
from accelsim.frontend.passes.rename_operators import rename_operators
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
    fold_constants,
    rename_operators,
    remove_transposes,
    reduce_mean,
    fold_pad,
    matmul_to_dense,
)
# One makes room for the other: an addition can be folded once the product before it is.
_FOLDS = (fold_bias, fold_scale, fold_batch_norm)


def simplify(graph: Graph) -> Graph:
    """Return the graph in the form that `accelsim.frontend.lower` takes."""
    # A weight that grows too large for float32 is refused where its layer is made.
    with np.errstate(over="ignore", invalid="ignore"):
        for rewrite in _REWRITES:
            graph = rewrite(graph)
        folds = -1
        while len(graph.folds) != folds:
            folds = len(graph.folds)
            for fold in _FOLDS:
                graph = fold(graph)
    return graph
