"""Networks of which only the shapes are known, whatever file they come from."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from accelsim.frontend.scalesim import read_scalesim_topology
from accelsim.frontend.topology import load_topology_file, topology_names
from accelsim.frontend.topology.load import topology_path
from accelsim.network.topology import Topology

__all__ = ["ImportedShapes", "is_shapes", "load_shapes"]


@dataclass(frozen=True)
class ImportedShapes:
    """A topology, its file's hash, and what a reader should know of how it was read."""

    topology: Topology
    sha256: str
    notes: tuple[str, ...] = ()


def is_shapes(network: str) -> bool:
    """Whether a name or path means a network of shapes: a shipped one, a .yaml or a .csv file."""
    suffixes = (".yaml", ".yml", ".csv")
    return network in topology_names() or Path(network).suffix.lower() in suffixes


def load_shapes(network: str, ceil_outputs: bool = False) -> ImportedShapes:
    """Read a shipped topology by name, a topology file, or a SCALE-Sim topology CSV.

    ``ceil_outputs``: SCALE-Sim's own rounding of output sizes, for its files only.

    Raises
    ------
    WorkloadError
        With every problem of the file, a line each.
    ConfigError
        If the file cannot be read.
    """
    path = topology_path(network) if network in topology_names() else Path(network)
    notes: tuple[str, ...] = ()
    if path.suffix.lower() == ".csv":
        topology, notes = read_scalesim_topology(path, ceil_outputs)
    else:
        topology = load_topology_file(path)
    return ImportedShapes(topology, sha256(path.read_bytes()).hexdigest(), notes)
