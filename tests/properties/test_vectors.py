"""Vectors of weights with scales: the definition, the engines, and PEs stepped in plain Python."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accelsim.arithmetic import RescaleMode, make_rescale
from accelsim.arithmetic.formats import Accumulator, IntegerFormat, Overflow
from accelsim.compiler import compile_network
from accelsim.compiler.program import Gemm, LoopOrder, Residency, TilePlan
from accelsim.errors import ConfigError
from accelsim.golden import execute
from accelsim.hardware import load_hardware
from accelsim.hardware.dataflow import DATAFLOWS, DataflowName
from accelsim.hardware.schema import Array, Drain
from accelsim.network.geometry import Window
from accelsim.network.integer import (
    IntegerLayer,
    IntegerMatrix,
    IntegerNetwork,
    QuantizedTensor,
)
from accelsim.network.vectors import WeightVectors, vector_bounds
from accelsim.simulator import simulate
from accelsim.simulator.array import run_array
from accelsim.simulator.array.product import MatrixProduct
from accelsim.simulator.run import Cause
from tests.plans import sometimes_in_parts


@dataclass(frozen=True, eq=False)
class Case:
    """A machine, a plan and the operands of its one group."""

    array: Array
    accumulator: Accumulator
    plan: TilePlan
    product: MatrixProduct

    def run(self, engine):
        return run_array(engine, self.product, self.plan, self.array, self.accumulator)


def fitting_tile(dataflow, rows, vector, depth, drawn):
    """A tile of the depth as the compiler may choose it."""
    if not DATAFLOWS[dataflow].preloads:
        return depth if drawn >= depth else max(vector, drawn - drawn % vector)
    if vector >= depth:
        return min(rows, depth)
    return max(size for size in range(1, min(rows, vector) + 1) if vector % size == 0)


@st.composite
def cases(draw, longest=24):
    size, length = st.integers(1, 6), st.integers(1, longest)
    dataflow = draw(st.sampled_from(DataflowName))
    array = Array(
        rows=draw(size),
        columns=draw(size),
        dataflow=dataflow,
        weight_bits=draw(st.integers(2, 8)),
        activation_bits=draw(st.integers(2, 8)),
        weight_double_buffering=draw(st.booleans()),
        tile_overlap=draw(st.booleans()),
        drain=draw(st.sampled_from(Drain)),
        scale_bits=draw(st.integers(2, 16)),
    )
    gemm = Gemm(draw(length), draw(length), draw(length))
    flow, depth = DATAFLOWS[dataflow], gemm.depth_k
    vector = min(draw(st.integers(1, longest + 2)), depth)
    cut = fitting_tile(dataflow, array.rows, vector, depth, draw(length))
    tiles = {flow.rows: array.rows, flow.columns: array.columns, flow.stream: draw(length)}
    plan = TilePlan(
        gemm=gemm,
        dataflow=flow,
        tile_m=tiles["m"],
        tile_n=tiles["n"],
        tile_k=cut,
        block_m=tiles["m"] + draw(st.integers(0, 9)),
        order=draw(st.sampled_from(LoopOrder)),
        weights_residency=Residency.PASS,
        activations_residency=Residency.BLOCK,
        vector_depth=vector,
    )
    plan = draw(sometimes_in_parts(plan))
    generator = np.random.default_rng(draw(st.integers(0, 1 << 32)))
    largest = vector << (array.weight_bits + array.activation_bits - 2)
    # A vector's own sum fits. Where it is cut, a saturating accumulator holds whatever comes.
    overflow = draw(st.sampled_from(Overflow))
    whole = not flow.preloads or cut == vector or overflow is Overflow.WRAP
    narrowest = largest.bit_length() + 1
    if not whole:
        array = array.model_copy(update={"scale_bits": min(array.scale_bits, 8)})
        narrowest = (depth * (largest // vector) << array.scale_bits).bit_length() + 2
    bits = draw(st.integers(min(narrowest, 32), 32))
    accumulator = Accumulator(bits, overflow)

    def words(width, shape):
        low, high = -(1 << (width - 1)), (1 << (width - 1)) - 1
        if draw(st.integers(0, 3)) == 0:
            return generator.choice([low, high], shape)
        return generator.integers(low, high + 1, shape)

    vectors = -(-depth // vector)
    scales = generator.integers(0, 1 << array.scale_bits, (vectors, gemm.columns_n))
    bias = words(min(bits, 12 if not whole else 32), gemm.columns_n)
    product = MatrixProduct.from_arrays(
        words(array.activation_bits, (gemm.rows_m, depth)),
        words(array.weight_bits, (depth, gemm.columns_n)),
        bias,
    )
    return Case(array, accumulator, plan, replace(product, vector_scales=scales.astype(np.int32)))


def added(total, step, accumulator):
    """What the accumulator holds after a step, and whether that overflowed."""
    exact = total + step
    if accumulator.low <= exact <= accumulator.high:
        return exact, 0
    if accumulator.overflow is Overflow.SATURATE:
        return max(accumulator.low, min(accumulator.high, exact)), 1
    return (exact - accumulator.low) % (1 << accumulator.bits) + accumulator.low, 1


def by_definition(case, longest):
    """Accumulators and overflow events in Python integers, vector after vector.

    A vector is added in parts of ``longest`` elements, each of which is scaled and may overflow.
    """
    left, right = case.product.left.tolist(), case.product.right.tolist()
    scales, gemm = case.product.vector_scales.tolist(), case.plan.gemm
    sums, events = np.zeros((gemm.rows_m, gemm.columns_n), np.int64), 0
    for m, n in np.ndindex(*sums.shape):
        total = int(case.product.biases[n])
        for v, (start, stop) in enumerate(vector_bounds(gemm.depth_k, case.plan.vector_depth)):
            for first in range(start, stop, longest):
                elements = range(first, min(first + longest, stop))
                part = sum(left[m][k] * right[k][n] for k in elements)
                total, event = added(total, scales[v][n] * part, case.accumulator)
                events += event
        sums[m, n] = total
    return sums, events


@settings(max_examples=120, deadline=None, derandomize=True)
@given(cases())
def test_engines_and_the_definition_agree(case):
    sums, _ = by_definition(case, longest=case.plan.vector_depth)
    # Rows that hold a part of a vector add a part: that is the machine's own count.
    _, events = by_definition(case, longest=min(case.plan.vector_depth, case.plan.tile_k))
    results = [case.run(engine) for engine in ("cycle", "tile")]
    for result in results:
        np.testing.assert_array_equal(result.accumulators[0], sums)
        assert result.counters.overflow_events == events
        assert result.cycles == results[0].cycles
        assert result.counters == results[0].counters


def column_of(case, part):
    """The dimension on the columns, its first index, and the stream's first index and length."""
    if case.plan.dataflow.columns == "n":
        return part.n_start, part.n_stop, part.m_start, part.m_stop
    return part.m_start, part.m_stop, part.n_start, part.n_stop


