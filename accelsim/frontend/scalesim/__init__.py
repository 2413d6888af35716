"""SCALE-Sim's files: topologies as CSV, machines as .cfg. docs/scalesim.md has the differences."""

from accelsim.frontend.scalesim.configuration import ScaleSimMachine, read_scalesim_machine
from accelsim.frontend.scalesim.topology_csv import read_scalesim_topology

__all__ = ["ScaleSimMachine", "read_scalesim_machine", "read_scalesim_topology"]
