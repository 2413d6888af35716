"""Random machines and random small programs."""

from dataclasses import replace
from functools import cache
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from accelsim.compiler import compile_shapes
from accelsim.compiler.program import MatrixInstruction, Place
from accelsim.compiler.shapes import (
    LayerShape,
    MatrixShape,
    NetworkShape,
    TensorShape,
    VectorShape,
)
from accelsim.compiler.traffic import dram_traffic
from accelsim.compiler.two_passes import two_passes
from accelsim.errors import CapacityError, ConfigError
from accelsim.hardware import load_hardware
from accelsim.hardware.schema import Hardware, RowPolicy
from accelsim.network.geometry import Window
from accelsim.simulator.machine import run_machine
from accelsim.simulator.prepare import prepare
from accelsim.simulator.recurrence.nests import describe
from accelsim.simulator.recurrence.records import (
    AT_BLOCK,
    AT_COLUMN,
    AT_DEPTH,
    AT_GROUP,
    AT_TILE,
    DONE,
    LEVELS,
)
from accelsim.simulator.run import Cause
from accelsim.simulator.timing import simulate_timing
from accelsim.simulator.work import MatrixWork

PROPERTY = settings(max_examples=25, derandomize=True, deadline=None)


@cache
def base():
    return load_hardware("edge_4x4")


def machine(**fields):
    """The 4x4 machine with other values; its file is read once, not for each example."""
    values = base().model_dump(by_alias=True)
    for path, value in fields.items():
        *parents, name = path.split("__")
        part = values
        for parent in parents:
            part = part[parent]
        part[name] = value
    return Hardware.model_validate(values)


@st.composite
def machines(draw, **fixed):
    def flag():
        return draw(st.booleans())

    rows, columns = draw(st.integers(1, 5)), draw(st.integers(1, 5))
    kind = draw(st.sampled_from(["fixed", "fixed", "composable", "bit_serial"]))
    fields = {
        "array__rows": rows,
        "array__columns": columns,
        "array__dataflow": draw(st.sampled_from(["ws", "os", "is"])),
        "array__weight_double_buffering": flag(),
        "array__tile_overlap": flag(),
        "array__drain": draw(st.sampled_from(["exposed", "hidden", "free"])),
        "array__pe_kind": kind,
        "array__row_sums": kind == "fixed" and flag(),
        "scratchpads__weights__double_buffered": flag(),
        "scratchpads__weights__size": draw(st.sampled_from([128, 512, 4096])),
        "scratchpads__weights__bandwidth": draw(st.sampled_from([1, 4, 64])),
        "scratchpads__activations__double_buffered": flag(),
        "scratchpads__activations__size": draw(st.sampled_from([64, 256, 4096])),
        "scratchpads__activations__bandwidth": draw(st.sampled_from([1, 4, 64])),
        "scratchpads__accumulators__double_buffered": flag(),
        "scratchpads__accumulators__size": draw(st.sampled_from([256, 4096])),
        "dma__outstanding": draw(st.integers(1, 4)),
        "dma__setup": draw(st.integers(0, 4)),
        "dram__bandwidth": draw(st.sampled_from([1e9, 7e9, 12.8e9, 16e9])),
        "dram__latency": draw(st.integers(0, 40)) * 1e-9,
        "dram__burst": draw(st.sampled_from([1, 16, 32, 64])),
        "dram__row_size": draw(st.sampled_from([None, None, 64, 256, 1024])),
        "rescale__lanes": draw(st.integers(1, 8)),
        "rescale__pipeline": draw(st.integers(0, 4)),
        "clock": 1e9,
        "array__scale_bits": 16,
    }
    if fields["dram__row_size"]:
        fields["dram__row_miss"] = draw(st.sampled_from([0, 5, 17, 300])) * 1e-9
        fields["dram__row_policy"] = draw(st.sampled_from(["open", "closed"]))
        fields["dram__banks"] = draw(st.sampled_from([1, 2, 8]))
    try:
        return machine(**(fields | fixed))
    except (ConfigError, ValidationError):
        assume(False)


def in_vectors(draw, work):
    """The layer, now and then with scales of vectors of its weights."""
    depth = work.gemm.depth_k
    vector = draw(st.sampled_from([0, 0, 1, 2, 3, 4, 7, depth]))
    if not vector:
        return work
    return replace(work, vector_depth=min(vector, depth), scale_bits=draw(st.sampled_from([4, 9])))


