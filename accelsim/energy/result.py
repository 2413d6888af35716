"""What an energy account returns. All energies are for one batch, in pJ."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from accelsim.errors import InternalError
from accelsim.units import format_nanometres, format_volts

__all__ = ["Component", "EnergyReport", "LayerEnergy"]


class Component(StrEnum):
    """What spends energy, in the order in which reports show it."""

    MULTIPLIER = "multiplier"
    ADDER = "adder"
    REGISTERS = "registers"
    ACTIVATION_SRAM = "activation_sram"
    WEIGHT_SRAM = "weight_sram"
    ACCUMULATOR_SRAM = "accumulator_sram"
    RESCALE = "rescale"
    VECTOR = "vector"
    DRAM = "dram"
    LEAKAGE = "leakage"


@dataclass(frozen=True)
class LayerEnergy:
    """One layer, for one batch. ``components_pj`` has every `Component`."""

    name: str
    components_pj: Mapping[Component, float]

    @property
    def total_pj(self) -> float:
        """All components."""
        return math.fsum(self.components_pj.values())


@dataclass(frozen=True)
class EnergyReport:
    """The energy of one batch of ``batch`` images, by layer and by component.

    ``table_name``, ``table_sha256``, ``node_nm`` and ``voltage_v`` state what the numbers are
    of; ``not_modelled`` what they leave out; ``warnings`` where they are stretched.

    Raises InternalError when the components do not sum to the layers.
    """

    batch: int
    layers: tuple[LayerEnergy, ...]
    components_pj: Mapping[Component, float]
    table_name: str
    table_sha256: str
    node_nm: int
    voltage_v: float
    not_modelled: tuple[str, ...]
    warnings: tuple[str, ...]

    def __post_init__(self) -> None:
        by_layer = math.fsum(layer.total_pj for layer in self.layers)
        if not math.isclose(by_layer, self.total_pj, rel_tol=1e-9, abs_tol=1e-9):
            raise InternalError(
                f"energy: components sum to {self.total_pj} pJ, layers to {by_layer} pJ"
            )

    @property
    def total_pj(self) -> float:
        """Everything, for the batch."""
        return math.fsum(self.components_pj.values())

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
