"""What the DRAM costs: bits on the bus, and time whether there are any or not."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from accelsim.energy.amount import Amount
from accelsim.energy.entries import DramEntry
from accelsim.energy.result import Component, Line
from accelsim.energy.table import EnergyTable
from accelsim.hardware.schema import Dram, Hardware, RowPolicy
from accelsim.simulator.run import LayerRun
from accelsim.units import format_bytes_per_second, format_seconds

__all__ = ["DramPrices", "channels", "dram_lines", "dram_prices", "dram_warnings"]

_MOST_CHANNELS = 64


def channels(dram: Dram, entry: DramEntry) -> int:
    """Return how many of the table's channels the machine's bandwidth takes.

    A bandwidth that no memory has stands for memory that is no limit: that is one channel.
    """
    count = max(1, math.ceil(dram.bandwidth / entry.timing.bandwidth))
    return count if count <= _MOST_CHANNELS else 1


@dataclass(frozen=True)
class DramPrices:
    """What an event of this machine's DRAM costs in pJ; the same in every layer.

    ``row_miss``: a row that a stream does not open; where the machine's rows have no size, what a
    burst may cost by it. ``refresh`` and ``power_down``: a microsecond.
    """

    bit: Amount
    row_miss: Amount
    refresh: Amount
    power_down: Amount


def dram_prices(hardware: Hardware, table: EnergyTable) -> DramPrices:
    """Return the prices of the machine's type of DRAM and number of channels."""
    dram = hardware.dram
    name, entry = f"dram.{dram.type}", table.dram.values.types[dram.type]
    background, count = entry.background, channels(dram, entry)
    # A stream opens a row once for all its bytes, which the price of a bit includes.
    row_miss = Amount(0.0, 0.0, background.activation_pj, (f"{name}.background",))
    if dram.row_size is not None:
        opened_pj = background.activation_pj * dram.row_size / background.row_size
        row_miss = background.amount(opened_pj, f"{name}.background")
    # 1 mW for 1 us is 1000 pJ.
    return DramPrices(
        bit=entry.amount(entry.pj / entry.width_bits, name),
        row_miss=row_miss,
        refresh=background.amount(background.refresh_mw * 1e3 * count, f"{name}.background"),
        power_down=background.amount(background.power_down_mw * 1e3 * count, f"{name}.background"),
    )


def dram_lines(layer: LayerRun, hardware: Hardware, prices: DramPrices) -> Iterator[Line]:
    """Yield a layer's lines. The bus is busy as long as its bytes take at full bandwidth."""
    dram = hardware.dram
    moved = layer.traffic.dram_read_bytes + layer.traffic.dram_write_bytes
    total_us = layer.cycles_total / hardware.clock * 1e6
    idle_us = max(0.0, total_us - moved / dram.bandwidth * 1e6)
    misses, unit = moved // dram.burst, "burst"
    if dram.row_size is not None:
        misses, unit = layer.traffic.dram_row_misses - -(-moved // dram.row_size), "row"
    yield Line(Component.DRAM, "transfers", 8 * moved, "bit", prices.bit)
    yield Line(
        Component.DRAM, "row misses beyond a stream's", max(0, misses), unit, prices.row_miss
    )
    yield Line(Component.DRAM_BACKGROUND, "refresh", total_us, "us", prices.refresh)
    yield Line(Component.DRAM_BACKGROUND, "power down", idle_us, "us", prices.power_down)


def dram_warnings(hardware: Hardware, table: EnergyTable) -> Iterator[str]:
    """Yield where the machine's DRAM is not one channel of its type."""
    dram, entry = hardware.dram, table.dram.values.types[hardware.dram.type]
    timing, count = entry.timing, channels(hardware.dram, entry)
    if count > 1:
        peak = format_bytes_per_second(timing.bandwidth)
        yield (
            f"dram.bandwidth: {format_bytes_per_second(dram.bandwidth)} is that of {count} "
            f"{dram.type} channels of {peak}: the background power of all is charged"
        )
    elif dram.bandwidth > timing.bandwidth:
        yield (
            f"dram.bandwidth: {format_bytes_per_second(dram.bandwidth)} is more than "
            f"{_MOST_CHANNELS} channels of {dram.type} have: the background power of one is charged"
        )
    if dram.latency < timing.row_hit_latency:
        yield (
            f"dram.latency: {format_seconds(dram.latency)} is less than the "
            f"{format_seconds(timing.row_hit_latency)} that an open row of {dram.type} takes"
        )
    what, slow = "opening a row", timing.row_miss_latency
    if dram.row_policy is RowPolicy.OPEN:
        what, slow = "closing a row and opening another", timing.row_conflict_latency
    # In whole picoseconds: 33ns - 20.8ns is 12.2ns, whatever it is in binary.
    least = round(slow - timing.row_hit_latency, 12)
    if dram.row_size is not None and dram.row_miss < least:
        yield (
            f"dram.row_miss: {format_seconds(dram.row_miss)} is less than the "
            f"{format_seconds(least)} that {what} of {dram.type} takes"
        )
