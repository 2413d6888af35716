"""Operators that only compute shapes: of a file whose shapes are fixed, their results are known.

A converter writes the new shape of a reshape as SHAPE, STRIDED_SLICE and PACK where the batch
was not fixed in the original.
"""

from __future__ import annotations

from accelsim.frontend.tflite.graph import TfliteGraph

__all__ = ["shape_arithmetic"]

_SHAPE_TYPES = ("INT32", "INT64")


def shape_arithmetic(graph: TfliteGraph) -> tuple[frozenset[int], frozenset[int]]:
    """Return (operators, tensors), by index, that follow from shapes and constants alone."""
    operators: set[int] = set()
    known: set[int] = set()
    for operator in graph.operators:
        results = [graph.tensors[index] for index in operator.outputs if index >= 0]
        follows = operator.kind == "SHAPE" or all(
            index in known or graph.tensors[index].constant
            for index in operator.inputs
            if index >= 0
        )
        if results and follows and all(result.type in _SHAPE_TYPES for result in results):
            operators.add(operator.index)
            known.update(result.index for result in results)
    return frozenset(operators), frozenset(known)
