"""Depths that are fetched in parts: what the compiler chooses, and plans that are drawn."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accelsim.arithmetic import IntegerFormat, RescaleMode, make_rescale
from accelsim.arithmetic.formats import Accumulator, Overflow
from accelsim.compiler import compile_network, compile_shapes
from accelsim.compiler.program import Place, Residency
from accelsim.compiler.shapes import LayerShape, MatrixShape, NetworkShape, TensorShape
from accelsim.compiler.traffic import dram_traffic, footprint
from accelsim.golden import execute
from accelsim.hardware import load_hardware
from accelsim.network.geometry import Window
from accelsim.network.integer import (
    IntegerLayer,
    IntegerMatrix,
    IntegerNetwork,
    QuantizedTensor,
)
from accelsim.simulator import simulate
from accelsim.simulator.recurrence.nests import describe
from accelsim.simulator.recurrence.records import (
    AT_BLOCK,
    AT_COLUMN,
    AT_DEPTH,
    AT_PART,
    AT_TILE,
    DONE,
    LEVELS,
)
from accelsim.simulator.timing import simulate_timing
from tests.plans import in_parts, plans_in_parts
from tests.simulator.random_programs import compiled, in_vectors, machines

PROPERTY = settings(derandomize=True, deadline=None)


@st.composite
def deep_networks(draw):
    """A chain of one to three 1x1 convolutions of long depths, now and then in groups."""
    groups = draw(st.sampled_from([1, 1, 1, 3]))
    channels = groups * draw(st.sampled_from([1, 5, 24, 90]))
    height, width = draw(st.sampled_from([1, 3, 14])), draw(st.sampled_from([1, 1, 2, 5]))
    bits, batch = draw(st.sampled_from([4, 8])), draw(st.integers(1, 2))
    tensors, layers = {"t0": TensorShape((channels, height, width), bits)}, []
    for index in range(draw(st.integers(1, 3))):
        shape, stride = (channels, height, width), draw(st.sampled_from([1, 1, 2]))
        window = Window((1, 1), (stride, stride))
        out = groups * draw(st.sampled_from([1, 4, 20, 70]))
        work = MatrixShape(shape, out, window, groups, batch, bits, bits, bits, 32)
        work = in_vectors(draw, work)
        channels, output = out, f"t{index + 1}"
        height, width = window.output_size(height, width)
        tensors[output] = TensorShape((channels, height, width), bits)
        layers.append(LayerShape(f"layer{index}", work, (f"t{index}",), output))
    storage = {name: name for name in tensors}
    return NetworkShape("chain", batch, "t0", output, tuple(layers), tensors, storage)


@st.composite
def deep_products(draw):
    """A dense layer of a long depth, for several tokens."""
    depth, tokens = draw(st.integers(60, 400)), draw(st.integers(1, 50))
    bits, out = draw(st.sampled_from([4, 8])), draw(st.integers(1, 120))
    work = MatrixShape((depth, tokens, 1), out, Window((1, 1)), 1, 1, bits, bits, bits, 32)
    tensors = {"t0": TensorShape((depth, tokens, 1), bits), "t1": TensorShape((out, tokens, 1), 8)}
    layers = (LayerShape("dense", work, ("t0",), "t1"),)
    return NetworkShape("dense", 1, "t0", "t1", layers, tensors, {name: name for name in tensors})


@st.composite
def programs_in_parts(draw, hardware, network):
    """The program of a network, with drawn plans in parts for the layers where they fit."""
    program = compiled(network, hardware)
    instructions = tuple(
        draw(drawn_in_parts(instruction, program, hardware)) for instruction in program.instructions
    )
    return replace(program, instructions=instructions)


@st.composite
def drawn_in_parts(draw, instruction, program, hardware):
    """The instruction with a plan in parts if one is found that fits, else as it is."""
    old, shape, pads = instruction.plan, instruction.shape, hardware.scratchpads
    if old.activations_residency is Residency.ON_CHIP:
        return instruction
    on_chip = program.places[instruction.output] is Place.SCRATCHPAD
    largest = min(old.tile_m, 4), old.tile_n, old.tile_k
    together = 15 if pads.accumulators.double_buffered else 1
    for _ in range(4):
        plan = draw(
            plans_in_parts(
                *(old.gemm, old.dataflow.name, largest, together),
                vector_depth=old.vector_depth,
                pe_rate=old.pe_rate,
                right_on_chip=instruction.right_is_on_chip,
            )
        )
        if old.vector_depth:
            plan = replace(plan, tile_k=old.tile_k, block_k=draw(st.integers(1, 4)) * old.tile_k)
        claim = footprint(shape, plan, pads, on_chip)
        claim = replace(claim, tensor_bytes=instruction.footprint.tensor_bytes)
        if (
            claim.activation_bytes <= pads.activations.size
            and claim.weight_bytes <= pads.weights.size
            and claim.accumulator_bytes <= pads.accumulators.size
        ):
            return replace(instruction, plan=plan, footprint=claim)
    return instruction


def alike(program, hardware, repeats):
    """Run by events and by recurrence; return the former's layers. ``repeats`` are added to."""
    events = simulate_timing(program, hardware, method="events")
    assert simulate_timing(program, hardware, method="compiled") == events
    nests = describe(program, hardware)
    assert nests.run() == DONE
    repeats[:] += nests.machine["repeats"][0]
    return events.layers


