"""Take quantization out of a graph: what stays is float, with the integers behind it noted."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from accelsim.frontend.graph import Fold, Graph, Node, refuse
from accelsim.frontend.integers import Affine, IntegerConstant
from accelsim.frontend.quantized.constants import (
    StoredConstant,
    cast_format,
    clip_bounds,
    clipped_constant,
    dequantized_constant,
    format_between,
    quantized_constant,
    quantized_format,
    stored_constant,
)
from accelsim.frontend.quantized.parameters import linear_parameters, require_format
from accelsim.frontend.quantized.qonnx import quant_constant, quant_tensor

__all__ = ["QUANTIZERS", "absorb_quantization"]

QUANTIZERS = ("DequantizeLinear", "Quant", "QuantizeLinear")
_MOVERS = (
    "Dropout",
    "Flatten",
    "Identity",
    "MaxPool",
    "Pad",
    "Reshape",
    "Squeeze",
    "Transpose",
    "Unsqueeze",
)


def absorb_quantization(graph: Graph) -> Graph:
    """Return the graph without quantizers: their integers are in ``integers`` and ``quantized``.

    A tensor x that is quantized and dequantized stays as x, and ``quantized[x]`` says what its
    integers are. Constants become float, and ``integers`` has what they are made from. A clip of
    integers that leaves the range of a narrower format right behind the quantizer (QCDQ) is that
    format; any other is a Clip between the real numbers that its bounds mean. What moves integers
    (MaxPool, Reshape, ...) moves their real numbers instead. A tensor that is quantized a second
    time becomes another one, made by a Clip without bounds.

    Raises
    ------
    UnsupportedOperatorError
        If quantization is used in a way that has no counterpart in an integer network.
    WorkloadError
        If a scale is not positive and finite.
    """
    if not any(node.operator in QUANTIZERS for node in graph.nodes):
        return graph
    walk = _Walk(graph)
    for node in graph.nodes:
        walk.take(node)
    stored = walk.stored.get(graph.output)
    return replace(
        graph,
        nodes=tuple(walk.nodes),
        constants=walk.constants,
        integers=walk.integers,
        quantized=walk.quantized,
        output=stored.source if stored else walk.real.get(graph.output, graph.output),
        folds=(*graph.folds, *walk.folds),
    )


@dataclass(frozen=True)
class _Stored:
    """Integers of a computed tensor: the float tensor behind them, and what they mean.

    ``fresh``: only the quantizer has made them, so its format may still be narrowed.
    """

    source: str
    affine: Affine
    fresh: bool = False


class _Walk:
    """The graph as far as it has been walked, in execution order."""

    def __init__(self, graph: Graph) -> None:
        self.constants = dict(graph.constants)
        self.integers: dict[str, IntegerConstant] = {}
        self.quantized: dict[str, Affine] = {}
        self.stored: dict[str, _Stored] = {}
        self.real: dict[str, str] = {}
        self.nodes: list[Node] = []
        self.folds: list[Fold] = []
        self._output = graph.output
        self._raw: dict[str, StoredConstant] = {}
        self._readers: dict[str, list[Node]] = {}
        for node in graph.nodes:
            for name in node.inputs:
                self._readers.setdefault(name, []).append(node)

    def take(self, node: Node) -> None:
        """Add one node to what there is."""
        first = node.input(0)
        if node.operator in QUANTIZERS:
            self._quantizer(node)
        elif first in self.stored:
            self._move(node, self.stored[first])
        elif self._reworks(node):
            self._rework(node)
        elif node.operator == "Transpose" and first in self.constants:
            self._transpose(node)
        else:
            integers = next((n for n in node.inputs if n in self.stored or n in self._raw), None)
            if integers is not None:
                raise refuse(node, f"reads the integers {integers!r}; dequantize them first")
            inputs = tuple(self.real.get(name, name) for name in node.inputs)
            self.nodes.append(replace(node, inputs=inputs))

    def _reworks(self, node: Node) -> bool:
        """Whether the node clips or casts integers that are a constant."""
        integers = self._constant(node.input(0)) is not None
        return integers and (node.operator == "Clip" or cast_format(node) is not None)

    def _alone(self, name: str) -> bool:
        return name != self._output and len(self._readers[name]) == 1

    def _constant(self, name: str) -> StoredConstant | None:
        values = self.constants.get(name)
        return self._raw.get(name) or (None if values is None else stored_constant(values))

    def _fold(self, node: Node) -> None:
        self.folds.append(Fold(node.name, node.operator))

    def _quantizer(self, node: Node) -> None:
        first = node.input(0)
        constant = first in self.constants or first in self._raw
        if node.operator == "Quant" and constant:
            self._name_constant(node, quant_constant(node, self.constants))
        elif node.operator == "Quant":
            self.real[node.output], _ = self._record(node, quant_tensor(node, self.constants))
        elif node.operator == "QuantizeLinear" and constant:
            if first in self._raw:
                raise refuse(node, f"quantizes the integers {first!r}; dequantize them first")
            values = self.constants[first]
            parameters = linear_parameters(node, self.constants, values.shape)
            self._raw[node.output] = quantized_constant(node, values, parameters)
            self._fold(node)
        elif node.operator == "QuantizeLinear":
            parameters = linear_parameters(node, self.constants, None)
            format = quantized_format(node, parameters)
            affine = Affine(format, float(parameters.scales[0]), int(parameters.zero_points[0]))
            source, new = self._record(node, affine)
            fresh = new and self._alone(node.inputs[0]) and self._alone(node.output)
            self.stored[node.output] = _Stored(source, affine, fresh)
        elif constant:
            stored = self._constant(first)
            shape = stored.integers.shape if stored else self.constants[first].shape
            parameters = linear_parameters(node, self.constants, shape)
            kind = str(stored.container) if stored else self.constants[first].dtype.name
            self._name_constant(node, dequantized_constant(node, stored, parameters, kind))
        else:
            self._dequantize(node)

    def _name_constant(self, node: Node, constant: IntegerConstant) -> None:
        self.integers[node.output] = constant
        self.constants[node.output] = constant.real()
        self._fold(node)

    def _record(self, node: Node, affine: Affine) -> tuple[str, bool]:
        """Note the integers of what the node quantizes.

        Return the float tensor that has them, and whether it had none before.
        """
        raw = node.inputs[0]
        if raw in self.stored:
            raise refuse(node, f"quantizes the integers {raw!r}; dequantize them first")
        source = self.real.get(raw, raw)
        known = self.quantized.get(source)
        if known is None:
            allowed = (*QUANTIZERS, "Shape")
            other = next((r for r in self._readers[raw] if r.operator not in allowed), None)
            if other is not None:
                raise refuse(
                    node,
                    f"{raw!r} is also read by {other} without being quantized; let both read the "
                    "quantized tensor",
                )
            self.quantized[source] = affine
        elif known != affine:
            if raw not in self.real:
                raise refuse(
                    node, f"{raw!r} is quantized twice, to different integers; quantize it once"
                )
            self.nodes.append(Node("Clip", node.name, (source,), node.output))
            self.quantized[node.output] = affine
            return node.output, True
        self._fold(node)
        return source, known is None

    def _dequantize(self, node: Node) -> None:
        stored = self.stored.get(node.input(0))
        if stored is None:
            raise refuse(node, f"{node.input(0)!r} holds no integers that the file quantized")
        parameters = linear_parameters(node, self.constants, None)
        found = (float(parameters.scales[0]), int(parameters.zero_points[0]))
        made = (stored.affine.scale, stored.affine.zero_point)
        if found != made:
            raise refuse(
                node,
                f"dequantizes {node.input(0)!r} with scale {found[0]:g} and zero point "
                f"{found[1]}, but it was quantized with {made[0]:g} and {made[1]}",
            )
        self.real[node.output] = stored.source
        self._fold(node)

    def _move(self, node: Node, stored: _Stored) -> None:
        """Take an operator that reads integers of a computed tensor."""
        if node.operator == "Cast":
            target = require_format(node, cast_format(node), widest=32)
            held = stored.affine.format
            if target.low > held.low or target.high < held.high:
                raise refuse(node, f"casts {held} integers to {target}, which does not hold them")
            fresh = stored.fresh and self._alone(node.output)
            self.stored[node.output] = replace(stored, fresh=fresh)
            self._fold(node)
        elif node.operator == "Clip":
            self._clip(node, stored)
        elif node.operator == "Shape":
            self.nodes.append(replace(node, inputs=(stored.source,)))
        elif node.operator in _MOVERS:
            inputs = (stored.source, *node.inputs[1:])
            if node.operator == "Pad" and node.input(2):
                inputs = (*inputs[:2], self._real_zero(node, stored.affine), *inputs[3:])
            self.nodes.append(replace(node, inputs=inputs))
            self._made(node, stored.affine)
        else:
            raise refuse(node, f"reads the integers {node.input(0)!r}; dequantize them first")

    def _made(self, node: Node, affine: Affine) -> None:
        self.quantized[node.output] = affine
        self.stored[node.output] = _Stored(node.output, affine)

    def _real_zero(self, node: Node, affine: Affine) -> str:
        values = self.constants.get(node.input(2))
        if values is None or values.size != 1 or int(values.reshape(())) != affine.zero_point:
            raise refuse(node, f"must pad integers with their zero point {affine.zero_point}")
        name = f"{node.output}:zero"
        self.constants[name] = np.zeros((), np.float32)
        return name

    def _clip(self, node: Node, stored: _Stored) -> None:
        affine = stored.affine
        low, high = clip_bounds(node, affine.format, self.constants)
        narrow = format_between(low, high, affine.format)
        if stored.fresh and narrow and narrow.low <= affine.zero_point <= narrow.high:
            narrowed = replace(affine, format=narrow)
            self.quantized[stored.source] = narrowed
            self.stored[node.output] = _Stored(stored.source, narrowed)
            self._fold(node)
            return
        names = (f"{node.output}:low", f"{node.output}:high")
        for name, bound in zip(names, (low, high), strict=True):
            self.constants[name] = np.asarray(affine.scale * (bound - affine.zero_point))
        self.nodes.append(replace(node, inputs=(stored.source, *names)))
        self._made(node, affine)

    def _rework(self, node: Node) -> None:
        """Clip or cast integers that are a constant."""
        stored = self._constant(node.inputs[0])
        assert stored is not None
        if node.operator == "Clip":
            self._raw[node.output] = clipped_constant(node, stored, self.constants)
        else:
            target = require_format(node, cast_format(node), widest=32)
            low, high = int(stored.integers.min(initial=0)), int(stored.integers.max(initial=0))
            if low < target.low or high > target.high:
                raise refuse(node, f"casts integers from {low} to {high} to {target}")
            self._raw[node.output] = replace(stored, container=target)
        self._fold(node)

    def _transpose(self, node: Node) -> None:
        values = self.constants[node.inputs[0]]
        order = tuple(node.attributes.get("perm", range(values.ndim)[::-1]))
        if sorted(order) != list(range(values.ndim)):
            raise refuse(node, f"perm {list(order)} does not fit {list(values.shape)}")
        self.constants[node.output] = values.transpose(order)
        if node.inputs[0] in self.integers:
            self.integers[node.output] = self.integers[node.inputs[0]].transposed(order)
        self._fold(node)
