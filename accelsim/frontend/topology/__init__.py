"""Networks of shapes from YAML files: what the files may say, and their shapes worked out."""

from accelsim.frontend.topology.load import (
    load_topology,
    load_topology_file,
    topology_names,
    topology_path,
)

__all__ = ["load_topology", "load_topology_file", "topology_names", "topology_path"]
