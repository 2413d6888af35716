"""Every layer at every bit-width as CSV: one row a layer, units in the headers."""

from __future__ import annotations

import csv
import io

from accelsim.report.results import CAUSES, LayerResult, PointResult, RunResult

__all__ = ["layers_csv"]

Cell = int | float | str


def layers_csv(result: RunResult) -> str:
    """Return the table as text: comma separated, one header line, LF line ends.

    Cycles, counts and energy are for one batch of ``batch_images``.
    """
    rows = [
        _row(point, layer, result.components) for point in result.points for layer in point.layers
    ]
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=list(rows[0]) if rows else [], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def _row(point: PointResult, layer: LayerResult, components: tuple[str, ...]) -> dict[str, Cell]:
    energy_pj = sum(layer.energy_pj.values())
    point_seconds = point.latency_us_per_image * point.batch * 1e-6
    seconds = point_seconds * layer.cycles_total / point.cycles_total if point.cycles_total else 0
    return {
        "point": point.label,
        "batch_images": point.batch,
        "layer": layer.name,
        "op": layer.op,
        "m_rows": layer.m,
        "n_columns": layer.n,
        "k_depth": layer.k,
        "groups": layer.groups,
        "macs": layer.macs,
        "weight_bits": layer.weight_bits,
        "input_bits": layer.input_bits,
        "output_bits": layer.output_bits,
        "cycles_total": layer.cycles_total,
        **{f"cycles_{cause}": layer.cycles[cause] for cause in CAUSES},
        "utilization_pct": layer.utilization_pct,
        **_traffic(layer),
        "energy_total_pj": energy_pj,
        "energy_low_pj": layer.energy_low_pj,
        "energy_high_pj": layer.energy_high_pj,
        "energy_per_mac_pj": energy_pj / layer.macs if layer.macs else "",
        "power_mean_mw": energy_pj * 1e-9 / seconds if seconds else "",
        **{f"energy_{name}_pj": layer.energy_pj.get(name, 0.0) for name in components},
        "sqnr_db": "" if layer.sqnr_db is None else layer.sqnr_db,
        "mse": "" if layer.mse is None else layer.mse,
        "overflow_events": layer.overflow_events,
        "clip_events": layer.clip_events,
    }


def _traffic(layer: LayerResult) -> dict[str, Cell]:
    return {
        name if name.endswith(("_bytes", "_misses")) else f"{name}_elements": count
        for name, count in vars(layer.traffic).items()
    }
