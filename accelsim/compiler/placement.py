"""Decide where every tensor lives, and with that the plan of every layer.

An intermediate tensor stays on chip if it fits beside everything else that is alive and beside
what each layer it outlives needs to work. When a layer does not fit, the largest tensor alive
during it moves to DRAM and planning starts again; layers that this does not touch keep their
plans.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from accelsim.compiler.limits import (
    capacity_error,
    check_weights,
    matrix_error,
)
from accelsim.compiler.plan import TilePlan
from accelsim.compiler.program import (
    Instruction,
    MatrixInstruction,
    VectorInstruction,
)
from accelsim.compiler.search import LayerRoom, Search
from accelsim.compiler.shapes import LayerShape, MatrixShape, NetworkShape
from accelsim.compiler.traffic import footprint
from accelsim.compiler.vector_plan import choose_chunks, vector_footprint
from accelsim.errors import CapacityError
from accelsim.hardware.schema import Hardware

__all__ = ["place_network"]


@dataclass(frozen=True)
class _Life:
    """A stored tensor: its bytes, the layer that writes it and the last one that reads it."""

    name: str
    size_bytes: int
    first: int
    last: int


def place_network(
    network: NetworkShape, hardware: Hardware
) -> tuple[tuple[Instruction, ...], frozenset[str]]:
    """Return the instructions and the names of the stored tensors that stay on chip.

    Raises
    ------
    CapacityError
        A layer fits nowhere, even with every tensor in DRAM.
    """
    planner = _Planner(hardware)
    on_chip = _lives(network)
    instructions: list[Instruction] = []
    while len(instructions) < len(network.layers):
        index = len(instructions)
        layer = network.layers[index]
        alive = [life for life in on_chip if life.first <= index <= life.last]
        planned = planner.plan(layer, alive)
        if planned is not None:
            instructions.append(planned)
        elif alive:
            largest = max(alive, key=lambda life: life.size_bytes)
            on_chip.remove(largest)
            del instructions[largest.first :]
        else:
            raise planner.shortage(layer)
    return tuple(instructions), frozenset(life.name for life in on_chip)


def _lives(network: NetworkShape) -> list[_Life]:
    """Return the tensors that could stay on chip, in the order in which they are written."""
    in_dram = {network.storage[network.output], *network.kept}
    last = {layer.output: index for index, layer in enumerate(network.layers)}
    for index, layer in enumerate(network.layers):
        last |= dict.fromkeys(layer.inputs, index)
    return [
        _Life(
            layer.output,
            network.tensors[layer.output].total_bytes(network.batch),
            index,
            last[layer.output],
        )
        for index, layer in enumerate(network.layers)
        if layer.output not in in_dram
    ]


def _has_right_tensor(layer: LayerShape) -> bool:
    return isinstance(layer.work, MatrixShape) and layer.work.right_is_tensor


class _Planner:
    """Plans layers for one machine; equal shapes in equal room are searched once."""

    def __init__(self, hardware: Hardware) -> None:
        self._hardware = hardware
        self._pads = hardware.scratchpads
        self._searches: dict[MatrixShape, Search] = {}
        self._plans: dict[tuple[MatrixShape, LayerRoom], TilePlan | None] = {}

    def plan(self, layer: LayerShape, alive: list[_Life]) -> Instruction | None:
        """Return the best instruction beside the tensors on chip, None if it does not fit."""
        on_chip = {life.name for life in alive}
        tensor_bytes = sum(life.size_bytes for life in alive)
        left = self._pads.activations.size - tensor_bytes
        if left < 0:
            return None
        room = LayerRoom(
            left,
            input_on_chip=layer.inputs[0] in on_chip,
            output_on_chip=layer.output in on_chip,
            right_on_chip=_has_right_tensor(layer) and layer.inputs[1] in on_chip,
        )
        if isinstance(layer.work, MatrixShape):
            return self._matrix(layer, layer.work, room, tensor_bytes)
        fetched = tuple(name not in on_chip for name in layer.inputs)
        cut = choose_chunks(
            layer.work,
            fetched,
            room.output_on_chip,
            left,
            self._pads.activations.double_buffered,
        )
        if cut is None:
            return None
        chunks, claim = cut
        claim = replace(claim, tensor_bytes=tensor_bytes)
        return VectorInstruction(layer.name, layer.inputs, layer.output, layer.work, chunks, claim)

    def _matrix(
        self, layer: LayerShape, shape: MatrixShape, room: LayerRoom, tensor_bytes: int
    ) -> MatrixInstruction | None:
        if shape not in self._searches:
            check_weights(layer.name, shape, self._hardware)
            self._searches[shape] = Search(shape, self._hardware)
        if (shape, room) not in self._plans:
            self._plans[shape, room] = self._searches[shape].best(room)
        plan = self._plans[shape, room]
        if plan is None:
            return None
        claim = footprint(shape, plan, self._pads, room.output_on_chip)
        return MatrixInstruction(
            layer.name,
            layer.inputs,
            layer.output,
            plan,
            shape,
            replace(claim, tensor_bytes=tensor_bytes),
        )

    def shortage(self, layer: LayerShape) -> CapacityError:
        """Return the error for a layer that does not fit beside nothing at all."""
        if isinstance(layer.work, MatrixShape):
            room = LayerRoom(self._pads.activations.size, False, False)
            return matrix_error(layer.name, layer.work, room, self._hardware)
        lines = layer.work.lines
        fetched = (True,) * len(layer.inputs)
        needs = tuple(
            vector_footprint(layer.work, lines, fetched, False, buffered).activation_bytes
            for buffered in (False, True)
        )
        return capacity_error(
            layer.name, "activations", "one line of outputs", (needs[0], needs[1]), self._hardware
        )
