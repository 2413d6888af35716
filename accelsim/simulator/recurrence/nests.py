"""A program as arrays for the recurrence: loop nests, and what their transfers move."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import ceil

import numpy as np
from numpy.typing import NDArray

from accelsim.compiler.plan import LoopOrder, Residency, TilePlan
from accelsim.compiler.program import MatrixInstruction, Place, Program, VectorInstruction
from accelsim.hardware.schema import Drain, Hardware
from accelsim.simulator.dram import DramTiming
from accelsim.simulator.recurrence.pass_classes import (
    class_row_sums,
    class_scales,
    class_shape,
    class_sizes,
    in_bursts,
    pass_classes,
    shapes_of,
)
from accelsim.simulator.recurrence.records import (
    CHUNK,
    EACH_BLOCK,
    EACH_PASS,
    EACH_VISIT,
    ENTRY,
    FIRST_COLUMNS,
    FIRST_ROWS,
    LAYER,
    MACHINE,
    NEVER,
    RESULT,
    Tables,
)
from accelsim.simulator.recurrence.ring_sizes import ring_sizes
from accelsim.simulator.recurrence.run_layers import run_layers
from accelsim.simulator.recurrence.signatures import nothing_kept

__all__ = ["Nests", "burst_cycles", "describe"]

Integers = NDArray[np.int64]
Records = NDArray[np.void]


@dataclass(frozen=True, eq=False)
class Nests:
    """The arguments of `run_layers`, and what its counts are of.

    Attributes
    ----------
    machine, tables
        As it says.
    fetched_elements
        For each layer the weights, activations and scales of vectors that transfers write to the
        scratchpads.
    rows, columns, depths, scales
        int64[layers, classes]: m, n and k of the passes of each class, and for how many vectors
        of weights each column has a scale.
    row_sums
        int64[layers, 1]: 1 where rows are summed up.
    """

    machine: Records
    tables: Tables
    fetched_elements: list[tuple[int, int, int]]
    rows: Integers
    columns: Integers
    depths: Integers
    row_sums: Integers
    scales: Integers

    def run(self) -> int:
        """Run the recurrence; return DONE or what went wrong."""
        return run_layers(self.machine, self.tables, nothing_kept())


def burst_cycles(hardware: Hardware) -> Fraction:
    """Return the cycles for which a burst holds the channel, exactly."""
    timing = DramTiming.from_hardware(hardware)
    return timing.burst_bytes / timing.bytes_per_cycle


def describe(program: Program, hardware: Hardware) -> Nests:
    """Return a program as loop nests, without walking them."""
    count = len(program.instructions)
    layers = np.zeros(count, LAYER)
    shapes = shapes_of(count)
    sizes: list[Integers] = [np.zeros(0, np.int64)]
    chunks: list[Records] = [np.zeros(0, CHUNK)]
    fetched: list[tuple[int, int, int]] = []
    first_size = first_chunk = 0
    for number, instruction in enumerate(program.instructions):
        if isinstance(instruction, MatrixInstruction):
            loops = _matrix(instruction, first_size)
            blocks, elements = _blocks(instruction)
            shapes[number] = class_shape(instruction, program)
            sizes.append(blocks)
            first_size += blocks.size
        else:
            pieces, elements = _chunks(instruction, program, hardware)
            loops = _vector(instruction, first_chunk, pieces, program)
            chunks.append(pieces)
            first_chunk += pieces.size
        layers[number] = loops
        fetched.append(elements)
    rows, columns, depths = class_sizes(shapes)
    scales = class_scales(depths, shapes)
    classes = pass_classes(shapes, rows, columns, depths, scales, hardware)
    all_sizes, all_chunks = np.concatenate(sizes), np.concatenate(chunks)
    rings = ring_sizes(layers, classes, all_sizes, all_chunks, hardware)
    return Nests(
        machine=_machine(hardware, count, rings),
        tables=Tables(
            layers=layers,
            classes=classes,
            sizes=all_sizes,
            chunks=all_chunks,
            rings=np.zeros(sum(rings), ENTRY),
            results=np.zeros(count, RESULT),
        ),
        fetched_elements=fetched,
        rows=rows,
        columns=columns,
        depths=depths,
        row_sums=class_row_sums(shapes),
        scales=scales,
    )


def _machine(hardware: Hardware, layers: int, rings: list[int]) -> Records:
    array, pads = hardware.array, hardware.scratchpads
    timing, cycles = DramTiming.from_hardware(hardware), burst_cycles(hardware)
    values = {
        "rows": array.rows,
        "wavefront_cycles": array.rows + array.stepped_columns - 2,
        "preloads": array.flow.preloads,
        "weights_stay": array.flow.stationary == "weights",
        "double_buffered": array.weight_double_buffering,
        "tiles_overlap": array.tile_overlap,
        "drain_hidden": array.drain is Drain.HIDDEN,
        "drain_cycles": 0 if array.drain is Drain.FREE else array.rows,
        "spare_buffers": pads.accumulators.double_buffered,
        "pipeline_cycles": hardware.rescale_pipeline_cycles,
        "burst_bytes": timing.burst_bytes,
        "burst_cycles": cycles.numerator // cycles.denominator,
        "burst_rest": cycles.numerator % cycles.denominator,
        "burst_parts": cycles.denominator,
        "delay_cycles": timing.delay_cycles,
        **_rows(timing, cycles),
        "outstanding": hardware.dma.outstanding,
        "activation_bytes": pads.activations.size,
        "layer_count": layers,
    }
    machine = np.zeros(1, MACHINE)
    for name, value in values.items():
        machine[name] = value
    engines = machine["engines"][0]
    engines["ring"] = 0, rings[0], rings[0] + rings[1]
    engines["mask"] = [size - 1 for size in rings]
    engines["room_bytes"] = pads.weights.size, 0, 0
    engines["fetches_ahead"] = pads.weights.double_buffered, pads.activations.double_buffered, True
    return machine


def _rows(timing: DramTiming, burst_cycles: Fraction) -> dict[str, int]:
    """Return what the rows of the DRAM are; ``row_bytes`` is 0 where they do not matter.

    ``row_further_cycles``: what a row adds when rows are opened in turn in all banks, each of which
    then takes ``row_miss_cycles`` and the row's own time.
    """
    rows = timing.rows
    if rows is None:
        return {"row_bytes": 0}
    row = ceil(rows.size_bytes // timing.burst_bytes * burst_cycles)
    return {
        "row_bytes": rows.size_bytes,
        "row_miss_cycles": rows.miss_cycles,
        "row_further_cycles": max(0, ceil(Fraction(rows.miss_cycles + row, rows.banks)) - row),
        "rows_open_ahead": rows.banks > 1,
        "rows_stay_open": rows.stay_open,
    }


def _matrix(instruction: MatrixInstruction, first: int) -> tuple[int, ...]:
    """Return the loops of a matrix layer in LAYER's order."""
    plan, lowered = instruction.plan, instruction.shape
    gemm, footprint = plan.gemm, instruction.footprint
    block_rest = gemm.rows_m - (plan.m_blocks - 1) * plan.block_m
    tiles = -(-plan.block_m // plan.tile_m), -(-block_rest // plan.tile_m)
    strips = plan.columns_together // plan.tile_n
    if strips > 1:
        tiles = strips, plan.n_tiles - (plan.n_blocks - 1) * strips
    depths = plan.depth_together // plan.tile_k if plan.k_parts > 1 else plan.k_tiles
    return (
        False,
        footprint.tensor_bytes + footprint.staging_bytes,
        footprint.staging_bytes,
        instruction.right_is_on_chip or not lowered.right_is_tensor,
        gemm.groups,
        plan.m_blocks,
        plan.n_blocks,
        plan.k_parts,
        depths,
        plan.k_tiles - (plan.k_parts - 1) * depths,
        *tiles,
        strips > 1,
        plan.tiles_together,
        plan.order is LoopOrder.M_OUTER,
        _weights(plan),
        _activations(plan),
        first,
        plan.pass_count,
        0,
        plan.scaling_cycles,
    )


def _blocks(instruction: MatrixInstruction) -> tuple[Integers, tuple[int, int, int]]:
    """Return the bytes of a group's activation blocks, and what is fetched.

    Of a depth in parts, of all blocks' parts, then of their last parts. Elements: weights,
    activations and scales of vectors.
    """
    plan, lowered = instruction.plan, instruction.shape
    gemm = plan.gemm
    loads = {
        NEVER: 0,
        FIRST_ROWS: 1,
        EACH_BLOCK: plan.m_blocks,
        EACH_PASS: plan.m_tiles,
    }[_weights(plan)]
    columns = loads * gemm.groups * gemm.columns_n
    weights, scales = columns * gemm.depth_k, columns * plan.depth_scales
    if plan.activations_residency is Residency.ON_CHIP:
        return np.zeros(0, np.int64), (weights, 0, scales)
    starts = np.arange(0, gemm.rows_m, plan.block_m, dtype=np.int64)
    stops = np.minimum(starts + plan.block_m, gemm.rows_m)
    elements = lowered.block_elements(starts, stops)
    visits = plan.n_blocks if _activations(plan) == EACH_VISIT else 1
    fetched = visits * gemm.groups * int(elements.sum())
    if plan.k_parts > 1:
        depths = plan.block_k, gemm.depth_k - (plan.k_parts - 1) * plan.block_k
        elements = np.concatenate([lowered.block_elements(starts, stops, k) for k in depths])
    return -(-elements * lowered.input_bits // 8), (weights, fetched, scales)


def _weights(plan: TilePlan) -> int:
    if plan.weights_residency is Residency.BLOCK and plan.order is LoopOrder.M_OUTER:
        return EACH_BLOCK
    return {
        Residency.ON_CHIP: NEVER,
        Residency.LAYER: FIRST_ROWS,
        Residency.BLOCK: FIRST_ROWS,
        Residency.PASS: EACH_PASS,
    }[plan.weights_residency]


def _activations(plan: TilePlan) -> int:
    if plan.activations_residency is Residency.ON_CHIP:
        return NEVER
    return EACH_VISIT if plan.fetched_each_visit else FIRST_COLUMNS


def _vector(
    instruction: VectorInstruction, first: int, pieces: Records, program: Program
) -> tuple[int, ...]:
    """Return a vector layer in LAYER's order: it has no loops but its chunks."""
    footprint = instruction.footprint
    resident = footprint.tensor_bytes + footprint.staging_bytes
    inputs = sum(program.places[name] is Place.DRAM for name in instruction.inputs)
    nothing = (0,) * 13
    return (True, resident, footprint.staging_bytes, *nothing, 0, first, pieces.size, inputs, 0)


def _chunks(
    instruction: VectorInstruction, program: Program, hardware: Hardware
) -> tuple[Records, tuple[int, int, int]]:
    """Return the chunks of a vector layer, and the elements fetched: no weights, no scales."""
    shape = instruction.shape
    operations, elements, outputs = shape.cuts(instruction.chunks)
    widths = [
        bits
        for bits, name in zip(shape.input_bits, instruction.inputs, strict=True)
        if program.places[name] is Place.DRAM
    ]
    chunks = np.zeros(len(operations), CHUNK)
    chunks["compute_cycles"] = -(-operations // hardware.vector.lanes)
    chunks["compute_cycles"][0] += shape.start_cycles
    if program.places[instruction.output] is Place.DRAM:
        chunks["output_bytes"] = -(-outputs * shape.output_bits // 8)
        chunks["output_bus_bytes"] = in_bursts(chunks["output_bytes"], hardware)
    for index, bits in enumerate(widths):
        chunks["input_bytes"][:, index] = -(-elements * bits // 8)
    return chunks, (0, len(widths) * int(elements.sum()), 0)
