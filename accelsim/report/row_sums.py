"""What the sums of rows cost that weights with zero points need, in a sentence."""

from __future__ import annotations

import math
from collections.abc import Iterable

from accelsim.energy import EnergyReport
from accelsim.report.results import PointResult

__all__ = ["row_sum_notes"]


def row_sum_notes(points: Iterable[PointResult], energies: Iterable[EnergyReport]) -> list[str]:
    """Return a note for each point whose array is built with row sums.

    It has their own lines of the account and their own part of the area. What they cost elsewhere
    (bytes of zero points, accumulators beside the others, cycles that leak) is in the totals.
    """
    return [
        f"{point.label}: row sums, for weights with zero points, cost "
        f"{_own_pj(energy) * 1e-6 / energy.batch:.4f} of {energy.image_pj * 1e-6:.3f} µJ/image and "
        f"{energy.area.mm2['row_sums']:.3f} of {energy.area.total_mm2:.3f} mm2"
        for point, energy in zip(points, energies, strict=True)
        if "row_sums" in energy.area.mm2
    ]


def _own_pj(energy: EnergyReport) -> float:
    return math.fsum(
        line.pj
        for layer in energy.layers
        for line in layer.lines
        if line.cause.startswith("row sums")
    )
