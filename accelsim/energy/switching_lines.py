"""What the PE grid costs by the bits that changed, from the values that flowed.

The prices are those of the per-operation mode, taken apart: on random operands, new ones in every
cycle, both modes give the same energy. A multiplication changes 3/8 of its partial products then
and half of their inputs, an addition half of the bits of both of its inputs.
"""

from __future__ import annotations

from collections.abc import Iterator

from accelsim.compiler.program import MatrixInstruction
from accelsim.energy.amount import Amount
from accelsim.energy.area import pe_pitch_mm
from accelsim.energy.array_lines import drain_hops_bits, wire_mm
from accelsim.energy.operations import adder, multiplier, toggled_bit
from accelsim.energy.result import Component, Line
from accelsim.energy.table import TableValues
from accelsim.hardware.schema import Array, Hardware
from accelsim.simulator.run import Activity, LayerRun, Switching

__all__ = [
    "CHANGED_PARTIAL_PRODUCTS",
    "CHANGED_PRODUCT_INPUTS",
    "adder_bit",
    "partial_product",
    "product_input",
    "switching_lines",
]

CHANGED_PARTIAL_PRODUCTS = 0.375
"""Share of a multiplication's partial products that change when both operands are random."""
CHANGED_PRODUCT_INPUTS = 1.0
"""Inputs that change then for each partial product: half of two."""


def partial_product(table: TableValues, array: Array) -> Amount:
    """Return the price of one partial product that changes, carry-save adders included."""
    return _part(table, array, 1 - table.multiply_inputs.share, CHANGED_PARTIAL_PRODUCTS)


def product_input(table: TableValues, array: Array) -> Amount:
    """Return the price of one input of a partial product that changes."""
    return _part(table, array, table.multiply_inputs.share, CHANGED_PRODUCT_INPUTS)


def _part(table: TableValues, array: Array, share: float, changed: float) -> Amount:
    """Return a share of a random multiplication over the changes of each of its bit products."""
    weight_bits, activation_bits = array.pe_weight_bits, array.pe_activation_bits
    changes = changed * weight_bits * activation_bits
    whole = multiplier(table, weight_bits, activation_bits)
    return whole.at_ratio(share / changes, "multiply_inputs")


def adder_bit(table: TableValues) -> Amount:
    """Return the price of one bit of an adder's two inputs that changes.

    Half of ``2 * bits`` change at random, so a bit that changes costs what a bit of width does.
    """
    return adder(table, 1)


def switching_lines(
    layer: LayerRun,
    instruction: MatrixInstruction,
    hardware: Hardware,
    table: TableValues,
    activity: Activity,
    switching: Switching,
    share: float,
) -> Iterator[Line]:
    """Yield the lines of multipliers, adders, registers and the wires between PEs.

    ``share``: the batch's share of the images that activity and switching were counted over.
    """
    array, preloads = hardware.array, hardware.array.flow.preloads
    for cause, counts, price in (
        (
            "partial products that change",
            activity.partial_products,
            partial_product(table, array),
        ),
        (
            "inputs of partial products that change",
            activity.product_inputs,
            product_input(table, array),
        ),
    ):
        yield Line(Component.MULTIPLIER, cause, int(counts.sum()) * share, "bit", price)
    bits = adder_bit(table)
    for cause, counts in (
        ("bits of products that change", activity.product_bits),
        ("bits of sums that change", activity.sum_bits),
    ):
        yield Line(Component.ADDER, cause, int(counts.sum()) * share, "bit", bits)
    operands = switching.moving_toggles + switching.stationary_toggles
    toggles = (operands + switching.accumulator_toggles) * share
    yield Line(Component.REGISTERS, "changed bits", toggles, "bit", toggled_bit(table))
    # Sums that stay in their PEs cross no wire; a wire that changes costs twice the mean.
    hops = toggles if preloads else operands * share
    hop = wire_mm(table) * (2 * pe_pitch_mm(hardware, table))
    yield Line(Component.WIRES, "from PE to PE, changed bits", hops, "bit", hop)
    if not preloads:
        drained = drain_hops_bits(layer, instruction, hardware)
        yield Line(Component.WIRES, "biases and results", drained, "bit", hop * 0.5)