def test_drawn_plans_in_parts_take_what_they_take_by_events():
    seen = {"in parts": 0, "taking turns": 0, "kept": 0}
    repeats = np.zeros(LEVELS, np.int64)

    roomy = {"scratchpads__accumulators__size": 4096}

    @settings(PROPERTY, max_examples=80)
    @given(machines(**roomy), deep_networks(), st.data())
    def check(hardware, network, data):
        program = data.draw(programs_in_parts(hardware, network))
        layers = alike(program, hardware, repeats)
        for run, instruction in zip(layers, program.instructions, strict=True):
            plan = instruction.plan
            on_chip = program.places[instruction.output] is Place.SCRATCHPAD
            moved = dram_traffic(instruction.shape, plan, hardware.dram.burst, on_chip)
            assert run.traffic.dram_read_bytes == moved.weight_bytes + moved.activation_bytes
            assert run.traffic.dram_write_bytes == moved.output_bytes
            assert run.array.macs == plan.gemm.macs
            seen["in parts"] += plan.k_parts > 1
            seen["taking turns"] += plan.k_parts > 1 and plan.tiles_together > 1
            seen["kept"] += plan.in_parts and plan.activations_residency is Residency.LAYER

    check()
    assert min(seen.values()) > 10, seen


def test_periods_of_parts_are_those_of_events():
    """Chosen plans of products whose depth is long and whose scratchpad is small."""
    in_parts, repeats = 0, np.zeros(LEVELS, np.int64)
    small = {
        "scratchpads__activations__size": st.sampled_from([256, 512]),
        "scratchpads__accumulators__size": st.sampled_from([256, 4096]),
        "scratchpads__accumulators__double_buffered": st.just(True),
        "scratchpads__weights__size": st.just(512),
        "array__dataflow": st.sampled_from(["ws", "ws", "is", "os"]),
    }

    @settings(PROPERTY, max_examples=80)
    @given(st.fixed_dictionaries(small).flatmap(lambda sizes: machines(**sizes)), deep_products())
    def check(hardware, network):
        nonlocal in_parts
        program = compiled(network, hardware)
        in_parts += program.instructions[0].plan.k_parts > 1
        alike(program, hardware, repeats)

    check()
    assert in_parts > 15
    for level in (AT_BLOCK, AT_COLUMN, AT_PART, AT_TILE, AT_DEPTH):
        assert repeats[level] > 0, repeats


