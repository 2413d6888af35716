"""SCALE-Sim's three reports, with its headings, from a run of ours.

The headings are SCALE-Sim's (``, `` between cells and a comma at the end of each line), so that
scripts that read its reports read these. What the numbers mean here, and where they differ, is
in docs/scalesim.md. Layers of the vector unit are left out, as SCALE-Sim has none.
"""

from __future__ import annotations

from collections.abc import Sequence

from accelsim.report.results import LayerResult, PointResult, RunResult

__all__ = ["scalesim_reports"]

_ARRAY_CAUSES = ("stream", "preload", "fill", "drain")
_COMPUTE = (
    *("LayerID", "Total Cycles (incl. prefetch)", "Total Cycles", "Stall Cycles"),
    *("Overall Util %", "Mapping Efficiency %", "Compute Util %"),
)
_OPERANDS = ("IFMAP", "FILTER", "OFMAP")
_BANDWIDTH = ("LayerID", *(f"Avg {o} {p} BW" for p in ("SRAM", "DRAM") for o in _OPERANDS))
_DETAILS = (
    "LayerID",
    *(
        f"{place} {operand} {what}"
        for place in ("SRAM", "DRAM")
        for operand, done in (("IFMAP", "Reads"), ("Filter", "Reads"), ("OFMAP", "Writes"))
        for what in ("Start Cycle", "Stop Cycle", done)
    ),
)


def scalesim_reports(result: RunResult) -> dict[str, str]:
    """Return the text of each report of the first bit-width by its file name."""
    point = result.points[0]
    layers = [layer for layer in point.layers if layer.macs]
    return {
        "COMPUTE_REPORT.csv": _table(_COMPUTE, [_compute(layer, point) for layer in layers]),
        "BANDWIDTH_REPORT.csv": _table(_BANDWIDTH, [_bandwidth(layer) for layer in layers]),
        "DETAILED_ACCESS_REPORT.csv": _table(_DETAILS, [_details(layer) for layer in layers]),
    }


def _table(headings: Sequence[str], rows: Sequence[Sequence[float]]) -> str:
    lines = [", ".join(headings)]
    lines += [", ".join(str(cell) for cell in (number, *row)) for number, row in enumerate(rows)]
    return "".join(f"{line},\n" for line in lines)


def _compute(layer: LayerResult, point: PointResult) -> tuple[float, ...]:
    """Total is compute and stalls between passes; including prefetch, also before and after."""
    compute = sum(layer.cycles[cause] for cause in _ARRAY_CAUSES)
    stalls = layer.cycles_total - compute
    peak = point.peak_macs_per_cycle
    overall = 100 * layer.macs / (peak * layer.cycles_total)
    streamed = 100 * layer.macs / (peak * layer.cycles["stream"])
    return (
        *(layer.cycles_total, layer.cycles_total, stalls),
        *(overall, streamed, 100 * layer.macs / (peak * compute)),
    )


def _elements(layer: LayerResult) -> tuple[tuple[int, ...], tuple[float, ...]]:
    """Return (SRAM elements, DRAM elements) of input, filter and output.

    Elements read from DRAM are those written into the scratchpads. Outputs on their way to DRAM
    are read from the activation scratchpad, too: no reads of the input.
    """
    traffic = layer.traffic
    outputs = layer.m * layer.n * layer.groups
    stored = min(traffic.dram_write_bytes * 8 // layer.output_bits, outputs)
    sram = (traffic.activation_reads - stored, traffic.weight_reads, traffic.accumulator_writes)
    fetched = (traffic.activation_writes - outputs, traffic.weight_writes)
    return sram, (*fetched, stored)


def _bandwidth(layer: LayerResult) -> tuple[float, ...]:
    sram, dram = _elements(layer)
    return tuple(count / layer.cycles_total for count in (*sram, *dram))


def _details(layer: LayerResult) -> tuple[float, ...]:
    """Start and stop are the layer's own: cycles are counted from its start."""
    sram, dram = _elements(layer)
    return tuple(cell for count in (*sram, *dram) for cell in (0, layer.cycles_total - 1, count))
