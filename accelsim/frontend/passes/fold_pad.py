"""Fold a padding with zeros into the convolutions that read it."""

from __future__ import annotations

from dataclasses import replace

from accelsim.frontend.graph import Fold, Graph, Node
from accelsim.frontend.padding import pad_amounts

__all__ = ["fold_pad"]


def fold_pad(graph: Graph) -> Graph:
    """Return the graph without the Pad nodes that windows can do.

    A convolution pads with zeros itself. A Pad stays where something else reads it (a max pool's
    padding never wins, an average pool's may not count), or channels are padded, or the file
    quantizes its output: that tensor is part of the integer network, and a machine pads in the
    window all the same.
    """
    for pad in graph.nodes:
        if pad.operator != "Pad" or pad.output == graph.output:
            continue
        before, after = pad_amounts(pad, graph)
        readers = [node for node in graph.nodes if pad.output in node.inputs]
        if (
            len(before) == 4
            and not any((*before[:2], *after[:2]))
            and all(_takes_pads(node) for node in readers)
            and pad.output not in graph.quantized
        ):
            graph = _folded(graph, pad, (*before[2:], *after[2:]))
    return graph


def _takes_pads(node: Node) -> bool:
    automatic = node.attributes.get("auto_pad", "NOTSET")
    return node.operator == "Conv" and automatic in ("NOTSET", "VALID")


def _folded(graph: Graph, pad: Node, amounts: tuple[int, ...]) -> Graph:
    def with_pads(node: Node) -> Node:
        if pad.output not in node.inputs:
            return node
        own = node.attributes.get("pads", (0, 0, 0, 0))
        if node.attributes.get("auto_pad", "NOTSET") == "VALID":
            own = (0, 0, 0, 0)
        total = [first + second for first, second in zip(own, amounts, strict=True)]
        attributes = {**node.attributes, "pads": total, "auto_pad": "NOTSET"}
        inputs = (pad.inputs[0], *node.inputs[1:])
        return replace(node, inputs=inputs, attributes=attributes)

    readers = [node.name for node in graph.nodes if pad.output in node.inputs]
    return replace(
        graph,
        nodes=tuple(with_pads(node) for node in graph.nodes if node is not pad),
        folds=(*graph.folds, Fold(pad.name, pad.operator, readers[0] if readers else None)),
    )
