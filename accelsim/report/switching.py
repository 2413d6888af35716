"""What switching gave beside the per-operation mode, and why they differ."""

from __future__ import annotations

from accelsim.energy import Component, EnergyReport
from accelsim.energy.switching_lines import (
    CHANGED_PARTIAL_PRODUCTS,
    CHANGED_PRODUCT_INPUTS,
    adder_bit,
    partial_product,
    product_input,
)
from accelsim.energy.table import TableValues
from accelsim.hardware import Hardware
from accelsim.report.results import SwitchingResult
from accelsim.simulator.run import Activity, Cause, Run

__all__ = ["ARRAY_COMPONENTS", "collect_switching"]

ARRAY_COMPONENTS = (
    Component.MULTIPLIER,
    Component.ADDER,
    Component.REGISTERS,
    Component.WIRES,
    Component.CLOCK_TREE,
)


def collect_switching(
    run: Run,
    energy: EnergyReport,
    per_operation: EnergyReport,
    hardware: Hardware,
    table: TableValues,
) -> SwitchingResult:
    """Bring together both accounts of a run and what it counted.

    ``energy`` and ``per_operation``: its account by switching and by the mean of operations.
    """
    array, activity = hardware.array, _sum(run)
    macs = sum(layer.macs for layer in run.timing.layers) * run.images / run.batch
    changed = sum(
        counts.moving_toggles + counts.stationary_toggles + counts.accumulator_toggles
        for counts in run.switching.values()
    )
    # Of the per-operation account: half of the bits that are clocked with a token.
    clocked = 2 * sum(
        line.count
        for layer in per_operation.layers
        for line in layer.lines
        if line.component is Component.REGISTERS and line.cause.endswith("changed bits")
    )
    streamed = sum(layer.cycles.get(Cause.STREAM, 0) for layer in run.timing.layers)
    products_seen = streamed * array.rows * array.columns * run.images / run.batch
    products = partial_product(table, array).value * activity.partial_products
    products += product_input(table, array).value * activity.product_inputs
    product_bits = array.pe_weight_bits * array.pe_activation_bits
    sums = adder_bit(table).value * (activity.product_bits + activity.sum_bits)
    return SwitchingResult(
        partial_products_per_mac=float(activity.partial_products.sum()) / macs,
        random_partial_products=CHANGED_PARTIAL_PRODUCTS * product_bits,
        product_inputs_per_mac=float(activity.product_inputs.sum()) / macs,
        random_product_inputs=CHANGED_PRODUCT_INPUTS * product_bits,
        product_bits_per_mac=float(activity.product_bits[:, : array.columns].sum()) / macs,
        sum_bits_per_mac=float(activity.sum_bits[:, : array.columns].sum()) / macs,
        random_adder_bits=float(hardware.accumulator.bits),
        zero_products_pct=100 * float(activity.zero_products.sum()) / products_seen,
        changed_register_bits_pct=100 * changed * run.batch / run.images / clocked,
        switching_uj=_components(energy),
        per_operation_uj=_components(per_operation),
        pe_energy_pj=((products + sums) / run.images).tolist(),
    )


def _sum(run: Run) -> Activity:
    first, *others = run.activity.values()
    for activity in others:
        first += activity
    return first


def _components(energy: EnergyReport) -> dict[str, float]:
    return {
        str(name): energy.components_pj[name] * 1e-6 / energy.batch for name in ARRAY_COMPONENTS
    }
