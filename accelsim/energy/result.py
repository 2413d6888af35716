"""The energy of a run, line by line: counts, prices and where they come from."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

from accelsim.energy.amount import Amount
from accelsim.energy.area import Area
from accelsim.errors import InternalError
from accelsim.units import format_nanometres, format_volts

__all__ = ["Component", "EnergyMode", "EnergyReport", "LayerEnergy", "Line"]


class EnergyMode(StrEnum):
    """What the array's operations are taken to cost."""

    PER_OPERATION = "per_operation"
    """The mean of random operands, for each operation."""
    SWITCHING = "switching"
    """What the bits that changed cost, from the values that flowed."""


class Component(StrEnum):
    """What spends energy, in the order in which reports show it."""

    MULTIPLIER = "multiplier"
    ADDER = "adder"
    REGISTERS = "registers"
    WIRES = "wires"
    CLOCK_TREE = "clock_tree"
    ACTIVATION_SRAM = "activation_sram"
    WEIGHT_SRAM = "weight_sram"
    ACCUMULATOR_SRAM = "accumulator_sram"
    RESCALE = "rescale"
    VECTOR = "vector"
    CONTROL = "control"
    DRAM = "dram"
    DRAM_BACKGROUND = "dram_background"
    LEAKAGE = "leakage"


@dataclass(frozen=True)
class Line:
    """``count`` events of a ``unit``, each at a price in pJ, for one batch.

    ``bits``: the width of an access, which moves so many at most; 0 for what is no access.
    """

    component: Component
    cause: str
    count: float
    unit: str
    price: Amount
    bits: int = 0

    @property
    def pj(self) -> float:
        """Count times price."""
        return self.count * self.price.value

    @property
    def low_pj(self) -> float:
        """The same with every entry at the low end of its range."""
        return self.count * self.price.low

    @property
    def high_pj(self) -> float:
        """The same with every entry at the high end of its range."""
        return self.count * self.price.high


@dataclass(frozen=True)
class LayerEnergy:
    """One layer, for one batch."""

    name: str
    lines: tuple[Line, ...]

    @cached_property
    def components_pj(self) -> Mapping[Component, float]:
        """Every `Component`, those without a line too."""
        found: dict[Component, list[float]] = {component: [] for component in Component}
        for line in self.lines:
            found[line.component].append(line.pj)
        return {component: math.fsum(energies) for component, energies in found.items()}

    @property
    def total_pj(self) -> float:
        """All lines."""
        return math.fsum(line.pj for line in self.lines)


@dataclass(frozen=True)
class EnergyReport:
    """The energy of one batch of ``batch`` images, by layer and by component, and the area.

    ``table_name``, ``table_sha256``, ``node_nm`` and ``voltage_v`` state what the numbers are
    of; ``not_modelled`` what they leave out; ``warnings`` where they are stretched. ``sources``
    says of every table entry that was used where it comes from.

    Raises InternalError when an amount is negative or not finite.
    """

    batch: int
    mode: EnergyMode
    layers: tuple[LayerEnergy, ...]
    area: Area
    table_name: str
    table_sha256: str
    node_nm: int
    voltage_v: float
    not_modelled: tuple[str, ...]
    warnings: tuple[str, ...]
    sources: Mapping[str, str]

    def __post_init__(self) -> None:
        for layer in self.layers:
            for line in layer.lines:
                count, price = line.count, line.price
                low_pj, high_pj = count * price.low, count * price.high
                if not (0 <= low_pj <= count * price.value <= high_pj < math.inf):
                    raise InternalError(
                        f"energy: layer {layer.name!r}: {line.component}, {line.cause}: "
                        f"{low_pj} to {high_pj} pJ around {line.pj} pJ"
                    )

    @cached_property
    def components_pj(self) -> Mapping[Component, float]:
        """All layers, by component."""
        return {
            component: math.fsum(layer.components_pj[component] for layer in self.layers)
            for component in Component
        }

    @property
    def total_pj(self) -> float:
        """Everything, for the batch."""
        return math.fsum(layer.total_pj for layer in self.layers)

    @property
    def low_pj(self) -> float:
        """Everything, with every entry at the low end of its range."""
        return math.fsum(line.low_pj for layer in self.layers for line in layer.lines)

    @property
    def high_pj(self) -> float:
        """Everything, with every entry at the high end of its range."""
        return math.fsum(line.high_pj for layer in self.layers for line in layer.lines)

    @property
    def image_pj(self) -> float:
        """Everything, for one image."""
        return self.total_pj / self.batch

    @property
    def technology(self) -> str:
        """One line: node, voltage and the table with the start of its hash."""
        return (
            f"{format_nanometres(self.node_nm)}, {format_volts(self.voltage_v)}, table "
            f"{self.table_name} (sha256 {self.table_sha256[:12]})"
        )
