"""From counts to picojoules: every event of a run times what the technology table says.

Energies are means over random operands; what is left out is listed in every report.
"""

from __future__ import annotations

import math

from accelsim.compiler.program import MatrixInstruction, Program
from accelsim.energy.operations import (
    adder_pj,
    dram_pj,
    multiplier_extrapolation,
    multiplier_pj,
    pe_leakage_uw,
    register_pj,
    rescale_pj,
    vector_pj,
)
from accelsim.energy.registers import clocked_register_bits
from accelsim.energy.result import Component, EnergyReport, LayerEnergy
from accelsim.energy.sram import extrapolation, read_pj, sram_leakage_uw, write_pj
from accelsim.energy.table import EnergyTable, TableValues, check_table
from accelsim.errors import ConfigError
from accelsim.hardware.schema import Hardware
from accelsim.simulator.run import Cause, LayerRun, Run, Timing

__all__ = ["NOT_MODELLED", "account", "leakage_uw"]

NOT_MODELLED: tuple[str, ...] = (
    "data-dependent switching (operations cost the mean of random operands)",
    "clock tree, control, address generators and DMA engines",
    "wires between PEs, scratchpads and units",
    "operand skew registers at the edges of the array",
    "shifter and clamp of the rescale unit",
    "leakage of logic outside the PEs, temperature (leakage is at 300 K)",
    "DRAM standby power while the bus is idle",
    "layers on the host",
)


def account(
    run: Run | Timing, program: Program, hardware: Hardware, table: EnergyTable
) -> EnergyReport:
    """Return the energy of one batch.

    Parameters
    ----------
    run
        A run, or its timing alone: the account needs counts and cycles, no values.
    program
        What was run: the batch and the tiles of each layer.
    hardware
        What it ran on. PEs cost what their built operand widths cost; scratchpads and DRAM
        cost the bits that move.
    table
        The technology table, of the hardware's node and voltage.

    Raises
    ------
    ConfigError
        The table is of another node or voltage or lacks the DRAM type; a layer's operands are
        wider than the PEs.
    """
    check_table(table, hardware)
    timing = run.timing if isinstance(run, Run) else run
    tiles = {
        item.layer: item.plan.gemm.groups * item.plan.m_tiles * item.plan.n_tiles
        for item in program.instructions
        if isinstance(item, MatrixInstruction)
    }
    layers = tuple(
        _layer(layer, tiles.get(layer.name, 0), hardware, table.values) for layer in timing.layers
    )
    return EnergyReport(
        batch=program.batch,
        layers=layers,
        components_pj={
            component: math.fsum(layer.components_pj[component] for layer in layers)
            for component in Component
        },
        table_name=table.values.name,
        table_sha256=table.sha256,
        node_nm=table.values.node,
        voltage_v=table.values.voltage,
        not_modelled=NOT_MODELLED,
        warnings=_warnings(hardware, table.values),
    )


def leakage_uw(hardware: Hardware, table: TableValues) -> float:
    """Return the leakage of all PEs and scratchpads in uW."""
    array, pads = hardware.array, hardware.scratchpads
    size = pads.activations.size + pads.weights.size + pads.accumulators.size
    pes = array.rows * array.columns
    one_pe = pe_leakage_uw(table, array.weight_bits, array.activation_bits)
    return pes * one_pe + sram_leakage_uw(table, size)


def _warnings(hardware: Hardware, table: TableValues) -> tuple[str, ...]:
    array, pads = hardware.array, hardware.scratchpads
    found = (
        multiplier_extrapolation(table, array.weight_bits, array.activation_bits),
        extrapolation(table, "activations", pads.activations),
        extrapolation(table, "weights", pads.weights),
        extrapolation(table, "accumulators", pads.accumulators),
    )
    return tuple(warning for warning in found if warning)


def _layer(layer: LayerRun, tiles: int, hardware: Hardware, table: TableValues) -> LayerEnergy:
    _check_widths(layer, hardware)
    seconds = layer.cycles_total / hardware.clock
    traffic = layer.traffic
    dram_bytes = traffic.dram_read_bytes + traffic.dram_write_bytes
    components = {
        **_array(layer, tiles, hardware, table),
        **_scratchpads(layer, hardware, table),
        Component.RESCALE: layer.rescale_operations
        * rescale_pj(
            table,
            hardware.rescale.mode,
            hardware.accumulator.bits,
            hardware.rescale.mantissa_bits,
        ),
        Component.VECTOR: layer.vector_operations * vector_pj(table, hardware.accumulator.bits),
        Component.DRAM: dram_pj(table, hardware.dram.type, dram_bytes),
        Component.LEAKAGE: leakage_uw(hardware, table) * seconds * 1e6,
    }
    return LayerEnergy(layer.name, {component: components[component] for component in Component})


def _array(
    layer: LayerRun, tiles: int, hardware: Hardware, table: TableValues
) -> dict[Component, float]:
    array, bits = hardware.array, hardware.accumulator.bits
    macs = layer.array.macs
    stream_cycles = layer.cycles.get(Cause.STREAM, 0)
    clocked = clocked_register_bits(array, bits, stream_cycles, layer.array.passes, tiles)
    return {
        Component.MULTIPLIER: macs * multiplier_pj(table, array.weight_bits, array.activation_bits),
        Component.ADDER: macs * adder_pj(table, bits),
        Component.REGISTERS: register_pj(table, clocked),
    }


def _scratchpads(layer: LayerRun, hardware: Hardware, table: TableValues) -> dict[Component, float]:
    pads, traffic = hardware.scratchpads, layer.traffic
    bits = hardware.accumulator.bits
    return {
        Component.ACTIVATION_SRAM: (
            read_pj(table, pads.activations, traffic.activation_reads * layer.input_bits)
            + write_pj(table, pads.activations, traffic.activation_writes * layer.output_bits)
        ),
        # Biases travel and rest with the weights they belong to.
        Component.WEIGHT_SRAM: (
            read_pj(table, pads.weights, traffic.weight_reads * layer.weight_bits)
            + read_pj(table, pads.weights, traffic.bias_reads * bits)
            + write_pj(table, pads.weights, traffic.weight_writes * layer.weight_bits)
        ),
        Component.ACCUMULATOR_SRAM: (
            read_pj(table, pads.accumulators, traffic.accumulator_reads * bits)
            + write_pj(table, pads.accumulators, traffic.accumulator_writes * bits)
        ),
    }


def _check_widths(layer: LayerRun, hardware: Hardware) -> None:
    """Only matrix layers meet the PEs."""
    array = hardware.array
    for what, bits, built in (
        ("weights", layer.weight_bits, array.weight_bits),
        ("activations", layer.input_bits, array.activation_bits),
    ):
        if layer.gemm is not None and bits > built:
            raise ConfigError(
                f"layer {layer.name}: {what} of {bits} bits do not fit PEs built for {built} "
                f"bits (array.{what[:-1]}_bits)"
            )
