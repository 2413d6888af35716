"""The compiler's two entrances: an integer network, or the shapes of one."""

from __future__ import annotations

from accelsim.compiler.limits import check_row_sums, check_rows, check_ternary, check_widths
from accelsim.compiler.lower import lower_network
from accelsim.compiler.placement import place_network
from accelsim.compiler.program import Place, Program
from accelsim.compiler.shapes import NetworkShape
from accelsim.compiler.vector_limits import check_cut_vectors
from accelsim.errors import ConfigError, WorkloadError
from accelsim.hardware.schema import Hardware
from accelsim.network.integer import IntegerNetwork

__all__ = ["compile_network", "compile_shapes"]


def compile_network(network: IntegerNetwork, hardware: Hardware, batch: int = 1) -> Program:
    """Return the program that runs ``batch`` images through ``network`` at a time.

    Only shapes, widths and geometry are read; of values, whether weights are -1, 0 and +1 alone
    and whether scaled sums of groups of weights could overflow.

    Raises
    ------
    CapacityError
        A layer does not fit in the scratchpads, or has too many rows.
    ConfigError
        The batch is not positive, the PEs cannot multiply a layer's operands, its weights have zero
        points that the array has no row sums for, or groups that are too long for the machine.
    WorkloadError
        No layer runs on the machine.
    """
    if batch < 1:
        raise ConfigError(f"batch: must be at least 1, got {batch}")
    return compile_shapes(lower_network(network, batch, hardware.accumulator.bits), hardware)


def compile_shapes(network: NetworkShape, hardware: Hardware) -> Program:
    """Return the program of a network of which only the shapes are known.

    Raises
    ------
    CapacityError
        A layer does not fit in the scratchpads, or has too many rows.
    ConfigError
        The PEs cannot multiply a layer's operands.
    WorkloadError
        There is nothing to run.
    """
    if not network.layers:
        raise WorkloadError(
            f"network {network.name!r}: nothing in it runs on the machine: it only reshapes, or "
            "leaves its work to the host"
        )
    check_widths(network.layers, hardware)
    check_row_sums(network.layers, hardware)
    check_ternary(network.layers, hardware)
    check_rows(network.layers)
    instructions, on_chip = place_network(network, hardware)
    check_cut_vectors(instructions)
    return Program(
        network=network.name,
        batch=network.batch,
        instructions=instructions,
        places={
            name: Place.SCRATCHPAD if stored in on_chip else Place.DRAM
            for name, stored in network.storage.items()
        },
        shapes={name: tensor.shape for name, tensor in network.tensors.items()},
        bits={name: tensor.bits for name, tensor in network.tensors.items()},
    )
