"""A program as arrays for the recurrence: loop nests and the classes of passes in them.

Passes of a layer differ in which tile of rows, columns and depth they are: any, or one at an
edge. So a layer has at most 24 kinds of passes, however many passes it has.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from accelsim.compiler.plan import LoopOrder, Residency, TilePlan
from accelsim.compiler.program import MatrixInstruction, Place, Program, VectorInstruction
from accelsim.hardware.schema import Drain, Hardware, Scratchpad
from accelsim.simulator import recurrence_kernel as kernel
from accelsim.simulator.dram import DramTiming

__all__ = ["Nests", "burst_cycles", "describe"]

Integers = NDArray[np.int64]

# What the classes of a layer follow from: tile sizes of rows, columns and depth, then widths.
_TILE_M, _BLOCK_REST, _LAYER_REST, _TILE_N, _REST_N, _TILE_K, _REST_K, _DEPTH = range(8)
_INPUT_BITS, _WEIGHT_BITS, _OUTPUT_BITS, _BIAS_BITS, _STORED, _RIGHT_ON_CHIP = range(8, 14)
_SHAPE_SIZE = 14


@dataclass(frozen=True, eq=False)
class Nests:
    """The arguments of `recurrence_kernel.run_layers`, and what its counts are of.

    Attributes
    ----------
    state, program, rings
        Its three arrays; ``program`` holds the loop nests.
    layers
        int64[layers, LAYER]: a view of the layers in ``program``.
    fetched_elements
        int64[layers, 2]: weights and activations that transfers write to the scratchpads.
    rows, columns, depths
        int64[layers, classes]: m, n and k of the passes of each class.
    """

    state: Integers
    program: Integers
    rings: Integers
    layers: Integers
    fetched_elements: Integers
    rows: Integers
    columns: Integers
    depths: Integers


def burst_cycles(hardware: Hardware) -> Fraction:
    """Return the cycles for which a burst holds the channel, exactly."""
    timing = DramTiming.from_hardware(hardware)
    return timing.burst_bytes / timing.bytes_per_cycle


def describe(program: Program, hardware: Hardware) -> Nests:
    """Return a program as loop nests, without walking them."""
    count = len(program.instructions)
    layers = np.zeros((count, kernel.LAYER), np.int64)
    shapes = np.ones((count, _SHAPE_SIZE), np.int64)
    fetched = np.zeros((count, 2), np.int64)
    parts: list[Integers] = []
    first = layers.size
    for number, instruction in enumerate(program.instructions):
        row = layers[number]
        row[kernel.L_FIRST] = first
        if isinstance(instruction, MatrixInstruction):
            part = _matrix(instruction, program, row, shapes[number], fetched[number])
        else:
            part = _vector(instruction, program, hardware, row, fetched[number])
        parts.append(part)
        first += part.size
    rows, columns, depths = _sizes(shapes)
    classes = _classes(shapes, rows, columns, depths, hardware)
    layers[:, kernel.L_CLASSES : kernel.R_PASSES] = classes.reshape(
        count, kernel.CLASSES * kernel.K_SIZE
    )
    array = np.concatenate([layers.ravel(), *(part.ravel() for part in parts)])
    sizes = _ring_sizes(layers, classes, parts, hardware)
    state = np.zeros(kernel.S_ENDS + 3 * hardware.dma.outstanding, np.int64)
    state[: kernel.M_LAYERS] = _machine(hardware)
    state[kernel.M_LAYERS] = count
    state[kernel.M_RING : kernel.M_RING + 3] = 0, sizes[0], sizes[0] + sizes[1]
    state[kernel.M_MASK : kernel.M_MASK + 3] = [size - 1 for size in sizes]
    return Nests(
        state=state,
        program=array,
        rings=np.zeros((sum(sizes), kernel.E_SIZE), np.int64),
        layers=array[: layers.size].reshape(layers.shape),
        fetched_elements=fetched,
        rows=rows,
        columns=columns,
        depths=depths,
    )


def _machine(hardware: Hardware) -> Integers:
    array, pads = hardware.array, hardware.scratchpads
    timing, cycles = DramTiming.from_hardware(hardware), burst_cycles(hardware)
    values = {
        kernel.M_ROWS: array.rows,
        kernel.M_WAVEFRONT: array.rows + array.columns - 2,
        kernel.M_PRELOADS: array.flow.preloads,
        kernel.M_WEIGHTS_STAY: array.flow.stationary == "weights",
        kernel.M_DOUBLE: array.weight_double_buffering,
        kernel.M_OVERLAP: array.tile_overlap,
        kernel.M_HIDDEN: array.drain is Drain.HIDDEN,
        kernel.M_DRAIN: 0 if array.drain is Drain.FREE else array.rows,
        kernel.M_BUFFERS: 2 if pads.accumulators.double_buffered else 1,
        kernel.M_PIPELINE: hardware.rescale.pipeline,
        kernel.M_BURST: timing.burst_bytes,
        kernel.M_HOLD_UP: cycles.numerator,
        kernel.M_HOLD_DOWN: cycles.denominator,
        kernel.M_DELAY: timing.delay_cycles,
        kernel.M_OUTSTANDING: hardware.dma.outstanding,
        kernel.M_WEIGHT_ROOM: pads.weights.size,
        kernel.M_ACTIVATION_ROOM: pads.activations.size,
        kernel.M_WEIGHTS_AHEAD: pads.weights.double_buffered,
        kernel.M_ACTIVATIONS_AHEAD: pads.activations.double_buffered,
    }
    return np.array([values[index] for index in range(kernel.M_LAYERS)], np.int64)


def _matrix(
    instruction: MatrixInstruction,
    program: Program,
    layer: Integers,
    shape: Integers,
    fetched: Integers,
) -> Integers:
    """Fill the rows of a matrix layer and return the bytes of a group's activation blocks."""
    plan, lowered = instruction.plan, instruction.shape
    gemm, footprint = plan.gemm, instruction.footprint
    block_rest = gemm.rows_m - (plan.m_blocks - 1) * plan.block_m
    values = {
        kernel.L_RESIDENT: footprint.tensor_bytes + footprint.staging_bytes,
        kernel.L_STAGING: footprint.staging_bytes,
        kernel.L_AHEAD: not lowered.right_is_tensor,
        kernel.L_GROUPS: gemm.groups,
        kernel.L_BLOCKS: plan.m_blocks,
        kernel.L_COLUMNS: plan.n_tiles,
        kernel.L_DEPTHS: plan.k_tiles,
        kernel.L_TILES: -(-plan.block_m // plan.tile_m),
        kernel.L_LAST_TILES: -(-block_rest // plan.tile_m),
        kernel.L_ROWS_OUTSIDE: plan.order is LoopOrder.M_OUTER,
        kernel.L_WEIGHTS: _weights(plan),
        kernel.L_ACTIVATIONS: _activations(plan),
        kernel.L_COUNT: plan.pass_count,
    }
    layer[list(values)] = list(values.values())
    shape[:] = (
        plan.tile_m,
        (plan.block_m - 1) % plan.tile_m + 1,
        (block_rest - 1) % plan.tile_m + 1,
        plan.tile_n,
        (gemm.columns_n - 1) % plan.tile_n + 1,
        plan.tile_k,
        (gemm.depth_k - 1) % plan.tile_k + 1,
        gemm.depth_k,
        lowered.input_bits,
        lowered.weight_bits,
        lowered.output_bits,
        0 if lowered.right_is_tensor else lowered.accumulator_bits,
        program.places[instruction.output] is Place.DRAM,
        instruction.right_is_on_chip,
    )
    loads = {
        kernel.NEVER: 0,
        kernel.FIRST_ROWS: 1,
        kernel.EACH_BLOCK: plan.m_blocks,
        kernel.EACH_PASS: plan.m_tiles,
    }[_weights(plan)]
    fetched[0] = loads * gemm.groups * gemm.columns_n * gemm.depth_k
    if plan.activations_residency is Residency.ON_CHIP:
        return np.zeros(0, np.int64)
    starts = np.arange(0, gemm.rows_m, plan.block_m, dtype=np.int64)
    elements = lowered.block_elements(starts, np.minimum(starts + plan.block_m, gemm.rows_m))
    visits = plan.n_tiles if _activations(plan) == kernel.EACH_VISIT else 1
    fetched[1] = visits * gemm.groups * elements.sum()
    return -(-elements * lowered.input_bits // 8)


def _weights(plan: TilePlan) -> int:
    if plan.weights_residency is Residency.BLOCK and plan.order is LoopOrder.M_OUTER:
        return kernel.EACH_BLOCK
    return {
        Residency.ON_CHIP: kernel.NEVER,
        Residency.LAYER: kernel.FIRST_ROWS,
        Residency.BLOCK: kernel.FIRST_ROWS,
        Residency.PASS: kernel.EACH_PASS,
    }[plan.weights_residency]


def _activations(plan: TilePlan) -> int:
    if plan.activations_residency is Residency.ON_CHIP:
        return kernel.NEVER
    again = plan.activations_residency is Residency.BLOCK and plan.order is LoopOrder.N_OUTER
    return kernel.EACH_VISIT if again else kernel.FIRST_COLUMNS


def _vector(
    instruction: VectorInstruction,
    program: Program,
    hardware: Hardware,
    layer: Integers,
    fetched: Integers,
) -> Integers:
    """Fill the rows of a vector layer and return its chunks."""
    shape, footprint = instruction.shape, instruction.footprint
    operations, elements, outputs = shape.cuts(instruction.chunks)
    widths = [
        bits
        for bits, name in zip(shape.input_bits, instruction.inputs, strict=True)
        if program.places[name] is Place.DRAM
    ]
    layer[kernel.L_VECTOR] = 1
    layer[kernel.L_RESIDENT] = footprint.tensor_bytes + footprint.staging_bytes
    layer[kernel.L_STAGING] = footprint.staging_bytes
    layer[kernel.L_COUNT] = len(operations)
    layer[kernel.L_INPUTS] = len(widths)
    fetched[1] = len(widths) * elements.sum()
    chunks = np.zeros((len(operations), kernel.V_SIZE), np.int64)
    chunks[:, kernel.V_CYCLES] = -(-operations // hardware.vector.lanes)
    if program.places[instruction.output] is Place.DRAM:
        chunks[:, kernel.V_OUTPUT] = -(-outputs * shape.output_bits // 8)
        chunks[:, kernel.V_OUTPUT_BUS] = _in_bursts(chunks[:, kernel.V_OUTPUT], hardware)
    for index, bits in enumerate(widths):
        chunks[:, kernel.V_INPUT + index] = -(-elements * bits // 8)
    return chunks


def _in_bursts(sizes: Integers, hardware: Hardware) -> Integers:
    return -(-sizes // hardware.dram.burst) * hardware.dram.burst


def _sizes(shapes: Integers) -> tuple[Integers, Integers, Integers]:
    """Return m, n and k of each class, in the order of the kernel's class numbers."""
    grid = (len(shapes), 3, 2, 4)
    m, n, k = (
        shapes[:, [_TILE_M, _BLOCK_REST, _LAYER_REST]][:, :, None, None],
        shapes[:, [_TILE_N, _REST_N]][:, None, :, None],
        shapes[:, [_TILE_K, _TILE_K, _REST_K, _REST_K]][:, None, None, :],
    )
    rows, columns, depths = (
        np.broadcast_to(sizes, grid).reshape(-1, kernel.CLASSES) for sizes in (m, n, k)
    )
    return rows, columns, depths


def _classes(
    shapes: Integers, rows: Integers, columns: Integers, depths: Integers, hardware: Hardware
) -> Integers:
    """Return int64[layers, classes, K_SIZE]: what a pass of each class takes and moves."""
    flow, pads = hardware.array.flow, hardware.scratchpads
    input_bits, weight_bits = shapes[:, [_INPUT_BITS]], shapes[:, [_WEIGHT_BITS]]
    kinds = np.arange(kernel.CLASSES) % 4
    first, last = kinds % 2 == 1, kinds >= 2
    activations = _delivery(rows * depths * input_bits, pads.activations)
    weights = np.where(
        shapes[:, [_RIGHT_ON_CHIP]],
        _delivery(depths * columns * weight_bits, pads.activations),
        _delivery(depths * columns * weight_bits, pads.weights),
    )
    preload = np.zeros_like(weights)
    if flow.stationary == "weights":
        preload, weights = np.maximum(hardware.array.rows, weights), preload
    elif flow.stationary == "activations":
        preload, activations = np.maximum(hardware.array.rows, activations), preload
    stream = {"m": rows, "n": columns, "k": depths}[flow.stream]
    stored = last & (shapes[:, [_STORED]] != 0)
    output = np.where(stored, -(-rows * columns * shapes[:, [_OUTPUT_BITS]] // 8), 0)
    bias = np.where(first, -(-columns * shapes[:, [_BIAS_BITS]] // 8), 0)
    fields = {
        kernel.K_STREAM: stream,
        kernel.K_ACTIVATIONS: activations,
        kernel.K_WEIGHTS: weights,
        kernel.K_PRELOAD: preload,
        kernel.K_TILE_STREAM: stream if flow.preloads else shapes[:, [_DEPTH]],
        kernel.K_READ: -(-rows * columns // hardware.rescale.lanes),
        kernel.K_OUTPUT: output,
        kernel.K_OUTPUT_BUS: _in_bursts(output, hardware),
        kernel.K_WEIGHT_BYTES: -(-columns * depths * weight_bits // 8) + bias,
    }
    classes = np.zeros((*rows.shape, kernel.K_SIZE), np.int64)
    for field, values in fields.items():
        classes[:, :, field] = values
    return classes


def _delivery(bits: Integers, scratchpad: Scratchpad) -> Integers:
    """Cycles that a scratchpad takes to deliver ``bits``."""
    return -(-bits // (8 * scratchpad.bandwidth))


def _ring_sizes(
    layers: Integers, classes: Integers, parts: list[Integers], hardware: Hardware
) -> list[int]:
    """Return powers of two that hold what can be under way or resident at a time."""
    pads = hardware.scratchpads
    matrix = layers[:, kernel.L_VECTOR] == 0
    least = classes[matrix][:, :, kernel.K_WEIGHT_BYTES].min(initial=pads.weights.size)
    tiles = min(pads.weights.size // int(least), int(layers[matrix, kernel.L_COUNT].sum()))
    blocks = staged = 0
    for layer, work, part in zip(layers, classes, parts, strict=True):
        if layer[kernel.L_VECTOR]:
            inputs, outputs = part[:, kernel.V_INPUT :], part[:, kernel.V_OUTPUT]
            count = int(layer[kernel.L_COUNT] * layer[kernel.L_INPUTS])
        else:
            inputs, outputs = part, work[:, kernel.K_OUTPUT]
            visits = layer[[kernel.L_GROUPS, kernel.L_BLOCKS, kernel.L_COLUMNS]]
            count = int(visits.prod()) if layer[kernel.L_ACTIVATIONS] else 0
        if count and inputs.size and inputs.min():
            count = min(count, _most(pads.activations.size, inputs))
        blocks = max(blocks, count)
        staged = max(staged, _most(int(layer[kernel.L_STAGING]), outputs))
    return [1 << (size + 4).bit_length() for size in (tiles, blocks, staged)]


def _most(room: int, sizes: Integers) -> int:
    least = sizes.min(initial=room + 1, where=sizes > 0)
    return room // int(least)