@pytest.mark.parametrize("bandwidth", ["1GB/s", "2GB/s", "4GB/s"])
@pytest.mark.parametrize("columns", [4, 8, 12])
@pytest.mark.parametrize("rest", [1, 2, 4])
def test_a_last_block_of_fewer_rows_is_not_taken_for_one_more(rest, columns, bandwidth):
    """Fetches run ahead: they are within a block of rows when the array starts another one."""
    rows, repeats = 160 + rest, np.zeros(LEVELS, np.int64)
    sizes = {"activations": "4KiB", "weights": "1KiB"}
    changes = [f"scratchpads.{name}.size={size}" for name, size in sizes.items()]
    hardware = load_hardware("edge_4x4", [*changes, f"dram.bandwidth={bandwidth}"])
    work = MatrixShape((24, rows, 1), 24, Window((1, 1)), 1, 1, 8, 8, 8, 32)
    tensors = {"t0": TensorShape((24, rows, 1), 8), "t1": TensorShape((24, rows, 1), 8)}
    layers = (LayerShape("dense", work, ("t0",), "t1"),)
    network = NetworkShape(
        "dense", 1, "t0", "t1", layers, tensors, {name: name for name in tensors}
    )
    program = compile_shapes(network, hardware)
    (item,) = program.instructions
    whole = replace(item.plan, block_n=0, block_k=0, weights_residency=Residency.PASS)
    tiles = replace(whole, tile_m=4, tile_n=4, tile_k=4)
    plan = replace(in_parts(tiles, 1, 2), block_n=columns)
    claim = footprint(work, plan, hardware.scratchpads, output_on_chip=False)
    program = replace(program, instructions=(replace(item, plan=plan, footprint=claim),))
    (run,) = alike(program, hardware, repeats)
    moved = dram_traffic(work, plan, hardware.dram.burst, output_on_chip=False)
    assert run.traffic.dram_read_bytes == moved.weight_bytes + moved.activation_bytes
    assert repeats[AT_BLOCK] > 0


def dense(generator, depth, columns, accumulator):
    """A dense layer of random integers, for 11 tokens."""
    form = IntegerFormat(8)
    operator = IntegerMatrix(
        weights=generator.integers(form.low, form.high, (columns, depth, 1, 1), np.int32, True),
        weight_format=form,
        weight_scales=np.ones(columns),
        bias=generator.integers(-500, 500, columns),
        window=Window((1, 1)),
        groups=1,
        rescale=make_rescale(2.0 ** -generator.uniform(9, 12, columns), RescaleMode.SINGLE_ROUND),
        clamp_low=-128,
        clamp_high=127,
    )
    source = QuantizedTensor((depth, 11, 1), form, 1.0, 3)
    target = QuantizedTensor((columns, 11, 1), form, 1.0, -5)
    layer = IntegerLayer("layer", operator, ("x",), "y")
    return IntegerNetwork("one", "x", "y", (layer,), {"x": source, "y": target}, accumulator)


@pytest.mark.parametrize("overflow", list(Overflow))
@pytest.mark.parametrize(("dataflow", "together"), [("ws", 2), ("os", 1), ("is", 2)])
def test_values_and_overflows_are_golden(dataflow, together, overflow):
    """Where sums saturate, the order in which they are added shows."""
    accumulator = Accumulator(18, overflow)
    integer = dense(np.random.default_rng(5), 90, 13, accumulator)
    sizes = {"activations": "192B", "weights": "128B", "accumulators": "384B"}
    changes = [
        *(f"scratchpads.{name}.size={size}" for name, size in sizes.items()),
        *(f"array.dataflow={dataflow}", "accumulator.bits=18", f"accumulator.overflow={overflow}"),
    ]
    hardware = load_hardware("edge_4x4", changes)
    images = np.random.default_rng(6).integers(-128, 128, (3, 90, 11, 1)).astype(np.int32)
    golden = execute(integer, images)
    assert golden.overflow_events["layer"] > 20
    program = compile_network(integer, hardware, 2)
    plan = program.instructions[0].plan
    assert plan.k_parts > 2
    assert plan.tiles_together >= together
    runs = [
        simulate(program, integer, hardware, images, engine, switching=engine != "tile")
        for engine in ("register", "cycle", "tile")
    ]
    for run in runs:
        np.testing.assert_array_equal(run.outputs, golden.outputs)
        assert run.overflow_events == golden.overflow_events
    assert runs[0].switching == runs[1].switching
