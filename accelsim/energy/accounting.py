"""From counts to picojoules: every event of a run times what the technology table says.

Every number is a `Line`: a count, a price and the entries that the price was made of. What is
left out is listed in every report.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from accelsim.compiler.program import (
    Instruction,
    MatrixInstruction,
    Program,
    VectorInstruction,
)
from accelsim.energy.area import area
from accelsim.energy.array_lines import (
    ArrayPrices,
    array_prices,
    clock_lines,
    operation_lines,
    pe_cycles,
    row_sum_clock_line,
    row_sum_lines,
    use_of_registers,
)
from accelsim.energy.dram import DramPrices, dram_lines, dram_prices, dram_warnings
from accelsim.energy.memories import extrapolation
from accelsim.energy.operations import multiplier_extrapolation
from accelsim.energy.range_lines import range_lines
from accelsim.energy.result import EnergyMode, EnergyReport, LayerEnergy, Line
from accelsim.energy.switching_lines import switching_lines
from accelsim.energy.table import EnergyTable, TableValues, check_table
from accelsim.energy.unit_lines import (
    UnitPrices,
    leakage_lines,
    rescale_lines,
    scratchpad_lines,
    unit_prices,
    vector_lines,
)
from accelsim.errors import ConfigError, InternalError
from accelsim.hardware.pe_kinds import PeKind
from accelsim.hardware.schema import Array, Hardware
from accelsim.simulator.run import LayerRun, Run, Timing

__all__ = ["NOT_MODELLED", "account", "check_mode"]

NOT_MODELLED: tuple[str, ...] = (
    "controllers: sequencing of passes, instruction fetch",
    "clock tree outside the PE array",
    "operand skew registers at the edges of the array",
    "shifter and clamp of the rescale unit",
    "area and leakage of controllers, DMA engines and routing, pads and I/O",
    "temperature (leakage is at 300 K)",
    "layers on the host",
)
_BY_MEAN = ("data-dependent switching (operations cost the mean of random operands)",)
_BY_SWITCHING = (
    "glitches (a bit is taken to change at most once a cycle)",
    "data-dependent switching outside the array",
)
_GATED_UNSEEN = (
    "zero gating: per operation no product is seen to be gated; --energy switching shows it"
)
_GATED_UNKNOWN = (
    "zero gating: without values no product is seen to be gated: nothing that it saves is counted"
)
_SYNTHESIZED_BITS = 8
"""The composable PE that the ratios of the tables were taken from."""


@dataclass(frozen=True)
class _Prices:
    """Everything that is the same in every layer of a run."""

    array: ArrayPrices
    units: UnitPrices
    dram: DramPrices


def account(
    run: Run | Timing,
    program: Program,
    hardware: Hardware,
    table: EnergyTable,
    mode: EnergyMode = EnergyMode.PER_OPERATION,
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
        What `accelsim.energy.table_for` returns for the hardware.
    mode
        Per operation, or by switching: then the run has to have counted switching and activity,
        and the batch is the mean of the images that were simulated.

    Raises
    ------
    ConfigError
        The table is of another node, or lacks the DRAM type; or switching of PEs that are not
        fixed.
    InternalError
        The run is not one of this program, it counted no switching that was asked for, or the
        table is at another voltage.
    """
    check_table(table, hardware)
    check_mode(hardware, mode)
    values = table.values
    if values.voltage != hardware.technology.voltage:
        raise InternalError(f"energy: the table is at {values.voltage} V: use table_for")
    timing = run.timing if isinstance(run, Run) else run
    instructions = {instruction.layer: instruction for instruction in program.instructions}
    if [layer.name for layer in timing.layers] != list(instructions):
        raise InternalError("energy: the run's layers are not those of the program")
    size = area(hardware, values)
    prices = _Prices(
        array_prices(hardware, values),
        unit_prices(hardware, values, size),
        dram_prices(hardware, table),
    )
    layers = tuple(
        LayerEnergy(
            layer.name,
            (
                *_array_lines(
                    layer, instructions[layer.name], hardware, values, prices.array, run, mode
                ),
                *_lines(layer, instructions[layer.name], hardware, values, prices),
            ),
        )
        for layer in timing.layers
    )
    return EnergyReport(
        batch=program.batch,
        mode=mode,
        layers=layers,
        area=size,
        table_name=values.name,
        table_sha256=table.sha256,
        node_nm=values.node,
        voltage_v=values.voltage,
        not_modelled=NOT_MODELLED + (_BY_SWITCHING if mode == EnergyMode.SWITCHING else _BY_MEAN),
        warnings=(*table.notes, *_warnings(hardware, table, mode, isinstance(run, Run))),
        sources=_sources(layers, table),
    )


