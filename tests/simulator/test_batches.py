from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accelsim.arithmetic import Accumulator, Overflow, RescaleMode
from accelsim.compiler import compile_network
from accelsim.errors import ConfigError, DataError
from accelsim.golden import execute
from accelsim.hardware import load_hardware
from accelsim.simulator import simulate
from accelsim.simulator.run import Cause


def machine(**settings):
    return load_hardware(
        "edge_4x4", [f"{name.replace('__', '.')}={value}" for name, value in settings.items()]
    )


@st.composite
def machines(draw):
    def flag():
        return str(draw(st.booleans())).lower()

    return machine(
        array__rows=draw(st.integers(1, 6)),
        array__columns=draw(st.integers(1, 6)),
        array__dataflow=draw(st.sampled_from(["ws", "os", "is"])),
        array__weight_double_buffering=flag(),
        array__tile_overlap=flag(),
        array__drain=draw(st.sampled_from(["exposed", "hidden", "free"])),
        scratchpads__weights__double_buffered=flag(),
        scratchpads__accumulators__double_buffered=flag(),
        accumulator__bits=draw(st.sampled_from([14, 32])),
        accumulator__overflow=draw(st.sampled_from(["wrap", "saturate"])),
        rescale__mode=draw(st.sampled_from([mode.value for mode in RescaleMode])),
        rescale__mantissa_bits=draw(st.sampled_from([16, 32])),
    )


def network_for(make_network, hardware, seed=0):
    unit = hardware.rescale
    return make_network(seed, unit.mode, unit.mantissa_bits, hardware.accumulator.format)


@settings(max_examples=25, derandomize=True, deadline=None)
@given(
    machines(),
    st.integers(1, 3),
    st.integers(1, 5),
    st.integers(0, 100),
    st.sampled_from(["tile", "cycle", "register"]),
)
def test_equals_golden(make_network, make_images, hardware, batch, count, seed, engine):
    integer = network_for(make_network, hardware, seed)
    images = make_images(count, seed)
    run = simulate(compile_network(integer, hardware, batch), integer, hardware, images, engine)
    golden = execute(integer, images)
    assert np.array_equal(run.outputs, golden.outputs)
    assert run.overflow_events == golden.overflow_events
    assert run.clip_events == golden.clip_events
    assert (run.images, run.batch) == (count, batch)
    if hardware.accumulator.bits == 14:
        assert sum(run.overflow_events.values()) > 0


def test_the_register_engine_runs_whole_networks(make_network, make_images):
    hardware = machine()
    integer = network_for(make_network, hardware)
    images = make_images(1)
    program = compile_network(integer, hardware)
    run = simulate(program, integer, hardware, images, engine="register", switching=True)
    assert np.array_equal(run.outputs, execute(integer, images).outputs)
    assert set(run.switching) == {"stem", "depthwise", "head"}


def test_switching_is_the_same_in_both_engines_that_keep_registers(make_network, make_images):
    hardware = machine(array__dataflow="os")
    integer = network_for(make_network, hardware)
    program = compile_network(integer, hardware, batch=2)
    runs = [
        simulate(program, integer, hardware, make_images(3), engine, switching=True)
        for engine in ("register", "cycle")
    ]
    assert runs[0].switching == runs[1].switching


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5])
def test_a_last_batch_that_is_not_full_counts_its_own_images_only(make_network, make_images, count):
    hardware = machine(accumulator__bits=14)
    integer = network_for(make_network, hardware)
    images = make_images(count)
    runs = [
        simulate(compile_network(integer, hardware, batch), integer, hardware, images, "tile")
        for batch in (1, 2)
    ]
    assert np.array_equal(runs[0].outputs, runs[1].outputs)
    assert runs[0].overflow_events == runs[1].overflow_events
    assert runs[0].clip_events == runs[1].clip_events
    assert runs[1].timing.layers[0].gemm.rows_m == 2 * 30


def test_every_layer_but_the_reshape_is_timed(make_network, make_images):
    hardware = machine()
    integer = network_for(make_network, hardware)
    program = compile_network(integer, hardware)
    run = simulate(program, integer, hardware, make_images(1), "tile", spans=True)
    names = [layer.name for layer in run.timing.layers]
    assert names == ["stem", "depthwise", "add", "max_pool", "clamp", "mean", "head"]
    assert set(run.clip_events) == {"stem", "depthwise", "add", "mean", "head"}
    assert set(run.overflow_events) == {"stem", "depthwise", "head"}
    assert run.switching == {}
    assert run.timing.spans
    assert run.timing.layers[2].cycles.get(Cause.IDLE) == run.timing.layers[2].cycles_total


def test_refuses_images_of_another_shape(make_network):
    hardware = machine()
    integer = network_for(make_network, hardware)
    program = compile_network(integer, hardware)
    with pytest.raises(
        DataError,
        match=r"^inputs: one image of network 'random' has shape \(2, 6, 5\), got \(2, 5, 6\)$",
    ):
        simulate(program, integer, hardware, np.zeros((1, 2, 5, 6), dtype=np.int32))
    with pytest.raises(DataError, match=r"^inputs: must hold at least one image, got none$"):
        simulate(program, integer, hardware, np.zeros((0, 2, 6, 5), dtype=np.int32))


def test_refuses_real_numbers(make_network, make_images):
    hardware = machine()
    integer = network_for(make_network, hardware)
    images = make_images(1).astype(np.float32)
    with pytest.raises(
        DataError, match=r"^inputs: must be integers, got float32 \(quantize them first\)$"
    ):
        simulate(compile_network(integer, hardware), integer, hardware, images)


@pytest.mark.parametrize(("value", "low", "high"), [(128, 0, 128), (-129, -129, 0)])
def test_refuses_integers_outside_the_input_format(make_network, value, low, high):
    hardware = machine()
    integer = network_for(make_network, hardware)
    images = np.zeros((1, 2, 6, 5), dtype=np.int32)
    images[0, 1, 2, 3] = value
    with pytest.raises(
        DataError,
        match=rf"^inputs: must be within int8 \[-128, 127\], got {low} to {high}$",
    ):
        simulate(compile_network(integer, hardware), integer, hardware, images)


def test_refuses_a_network_for_another_accumulator(make_network, make_images):
    hardware = machine()
    integer = network_for(make_network, hardware)
    other = replace(integer, accumulator=Accumulator(20, Overflow.SATURATE))
    with pytest.raises(
        ConfigError,
        match=r"^accumulator: hardware 'edge_4x4' has 32 bits that wrap, "
        r"network 'random' is for 20 bits that saturate$",
    ):
        simulate(compile_network(integer, hardware), other, hardware, make_images(1))


@pytest.mark.parametrize(
    ("mode", "bits"), [(RescaleMode.TRUNCATE, 32), (RescaleMode.SINGLE_ROUND, 16)]
)
def test_refuses_a_network_for_another_rescale_unit(make_network, make_images, mode, bits):
    hardware = machine()
    integer = make_network(0, mode, bits)
    with pytest.raises(
        ConfigError,
        match=r"^rescale: hardware 'edge_4x4' has mode single_round with 32-bit mantissas, "
        rf"layer 'stem' is for {mode} with {bits}$",
    ):
        simulate(compile_network(integer, hardware), integer, hardware, make_images(1))


def test_mantissas_do_not_matter_to_a_float32_unit(make_network, make_images):
    hardware = machine(rescale__mode="float32")
    integer = make_network(0, RescaleMode.FLOAT32, 16)
    images = make_images(1)
    run = simulate(compile_network(integer, hardware), integer, hardware, images, "tile")
    assert np.array_equal(run.outputs, execute(integer, images).outputs)
