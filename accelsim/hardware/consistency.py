"""Checks that need more than one field: what a machine must hold to run anything at all."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from accelsim.arithmetic.formats import Overflow
from accelsim.hardware.dataflow import DATAFLOWS, Dimension
from accelsim.hardware.pe_kinds import COMPOSABLE_BITS, PeKind
from accelsim.hardware.validation import Complaint
from accelsim.units import format_bytes, format_bytes_per_cycle, format_seconds

if TYPE_CHECKING:
    from accelsim.hardware.schema import Array, Dram, Hardware, Scratchpad

__all__ = ["DEFAULT_DRAM_BANKS", "check_dram", "check_hardware", "check_scratchpad"]

DEFAULT_DRAM_BANKS = 8
"""Those of a DDR4 or LPDDR4 channel, at least."""


def check_scratchpad(pad: Scratchpad) -> Iterator[Complaint]:
    """Yield what is wrong with the banks of one scratchpad: they must all be equal."""
    for field, value, text in (
        ("size", pad.size, format_bytes(pad.size)),
        ("bandwidth", pad.bandwidth, format_bytes_per_cycle(pad.bandwidth)),
    ):
        if value % pad.banks:
            yield Complaint((field,), f"must divide by banks: {pad.banks}, got {text}")


def check_dram(dram: Dram) -> Iterator[Complaint]:
    """Yield rows that do not hold whole bursts, and what is said of rows without a size."""
    if dram.row_size is None:
        if dram.row_miss:
            text = format_seconds(dram.row_miss)
            yield Complaint(("row_miss",), f"must be 0s without row_size, got {text}")
        if dram.row_policy != "open":
            message = f"must be 'open' without row_size, got '{dram.row_policy}'"
            yield Complaint(("row_policy",), message)
        if dram.banks != DEFAULT_DRAM_BANKS:
            message = f"must be left out without row_size, which makes it count, got {dram.banks}"
            yield Complaint(("banks",), message)
    elif dram.row_size % dram.burst:
        burst, text = format_bytes(dram.burst), format_bytes(dram.row_size)
        yield Complaint(("row_size",), f"must be a multiple of the burst, {burst}, got {text}")


def check_hardware(hardware: Hardware) -> Iterator[Complaint]:
    """Yield PEs that cannot be, and scratchpads that cannot hold the smallest tile.

    The dimension that streams can be cut down to one element; the two dimensions that lie on
    the array cannot. Accumulators that are double buffered hold two tiles.
    """
    array, pads = hardware.array, hardware.scratchpads
    yield from _check_pes(array, hardware.accumulator.overflow)
    flow = DATAFLOWS[array.dataflow]
    sizes: dict[Dimension, int] = {flow.rows: array.rows, flow.columns: array.columns}
    m, n, k = (sizes.get(name, 1) for name in ("m", "n", "k"))
    k *= array.pe_rate(array.weight_bits, array.activation_bits).depth
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


def _check_pes(array: Array, overflow: Overflow) -> Iterator[Complaint]:
    """Yield what a kind of PE cannot have.

    Only fixed PEs add one product after the other to an accumulator; sums of several of them, or
    of parts, are the same if they wrap but not if they saturate.
    """
    kind, bits = array.pe_kind, array.pe_bits
    if kind is PeKind.COMPOSABLE:
        if bits is not None and bits not in COMPOSABLE_BITS:
            allowed = ", ".join(map(str, COMPOSABLE_BITS))
            message = f"must be one of {allowed} with array.pe_kind=composable, got {bits}"
            yield Complaint(("array", "pe_bits"), message)
    elif bits is not None:
        operands = {"weight": array.weight_bits, "activation": array.activation_bits}
        of_kind = {PeKind.BIT_SERIAL: "weight", PeKind.TERNARY: "activation"}
        widest = operands[of_kind[kind]] if kind in of_kind else max(operands.values())
        what = f"{of_kind[kind]}s" if kind in of_kind else "the widest operand"
        if bits < widest:
            message = f"must be at least the {widest} bits of {what}, got {bits}"
            yield Complaint(("array", "pe_bits"), message)
    if kind is PeKind.FIXED:
        return
    if overflow is Overflow.SATURATE:
        message = f"must be 'wrap' with array.pe_kind={kind}, which adds in an order of its own"
        yield Complaint(("accumulator", "overflow"), f"{message}, got 'saturate'")
    if array.zero_gating:
        message = f"must be false with array.pe_kind={kind}: it is of PEs with one multiplier"
        yield Complaint(("array", "zero_gating"), f"{message}, got true")
    if array.row_sums:
        message = f"must be false with array.pe_kind={kind}: its adders take one activation a cycle"
        yield Complaint(("array", "row_sums"), f"{message}, got true")
    if array.scale_bits is not None:
        message = f"must be left out with array.pe_kind={kind}: a group's end may be inside of a PE"
        yield Complaint(("array", "scale_bits"), f"{message}, got {array.scale_bits}")
