"""Whether a layer's scaled sums of vectors are what its definition says, on one machine.

The definition adds a whole vector's sum, scaled, in one step. Two things could make a machine
disagree: a vector's own sum that leaves the accumulator's range on its way, and a vector that is
longer than the array, whose parts are added one by one. Both are harmless while nothing overflows,
which weights, scales and the input's format decide.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from accelsim.arithmetic.formats import Accumulator, IntegerFormat
from accelsim.compiler.program import Instruction, MatrixInstruction
from accelsim.errors import ConfigError
from accelsim.network.integer import IntegerMatrix, IntegerNetwork
from accelsim.network.run_time import RunTimeMatrix
from accelsim.network.vectors import WeightVectors, vector_bounds

__all__ = ["check_vectors"]


def check_vectors(network: IntegerNetwork, instructions: tuple[Instruction, ...]) -> None:
    """Refuse vectors of weights whose sums could overflow where the definition has no step.

    Raises
    ------
    ConfigError
        One line for each layer.
    """
    plans = {
        instruction.layer: instruction.plan
        for instruction in instructions
        if isinstance(instruction, MatrixInstruction)
    }
    problems: list[str] = []
    for layer in network.layers:
        operator = layer.operator
        if not isinstance(operator, IntegerMatrix | RunTimeMatrix) or operator.vectors is None:
            continue
        problem = _problem(
            *(operator, operator.vectors, network.tensors[layer.inputs[0]].format),
            *(network.accumulator, plans[layer.name].tile_k, plans[layer.name].dataflow.preloads),
        )
        problems += [f"layer {layer.name!r}: {problem}"] if problem else []
    if problems:
        raise ConfigError("\n".join(problems))


def _problem(
    operator: IntegerMatrix | RunTimeMatrix,
    vectors: WeightVectors,
    source: IntegerFormat,
    accumulator: Accumulator,
    tile_k: int,
    preloads: bool,
) -> str | None:
    """Return what is wrong with a layer, if anything."""
    weights = _deep(operator.weights)
    depth = weights.shape[1]
    bounds = vector_bounds(depth, vectors.size)
    starts = [start for start, _ in bounds]
    largest = max(-source.low, source.high)
    parts = np.add.reduceat(np.abs(weights), starts, axis=1) * largest
    size = min(vectors.size, depth)
    if parts.max() > accumulator.high:
        return (
            f"sums of groups of {size} weights reach {parts.max()}, more than the "
            f"{accumulator.bits}-bit accumulator holds; use smaller groups, fewer bits or a wider "
            "accumulator"
        )
    if not preloads or tile_k >= size:
        return None
    scaled = np.abs(operator.bias) + (parts * vectors.scales.T).sum(axis=1)
    if scaled.max() <= accumulator.high:
        return None
    return (
        f"groups of {size} weights are longer than the array's {tile_k} rows that they take, and "
        f"their scaled parts could overflow the {accumulator.bits}-bit accumulator: what it holds "
        f"would depend on the array; use groups of {tile_k}, fewer scale bits or wider accumulators"
    )


def _deep(weights: NDArray[np.int32]) -> NDArray[np.int64]:
    """Return int64[out_channels, depth], the depth in the array's order."""
    return np.moveaxis(weights, 1, -1).reshape(len(weights), -1).astype(np.int64)
