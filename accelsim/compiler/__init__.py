"""From an integer network and a machine to a program: lower, tile, place, order loops."""

from accelsim.compiler.compile import compile_network, compile_shapes
from accelsim.compiler.fuse_pads import fuse_pads
from accelsim.compiler.lower_topology import lower_topology
from accelsim.compiler.program import Place, Program

__all__ = ["Place", "Program", "compile_network", "compile_shapes", "fuse_pads", "lower_topology"]
