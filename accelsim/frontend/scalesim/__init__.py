"""SCALE-Sim's files: topologies as CSV, machines as .cfg. docs/scalesim.md has the differences."""

from accelsim.frontend.scalesim.configuration import scalesim_overrides
from accelsim.frontend.scalesim.topology_csv import read_scalesim_topology

__all__ = ["read_scalesim_topology", "scalesim_overrides"]
