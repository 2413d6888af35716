"""Random machines in Icarus Verilog: every output and its cycle, equal to the register engine's."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from accelsim.arithmetic.formats import Accumulator, Overflow
from accelsim.compiler import compile_shapes
from accelsim.compiler.plan import Gemm, LoopOrder, Residency, TilePlan
from accelsim.compiler.shapes import LayerShape, MatrixShape, NetworkShape, TensorShape
from accelsim.errors import DataError
from accelsim.hardware import load_hardware
from accelsim.hardware.dataflow import DATAFLOWS
from accelsim.hardware.schema import Array, Drain
from accelsim.network.geometry import Window
from accelsim.rtl.vectors import array_vectors
from accelsim.simulator.array import run_array
from accelsim.simulator.array.product import MatrixProduct, whole_plan
from tests.matrices import Matrices
from tests.plans import in_parts

pytestmark = pytest.mark.rtl


def _plan(generator, array, gemm):
    """A plan with a random length of the streamed dimension, which may cut the depth (os).

    Every second one has its depth in parts, with which several tiles may take turns.
    """
    flow = DATAFLOWS[array.dataflow]
    sizes = {"m": gemm.rows_m, "n": gemm.columns_n, "k": gemm.depth_k}
    tile = {name: int(generator.integers(1, size + 1)) for name, size in sizes.items()}
    tile[flow.rows], tile[flow.columns] = array.rows, array.columns
    plan = TilePlan(
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
    if generator.integers(2):
        return plan
    return in_parts(plan, *(int(count) for count in generator.integers(1, 4, 2)))


def _compiled_plan(generator, array, gemm):
    """The compiler's plan of the same product, with scratchpads small enough to cut it."""
    sizes = [("weights", 256 << generator.integers(4)), ("accumulators", 512)]
    changes = [f"scratchpads.{name}.size={size}B" for name, size in sizes]
    hardware = load_hardware("edge_4x4", changes).model_copy(update={"array": array})
    matrix = MatrixShape(
        input_shape=(gemm.groups * gemm.depth_k, 1, 1),
        out_channels=gemm.groups * gemm.columns_n,
        window=Window((1, 1)),
        groups=gemm.groups,
        batch=gemm.rows_m,
        weight_bits=array.weight_bits,
        input_bits=array.activation_bits,
        output_bits=array.activation_bits,
        accumulator_bits=32,
    )
    tensors = {
        "x": TensorShape(matrix.input_shape, array.activation_bits),
        "y": TensorShape((matrix.out_channels,), array.activation_bits),
    }
    layer = LayerShape("product", matrix, ("x",), "y")
    storage = {name: name for name in tensors}
    network = NetworkShape("net", gemm.rows_m, "x", "y", (layer,), tensors, storage)
    (instruction,) = compile_shapes(network, hardware).instructions
    assert instruction.plan.gemm == gemm
    return instruction.plan


CONTROLS = [
    {"dataflow": dataflow, "tile_overlap": overlap, "weight_double_buffering": double}
    for dataflow, overlap, double in product(["ws", "is"], [True, False], [True, False])
] + [
    {"dataflow": "os", "tile_overlap": overlap, "drain": drain}
    for overlap, drain in product([True, False], Drain)
]
"""Every way in which passes follow each other."""


def _random_machine(generator, controls):
    widths = generator.integers(2, 17, 2)
    array = Array(
        rows=int(generator.integers(1, 10)),
        columns=int(generator.integers(1, 8)),
        weight_bits=int(widths[0]),
        activation_bits=int(widths[1]),
        **controls,
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
    return Matrices(
        integers(array.activation_bits, (groups, gemm.rows_m, gemm.depth_k)),
        integers(array.weight_bits, (groups, gemm.depth_k, gemm.columns_n)),
        integers(min(accumulator.bits, 31), (groups, gemm.columns_n)).astype(np.int64),
    )


def _compare(simulate, array, accumulator, plan, operands):
    vectors = array_vectors(operands, plan, array, accumulator)
    printed = simulate(vectors)
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


@pytest.mark.parametrize("seed", range(3 * len(CONTROLS)))
def test_random_machine(simulate, seed):
    generator = np.random.default_rng(seed)
    turn, control = divmod(seed, len(CONTROLS))
    array, accumulator = _random_machine(generator, CONTROLS[control])
    sizes = (int(size) for size in generator.integers(1, 24, 3))
    gemm = Gemm(*sizes, groups=int(generator.integers(1, 3)))
    plan = (_compiled_plan if turn == 1 else _plan)(generator, array, gemm)
    _compare(simulate, array, accumulator, plan, _operands(generator, gemm, array, accumulator))


@pytest.mark.parametrize("dataflow", ["ws", "os", "is"])
@pytest.mark.parametrize("shape", [(1, 1), (1, 7), (9, 1), (9, 7)])
def test_smallest_and_largest_random_shape(simulate, dataflow, shape):
    generator = np.random.default_rng(shape)
    array = Array(rows=shape[0], columns=shape[1], dataflow=dataflow, weight_bits=2)
    gemm = Gemm(rows_m=11, columns_n=10, depth_k=12)
    accumulator = Accumulator()
    plan = _plan(generator, array, gemm)
    _compare(simulate, array, accumulator, plan, _operands(generator, gemm, array, accumulator))


@pytest.mark.parametrize("overlap", [True, False])
@pytest.mark.parametrize("shape", [(1, 1), (1, 4), (5, 1), (4, 3)])
def test_free_drain(simulate, shape, overlap):
    """Short tiles, so that several results leave a column in one cycle."""
    generator = np.random.default_rng(shape)
    rows, columns = shape
    array = Array(rows=rows, columns=columns, dataflow="os", drain="free", tile_overlap=overlap)
    gemm = Gemm(rows_m=2 * rows + 1, columns_n=2 * columns + 1, depth_k=2)
    plan = whole_plan(gemm, array)
    accumulator = Accumulator()
    _compare(simulate, array, accumulator, plan, _operands(generator, gemm, array, accumulator))


def test_operands_that_do_not_fit_the_pes_are_refused():
    array = Array(rows=2, columns=2, dataflow="ws", activation_bits=4)
    operands = MatrixProduct.from_arrays([[8, 0]], [[1], [2]])
    with pytest.raises(DataError) as error:
        array_vectors(operands, whole_plan(operands.gemm, array), array, Accumulator())
    assert str(error.value) == "activations: the PEs hold int4, -8 to 7, got 0 to 8"


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
