"""Checks that need more than one field: what a machine must hold to run anything at all."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from accelsim.hardware.dataflow import DATAFLOWS, Dimension
from accelsim.hardware.validation import Complaint
from accelsim.units import format_bytes, format_bytes_per_cycle

if TYPE_CHECKING:
    from accelsim.hardware.schema import Hardware, Scratchpad

__all__ = ["check_hardware", "check_scratchpad"]


def check_scratchpad(pad: Scratchpad) -> Iterator[Complaint]:
    """Yield what is wrong with the banks of one scratchpad: they must all be equal."""
    for field, value, text in (
        ("size", pad.size, format_bytes(pad.size)),
        ("bandwidth", pad.bandwidth, format_bytes_per_cycle(pad.bandwidth)),
    ):
        if value % pad.banks:
            yield Complaint((field,), f"must divide by banks: {pad.banks}, got {text}")


def check_hardware(hardware: Hardware) -> Iterator[Complaint]:
    """Yield PEs that are too narrow, and scratchpads that cannot hold the smallest tile.

    The dimension that streams can be cut down to one vector; the two dimensions that lie on
    the array cannot. Accumulators that are double buffered hold two tiles.
    """
    array, pads = hardware.array, hardware.scratchpads
    widest = max(array.weight_bits, array.activation_bits)
    if array.pe_bits is not None and array.pe_bits < widest:
        message = f"must be at least the {widest} bits of the widest operand"
        yield Complaint(("array", "pe_bits"), f"{message}, got {array.pe_bits}")
    flow = DATAFLOWS[array.dataflow]
    sizes: dict[Dimension, int] = {flow.rows: array.rows, flow.columns: array.columns}
    m, n, k = (sizes.get(name, 1) for name in ("m", "n", "k"))
    # Row sums lie beside the sums of their rows; zero points come with the biases.
    sums_bits = (n + array.row_sums) * hardware.accumulator.bits
    column_bits = n * (hardware.accumulator.bits + array.row_sums * array.weight_bits)
    its_row_sums = " and their row sums" if array.row_sums else ""
    its_zero_points = " and zero points" if array.row_sums else ""
    buffers = 2 if pads.accumulators.double_buffered else 1
    for name, pad, bits, what in (
        (
            "activations",
            pads.activations,
            m * k * array.activation_bits,
            f"a tile of {m} x {k} activations of {array.activation_bits} bits",
        ),
        (
            "weights",
            pads.weights,
            k * n * array.weight_bits + column_bits,
            f"a tile of {k} x {n} weights of {array.weight_bits} bits and its biases"
            f"{its_zero_points}",
        ),
        (
            "accumulators",
            pads.accumulators,
            buffers * m * sums_bits,
            f"{buffers} tile{'s (double buffered)' if buffers == 2 else ''} "
            f"of {m} x {n} accumulators of {hardware.accumulator.bits} bits{its_row_sums}",
        ),
    ):
        needed = -(-bits // 8)
        if pad.size < needed:
            message = f"must hold {what}: at least {format_bytes(needed)}"
            yield Complaint(
                ("scratchpads", name, "size"), f"{message}, got {format_bytes(pad.size)}"
            )