def starts_of(case):
    """The stream start of each pass: the table of docs/timing.md, a sum scaled a cycle later."""
    array, parts = case.array, list(case.plan.passes())
    leaves, starts = array.rows + array.columns - 1, [array.rows]
    for part in parts[:-1]:
        _, _, first, last = column_of(case, part)
        length = last - first
        if not array.tile_overlap:
            gap = length + leaves + (0 if array.weight_double_buffering else array.rows)
        elif array.weight_double_buffering:
            gap = max(length, array.rows)
        else:
            gap = length + array.rows
        starts.append(starts[-1] + gap)
    return parts, starts


def step_stationary(case):
    """Step every PE and every column's multiplier; return the sums and the cycles it took.

    A token is (pass, element of its stream). In a cycle all registers are read, then written.
    """
    array, plan, product = case.array, case.plan, case.product
    rows, columns = array.rows, array.columns
    parts, starts = starts_of(case)
    moving = [[None] * columns for _ in range(rows)]
    sums = [[None] * columns for _ in range(rows)]
    totals = np.broadcast_to(product.biases, (plan.gemm.rows_m, plan.gemm.columns_n)).astype(object)
    weights_stay = plan.dataflow.stationary == "weights"
    cycle, left_over, last = 0, sum(p.m_size * p.n_size for p in parts), 0

    def operand(token, row, column):
        """(what moves, what stays) in a PE; zeros where the tile has nothing."""
        part = parts[token[0]]
        first, stop, stream, _ = column_of(case, part)
        k = part.k_start + row
        if k >= part.k_stop:
            return 0, 0
        inside = first + column < stop
        if weights_stay:
            stays = product.right[k, first + column] if inside else 0
            return int(product.left[stream + token[1], k]), int(stays)
        stays = product.left[first + column, k] if inside else 0
        return int(product.right[k, stream + token[1]]), int(stays)

    while left_over:
        bottom = list(sums[rows - 1])
        new_moving = [[None] * columns for _ in range(rows)]
        new_sums = [[None] * columns for _ in range(rows)]
        for row in range(rows):
            for column in range(columns):
                token = moving[row][column - 1] if column else None
                if not column:
                    for number, start in enumerate(starts):
                        _, _, first, stop = column_of(case, parts[number])
                        if 0 <= cycle - row - start < stop - first:
                            assert token is None, "two vectors at once"
                            token = number, cycle - row - start
                new_moving[row][column] = token
                if token is None:
                    continue
                above = (token, 0) if row == 0 else sums[row - 1][column]
                assert above is not None
                assert above[0] == token, "a sum met another vector's products"
                moves, stays = operand(token, row, column)
                new_sums[row][column] = token, above[1] + moves * stays
        for column, left in enumerate(bottom):
            if left is None:
                continue
            (number, element), part_sum = left
            part = parts[number]
            first, stop, stream, _ = column_of(case, part)
            if first + column >= stop:
                continue
            m, n = stream + element, first + column
            if not weights_stay:
                m, n = n, m
            scale = int(product.vector_scales[part.k_start // plan.vector_depth, n])
            totals[m, n], _ = added(int(totals[m, n]), scale * part_sum, case.accumulator)
            left_over -= 1
            last = cycle
        moving, sums = new_moving, new_sums
        cycle += 1
    # The array is charged whole: its last column may have nothing to give.
    idle = max(0, columns - (column_of(case, parts[-1])[1] - column_of(case, parts[-1])[0]))
    return totals.astype(np.int64), last + 1 + idle


def step_output(case):
    """Walk the tokens of every PE that keeps its sum, each in its cycle: a scale ends a part."""
    array, plan, product = case.array, case.plan, case.product
    rows, columns = array.rows, array.columns
    depth, vector = plan.gemm.depth_k, plan.vector_depth
    tokens = []
    for v, (start, stop) in enumerate(vector_bounds(depth, vector)):
        tokens += [("product", k) for k in range(start, stop)] + [("scale", v)]
    tiles = [(p.m_start, p.m_stop, p.n_start, p.n_stop) for p in plan.passes() if p.last_depth]
    length, corner = len(tokens), rows + columns - 2
    start, totals = 0, np.zeros((plan.gemm.rows_m, plan.gemm.columns_n), np.int64)
    for number, (m_start, m_stop, n_start, n_stop) in enumerate(tiles):
        last = 0
        for row in range(m_stop - m_start):
            for column in range(n_stop - n_start):
                m, n = m_start + row, n_start + column
                total, part = int(product.biases[n]), 0
                for offset, (kind, index) in enumerate(tokens):
                    if kind == "product":
                        part += int(product.left[m, index]) * int(product.right[index, n])
                    else:
                        scale = int(product.vector_scales[index, n])
                        total, _ = added(total, scale * part, case.accumulator)
                        part = 0
                    last = max(last, start + offset + row + column)
                totals[m, n] = total
        assert last <= start + length - 1 + corner
        drain = {"exposed": rows, "hidden": rows, "free": 0}[array.drain]
        if number == len(tiles) - 1:
            return totals, start + length + corner + drain
        if not array.tile_overlap:
            start += length + corner + (rows if array.drain == "exposed" else 0)
        else:
            gaps = {"exposed": length + rows - 1, "hidden": max(length, rows), "free": length}
            start += gaps[array.drain]
    raise AssertionError("no tile")


@settings(max_examples=60, deadline=None, derandomize=True)
@given(cases(longest=9))
def test_pes_stepped_one_by_one_give_the_integers_and_the_cycles(case):
    step = step_stationary if case.plan.dataflow.preloads else step_output
    totals, cycles = step(case)
    result = case.run("tile")
    np.testing.assert_array_equal(result.accumulators[0], totals)
    assert sum(result.cycles.values()) == cycles


def test_the_largest_magnitudes_of_every_word():
    # -32768 * -32768 * 65535 wraps in 32 bits as it does in Python.
    array = Array(
        rows=1, columns=1, dataflow="ws", weight_bits=16, activation_bits=16, scale_bits=16
    )
    plan = TilePlan(
        Gemm(1, 1, 1), DATAFLOWS["ws"], 1, 1, 1, 1, LoopOrder.M_OUTER, Residency.PASS,
        Residency.BLOCK, 1,
    )  # fmt: skip
    lowest = -(2**15)
    product = MatrixProduct.from_arrays([[lowest]], [[lowest]], [-(2**31)])
    product = replace(product, vector_scales=np.array([[65535]], np.int32))
    for overflow in Overflow:
        case = Case(array, Accumulator(32, overflow), plan, product)
        sums, events = by_definition(case, longest=case.plan.vector_depth)
        for engine in ("cycle", "tile"):
            result = case.run(engine)
            assert result.accumulators[0].tolist() == sums.tolist()
            assert result.counters.overflow_events == events == 1


@pytest.mark.parametrize(("engine", "what"), [("register", "the 'register' engine")])
def test_registers_have_no_scales(engine, what):
    array = Array(rows=1, columns=1, dataflow="ws", scale_bits=4)
    plan = TilePlan(
        Gemm(1, 1, 1), DATAFLOWS["ws"], 1, 1, 1, 1, LoopOrder.M_OUTER, Residency.PASS,
        Residency.BLOCK, 1,
    )  # fmt: skip
    product = MatrixProduct.from_arrays([[1]], [[1]])
    message = (
        f"^engine: {what} has no scales of groups of weights, use 'cycle' or 'tile' and energy per "
        "operation$"
    )
    with pytest.raises(ConfigError, match=message):
        run_array(engine, product, plan, array, Accumulator())
    with pytest.raises(ConfigError, match=message.replace(what, "switching")):
        run_array("cycle", product, plan, array, Accumulator(), switching=True)


def convolution(
    generator, groups, channels, outputs, kernel, size, vector, scale_bits, weight_bits
):
    """A network of one convolution of random integers, padded, with vectors of weights."""
    form = IntegerFormat(weight_bits, restricted=False)
    shape = (groups * outputs, channels, *kernel)
    depth = channels * kernel[0] * kernel[1]
    window = Window(kernel, (1, 1), (kernel[0] // 2, 0, kernel[0] // 2, 0))
    vectors = WeightVectors(
        vector,
        scale_bits,
        generator.integers(0, 1 << scale_bits, (-(-depth // vector), shape[0]), np.int32),
    )
    operator = IntegerMatrix(
        weights=generator.integers(form.low, form.high, shape, np.int32, True),
        weight_format=form,
        weight_scales=np.ones(shape[0]),
        bias=generator.integers(-500, 500, shape[0]),
        window=window,
        groups=groups,
        rescale=make_rescale(2.0 ** -generator.uniform(6, 14, shape[0]), RescaleMode.SINGLE_ROUND),
        clamp_low=-128,
        clamp_high=127,
        vectors=vectors,
    )
    source = QuantizedTensor((groups * channels, *size), IntegerFormat(8), 1.0, 3)
    target = QuantizedTensor((shape[0], *window.output_size(*size)), IntegerFormat(8), 1.0, -5)
    layer = IntegerLayer("layer", operator, ("x",), "y")
    return IntegerNetwork("one", "x", "y", (layer,), {"x": source, "y": target}, Accumulator())


@settings(max_examples=40, deadline=None, derandomize=True)
@given(data=st.data(), dataflow=st.sampled_from(DataflowName), seed=st.integers(0, 2**32))
def test_a_layer_on_the_machine_is_golden(data, dataflow, seed):
    draw = data.draw
    generator = np.random.default_rng(seed)
    integer = convolution(
        generator,
        *(draw(st.integers(1, 3)), draw(st.integers(1, 9)), draw(st.integers(1, 6))),
        draw(st.tuples(st.integers(1, 3), st.integers(1, 3))),
        (draw(st.integers(3, 6)), draw(st.integers(3, 6))),
        *(draw(st.integers(1, 40)), draw(st.integers(2, 8)), draw(st.integers(2, 8))),
    )
    changes = [f"array.dataflow={dataflow}", "array.scale_bits=8"]
    hardware = load_hardware("edge_4x4", changes)
    images = generator.integers(-128, 128, (3, *integer.tensors["x"].shape)).astype(np.int32)
    golden = execute(integer, images)
    program = compile_network(integer, hardware, 3)
    for engine in ("cycle", "tile"):
        run = simulate(program, integer, hardware, images, engine)
        np.testing.assert_array_equal(run.outputs, golden.outputs)
        assert run.overflow_events == golden.overflow_events
        layer = run.timing.layers[0]
        assert layer.array.scalings >= layer.gemm.rows_m * layer.gemm.columns_n
        assert Cause.STREAM in layer.cycles
