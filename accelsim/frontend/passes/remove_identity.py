"""Remove what does nothing at inference: Identity and Dropout."""

from __future__ import annotations

from dataclasses import replace

from accelsim.frontend.graph import Fold, Graph, Node, refuse

__all__ = ["remove_identity"]


def remove_identity(graph: Graph) -> Graph:
    """Return the graph with the readers of each Identity and Dropout reading its input."""
    source: dict[str, str] = {}
    kept: list[Node] = []
    folds: list[Fold] = []
    quantized = dict(graph.quantized)
    for node in graph.nodes:
        inputs = tuple(source.get(name, name) for name in node.inputs)
        if node.operator in ("Identity", "Dropout"):
            _require_inference(node, graph)
            meaning = quantized.get(node.output)
            if meaning not in (None, quantized.get(inputs[0], meaning)):
                # It is quantized to other integers than its input: a clip without bounds is that.
                kept.append(Node("Clip", node.name, inputs[:1], node.output))
                continue
            if meaning is not None:
                quantized[inputs[0]] = meaning
            source[node.output] = inputs[0]
            folds.append(Fold(node.name, node.operator))
        else:
            kept.append(replace(node, inputs=inputs))
    return replace(
        graph,
        nodes=tuple(kept),
        output=source.get(graph.output, graph.output),
        quantized=quantized,
        folds=(*graph.folds, *folds),
    )


def _require_inference(node: Node, graph: Graph) -> None:
    training = node.input(2)
    if training and (training not in graph.constants or graph.constants[training].any()):
        raise refuse(node, "training_mode must be false; export the network for inference")
