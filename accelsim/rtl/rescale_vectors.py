"""Accumulators and what the rescale lane must make of them, as a memory file for its testbench."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from accelsim.arithmetic.rescale import Rescale, RescaleMode
from accelsim.rtl.vectors import Vectors

__all__ = ["LANE_MODES", "rescale_vectors"]

LANE_MODES = {RescaleMode.DOUBLE_ROUND: 0, RescaleMode.SINGLE_ROUND: 1, RescaleMode.TRUNCATE: 2}
"""The lane's numbers of the integer modes; it has no floating point."""


def rescale_vectors(
    accumulators: NDArray[np.int64],
    expected: NDArray[np.int32],
    parameters: Rescale,
    zero_point: int,
    clamp: tuple[int, int],
    output_bits: int,
) -> Vectors:
    """Return one vector for each accumulator.

    Parameters
    ----------
    accumulators
        int64[m, n], values of a 32-bit register.
    expected
        int32[m, n], what leaves the lane.
    parameters
        An integer mode, with one multiplier or one for each column n.
    zero_point, clamp, output_bits
        Of the output tensor; clamp: low and high.
    """
    shape = accumulators.shape
    columns = (
        accumulators,
        np.broadcast_to(parameters.mantissas, shape),
        np.broadcast_to(parameters.shifts, shape),
        expected,
    )
    words = zip(*(column.ravel().tolist() for column in columns), strict=True)
    lines = ["".join(f"{word & 0xFFFFFFFF:08x}" for word in line) for line in words]
    low, high = clamp
    macros = {
        "VECTORS": len(lines),
        "MANTISSA_BITS": parameters.mantissa_bits,
        "OUTPUT_BITS": output_bits,
        "MODE": LANE_MODES[parameters.mode],
        "ZERO_POINT": zero_point,
        "LOW": low,
        "HIGH": high,
    }
    return Vectors("rescale", macros, {"rescale.hex": lines})