@st.composite
def networks(draw):
    """A chain of one to four layers: convolutions, dense layers at 1x1, additions, pools, pads.

    Some find their range at run time, and write words that a second pass reads.
    """
    shape = draw(st.tuples(st.integers(1, 4), st.integers(1, 6), st.integers(1, 6)))
    bits = draw(st.sampled_from([2, 3, 8]))
    batch = draw(st.integers(1, 2))
    tensors, layers = {"t0": TensorShape(shape, bits)}, []
    for index in range(draw(st.integers(1, 4))):
        source, output = f"t{index}", f"t{index + 1}"
        channels, height, width = shape
        kind = draw(st.sampled_from(["conv", "conv", "depthwise", "add", "max_pool", "pad"]))
        inputs = (source,)
        if kind in ("conv", "depthwise"):
            size = draw(st.integers(1, 3))
            window = Window((size, size), (draw(st.integers(1, 2)),) * 2, (size // 2,) * 4)
            out = channels if kind == "depthwise" else draw(st.integers(1, 7))
            groups = channels if kind == "depthwise" else 1
            work = MatrixShape(shape, out, window, groups, batch, bits, bits, bits, 32)
            work = in_vectors(draw, work)
            out_size = window.output_size(height, width)
            assume(min(out_size) > 0)
            shape = (out, *out_size)
        elif kind == "add":
            inputs = (source, f"t{draw(st.integers(0, index))}")
            assume(tensors[inputs[1]].shape == shape)
            count = batch * channels * height * width
            work = VectorShape("add", count, 1, 1, Window((1, 1)), (bits, bits), bits)
        elif kind == "pad":
            top, bottom, right = (draw(st.integers(0, 2)) for _ in range(3))
            window = Window((1, 1), pads=(top, 0, bottom, right * channels))
            work = VectorShape("pad", batch, height, channels * width, window, (bits,), bits)
            shape = (channels, height + top + bottom, width + right)
        else:
            window = Window((2, 2), (1, 1), (1, 1, 0, 0))
            work = VectorShape("max_pool", batch * channels, height, width, window, (bits,), bits)
        tensors[output] = TensorShape(shape, bits)
        layer = LayerShape(f"layer{index}", work, inputs, output)
        if kind in ("pad", "max_pool") or draw(st.booleans()):
            layers.append(layer)
            continue
        words = f"words{index}"
        tensors[words] = TensorShape(shape, 32)
        layers += two_passes(layer, tensors[output], batch, words, f"step{index}")
    storage = {name: name for name in tensors}
    return NetworkShape("chain", batch, "t0", output, tuple(layers), tensors, storage)


@st.composite
def wide_networks(draw):
    """A chain of one to three 1x1 convolutions with many more outputs than an array has columns."""
    channels, height = draw(st.integers(1, 24)), draw(st.integers(1, 4))
    width, batch = draw(st.integers(1, 3)), draw(st.integers(1, 2))
    bits = draw(st.sampled_from([4, 8]))
    tensors, layers = {"t0": TensorShape((channels, height, width), bits)}, []
    for index in range(draw(st.integers(1, 3))):
        out = draw(st.integers(8, 80))
        shape = (channels, height, width)
        work = MatrixShape(shape, out, Window((1, 1)), 1, batch, bits, bits, bits, 32)
        channels, output = out, f"t{index + 1}"
        tensors[output] = TensorShape((channels, height, width), bits)
        layers.append(LayerShape(f"layer{index}", work, (f"t{index}",), output))
    storage = {name: name for name in tensors}
    return NetworkShape("chain", batch, "t0", output, tuple(layers), tensors, storage)


@st.composite
def long_networks(draw):
    """One to three layers whose loops are long at one level or another."""
    channels = draw(st.sampled_from([1, 12, 24, 40]))
    height, width = draw(st.sampled_from([1, 2, 9, 24])), draw(st.sampled_from([1, 2, 4]))
    bits, batch = draw(st.sampled_from([4, 8])), draw(st.integers(1, 2))
    tensors, layers = {"t0": TensorShape((channels, height, width), bits)}, []
    for index in range(draw(st.integers(1, 3))):
        shape = (channels, height, width)
        depthwise = draw(st.booleans())
        size = draw(st.sampled_from([1, 1, 3]))
        window = Window((size, size), (1, 1), (size // 2,) * 4)
        out = channels if depthwise else draw(st.sampled_from([1, 3, 12, 40]))
        groups = channels if depthwise else 1
        work = MatrixShape(shape, out, window, groups, batch, bits, bits, bits, 32)
        work = in_vectors(draw, work)
        channels, output = out, f"t{index + 1}"
        tensors[output] = TensorShape((channels, height, width), bits)
        layers.append(LayerShape(f"layer{index}", work, (f"t{index}",), output))
    storage = {name: name for name in tensors}
    return NetworkShape("chain", batch, "t0", output, tuple(layers), tensors, storage)


def compiled(network, hardware):
    """Compile; every second product has weights with zero points where the array can have them."""
    layers = tuple(
        replace(layer, work=replace(layer.work, row_sums=index % 2 == 0))
        if isinstance(layer.work, MatrixShape) and hardware.array.row_sums
        else layer
        for index, layer in enumerate(network.layers)
    )
    try:
        return compile_shapes(replace(network, layers=layers), hardware)
    except CapacityError:
        assume(False)


@PROPERTY
@given(machines(), networks())
def test_everything_is_accounted_for(hardware, network):
    program = compiled(network, hardware)
    timing = simulate_timing(program, hardware, spans=True)
    assert sum(run.cycles_total for run in timing.layers) == timing.cycles_total
    for run, instruction in zip(timing.layers, program.instructions, strict=True):
        assert run.name == instruction.layer
        assert sum(run.cycles.values()) == run.cycles_total
        if isinstance(instruction, MatrixInstruction):
            on_chip = program.places[instruction.output] is Place.SCRATCHPAD
            expected = dram_traffic(
                instruction.shape, instruction.plan, hardware.dram.burst, on_chip
            )
            assert run.array.macs == instruction.plan.gemm.macs
            assert run.traffic.dram_read_bytes == expected.weight_bytes + expected.activation_bytes
            assert run.traffic.dram_write_bytes == expected.output_bytes
            gemm = instruction.plan.gemm
            assert run.rescale_operations == gemm.groups * gemm.rows_m * gemm.columns_n
        else:
            assert run.cycles == ({Cause.IDLE: run.cycles_total} if run.cycles_total else {})
            assert run.vector_operations == instruction.operations
    for cycles in timing.units.values():
        assert sum(cycles.values()) == timing.cycles_total
        assert min(cycles.values(), default=1) > 0
    for unit in {span.unit for span in timing.spans}:
        pieces = sorted(
            (span.start_cycle, span.stop_cycle) for span in timing.spans if span.unit == unit
        )
        assert all(stop <= start for (_, stop), (start, _) in pairwise(pieces))
        assert pieces[-1][1] <= timing.cycles_total
    assert simulate_timing(program, hardware, spans=True) == timing


@settings(PROPERTY, max_examples=60)
@given(machines(), networks())
def test_the_recurrence_is_the_machine_of_events(hardware, network):
    program = compiled(network, hardware)
    events = simulate_timing(program, hardware, method="events")
    assert simulate_timing(program, hardware, method="compiled") == events


@settings(PROPERTY, max_examples=60)
@given(machines(), wide_networks())
def test_periods_of_many_columns_are_those_of_events(hardware, network):
    program = compiled(network, hardware)
    events = simulate_timing(program, hardware, method="events")
    assert simulate_timing(program, hardware, method="compiled") == events


def test_periods_of_every_loop_are_those_of_events():
    repeats = np.zeros(LEVELS, np.int64)

    @settings(PROPERTY, max_examples=250)
    @given(machines(), long_networks())
    def check(hardware, network):
        program = compiled(network, hardware)
        nests = describe(program, hardware)
        assert nests.run() == DONE
        repeats[:] += nests.machine["repeats"][0]
        events = simulate_timing(program, hardware, method="events")
        assert simulate_timing(program, hardware, method="compiled") == events

    check()
    for level in (AT_GROUP, AT_BLOCK, AT_COLUMN, AT_TILE, AT_DEPTH):
        assert repeats[level] > 0


def test_periods_are_those_of_events_where_far_more_is_held_than_a_period_takes():
    # Weights lie ready for many periods ahead, and are of more than one size: biases come along.
    repeats = np.zeros(LEVELS, np.int64)
    ample = {
        "scratchpads__weights__size": 16384,
        "scratchpads__weights__double_buffered": True,
        "scratchpads__activations__size": 65536,
    }

    @settings(PROPERTY, max_examples=60)
    @given(machines(**ample), long_networks())
    def check(hardware, network):
        program = compiled(network, hardware)
        nests = describe(program, hardware)
        assert nests.run() == DONE
        repeats[:] += nests.machine["repeats"][0]
        events = simulate_timing(program, hardware, method="events")
        assert simulate_timing(program, hardware, method="compiled") == events

    check()
    assert repeats[AT_DEPTH] > 0


@PROPERTY
@given(machines(), networks())
def test_the_arrays_own_cycles_do_not_depend_on_the_memory(hardware, network):
    # Preload, fill and drain are what has to pass even with all data at hand, so they are the
    # same whatever DRAM does, as long as no scratchpad is too slow for the stream.
    wide = {"bandwidth": 4096}
    pads = hardware.scratchpads
    hardware = hardware.model_copy(
        update={
            "scratchpads": pads.model_copy(
                update={
                    name: getattr(pads, name).model_copy(update=wide)
                    for name in ("weights", "activations")
                }
            )
        }
    )
    program = compiled(network, hardware)
    slow = hardware.model_copy(
        update={"dram": hardware.dram.model_copy(update={"bandwidth": 3e8, "latency": 1e-7})}
    )
    own = (Cause.STREAM, Cause.PRELOAD, Cause.FILL, Cause.DRAIN)
    fast_runs, slow_runs = (simulate_timing(program, each).layers for each in (hardware, slow))
    for fast_run, slow_run in zip(fast_runs, slow_runs, strict=True):
        for cause in own:
            assert fast_run.cycles.get(cause, 0) == slow_run.cycles.get(cause, 0)


@PROPERTY
@given(machines(dram__row_size=None, dram__row_miss=0.0), networks(), st.booleans())
def test_rows_cost_what_opening_them_takes(hardware, network, stay_open):
    """At no cost they change nothing but their count; the dearer and the more, the slower."""
    program = compiled(network, hardware)

    def with_rows(policy, miss):
        rows = {"row_size": 256, "row_policy": RowPolicy(policy), "row_miss": miss * 1e-9}
        return simulate_timing(
            program, hardware.model_copy(update={"dram": hardware.dram.model_copy(update=rows)})
        )

    without = simulate_timing(program, hardware)
    free, dear = (with_rows("open" if stay_open else "closed", miss) for miss in (0, 90))
    assert free.units == without.units
    for old, new in zip(without.layers, free.layers, strict=True):
        misses = new.traffic.dram_row_misses
        moved = new.traffic.dram_read_bytes + new.traffic.dram_write_bytes
        assert -(-moved // 256) <= misses
        assert old == replace(new, traffic=replace(new.traffic, dram_row_misses=0))
    misses = [run.traffic.dram_row_misses for run in free.layers]
    assert misses == [run.traffic.dram_row_misses for run in dear.layers]
    assert dear.cycles_total >= without.cycles_total
    closed = with_rows("closed", 90)
    assert closed.cycles_total >= dear.cycles_total
    for one, other in zip(dear.layers, closed.layers, strict=True):
        assert one.traffic.dram_row_misses <= other.traffic.dram_row_misses


@PROPERTY
@given(machines(), networks(), st.sampled_from(["bandwidth", "latency"]), st.integers(2, 5))
def test_a_slower_dram_never_makes_it_faster(hardware, network, what, factor):
    program = compiled(network, hardware)
    dram = hardware.dram
    changes = {
        "bandwidth": {"bandwidth": dram.bandwidth / factor},
        "latency": {"latency": dram.latency + factor * 1e-9},
    }[what]
    slower = hardware.model_copy(update={"dram": dram.model_copy(update=changes)})
    fast, slow = (simulate_timing(program, each).cycles_total for each in (hardware, slower))
    assert slow >= fast


def everything_at_hand(layer, rows, preloads):
    """The layer with all operands on chip, wide scratchpads and its output on chip."""
    passes = tuple(
        replace(
            part,
            activation_cycles=0,
            weight_cycles=0,
            preload_cycles=rows if preloads else 0,
            fetch_weight_bytes=None,
            fetch_activation_bytes=None,
            releases_weights=False,
            releases_activations=False,
            output_bytes=0,
        )
        for part in layer.passes
    )
    return replace(layer, passes=passes, resident_bytes=0, staging_bytes=0)


def table_cycles(plan, array, buffers, row_sums):
    """A layer's cycles from the table "pass after pass" of docs/timing.md.

    All operands at hand; a rescale unit that reads any tile in one cycle and writes at once. A
    tile that needs a buffer waits until the tile ``buffers`` before it has been read.
    """
    rows, columns = array.rows, array.columns
    wave = rows + columns - 2
    if array.row_sums and array.dataflow != "is":
        wave += 1
    parts = list(plan.passes())
    read = []
    if array.dataflow == "os":
        depth = -(-plan.gemm.depth_k // plan.pe_rate.depth) * plan.pe_rate.cycles
        start = 0
        if plan.vector_depth:
            # Behind the last element of each vector comes its scale.
            depth += -(-depth // plan.vector_depth)
        for tile in range(sum(part.last_depth for part in parts)):
            if tile:
                if array.tile_overlap:
                    gaps = {"hidden": max(depth, rows), "free": depth}
                    start += gaps.get(array.drain, depth + rows - 1)
                else:
                    start += depth + wave + (rows if array.drain == "exposed" else 0)
            start = max([start, *read[-buffers:][: len(read) >= buffers]])
            drain = 0 if array.drain == "free" else rows
            read.append(max([start + depth + wave + drain, *read[-1:]]) + 1)
        return read[-1]
    # A sum is scaled in the cycle after it has left the array.
    wave += plan.vector_depth > 0
    start, length = rows, None
    for part in parts:
        if length is not None:
            if array.tile_overlap:
                start += max(length, rows) if array.weight_double_buffering else length + rows
            else:
                start += length + wave + (0 if array.weight_double_buffering else rows)
        if part.first_depth and len(read) >= buffers:
            start = max(start, read[-buffers])
        vectors = part.m_size if array.dataflow == "ws" else part.n_size + row_sums
        length = vectors * plan.pe_rate.cycles
        if part.last_depth:
            read.append(max([start + length + wave, *read[-1:]]) + 1)
    return read[-1]


@PROPERTY
@given(machines(rescale__lanes=4096, rescale__pipeline=0), networks())
def test_with_all_data_at_hand_it_is_the_table_of_the_timing_model(hardware, network):
    program = compiled(network, hardware)
    buffers = 2 if hardware.scratchpads.accumulators.double_buffered else 1
    for layer, instruction in zip(prepare(program, hardware), program.instructions, strict=True):
        if isinstance(layer, MatrixWork):
            preloads = hardware.array.dataflow != "os"
            ideal = everything_at_hand(layer, hardware.array.rows, preloads)
            timing = run_machine([ideal], hardware)
            expected = table_cycles(instruction.plan, hardware.array, buffers, layer.row_sums)
            # The one stage of the rescale unit: the subtraction of row sums.
            assert timing.cycles_total == expected + hardware.array.row_sums
            assert not set(timing.layers[0].cycles) & {
                Cause.STALL_WEIGHTS,
                Cause.STALL_ACTIVATIONS,
                Cause.STALL_OUTPUT,
                Cause.IDLE,
            }


@pytest.mark.parametrize("vectors", [1, 2, 5, 9])
@pytest.mark.parametrize("passes", [1, 2, 7])
def test_identical_passes_cost_the_closed_form(
    small_hardware, make_pass, make_layer, vectors, passes
):
    # R + (passes - 1) * max(t, R) + t + R + C - 2, and one cycle each to read and to write.
    hardware = small_hardware(rescale__lanes=4096)
    first = [make_pass(vectors, last_depth=False)]
    middle = [make_pass(vectors, first_depth=False, last_depth=False)] * (passes - 2)
    parts = [*first, *middle, make_pass(vectors, first_depth=False)]
    if passes == 1:
        parts = [make_pass(vectors)]
    timing = run_machine([make_layer(*parts)], hardware)
    assert timing.cycles_total == 2 + (passes - 1) * max(vectors, 2) + vectors + 2 + 2
