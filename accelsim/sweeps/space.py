"""A design space: a base machine and network, axes, constraints, objectives. Frozen data.

A *choice* is one index for each axis; it stands for a design without building it. Spaces are
checked when they are read (`accelsim.sweeps.load_space`).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import product
from pathlib import Path
from typing import Any

from accelsim.arithmetic import RescaleMode
from accelsim.errors import ConfigError
from accelsim.frontend import is_shapes
from accelsim.hardware import Hardware
from accelsim.hardware.fields import with_values
from accelsim.hardware.validation import validate
from accelsim.hardware.yaml_files import Document, FieldPath, Place
from accelsim.quantize import NetworkOperands, RangeMethod, operand_widths
from accelsim.sweeps.axes import (
    BATCH,
    BITS,
    NETWORK,
    WIDTH_FIELDS,
    Axis,
    Choice,
    flat_names,
    parse_widths,
    width_names,
)
from accelsim.sweeps.expressions import Expression, Value
from accelsim.sweeps.metrics import Objective
from accelsim.sweeps.quantization import LAYER_BITS, QUANTIZATION, Quantization, chosen

__all__ = [
    "Design",
    "FileMachine",
    "Space",
    "Strategy",
]

_OPERANDS = ("weight", "activation")


@dataclass(frozen=True)
class FileMachine:
    """What a network that is integers already asks of its machine.

    ``fields``: values by dotted path; ``is_fixed``: whether axes may not give them others.
    """

    fields: Mapping[str, Value]
    is_fixed: bool


@dataclass(frozen=True)
class Design:
    """One point: a machine, built and checked, what runs on it, and how that is quantized.

    ``bits``: of weights and activations of all layers but those that have widths of their own;
    PEs are built for the widest.
    """

    settings: Mapping[str, Value]
    network: str
    batch: int
    hardware: Hardware
    quantization: Quantization
    bits: tuple[int, int]


@dataclass(frozen=True)
class Strategy:
    """How points are chosen. ``points``: how many, where the method does not say."""

    method: str = "grid"
    points: int | None = None
    seed: int = 0


@dataclass(frozen=True, eq=False)
class Space:
    """Everything that could be built, and what is wanted of it.

    Attributes
    ----------
    text, source
        The file, and what messages call it.
    folder
        Where relative paths of networks and data start.
    network, batch
        What every point runs where no axis says otherwise.
    base
        The machine's description, as a file holds it.
    constraints
        Over the design alone: points that break one are not part of the space.
    budgets
        Constraints that read results: points that break one are run and marked.
    files
        The networks that are integers already, known once they have been read.
    operands
        What of each float network has a width, known once it has been read.
    """

    name: str
    text: str
    source: str
    folder: Path
    network: str
    data: str | None
    batch: int
    hardware: str
    base: Mapping[str, Any]
    axes: tuple[Axis, ...]
    constraints: tuple[Expression, ...]
    budgets: tuple[Expression, ...]
    objectives: tuple[Objective, ...]
    quantization: Quantization
    strategy: Strategy
    files: Mapping[str, FileMachine] = field(default_factory=dict)
    operands: Mapping[str, NetworkOperands] = field(default_factory=dict)

    @property
    def size(self) -> int:
        """Points of the whole grid, before constraints."""
        return math.prod(len(axis.values) for axis in self.axes)

    @property
    def budget_text(self) -> str:
        """All budgets as people read them."""
        return " and ".join(budget.text for budget in self.budgets)

    @property
    def networks(self) -> tuple[str, ...]:
        """Every network of the space."""
        chosen = next((axis.values for axis in self.axes if axis.name == NETWORK), (self.network,))
        return tuple(map(str, chosen))

    def grid(self) -> Iterator[Choice]:
        """Every choice that the constraints allow, the last axis changing fastest."""
        return filter(self.allows, product(*(range(len(axis.values)) for axis in self.axes)))

    def allows(self, choice: Choice) -> bool:
        """Whether a choice is within the constraints, and no other choice is the same design."""
        if self._is_repeated(choice):
            return False
        if not self.constraints:
            return True
        names = self.names(choice)
        return all(constraint(names) for constraint in self.constraints)

    @property
    def allows_all(self) -> bool:
        """Whether the whole grid is allowed."""
        return not self.constraints and not self.shapes_beside_values

    @cached_property
    def shapes_beside_values(self) -> tuple[str, ...]:
        """Networks of shapes in a space that varies how other networks are quantized.

        They have no values: each is run at the first value of these axes alone.
        """
        return tuple(filter(is_shapes, self.networks)) if self._ways_to_quantize else ()

    @cached_property
    def _ways_to_quantize(self) -> tuple[int, ...]:
        """The places of the axes that change nothing of a network of shapes."""
        return tuple(
            place for place, axis in enumerate(self.axes) if axis.name.startswith(QUANTIZATION)
        )

    def _is_repeated(self, choice: Choice) -> bool:
        if not self.shapes_beside_values or not any(choice[i] for i in self._ways_to_quantize):
            return False
        network = self.settings(choice).get(NETWORK, self.network)
        return str(network) in self.shapes_beside_values

    def names(self, choice: Choice) -> dict[str, Value]:
        """Return what expressions can read of a design."""
        names = dict(self._base_names)
        names |= self._names_of_file(choice)
        for axis, index in zip(self.axes, choice, strict=True):
            if axis.name == BITS:
                names |= width_names(*parse_widths(str(axis.values[index])))
            else:
                names[axis.name] = axis.numbers[index]
            if axis.brings:
                names |= axis.brought_numbers[index]
        if self._gives_layers_bits:
            names |= zip(WIDTH_FIELDS, self.operand_bits(self.settings(choice)), strict=True)
        return names

    def settings(self, choice: Choice) -> dict[str, Value]:
        """Return the value of every axis, as a file holds it."""
        pairs = zip(self.axes, choice, strict=True)
        return {axis.name: axis.values[index] for axis, index in pairs}

    def design(self, choice: Choice) -> Design:
        """Build the machine of a choice.

        Raises
        ------
        ConfigError
            If its values do not go together, say a tile that a scratchpad cannot hold.
        """
        settings = self.settings(choice)
        network = str(settings.get(NETWORK, self.network))
        changes: dict[str, object] = self._asked_by_file(network, settings)
        for axis, index in zip(self.axes, choice, strict=True):
            if axis.brings:
                changes |= axis.brings[index]
        fixed = (NETWORK, BATCH, BITS)
        for name, value in settings.items():
            if name not in fixed and not name.startswith(QUANTIZATION):
                changes[name] = value
        if network not in self.files:
            changes |= zip(WIDTH_FIELDS, self.operand_bits(settings), strict=True)
        quantization = self.quantized(settings)
        if not (network in self.files or is_shapes(network)):
            if quantization.asymmetric_weights:
                changes.setdefault("array.row_sums", True)
            if quantization.group_size is not None:
                built = self.base["array"].get("scale_bits") or quantization.scale_bits
                changes.setdefault("array.scale_bits", built)
            if quantization.range_method == RangeMethod.DYNAMIC:
                changes.setdefault("rescale.mode", RescaleMode.FLOAT32)
        places: dict[FieldPath, Place] = {(): Place(f"hardware {self.hardware}")}
        hardware = validate(Document(with_values(self.base, changes), places), Hardware)
        batch = settings.get(BATCH, self.batch)
        if not isinstance(batch, int):
            raise ConfigError(f"batch: must be a whole number, got {batch!r}")
        return Design(settings, network, batch, hardware, quantization, self.bits(settings))

    def quantized(self, settings: Mapping[str, Value]) -> Quantization:
        """Return how the network of a design becomes integers, of the values of its axes."""
        return chosen(self.quantization, settings)

    def bits(self, settings: Mapping[str, Value]) -> tuple[int, int]:
        """Return the widths of weights and activations where layers have none of their own."""
        if BITS in settings:
            return parse_widths(str(settings[BITS]))
        array = self.base["array"]
        weights, activations = (
            int(settings.get(path, array[path.partition(".")[2]])) for path in WIDTH_FIELDS
        )
        return weights, activations

    def operand_bits(self, settings: Mapping[str, Value]) -> tuple[int, int]:
        """Return what PEs are built for: the widest operands of all layers.

        Raises
        ------
        ConfigError
            If a layer that has widths is none of the network's.
        """
        bits = self.bits(settings)
        operands = self.operands.get(str(settings.get(NETWORK, self.network)))
        if not self._gives_layers_bits or operands is None:
            return bits
        return operand_widths(operands, bits, self.quantized(settings).layers).widest or bits

    @cached_property
    def _gives_layers_bits(self) -> bool:
        return bool(self.quantization.layer_bits) or any(
            axis.name.startswith(LAYER_BITS) for axis in self.axes
        )

    def _names_of_file(self, choice: Choice) -> dict[str, Value]:
        """Return what expressions read of the fields that a network of integers decides."""
        if not self.files:
            return {}
        file = self.files.get(str(self.settings(choice).get(NETWORK, self.network)))
        if file is None:
            return {}
        short = {f"{operand}_bits": file.fields[f"array.{operand}_bits"] for operand in _OPERANDS}
        return {**file.fields, **short}

    def _asked_by_file(self, network: str, settings: Mapping[str, Value]) -> dict[str, object]:
        """Return the fields of the machine that a network of integers decides."""
        file = self.files.get(network)
        if file is None:
            return {}
        for name, value in file.fields.items():
            if file.is_fixed and settings.get(name, value) != value:
                raise ConfigError(
                    f"{name}: must be {value}, as the integers of {network} are for it, got "
                    f"{settings[name]}"
                )
        return dict(file.fields)

    @cached_property
    def _base_names(self) -> dict[str, Value]:
        machine = validate(Document(dict(self.base), {(): Place(self.hardware)}), Hardware)
        return {
            **flat_names(machine.model_dump(by_alias=True)),
            **width_names(machine.array.weight_bits, machine.array.activation_bits),
            NETWORK: self.network,
            BATCH: self.batch,
        }
