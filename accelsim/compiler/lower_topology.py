"""From a network of shapes to layer shapes: every image of the batch, at the asked widths.

What the host does leaves no layer behind; the tensors it reads and writes are in DRAM.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from accelsim.compiler.shapes import (
    LayerShape,
    MatrixShape,
    NetworkShape,
    TensorShape,
    VectorShape,
)
from accelsim.errors import InternalError
from accelsim.hardware.pe_kinds import TERNARY_BITS
from accelsim.network.geometry import Window
from accelsim.network.topology import (
    ElementWise,
    FilterBank,
    HostFunction,
    Matmul,
    PoolWindow,
    TokenMatrix,
    Topology,
    TopologyLayer,
    View,
)

__all__ = ["lower_topology"]

_ELEMENT = Window((1, 1))


def lower_topology(
    topology: Topology,
    batch: int,
    weight_bits: int,
    activation_bits: int,
    accumulator_bits: int,
) -> NetworkShape:
    """Return the layers of a batch of images.

    Tensors have ``activation_bits``; one that takes the place of weights in a product has
    ``weight_bits`` if that is less, since it has to fit on that side of the multipliers.
    """
    storage = {name: name for name in topology.given}
    for layer in topology.layers:
        is_view = isinstance(layer.operator, View)
        storage[layer.output] = storage[layer.inputs[0]] if is_view else layer.output
    kept = {*topology.given, *topology.kept}
    for layer in topology.layers:
        if isinstance(layer.operator, HostFunction):
            kept.update((*layer.inputs, layer.output))
    right = {
        storage[layer.inputs[1]] for layer in topology.layers if isinstance(layer.operator, Matmul)
    }
    bits = {
        name: min(weight_bits, activation_bits) if stored in right else activation_bits
        for name, stored in storage.items()
    }
    lowering = _Lowering(topology, bits, batch, weight_bits, accumulator_bits)
    return NetworkShape(
        name=topology.name,
        batch=batch,
        input=topology.given[0],
        output=topology.kept[0],
        layers=tuple(
            LayerShape(
                name=layer.name,
                work=lowering.work(layer),
                inputs=tuple(storage[name] for name in layer.inputs),
                output=layer.output,
            )
            for layer in topology.layers
            if not isinstance(layer.operator, View | HostFunction)
        ),
        tensors={name: TensorShape(shape, bits[name]) for name, shape in topology.shapes.items()},
        storage=storage,
        kept=frozenset(storage[name] for name in kept),
    )


@dataclass(frozen=True)
class _Lowering:
    """What every layer's shape depends on."""

    topology: Topology
    bits: Mapping[str, int]
    batch: int
    weight_bits: int
    accumulator_bits: int

    def work(self, layer: TopologyLayer) -> MatrixShape | VectorShape:
        """Return what the array or the vector unit has to do."""
        operator = layer.operator
        channels, height, width = self.topology.shapes[layer.inputs[0]]
        if isinstance(operator, FilterBank):
            shape = self._product(layer, (channels, height, width), operator.out_channels)
            return replace(shape, window=operator.window, groups=operator.groups)
        if isinstance(operator, TokenMatrix):
            flat = (channels * height * width, 1, 1)
            tokens = flat if operator.flattens else (channels, height, 1)
            return self._product(layer, tokens, operator.features)
        if isinstance(operator, Matmul):
            return self._heads(layer, operator)
        return self._vector(layer, channels, height, width)

    def _product(
        self, layer: TopologyLayer, input_shape: tuple[int, int, int], out_channels: int
    ) -> MatrixShape:
        return MatrixShape(
            input_shape=input_shape,
            out_channels=out_channels,
            window=_ELEMENT,
            groups=1,
            batch=self.batch,
            weight_bits=self.weight_bits,
            input_bits=self.bits[layer.inputs[0]],
            output_bits=self.bits[layer.output],
            accumulator_bits=self.accumulator_bits,
            weights_are_ternary=self.weight_bits <= TERNARY_BITS,
        )

    def _heads(self, layer: TopologyLayer, operator: Matmul) -> MatrixShape:
        """Return a group for each head of each image: each has a right operand of its own."""
        depth, rows, _ = self.topology.shapes[layer.inputs[0]]
        columns = self.topology.shapes[layer.output][0]
        shape = self._product(layer, (self.batch * depth, rows, 1), self.batch * columns)
        return replace(
            shape,
            groups=self.batch * operator.heads,
            batch=1,
            weight_bits=self.bits[layer.inputs[1]],
            right_is_tensor=True,
            weights_are_ternary=False,
        )

    def _vector(self, layer: TopologyLayer, channels: int, height: int, width: int) -> VectorShape:
        operator = layer.operator
        input_bits = tuple(self.bits[name] for name in layer.inputs)
        planes, output_bits = self.batch * channels, self.bits[layer.output]
        if isinstance(operator, PoolWindow):
            kind, window = operator.kind, operator.window
            return VectorShape(kind, planes, height, width, window, input_bits, output_bits)
        if not isinstance(operator, ElementWise):
            raise InternalError(f"no unit runs {type(operator).__name__}")
        # The one element a channel of a multiplication counts as read for every element.
        elements = planes * height * width
        return VectorShape(operator.kind, elements, 1, 1, _ELEMENT, input_bits, output_bits)
