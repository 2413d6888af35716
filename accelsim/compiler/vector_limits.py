"""Whether a layer's scaled sums of vectors are what its definition says, on one machine.

The definition adds a whole vector's sum, scaled, in one step. Two things could make a machine
disagree: a vector's own sum that leaves the accumulator's range on its way, and a vector that is
longer than the array, whose parts are added one by one. Both are harmless while nothing overflows,
which weights, scales and the input's format decide. The second is harmless, too, where accumulators
wrap: they end in the same integers in any order, only the overflows on the way are other ones.
"""

from __future__ import annotations

import numpy as np

from accelsim.arithmetic.formats import Accumulator, IntegerFormat, Overflow
from accelsim.compiler.program import Instruction, MatrixInstruction
from accelsim.errors import ConfigError
from accelsim.network.integer import IntegerMatrix
from accelsim.network.run_time import RunTimeMatrix
from accelsim.network.vectors import WeightVectors, vector_bounds

__all__ = ["check_cut_vectors", "parts_add_up"]


def parts_add_up(
    layer: str,
    operator: IntegerMatrix | RunTimeMatrix,
    vectors: WeightVectors,
    source: IntegerFormat,
    accumulator: Accumulator,
) -> bool:
    """Return whether parts of a layer's vectors, scaled one by one, add up to the same integers.

    Raises
    ------
    ConfigError
        A whole vector's sum could be more than the accumulator holds, before it is scaled.
    """
    weights = np.moveaxis(operator.weights, 1, -1).reshape(len(operator.weights), -1)
    starts = [start for start, _ in vector_bounds(weights.shape[1], vectors.size)]
    largest = max(-source.low, source.high)
    parts = np.add.reduceat(np.abs(weights.astype(np.int64)), starts, axis=1) * largest
    if parts.max() > accumulator.high:
        raise ConfigError(
            f"layer {layer!r}: sums of groups of {min(vectors.size, weights.shape[1])} weights "
            f"reach {parts.max()}, more than the {accumulator.bits}-bit accumulator holds; use "
            "smaller groups, fewer bits or a wider accumulator"
        )
    if accumulator.overflow is Overflow.WRAP:
        return True
    scaled = np.abs(operator.bias) + (parts * vectors.scales.T).sum(axis=1)
    return bool(scaled.max() <= accumulator.high)


def check_cut_vectors(instructions: tuple[Instruction, ...]) -> None:
    """Refuse vectors that the array cuts where their parts could saturate.

    Raises
    ------
    ConfigError
        One line for each layer.
    """
    problems = []
    for instruction in instructions:
        if not isinstance(instruction, MatrixInstruction):
            continue
        shape, plan = instruction.shape, instruction.plan
        cut = plan.dataflow.preloads and plan.tile_k < shape.vector_depth
        if cut and not shape.vector_parts_add_up:
            problems.append(
                f"layer {instruction.layer!r}: groups of {shape.vector_depth} weights go through "
                f"the array in parts of {plan.tile_k}, and scaled one by one these could overflow "
                f"the {shape.accumulator_bits}-bit accumulator: where it saturates would depend on "
                f"the array; use groups of {plan.tile_k}, fewer scale bits or a wider accumulator"
            )
    if problems:
        raise ConfigError("\n".join(problems))
