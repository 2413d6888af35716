"""From a simulated network and its energy to the record that the writers read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite

from accelsim.energy import Component, EnergyReport, LayerEnergy
from accelsim.hardware import Hardware
from accelsim.quantize import Noise
from accelsim.report.results import CAUSES, LayerResult, PointResult, SwitchingResult
from accelsim.simulator.run import Cause, LayerRun, Run
from accelsim.simulator.utilization import peak_macs_per_cycle, utilization_pct

__all__ = ["Accuracy", "collect_point"]


@dataclass(frozen=True)
class Accuracy:
    """What is known about a point's outputs, in percent of the images; see `PointResult`."""

    float_pct: float | None
    integer_pct: float | None
    images_golden: int
    golden_mismatches: int | None


def collect_point(
    run: Run,
    energy: EnergyReport,
    hardware: Hardware,
    accuracy: Accuracy,
    switching: SwitchingResult | None = None,
    noise: Mapping[str, Noise] | None = None,
) -> PointResult:
    """Bring together what one bit-width gave: a machine built for it, run and accounted.

    Cycles, counts and energy of the layers are for one batch; the figures per image divide by it.
    ``noise``: of what each layer writes, if it was asked for. ``switching``: what
    `accelsim.report.switching` says of it, if energy followed from that.
    """
    timing = run.timing
    spent = {layer.name: layer for layer in energy.layers}
    layers = tuple(
        _layer(layer, run, spent[layer.name], hardware, (noise or {}).get(layer.name))
        for layer in timing.layers
    )
    seconds = timing.cycles_total / hardware.clock
    macs = sum(layer.macs for layer in layers)
    energy_pj = energy.total_pj
    peak = peak_macs_per_cycle(timing.layers, hardware.array)
    return PointResult(
        weight_bits=hardware.array.weight_bits,
        activation_bits=hardware.array.activation_bits,
        accuracy_float_pct=accuracy.float_pct,
        accuracy_integer_pct=accuracy.integer_pct,
        images_golden=accuracy.images_golden,
        images_simulated=run.images,
        golden_mismatches=accuracy.golden_mismatches,
        batch=run.batch,
        cycles_total=timing.cycles_total,
        cycles_per_image=timing.cycles_total / run.batch,
        latency_us_per_image=seconds * 1e6 / run.batch,
        utilization_pct=utilization_pct(timing.layers, hardware.array),
        energy_uj_per_image=energy_pj * 1e-6 / run.batch,
        energy_split_uj={
            str(name): value * 1e-6 / run.batch for name, value in energy.components_pj.items()
        },
        average_power_mw=energy_pj * 1e-9 / seconds,
        tops_per_w=2 * macs / energy_pj,
        overflow_events=sum(run.overflow_events.values()),
        clip_events=sum(run.clip_events.values()),
        layers=layers,
        peak_macs_per_cycle=peak,
        dram_bytes_per_cycle=hardware.dram_bytes_per_cycle,
        energy_low_uj_per_image=energy.low_pj * 1e-6 / run.batch,
        energy_high_uj_per_image=energy.high_pj * 1e-6 / run.batch,
        pj_per_mac=energy_pj / macs if macs else 0.0,
        peak_power_mw=_peak_power_mw(timing.layers, energy, hardware),
        energy_delay_product_uj_us=energy_pj * seconds / run.batch**2,
        dram_pj_per_bit=_dram_pj_per_bit(timing.layers, energy),
        area_split_mm2=dict(energy.area.mm2),
        area_mm2=energy.area.total_mm2,
        peak_tops_per_mm2=2e-12 * peak * hardware.clock / energy.area.total_mm2,
        switching=switching,
    )


def _peak_power_mw(layers: Sequence[LayerRun], energy: EnergyReport, hardware: Hardware) -> float:
    """Return the mean power of the layer that has most."""
    powers = (
        spent.total_pj * 1e-9 * hardware.clock / layer.cycles_total
        for layer, spent in zip(layers, energy.layers, strict=True)
        if layer.cycles_total
    )
    return max(powers, default=0.0)


def _dram_pj_per_bit(layers: Sequence[LayerRun], energy: EnergyReport) -> float:
    """Return what a bit on the bus cost, the background of the whole time included."""
    bits = 8 * sum(
        layer.traffic.dram_read_bytes + layer.traffic.dram_write_bytes for layer in layers
    )
    dram = energy.components_pj[Component.DRAM] + energy.components_pj[Component.DRAM_BACKGROUND]
    return dram / bits if bits else 0.0


def _layer(
    layer: LayerRun, run: Run, energy: LayerEnergy, hardware: Hardware, noise: Noise | None
) -> LayerResult:
    gemm = layer.gemm
    sqnr_db = None if noise is None or not isfinite(noise.sqnr_db) else noise.sqnr_db
    return LayerResult(
        name=layer.name,
        op=layer.operator,
        m=gemm.rows_m if gemm else 0,
        n=gemm.columns_n if gemm else 0,
        k=gemm.depth_k if gemm else 0,
        groups=gemm.groups if gemm else 0,
        macs=layer.macs,
        weight_bits=layer.weight_bits,
        input_bits=layer.input_bits,
        output_bits=layer.output_bits,
        cycles_total=layer.cycles_total,
        cycles={str(cause): layer.cycles.get(Cause(cause), 0) for cause in CAUSES},
        utilization_pct=utilization_pct([layer], hardware.array),
        traffic=layer.traffic,
        energy_pj={str(name): value for name, value in energy.components_pj.items()},
        energy_low_pj=sum(line.low_pj for line in energy.lines),
        energy_high_pj=sum(line.high_pj for line in energy.lines),
        overflow_events=run.overflow_events.get(layer.name, 0),
        clip_events=run.clip_events.get(layer.name, 0),
        sqnr_db=sqnr_db,
        mse=None if noise is None else noise.mse,
    )
