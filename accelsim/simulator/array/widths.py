"""How many bits the registers of PEs have."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from accelsim.arithmetic.formats import Accumulator
from accelsim.hardware.dataflow import Dataflow
from accelsim.hardware.schema import Array

__all__ = ["register_masks"]


def register_masks(array: Array, flow: Dataflow, accumulator: Accumulator) -> NDArray[np.uint32]:
    """Return uint32[3]: the bits of the moving, the second and the accumulator registers.

    The second operand is the one that stays or, output stationary, moves down.
    """
    widths = {"activations": array.pe_activation_bits, "weights": array.pe_weight_bits}
    second = flow.stationary if flow.preloads else flow.moves_down
    bits = (widths[flow.moves_right], widths[second], accumulator.bits)
    return np.array([(1 << width) - 1 for width in bits], np.uint32)
