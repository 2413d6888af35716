"""Zero gating over the convolutions of AlexNet, beside Eyeriss (Chen et al., JSSC 2017).

Published: chip power by layer, and that gating saves 45 % of the PEs' power. What is assumed: the
shares of zeros of each layer's input, which are said to be in the paper's table V and were not
opened; gaussian values; and a weight-stationary array of 16-bit PEs in place of Eyeriss' row
stationary one. So only trends can be held against each other.

A PE of Eyeriss reads its weight for every product from a scratchpad of its own (224 words of 16
bits), and a zero input disables that read, too; a PE of this model holds its weight in a register.
`filter_read_pj` adds that read, at the table's price of a register file.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from accelsim.arithmetic.formats import Accumulator, Overflow
from accelsim.energy import load_table
from accelsim.energy.operations import clocked_bit, toggled_bit
from accelsim.energy.switching_lines import adder_bit, partial_product, product_input
from accelsim.hardware import Array
from accelsim.simulator.array import run_array
from accelsim.simulator.array.activity import measure_activity
from accelsim.simulator.array.product import MatrixProduct, whole_plan

__all__ = ["LAYERS", "Convolution", "filter_read_pj", "pe_pj"]

_BITS = 16
_SIZE = 16
_PIXELS = 400


@dataclass(frozen=True)
class Convolution:
    """A layer: share of zeros in its input, and the chip's energy for each MAC in pJ.

    The chip's is its power times its processing latency over its MACs.
    """

    name: str
    zeros: float
    published_pj: float


LAYERS = (
    Convolution("conv1", 0.0, 13.0),
    Convolution("conv2", 0.39, 12.6),
    Convolution("conv3", 0.73, 9.7),
    Convolution("conv4", 0.79, 8.4),
    Convolution("conv5", 0.78, 7.9),
)


def filter_read_pj(zeros: float, *, gated: bool) -> float:
    """Return what reading the weight from a register file costs for each MAC, in pJ."""
    file = load_table("horowitz_45nm").values.register_file
    return _BITS * file.pj / file.width_bits * (1 - zeros if gated else 1.0)


def pe_pj(zeros: float, *, gated: bool) -> float:
    """Return what a PE costs for each MAC: multiplier, adder and registers, in pJ."""
    generator = np.random.default_rng(0)
    left = np.rint(np.abs(generator.normal(0, 4000, (_PIXELS, _SIZE)))).astype(int)
    left[generator.random(left.shape) < zeros] = 0
    right = np.rint(generator.normal(0, 4000, (_SIZE, _SIZE))).astype(int)
    product = MatrixProduct.from_arrays(np.minimum(left, 32767), np.clip(right, -32768, 32767))
    array = Array(
        rows=_SIZE,
        columns=_SIZE,
        dataflow="ws",
        weight_bits=_BITS,
        activation_bits=_BITS,
        zero_gating=gated,
    )
    plan, accumulator = whole_plan(product.gemm, array), Accumulator(32, Overflow.WRAP)
    seen = measure_activity(product, plan, array, accumulator)
    switching = run_array("cycle", product, plan, array, accumulator, switching=True).switching
    assert switching is not None
    table = load_table("horowitz_45nm").values
    macs = product.gemm.macs
    toggles = switching.moving_toggles + switching.accumulator_toggles
    # The zero flag is a bit more of the operand that moves.
    clocked = macs * (_BITS + 32 + int(gated))
    return float(
        partial_product(table, array).value * seen.partial_products.sum()
        + product_input(table, array).value * seen.product_inputs.sum()
        + adder_bit(table).value * (seen.product_bits.sum() + seen.sum_bits.sum())
        + toggled_bit(table).value * toggles
        + clocked_bit(table).value * clocked
    ) / float(macs)
