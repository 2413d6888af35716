"""Topologies by name or by path."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from accelsim.errors import InternalError, WorkloadError
from accelsim.frontend.topology.read import read_topology
from accelsim.frontend.topology.resolve import resolve_topology
from accelsim.hardware.validation import did_you_mean
from accelsim.hardware.yaml_files import read_text
from accelsim.network.topology import Topology
from accelsim.units import shortened

__all__ = ["load_topology", "load_topology_file", "topology_names", "topology_path"]


@lru_cache(maxsize=1)
def topology_names() -> tuple[str, ...]:
    """Return the names of the networks of shapes that ship with accelsim."""
    return tuple(sorted(path.stem for path in _folder().glob("*.yaml")))


def topology_path(name: str) -> Path:
    """Return the file of a shipped network of shapes.

    Raises
    ------
    WorkloadError
        If there is none of this name; a similar one is suggested.
    """
    if name not in topology_names():
        raise WorkloadError(
            f"{shortened(name)}: no topology of this name{did_you_mean(name, topology_names())}; "
            f"there are {', '.join(topology_names())}"
        )
    return _folder() / f"{name}.yaml"


def load_topology(name: str) -> Topology:
    """Return a shipped network of shapes; raises WorkloadError if there is none of this name."""
    return load_topology_file(topology_path(name))


def load_topology_file(path: Path) -> Topology:
    """Read a topology file.

    Raises
    ------
    WorkloadError
        With every problem of the file, a line each.
    ConfigError
        If the file cannot be read.
    """
    return resolve_topology(read_topology(read_text(path), str(path)))


def _folder() -> Path:
    """Return the wheel's copy of the topologies, or that of the checkout."""
    package = Path(__file__).parents[2]
    for folder in (package / "_workloads", package.parent / "workloads"):
        if (folder / "topologies").is_dir():
            return folder / "topologies"
    raise InternalError(f"the bundled topologies are missing beside {package}")