def check_mode(hardware: Hardware, mode: EnergyMode) -> None:
    """Refuse an account by switching for PEs whose gates are not followed.

    Raises
    ------
    ConfigError
        The PEs are not fixed.
    """
    kind = hardware.array.pe_kind
    if mode == EnergyMode.SWITCHING and kind is not PeKind.FIXED:
        raise ConfigError(
            f"--energy switching: what changes is counted in fixed PEs, not in those of "
            f"array.pe_kind={kind}; use --energy per_operation"
        )


def _array_lines(
    layer: LayerRun,
    instruction: Instruction,
    hardware: Hardware,
    table: TableValues,
    prices: ArrayPrices,
    run: Run | Timing,
    mode: EnergyMode,
) -> Iterator[Line]:
    if not isinstance(instruction, MatrixInstruction):
        return
    use = use_of_registers(layer, instruction, hardware)
    if mode == EnergyMode.PER_OPERATION:
        yield from operation_lines(layer, instruction, use, prices, hardware, table)
        yield from row_sum_lines(layer, instruction, hardware, prices)
    else:
        if not isinstance(run, Run) or layer.name not in run.activity.keys() & run.switching.keys():
            raise InternalError(f"energy: layer {layer.name!r}: no switching was counted")
        activity, switching = run.activity[layer.name], run.switching[layer.name]
        share = run.batch / run.images
        yield from switching_lines(layer, instruction, hardware, table, activity, switching, share)
    yield from clock_lines(layer, use, hardware, prices)
    yield from row_sum_clock_line(layer, instruction, hardware, prices)


def _lines(
    layer: LayerRun,
    instruction: Instruction,
    hardware: Hardware,
    table: TableValues,
    prices: _Prices,
) -> Iterator[Line]:
    busy_pe_cycles = 0
    if isinstance(instruction, MatrixInstruction):
        busy_pe_cycles = pe_cycles(layer, instruction)
        yield from rescale_lines(layer, prices.units)
    elif isinstance(instruction, VectorInstruction):
        yield from vector_lines(layer, instruction, hardware, table, prices.units)
    yield from range_lines(layer, instruction, hardware, table)
    yield from scratchpad_lines(layer, instruction, hardware, prices.units)
    yield from dram_lines(layer, hardware, prices.dram)
    yield from leakage_lines(layer, busy_pe_cycles, hardware, prices.units)


def _sources(layers: tuple[LayerEnergy, ...], table: EnergyTable) -> dict[str, str]:
    """Say of every entry that was used how much it can be trusted and where it comes from."""
    made_of = {line.price.entries for layer in layers for line in layer.lines}
    used = {name for names in made_of for name in names}
    entries, found = table.entries(), {}
    for name in sorted(used):
        entry = entries[name]
        text = f"{entry.tag}: {entry.source}"
        if entry.range:
            text += f" (x{entry.range.low:g} to x{entry.range.high:g}: {entry.range.source})"
        found[name] = text
    return found


def _warnings(
    hardware: Hardware, table: EnergyTable, mode: EnergyMode, has_values: bool
) -> tuple[str, ...]:
    array, pads, values = hardware.array, hardware.scratchpads, table.values
    unseen = _GATED_UNSEEN if has_values else _GATED_UNKNOWN
    found = (
        multiplier_extrapolation(values, *array.multiplied_bits),
        _composable_extrapolation(values, array),
        extrapolation(values, "activations", pads.activations),
        extrapolation(values, "weights", pads.weights),
        extrapolation(values, "accumulators", pads.accumulators),
        *dram_warnings(hardware, table),
        unseen if array.zero_gating and mode == EnergyMode.PER_OPERATION else None,
    )
    return tuple(warning for warning in found if warning)


def _composable_extrapolation(values: TableValues, array: Array) -> str | None:
    """Return a warning when the PE is of other bricks than those that were synthesized."""
    if array.pe_kind is not PeKind.COMPOSABLE or array.pe_weight_bits == _SYNTHESIZED_BITS:
        return None
    return (
        f"composable PEs of {array.pe_weight_bits} bits cost the same multiples of fixed ones as "
        f"those of {_SYNTHESIZED_BITS} bits, which the table {values.name} states"
    )
