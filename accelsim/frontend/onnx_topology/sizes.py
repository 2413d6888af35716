"""The sizes of every tensor of an ONNX graph, those that the graph itself computes included."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import numpy_helper
from onnx.reference import ReferenceEvaluator

from accelsim.frontend.inspection.onnx_tensors import infer_shapes

__all__ = ["infer_sizes"]

_SMALL_ELEMENTS = 4096
_RANDOM = ("Bernoulli", "Multinomial", "RandomNormal", "RandomUniform")

Sizes = dict[str, tuple[int, ...]]


def infer_sizes(model: onnx.ModelProto) -> Sizes:
    """Return the sizes that follow from those of the inputs.

    Where shapes are computed (the size of a tensor, times a constant, as the shape of another), the
    numbers are worked out and take the place of their nodes in ``model``, until nothing is new.
    """
    sizes = _infer(model)
    while _fold(model, sizes):
        found = _infer(model)
        if len(found) <= len(sizes):
            break
        sizes = found
    return sizes


def _infer(model: onnx.ModelProto) -> Sizes:
    sizes = {tensor.name: tuple(tensor.dims) for tensor in model.graph.initializer}
    for value in infer_shapes(model):
        kind = value.type.tensor_type
        found = tuple(dim.dim_value for dim in kind.shape.dim)
        if kind.HasField("shape") and min(found, default=1) > 0:
            sizes.setdefault(value.name, found)
    return sizes


def _fold(model: onnx.ModelProto, sizes: Sizes) -> bool:
    """Replace nodes of few known numbers by these; return whether there were any."""
    opsets = {entry.domain: entry.version for entry in model.opset_import}
    known = {
        tensor.name: numpy_helper.to_array(tensor)
        for tensor in model.graph.initializer
        if prod(tensor.dims) <= _SMALL_ELEMENTS
    }
    left, folded = [], []
    for node in model.graph.node:
        values = _values(node, known, sizes, opsets)
        if values is None:
            left.append(node)
            continue
        for name, value in zip(node.output, values, strict=False):
            known[name] = value
            folded.append(numpy_helper.from_array(value, name))
    del model.graph.node[:]
    model.graph.node.extend(left)
    model.graph.initializer.extend(folded)
    return bool(folded)


def _values(
    node: onnx.NodeProto,
    known: dict[str, NDArray[Any]],
    sizes: Sizes,
    opsets: dict[str, int],
) -> list[NDArray[Any]] | None:
    """Return what a node computes if it is little and known."""
    if node.op_type == "Shape" and node.input[0] in sizes:
        bounds = {a.name: int(a.i) for a in node.attribute}
        shape = sizes[node.input[0]][bounds.get("start", 0) : bounds.get("end")]
        return [np.array(shape, np.int64)]
    read = [name for name in node.input if name]
    inner = any(a.type in (a.GRAPH, a.GRAPHS) for a in node.attribute)
    if inner or node.domain or node.op_type in _RANDOM or not known.keys() >= set(read):
        return None
    if prod(sizes.get(node.output[0], (_SMALL_ELEMENTS + 1,))) > _SMALL_ELEMENTS and read:
        return None
    try:
        evaluator = ReferenceEvaluator(node, opsets=opsets)
        found = evaluator.run(None, {name: known[name] for name in read})
    except Exception:
        # The reference refuses what is not valid in as many ways as there are operators.
        return None
    if not all(isinstance(value, np.ndarray) and value.size <= _SMALL_ELEMENTS for value in found):
        return None
    return list(found)
