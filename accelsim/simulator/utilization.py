"""How much of what the PEs could do was done: at the rate of their kind, layer by layer."""

from __future__ import annotations

from collections.abc import Sequence

from accelsim.hardware.schema import Array
from accelsim.simulator.run import LayerRun

__all__ = ["peak_macs_per_cycle", "utilization_pct"]


def peak_macs_per_cycle(layers: Sequence[LayerRun], array: Array) -> float:
    """Return the MACs of a cycle in which every PE works, at the widths of the fastest layer.

    Without a layer on the array, at the widths that it is for.
    """
    rates = [_macs_per_cycle(layer, array) for layer in layers if layer.gemm]
    built = array.pe_rate(array.weight_bits, array.activation_bits).macs_per_cycle
    peak = array.rows * array.columns * max(rates, default=built)
    return int(peak) if peak == int(peak) else peak


def utilization_pct(layers: Sequence[LayerRun], array: Array) -> float:
    """Return the MACs of some layers as a share of what all PEs could do in their cycles."""
    pe_cycles = array.rows * array.columns * sum(layer.cycles_total for layer in layers)
    busy = sum(layer.macs / _macs_per_cycle(layer, array) for layer in layers if layer.gemm)
    return 100 * busy / pe_cycles if pe_cycles else 0.0


def _macs_per_cycle(layer: LayerRun, array: Array) -> float:
    return array.pe_rate(layer.weight_bits, layer.input_bits).macs_per_cycle
