"""Where a machine that is SCALE-Sim's takes more cycles than SCALE-Sim says."""

from __future__ import annotations

from collections.abc import Iterable

from accelsim.hardware.array import Array, Drain
from accelsim.hardware.dataflow import DATAFLOWS
from accelsim.report.results import LayerResult

__all__ = ["fold_notes"]

_ARRAY_CAUSES = ("stream", "preload", "fill", "drain")


def fold_notes(layers: Iterable[LayerResult], array: Array) -> tuple[str, ...]:
    """Return a note if products take more array cycles than folds of the whole array.

    SCALE-Sim's folds do not depend on the sizes of its memories (``CALC``); tiles here are no
    larger than the scratchpads hold. Nothing is said of machines that are not SCALE-Sim's.
    """
    if array.tile_overlap or array.weight_double_buffering or array.drain is not Drain.FREE:
        return ()
    products = [layer for layer in layers if layer.macs]
    ratios = {
        layer.name: sum(layer.cycles[cause] for cause in _ARRAY_CAUSES) / _closed_form(layer, array)
        for layer in products
    }
    slower = [name for name, ratio in ratios.items() if ratio > 1]
    if not slower:
        return ()
    worst = max(slower, key=lambda name: ratios[name])
    return (
        f"{len(slower)} of {len(products)} products take more array cycles than SCALE-Sim's closed "
        f"form ({worst}: {ratios[worst]:.2f} times as many): the scratchpads hold no larger tiles; "
        "scratchpads of 64MiB, as the preset scalesim has them, hold all that matter",
    )


def _closed_form(layer: LayerResult, array: Array) -> int:
    """Return folds times the cycles of one, each group by itself."""
    flow = DATAFLOWS[array.dataflow]
    sizes = {"m": layer.m, "n": layer.n, "k": layer.k}
    folds = -(-sizes[flow.rows] // array.rows) * -(-sizes[flow.columns] // array.columns)
    preload = array.rows if flow.preloads else 0
    fold_cycles = preload + array.rows + array.columns + sizes[flow.stream] - 2
    return layer.groups * folds * fold_cycles
