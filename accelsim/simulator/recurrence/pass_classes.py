"""The classes of passes of every layer: what a pass of each takes and moves.

Passes of a layer differ in which tile of rows, columns and depth they are: any, or one at an
edge. So a layer has at most 24 kinds of passes, however many passes it has.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from accelsim.compiler.program import MatrixInstruction, Place, Program
from accelsim.hardware.schema import Hardware, Scratchpad
from accelsim.simulator.recurrence.records import CLASSES, PASS_CLASS

__all__ = [
    "class_row_sums",
    "class_scales",
    "class_shape",
    "class_sizes",
    "in_bursts",
    "pass_classes",
    "shapes_of",
]

Integers = NDArray[np.int64]
Records = NDArray[np.void]

# What the classes of a layer follow from: tile sizes of rows, columns and depth, then widths,
# then what a PE does with operands of these.
_TILE_M, _BLOCK_REST, _LAYER_REST, _TILE_N, _REST_N, _TILE_K, _REST_K, _DEPTH = range(8)
_INPUT_BITS, _WEIGHT_BITS, _OUTPUT_BITS, _COLUMN_BITS = range(8, 12)
_STORED, _RIGHT_ON_CHIP, _ROW_SUMS, _VECTOR, _SCALE_BITS = range(12, 17)
_PE_DEPTH, _PE_CYCLES = 17, 18
_SHAPE_SIZE = 19


def shapes_of(layers: int) -> Integers:
    """Return a row for each layer that `class_shape` is to fill; without products it stays."""
    shapes = np.ones((layers, _SHAPE_SIZE), np.int64)
    shapes[:, _VECTOR] = 0
    return shapes


def class_shape(instruction: MatrixInstruction, program: Program) -> tuple[int, ...]:
    """Return what the classes of a matrix layer follow from: a row of `shapes_of`."""
    plan, lowered = instruction.plan, instruction.shape
    gemm = plan.gemm
    block_rest = gemm.rows_m - (plan.m_blocks - 1) * plan.block_m
    return (
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
        lowered.column_bits,
        program.places[instruction.output] is Place.DRAM,
        instruction.right_is_on_chip,
        lowered.row_sums,
        plan.vector_depth,
        lowered.scale_bits,
        plan.pe_rate.depth,
        plan.pe_rate.cycles,
    )


def class_sizes(shapes: Integers) -> tuple[Integers, Integers, Integers]:
    """Return m, n and k of each class, in the order of the kernel's class numbers."""
    grid = (len(shapes), 3, 2, 4)
    m, n, k = (
        shapes[:, [_TILE_M, _BLOCK_REST, _LAYER_REST]][:, :, None, None],
        shapes[:, [_TILE_N, _REST_N]][:, None, :, None],
        shapes[:, [_TILE_K, _TILE_K, _REST_K, _REST_K]][:, None, None, :],
    )
    rows, columns, depths = (
        np.broadcast_to(sizes, grid).reshape(-1, CLASSES) for sizes in (m, n, k)
    )
    return rows, columns, depths


def class_scales(depths: Integers, shapes: Integers) -> Integers:
    """Return the vectors that end in so many elements of each layer's depth, none without them."""
    vector = shapes[:, [_VECTOR]]
    return np.where(vector > 0, -(-depths // np.maximum(vector, 1)), 0)


def class_row_sums(shapes: Integers) -> Integers:
    """Return int64[layers, 1]: 1 where rows are summed up."""
    return shapes[:, [_ROW_SUMS]]


def pass_classes(
    shapes: Integers,
    rows: Integers,
    columns: Integers,
    depths: Integers,
    scales: Integers,
    hardware: Hardware,
) -> Records:
    """Return PASS_CLASS[layers, CLASSES]: what a pass of each class takes and moves."""
    flow, pads = hardware.array.flow, hardware.scratchpads
    input_bits, weight_bits = shapes[:, [_INPUT_BITS]], shapes[:, [_WEIGHT_BITS]]
    kinds = np.arange(CLASSES) % 4
    first, last = kinds % 2 == 1, kinds >= 2
    activations = _delivery(rows * depths * input_bits, pads.activations)
    scale_bits = columns * scales * shapes[:, [_SCALE_BITS]]
    right_bits = depths * columns * weight_bits + scale_bits
    weights = np.where(
        shapes[:, [_RIGHT_ON_CHIP]],
        _delivery(right_bits, pads.activations),
        _delivery(right_bits, pads.weights),
    )
    preload = np.zeros_like(weights)
    if flow.stationary == "weights":
        preload, weights = np.maximum(hardware.array.rows, weights), preload
    elif flow.stationary == "activations":
        preload, activations = np.maximum(hardware.array.rows, activations), preload
    row_sums = shapes[:, [_ROW_SUMS]]
    steps = -(-depths // shapes[:, [_PE_DEPTH]]) + scales
    stream = {"m": rows, "n": columns, "k": steps}[flow.stream] * shapes[:, [_PE_CYCLES]]
    depth = shapes[:, [_DEPTH]]
    whole_steps = -(-depth // shapes[:, [_PE_DEPTH]]) + class_scales(depth, shapes)
    whole_depth = whole_steps * shapes[:, [_PE_CYCLES]]
    if flow.stationary == "activations":
        stream = stream + row_sums
    stored = last & (shapes[:, [_STORED]] != 0)
    output = np.where(stored, -(-rows * columns * shapes[:, [_OUTPUT_BITS]] // 8), 0)
    bias = np.where(first, -(-columns * shapes[:, [_COLUMN_BITS]] // 8), 0)
    fields = {
        "stream_cycles": stream,
        "activation_cycles": activations,
        "weight_cycles": weights,
        "preload_cycles": preload,
        "tile_stream_cycles": stream if flow.preloads else whole_depth,
        "read_cycles": -(-rows * (columns + row_sums) // hardware.rescale.lanes),
        "output_bytes": output,
        "output_bus_bytes": in_bursts(output, hardware),
        "weight_bytes": -(-columns * depths * weight_bits // 8) + -(-scale_bits // 8) + bias,
    }
    classes = np.zeros(rows.shape, PASS_CLASS)
    for field, values in fields.items():
        classes[field] = values
    return classes


def in_bursts(sizes: Integers, hardware: Hardware) -> Integers:
    """Return the bytes that transfers of some sizes move: whole bursts."""
    return -(-sizes // hardware.dram.burst) * hardware.dram.burst


def _delivery(bits: Integers, scratchpad: Scratchpad) -> Integers:
    """Cycles that a scratchpad takes to deliver ``bits``."""
    return -(-bits // (8 * scratchpad.bandwidth))
