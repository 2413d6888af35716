"""Random machines in Icarus Verilog: every output and its cycle, equal to the register engine's."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from accelsim.arithmetic.formats import Accumulator, Overflow
from accelsim.compiler.plan import Gemm, LoopOrder, Residency, TilePlan
from accelsim.hardware.dataflow import DATAFLOWS
from accelsim.hardware.schema import Array, Drain
from accelsim.rtl.vectors import array_vectors
from accelsim.simulator.array import run_array

pytestmark = pytest.mark.rtl


@dataclasses.dataclass(frozen=True)
class Operands:
    """left: [groups, m, k], right: [groups, k, n], biases: [groups, n]."""

    left: np.ndarray
    right: np.ndarray
    biases: np.ndarray

    def activations(self, group, m_start, m_stop):
        return self.left[group, m_start:m_stop]

    def weights(self, group):
        return self.right[group]

    def bias(self, group):
        return self.biases[group]


def _plan(generator, array, gemm):
    """A plan with a random length of the streamed dimension, which may cut the depth (os)."""
    flow = DATAFLOWS[array.dataflow]
    sizes = {"m": gemm.rows_m, "n": gemm.columns_n, "k": gemm.depth_k}
    tile = {name: int(generator.integers(1, size + 1)) for name, size in sizes.items()}
    tile[flow.rows], tile[flow.columns] = array.rows, array.columns
    return TilePlan(
        gemm,
        flow,
        tile["m"],
        tile["n"],
        tile["k"],
        block_m=tile["m"] * int(generator.integers(1, 3)),
        order=generator.choice(list(LoopOrder)),
        weights_residency=Residency.PASS,
        activations_residency=Residency.BLOCK,
    )


def _random_machine(generator, rows=None, columns=None):
    widths = generator.integers(2, 17, 2)
    array = Array(
        rows=rows or int(generator.integers(1, 10)),
        columns=columns or int(generator.integers(1, 8)),
        dataflow=str(generator.choice(["ws", "os", "is"])),
        weight_bits=int(widths[0]),
        activation_bits=int(widths[1]),
        weight_double_buffering=bool(generator.integers(2)),
        tile_overlap=bool(generator.integers(2)),
        drain=str(generator.choice(list(Drain))),
    )
    narrow = int(generator.integers(8, 33))
    accumulator = Accumulator(int(generator.choice([32, narrow])), generator.choice(list(Overflow)))
    return array, accumulator


def _operands(generator, gemm, array, accumulator):
    def integers(bits, shape):
        values = generator.integers(-(1 << (bits - 1)), 1 << (bits - 1), shape)
        # The most negative code and zero more often than chance gives them.
        values[generator.random(shape) < 0.1] = -(1 << (bits - 1))
        values[generator.random(shape) < 0.1] = 0
        return values.astype(np.int32)

    groups = gemm.groups
    return Operands(
        integers(array.activation_bits, (groups, gemm.rows_m, gemm.depth_k)),
        integers(array.weight_bits, (groups, gemm.depth_k, gemm.columns_n)),
        integers(min(accumulator.bits, 31), (groups, gemm.columns_n)).astype(np.int64),
    )


def _compare(simulate, array, accumulator, plan, operands):
    vectors = array_vectors(operands, plan, array, accumulator)
    printed = simulate(vectors.machine, vectors.parameters, vectors.memories)
    seen, overflows = vectors.parameters["EXPECTED"], vectors.parameters["OVERFLOWS"]
    last_cycle = vectors.parameters["LAST_CYCLE"]
    noun = "sums" if vectors.machine == "stationary" else "results"
    assert printed.splitlines()[-1] == (
        f"PASS: {seen} of {seen} {noun}, 0 wrong, {overflows} overflows, last cycle {last_cycle}"
    ), f"{array}\n{accumulator}\n{plan}\n{printed}"
    for engine in ("register", "cycle", "tile"):
        result = run_array(engine, operands, plan, array, accumulator)
        assert sum(result.cycles.values()) == last_cycle + 1, engine
        assert result.counters.overflow_events == overflows, engine


@pytest.mark.parametrize("seed", range(40))
def test_random_machine(simulate, seed):
    generator = np.random.default_rng(seed)
    array, accumulator = _random_machine(generator)
    sizes = (int(size) for size in generator.integers(1, 24, 3))
    gemm = Gemm(*sizes, groups=int(generator.integers(1, 3)))
    plan = _plan(generator, array, gemm)
    _compare(simulate, array, accumulator, plan, _operands(generator, gemm, array, accumulator))


@pytest.mark.parametrize("dataflow", ["ws", "os", "is"])
def test_16x16_with_edge_tiles(simulate, dataflow):
    generator = np.random.default_rng(16)
    array = Array(rows=16, columns=16, dataflow=dataflow)
    gemm = Gemm(rows_m=37, columns_n=21, depth_k=40)
    plan = _plan(generator, array, gemm)
    accumulator = Accumulator()
    _compare(simulate, array, accumulator, plan, _operands(generator, gemm, array, accumulator))


@pytest.mark.parametrize("policy", list(Overflow))
@pytest.mark.parametrize("dataflow", ["ws", "os", "is"])
def test_forced_overflow(simulate, dataflow, policy):
    generator = np.random.default_rng(3)
    array = Array(rows=3, columns=4, dataflow=dataflow)
    gemm = Gemm(rows_m=9, columns_n=6, depth_k=11)
    accumulator = Accumulator(12, policy)
    plan = _plan(generator, array, gemm)
    operands = _operands(generator, gemm, array, accumulator)
    assert run_array("cycle", operands, plan, array, accumulator).counters.overflow_events > 100
    _compare(simulate, array, accumulator, plan, operands)
