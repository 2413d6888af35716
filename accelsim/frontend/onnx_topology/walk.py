"""From ONNX nodes to the layers of a topology, one operator after the other."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from math import prod

from accelsim.errors import UnsupportedOperatorError
from accelsim.frontend.onnx_topology.graph import ShapeGraph, ShapeNode
from accelsim.frontend.onnx_topology.layers import Held, Layers
from accelsim.frontend.onnx_topology.operators import (
    CLAMPS,
    FUNCTIONS,
    POOLS,
    PRODUCTS,
    READ,
    SAME,
    TWO,
    VECTOR,
)
from accelsim.frontend.onnx_topology.windows import onnx_window

__all__ = ["walk"]


def walk(graph: ShapeGraph) -> tuple[Layers, tuple[str, ...]]:
    """Return the layers, and the tensors of the graph's outputs.

    Raises
    ------
    UnsupportedOperatorError
        A node has products that no layer of a topology has: a line for each such operator; or the
        first node's reason.
    """
    missing = {n.operator: n for n in graph.nodes if n.operator in PRODUCTS - READ}
    if missing:
        raise UnsupportedOperatorError(
            "\n".join(
                str(node.refuse("has products that no layer of a topology has"))
                for node in missing.values()
            )
        )
    walker = _Walker(graph)
    for given in graph.inputs:
        walker.held[given.name] = walker.layers.add_input(given.name, given.sizes)
    for node in graph.nodes:
        walker.read(node)
    outputs = [walker.layers.looked_up(walker.held[o]) for o in graph.outputs if o in walker.held]
    return walker.layers, tuple(dict.fromkeys(outputs))


@dataclass
class _Walker:
    graph: ShapeGraph
    layers: Layers = field(default_factory=Layers)
    held: dict[str, Held] = field(default_factory=dict)

    def read(self, node: ShapeNode) -> None:
        """Add what a node computes to the layers."""
        operator = node.operator
        first = self.held.get(node.inputs[0]) if node.inputs else None
        if operator == "Conv":
            self._convolution(node)
        elif operator in READ:
            self._matrix(node)
        elif operator in SAME and first is not None:
            self.held[node.outputs[0]] = first
        elif operator in CLAMPS | {"BatchNormalization"} and first is not None:
            self.held[node.outputs[0]] = self._after(node, first)
        elif operator in FUNCTIONS and first is not None:
            self.held[node.outputs[0]] = self._function(node, first)
        elif operator in TWO and len(node.inputs) == 2:
            self._two(node)
        elif operator in POOLS and len(self._sizes(node.inputs[0], node)) == 4:
            self._pool(node)
        elif self._is_mean_of_image(node):
            self._mean(node)
        else:
            self._host(node)

    def _sizes(self, name: str, node: ShapeNode) -> tuple[int, ...]:
        return self.graph.sizes_of(node, name)

    def _is_constant(self, name: str) -> bool:
        return name in self.graph.constants

    def _function(self, node: ShapeNode, held: Held) -> Held:
        """Return a further function of each element; the host's own output it is part of."""
        if held.tensor in self.layers.host:
            return held
        return replace(
            held, functions=(*held.functions, node.operator.lower()), key=node.outputs[0]
        )

    def _after(self, node: ShapeNode, held: Held) -> Held:
        """Return what a clamp or a batch norm makes: part of the layer before, or its own."""
        if node.operator in CLAMPS and self._is_clamped(node, held):
            # What comes behind a clamp is no part of the product before it.
            self.layers.products.pop(held.tensor, None)
            return held
        if node.operator in CLAMPS:
            return self._function(node, held)
        return held if self._is_scaled(node, held) else self._scales(node, held)

    def _scales(self, node: ShapeNode, held: Held) -> Held:
        """Scale each channel by itself: one filter of one weight for each, on the array."""
        if held.tensor in self.layers.host:
            return held
        sizes = self._sizes(node.outputs[0], node)
        shape = self.layers.shapes[held.tensor]
        if held.tensor in self.layers.loose:
            shape = (
                (sizes[1], sizes[2], sizes[3])
                if len(sizes) == 4
                else (sizes[-1], prod(sizes[:-1]), 1)
            )
        tensor = self.layers.shaped(node, held, shape)
        self._product(node, {"op": "depthwise", "kernel": 1}, [tensor], shape, 1)
        return self.held[node.outputs[0]]

    def _is_clamped(self, node: ShapeNode, held: Held) -> bool:
        """Whether a clamp is part of the layer before it: nobody reads what was not clamped."""
        is_made = any(line["name"] == held.tensor for line in self.layers.lines)
        return is_made and self.graph.readers[node.inputs[0]] == 1

    def _is_scaled(self, node: ShapeNode, held: Held, channels: int = 0) -> bool:
        """Whether a scale or a bias is part of the product before it.

        ``channels``: how many numbers it has; 0: one for each channel.
        """
        moving = next(name for name in node.inputs if not self._is_constant(name))
        own = self.layers.products.get(held.tensor, 0)
        alone = self.graph.readers[moving] == 1
        return alone and not held.functions and bool(own) and channels in (0, 1, own)

    def _two(self, node: ShapeNode) -> None:
        """Add an operator of two tensors: a function of one, a vector layer, or the host."""
        output = self.graph.elements(node, node.outputs[0])
        moving = [name for name in node.inputs if not self._is_constant(name)]
        held = [self.held[name] for name in moving]
        whole = all(self.graph.elements(node, name) == output for name in moving)
        if whole and len({one.tensor for one in held}) == 1:
            of_one = max(held, key=lambda one: len(one.functions))
            self.held[node.outputs[0]] = self._of_one(node, of_one)
            return
        kind = VECTOR.get(node.operator)
        held.sort(key=lambda one: -prod(self.layers.shapes[one.tensor]))
        shape = self.layers.shapes[held[0].tensor]
        settled = [one for one in held if one.tensor not in self.layers.loose]
        if whole and settled:
            shape = self.layers.shapes[settled[0].tensor]
        elements = prod(self.layers.shapes[held[-1].tensor])
        gates = kind == "multiply" and elements == shape[0] and not whole
        if kind is None or not (whole or gates):
            self._host(node)
            return
        if whole and not settled:
            # Nobody has asked for a shape yet: features and tokens, as most have them.
            sizes = self._sizes(node.outputs[0], node)
            shape = (sizes[-1], prod(sizes[:-1]), 1) if sizes else (1, 1, 1)
        second = (shape[0], 1, 1) if gates else shape
        inputs = [
            self.layers.shaped(node, one, wanted)
            for one, wanted in zip(held, (shape, second), strict=True)
        ]
        self.held[node.outputs[0]] = self.layers.add(node, {"op": kind}, inputs, shape)

    def _of_one(self, node: ShapeNode, held: Held) -> Held:
        """Return a tensor changed by a constant, or by functions of itself."""
        constants = [name for name in node.inputs if self._is_constant(name)]
        if not constants or node.operator not in ("Add", "Sub", "Mul", "Div"):
            return self._function(node, held)
        numbers = self.graph.elements(node, constants[0])
        if self._is_scaled(node, held, numbers):
            return held
        return self._function(node, held) if numbers == 1 else self._scales(node, held)

    def _convolution(self, node: ShapeNode) -> None:
        sizes, weights = (self._sizes(name, node) for name in node.inputs[:2])
        output = self._sizes(node.outputs[0], node)
        if not self._is_constant(node.inputs[1]):
            raise node.refuse("its weights are computed")
        if len(sizes) not in (3, 4) or sizes[0] != 1:
            raise node.refuse(
                f"only images [1, channels, height, width] are supported, got {list(sizes)}"
            )
        _, channels, height, width = (*sizes, 1)[:4]
        groups = int(node.attributes.get("group", 1))
        size_y, size_x = (*output[2:], 1)[:2]
        window = onnx_window(node, weights[2:], (height, width), (size_y, size_x))
        tensor = self.layers.shaped(node, self.held[node.inputs[0]], (channels, height, width))
        shape = (weights[0], *window.output_size(height, width))
        fields = {
            "op": "convolution",
            "channels": weights[0],
            "kernel": list(window.kernel),
            "stride": list(window.strides),
            "pad": list(window.pads),
            "dilation": list(window.dilations),
            "groups": groups,
        }
        self._product(node, fields, [tensor], shape, prod(weights[1:]))

    def _matrix(self, node: ShapeNode) -> None:
        """Add a matrix product: of weights for every token, or of two tensors head by head."""
        left, right = node.inputs[:2]
        sizes, weights = self._sizes(left, node), self._sizes(right, node)
        if self._is_constant(left):
            raise node.refuse("only a computed left side is supported")
        if not self._is_constant(right):
            self._heads(node, sizes, weights)
            return
        transposed = bool(node.attributes.get("transB", 0))
        if node.attributes.get("transA", 0) or len(weights) < 2 or prod(weights[:-2]) != 1:
            raise node.refuse(f"only one matrix of weights is supported, got {list(weights)}")
        depth, features = reversed(weights[-2:]) if transposed else weights[-2:]
        tokens = prod(sizes) // depth
        held = self.held[left]
        tensor = self.layers.looked_up(held)
        if tokens == 1 and tensor not in self.layers.loose:
            fields = {"op": "dense", "features": features}
        else:
            fields = {"op": "token_dense", "features": features}
            tensor = self.layers.shaped(node, held, (depth, tokens, 1))
        self._product(node, fields, [tensor], (features, tokens, 1), depth)

    def _heads(self, node: ShapeNode, left: tuple[int, ...], right: tuple[int, ...]) -> None:
        heads, (rows, depth) = prod(left[:-2]), left[-2:]
        columns = right[-1]
        if prod(right[:-2]) != heads:
            raise node.refuse(f"{list(left)} and {list(right)} have different numbers of heads")
        first, second = (self.held[name] for name in node.inputs[:2])
        keys = (heads * depth, columns, 1)
        is_keys = self.layers.shapes[second.tensor] == keys
        inputs = [
            self.layers.shaped(node, first, (heads * depth, rows, 1)),
            self.layers.shaped(node, second, keys if is_keys else (heads * columns, depth, 1)),
        ]
        fields = {"op": "matmul", "heads": heads, "transpose_right": is_keys}
        self._product(node, fields, inputs, (heads * columns, rows, 1), depth)

    def _product(
        self,
        node: ShapeNode,
        fields: dict[str, object],
        inputs: list[str],
        shape: tuple[int, int, int],
        depth: int,
    ) -> None:
        held = self.layers.add(node, fields, inputs, shape)
        self.layers.macs += prod(shape) * depth
        self.layers.products[held.tensor] = 1 if fields["op"] == "matmul" else shape[0]
        self.held[node.outputs[0]] = held

    def _pool(self, node: ShapeNode) -> None:
        _, channels, height, width = self._sizes(node.inputs[0], node)
        output = self._sizes(node.outputs[0], node)
        kernel = tuple(int(taps) for taps in node.attributes["kernel_shape"])
        window = onnx_window(node, kernel, (height, width), (output[2], output[3]))
        if len(node.outputs) > 1 or window.dilations != (1, 1):
            self._host(node)
            return
        tensor = self.layers.shaped(node, self.held[node.inputs[0]], (channels, height, width))
        fields = {
            "op": POOLS[node.operator],
            "kernel": list(window.kernel),
            "stride": list(window.strides),
            "pad": list(window.pads),
        }
        shape = (channels, *window.output_size(height, width))
        self.held[node.outputs[0]] = self.layers.add(node, fields, [tensor], shape)

    def _is_mean_of_image(self, node: ShapeNode) -> bool:
        """Whether a node is the mean of each channel of an image."""
        if node.operator not in ("GlobalAveragePool", "ReduceMean"):
            return False
        sizes = self._sizes(node.inputs[0], node)
        output = self.graph.elements(node, node.outputs[0])
        if len(sizes) != 4 or sizes[0] != 1 or output != sizes[1]:
            return False
        axes = node.attributes.get("axes")
        return node.operator == "GlobalAveragePool" or (
            axes is not None and {int(axis) % 4 for axis in axes} == {2, 3}
        )

    def _mean(self, node: ShapeNode) -> None:
        _, channels, height, width = self._sizes(node.inputs[0], node)
        tensor = self.layers.shaped(node, self.held[node.inputs[0]], (channels, height, width))
        fields = {"op": "average_pool", "kernel": [height, width]}
        self.held[node.outputs[0]] = self.layers.add(node, fields, [tensor], (channels, 1, 1))

    def _host(self, node: ShapeNode) -> None:
        """Leave a node to the host: a layer for each of its outputs."""
        tensors = [
            self.layers.looked_up(self.held[name]) for name in node.inputs if name in self.held
        ]
        for name in filter(None, node.outputs):
            sizes = self._sizes(name, node)
            self.held[name] = self.layers.add_host(node, dict.fromkeys(tensors), sizes)
