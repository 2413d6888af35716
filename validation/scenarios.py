"""Sequences of operands as PEs see them: made-up distributions and layers of a trained network."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from accelsim.golden import execute
from accelsim.network.integer import IntegerMatrix
from accelsim.quantize import quantize_input
from accelsim.request import RunRequest
from accelsim.simulator.address_generator import AddressGenerator
from accelsim.start import integer_network, load_images, load_network

__all__ = ["Scenario", "made_up", "of_layers"]

Words = NDArray[np.int64]

_LENGTH = 384
_PES = 12


@dataclass(frozen=True, eq=False)
class Scenario:
    """What some PEs see: int64[PEs, steps] each; ``sums`` is what the adder adds the product to."""

    name: str
    activations: Words
    weights: Words
    sums: Words


def made_up(bits: int = 8, seed: int = 0) -> Iterator[Scenario]:
    """Yield two dataflows, each with five distributions of activations and two of weights."""
    generator = np.random.default_rng(seed)
    for flow in ("ws", "os"):
        for activations in ("uniform", "gaussian", "relu", "sparse", "smooth"):
            for weights in ("uniform", "gaussian"):
                left = _draw(generator, activations, bits, (_LENGTH, 4 * _PES))
                right = _draw(generator, weights, bits, (4 * _PES, _LENGTH))
                yield _scenario(f"{flow} {activations} x {weights}", flow, left, right)


def of_layers(bits: int = 8) -> Iterator[Scenario]:
    """Yield both dataflows on the matrix layers of the digits CNN, with images of its test set.

    Its activations are asymmetric: a real zero is the zero point.
    """
    request = RunRequest(points=((bits, bits),))
    integer = integer_network(request)
    images = load_images(load_network(request), request).images[:8]
    tensors = execute(integer, quantize_input(integer, images)).tensors
    for layer in integer.layers:
        if not isinstance(layer.operator, IntegerMatrix):
            continue
        values = tensors[layer.inputs[0]].astype(np.int32)
        maps = values if values.ndim == 4 else values.reshape(len(values), -1, 1, 1)
        zero_point = integer.tensors[layer.inputs[0]].zero_point
        generator = AddressGenerator(maps, zero_point, layer.operator)
        left = generator.activations(0, 0, generator.rows_m).astype(np.int64)
        right = generator.weights(0).astype(np.int64)
        if len(left) < 64 or left.shape[1] < 4:
            continue
        for flow in ("ws", "os"):
            yield _scenario(f"{flow} digits_cnn {layer.name}", flow, left, right)


def _draw(generator: np.random.Generator, kind: str, bits: int, shape: tuple[int, int]) -> Words:
    """Draw integers; rows are what follows each other in time at a weight-stationary PE."""
    limit = 1 << (bits - 1)
    spread = limit / 4
    if kind == "uniform":
        return generator.integers(-limit, limit, shape)
    if kind == "smooth":
        steps = generator.normal(0, limit / 40, shape)
        found = np.cumsum(steps, axis=0) + generator.normal(0, spread, (1, shape[1]))
    else:
        found = generator.normal(0, spread, shape)
    if kind == "relu":
        found = np.maximum(found, 0)
    if kind == "sparse":
        found = np.maximum(found - 0.6745 * spread, 0)
    return np.clip(np.rint(found), -limit, limit - 1).astype(np.int64)


def _scenario(name: str, flow: str, left: Words, right: Words) -> Scenario:
    """Let some PEs of an array see a product of int64[m, k] and int64[k, n]."""
    depth = left.shape[1]
    if flow == "ws":
        rows = np.unique(np.linspace(0, depth - 1, _PES, dtype=int))
        columns = np.arange(len(rows)) % right.shape[1]
        steps = min(_LENGTH, len(left))
        activations = left[:steps, rows].T
        weights = np.repeat(right[rows, columns][:, np.newaxis], steps, 1)
        # What comes from above: the products of the rows of PEs up to here, sixteen to an array.
        sums = np.stack(
            [
                left[:steps, row - row % 16 : row] @ right[row - row % 16 : row, column]
                for row, column in zip(rows, columns, strict=True)
            ]
        )
    else:
        pixels = np.linspace(0, len(left) - 1, _PES, dtype=int)
        columns = np.arange(_PES) % right.shape[1]
        steps = min(_LENGTH, depth)
        activations, weights = left[pixels, :steps], right[:steps, columns].T
        before = np.cumsum(activations * weights, axis=1)
        sums = np.concatenate([np.zeros((_PES, 1), np.int64), before[:, :-1]], axis=1)
    return Scenario(name, activations, weights, sums)
