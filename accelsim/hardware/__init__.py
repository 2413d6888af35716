"""What the machine is: frozen data, its YAML files, and the presets that ship."""

from accelsim.hardware.dataflow import DATAFLOWS, Dataflow, DataflowName
from accelsim.hardware.loader import dump_hardware, load_hardware, preset_names
from accelsim.hardware.pe_kinds import PeKind
from accelsim.hardware.schema import Array, Drain, Hardware

__all__ = [
    "DATAFLOWS",
    "Array",
    "Dataflow",
    "DataflowName",
    "Drain",
    "Hardware",
    "PeKind",
    "dump_hardware",
    "load_hardware",
    "preset_names",
]
