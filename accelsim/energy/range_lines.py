"""What ranges found at run time cost, beyond the passes and the words that are counted anyway."""

from __future__ import annotations

from collections.abc import Iterator

from accelsim.compiler.program import Instruction, MatrixInstruction
from accelsim.energy.operations import (
    comparison,
    float32_add,
    float32_multiply,
    multiplier,
    new_scale,
)
from accelsim.energy.result import Component, Line
from accelsim.energy.table import TableValues
from accelsim.hardware.schema import Hardware
from accelsim.simulator.run import LayerRun

__all__ = ["range_lines"]


def range_lines(
    layer: LayerRun, instruction: Instruction, hardware: Hardware, table: TableValues
) -> Iterator[Line]:
    """Yield the float32 work of both passes that a static rescale has not.

    First pass: a bias or the second operand of a sum is added to each result, comparators see it,
    and a matrix layer forms a factor and a zero point's correction for each image and output
    channel. Second pass: a scale and a zero point for each image.
    """
    if isinstance(instruction, MatrixInstruction):
        if not instruction.shape.finds_range:
            return
        unit, results = Component.RESCALE, layer.rescale_operations
        additions = results
        shape = instruction.shape
        channels = shape.batch * shape.out_channels
        correction = multiplier(table, shape.input_bits, hardware.accumulator.bits)
        price = float32_multiply(table) + correction
        yield Line(unit, "factors of images and channels", channels, "factor", price)
    else:
        new_scales = instruction.shape.new_scales
        if new_scales:
            what = "scales and zero points"
            yield Line(Component.VECTOR, what, new_scales, "image", new_scale(table))
        if not instruction.shape.finds_range:
            return
        unit, results = Component.VECTOR, instruction.element_writes
        additions = results if instruction.kind == "add" else 0
    yield Line(unit, "float32 additions", additions, "result", float32_add(table))
    yield Line(unit, "smallest and largest", results, "result", comparison(table))
