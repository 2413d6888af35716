"""From counts to picojoules: every event of a run times what the technology table says.

Energies are means over random operands; what is left out is listed in every report.
"""

from __future__ import annotations

import math

from accelsim.arithmetic.rescale import RescaleMode
from accelsim.compiler.program import (
    Instruction,
    MatrixInstruction,
    Program,
    VectorInstruction,
)
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
from accelsim.errors import InternalError
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
        The table is of another node or voltage, or lacks the DRAM type.
    InternalError
        The run is not one of this program.
    """
    check_table(table, hardware)
    timing = run.timing if isinstance(run, Run) else run
    instructions = {instruction.layer: instruction for instruction in program.instructions}
    if [layer.name for layer in timing.layers] != list(instructions):
        raise InternalError("energy: the run's layers are not those of the program")
    layers = tuple(
        _layer(layer, instructions[layer.name], hardware, table.values) for layer in timing.layers
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


def _layer(
    layer: LayerRun, instruction: Instruction, hardware: Hardware, table: TableValues
) -> LayerEnergy:
    traffic = layer.traffic
    dram_bytes = traffic.dram_read_bytes + traffic.dram_write_bytes
    seconds = layer.cycles_total / hardware.clock
    components = {
        **_scratchpads(layer, hardware, table),
        Component.DRAM: dram_pj(table, hardware.dram.type, dram_bytes),
        Component.LEAKAGE: leakage_uw(hardware, table) * seconds * 1e6,
    }
    if isinstance(instruction, MatrixInstruction):
        components |= _array(layer, instruction, hardware, table)
    else:
        components[Component.VECTOR] = _vector(layer, instruction, hardware, table)
    return LayerEnergy(
        layer.name, {component: components.get(component, 0.0) for component in Component}
    )


def _array(
    layer: LayerRun, instruction: MatrixInstruction, hardware: Hardware, table: TableValues
) -> dict[Component, float]:
    array, bits, plan = hardware.array, hardware.accumulator.bits, instruction.plan
    clocked_bits = clocked_register_bits(
        array,
        bits,
        stream_cycles=layer.cycles.get(Cause.STREAM, 0),
        passes=layer.array.passes,
        tiles=plan.gemm.groups * plan.m_tiles * plan.n_tiles if layer.array.passes else 0,
    )
    one_product_pj = multiplier_pj(table, array.weight_bits, array.activation_bits)
    return {
        Component.MULTIPLIER: layer.array.macs * one_product_pj,
        Component.ADDER: layer.array.macs * adder_pj(table, bits),
        Component.REGISTERS: register_pj(table, clocked_bits),
        Component.RESCALE: layer.rescale_operations * _one_rescale_pj(hardware, table),
    }


def _vector(
    layer: LayerRun, instruction: VectorInstruction, hardware: Hardware, table: TableValues
) -> float:
    """Lane operations, and the rescales inside the layer: they are in the vector unit.

    A quotient is a multiplication by the reciprocal, rounded: it costs what a rescale costs.
    """
    rescales = {
        "add": 3,
        "average_pool": 1,
        "quotient_pool": 1,
        "requantize": 1,
        "multiply": 1,
    }.get(instruction.kind, 0)
    if instruction.kind == "add" and hardware.rescale.mode is RescaleMode.FLOAT32:
        rescales = 2
    outputs = instruction.element_writes if layer.vector_operations else 0
    one_operation_pj = vector_pj(table, hardware.accumulator.bits)
    if instruction.kind == "multiply":
        one_operation_pj += multiplier_pj(table, *instruction.shape.input_bits)
    return layer.vector_operations * one_operation_pj + (
        rescales * outputs * _one_rescale_pj(hardware, table)
    )


def _one_rescale_pj(hardware: Hardware, table: TableValues) -> float:
    unit = hardware.rescale
    return rescale_pj(table, unit.mode, hardware.accumulator.bits, unit.mantissa_bits)


def _scratchpads(layer: LayerRun, hardware: Hardware, table: TableValues) -> dict[Component, float]:
    """Price every element at its width.

    Reads of activations include outputs on their way to DRAM and writes include inputs that
    come from there; in a layer whose input and output widths differ the wider one is charged.
    """
    pads, traffic = hardware.scratchpads, layer.traffic
    activation_bits = max(layer.input_bits, layer.output_bits)
    accumulator_bits = hardware.accumulator.bits
    # A column's bias arrives with the first of its depth_k weights, once for each fetch.
    bias_writes = 0
    if layer.gemm and traffic.bias_reads:
        bias_writes = traffic.weight_writes // layer.gemm.depth_k
    weight_read_bits = traffic.weight_reads * layer.weight_bits
    weight_write_bits = traffic.weight_writes * layer.weight_bits
    return {
        Component.ACTIVATION_SRAM: (
            read_pj(table, pads.activations, traffic.activation_reads * activation_bits)
            + write_pj(table, pads.activations, traffic.activation_writes * activation_bits)
        ),
        Component.WEIGHT_SRAM: (
            read_pj(table, pads.weights, weight_read_bits + traffic.bias_reads * accumulator_bits)
            + write_pj(table, pads.weights, weight_write_bits + bias_writes * accumulator_bits)
        ),
        Component.ACCUMULATOR_SRAM: (
            read_pj(table, pads.accumulators, traffic.accumulator_reads * accumulator_bits)
            + write_pj(table, pads.accumulators, traffic.accumulator_writes * accumulator_bits)
        ),
    }
