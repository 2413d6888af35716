"""Networks of the operators that quantized files bring: golden and the machine agree on all."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from accelsim.arithmetic import RescaleMode
from accelsim.compiler import compile_network, fuse_pads
from accelsim.errors import CapacityError, ConfigError
from accelsim.golden import execute
from accelsim.hardware import load_hardware
from accelsim.simulator import simulate
from accelsim.simulator.execute import execute_batch
from accelsim.simulator.timing import simulate_timing

ENGINES = ("tile", "cycle", "register")


@pytest.fixture(scope="module")
def hardware():
    """A 4x4 machine for 9-bit weights with TFLite's rescale unit."""
    machine = load_hardware("edge_4x4", ("rescale.mode=double_round",))
    return machine.with_operand_bits(9, 8)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("wide", [False, True])
@pytest.mark.parametrize("seed", range(3))
def test_every_tensor_equals_golden(make_file_network, make_images, hardware, seed, wide, engine):
    integer = make_file_network(seed, wide)
    images = make_images(3, seed)
    golden = execute(integer, images)
    for network in (integer, fuse_pads(integer)):
        program = compile_network(network, hardware, batch=3)
        batch = execute_batch(program, network, hardware, images, engine)
        assert set(batch.tensors) == set(network.tensors)
        for name, tensor in batch.tensors.items():
            assert tensor.dtype == np.int32
            assert np.array_equal(tensor, golden.tensors[name]), name


def test_the_far_ends_of_multipliers_and_biases_are_reached(make_file_network, make_images):
    integer = make_file_network(wide=True)
    operator = next(layer.operator for layer in integer.layers if layer.name == "strided")
    assert operator.rescale.mantissas[0] == 0
    assert operator.rescale.shifts[:3].tolist() == [0, -31, 4]
    assert operator.bias.max() == 2**30
    strided = execute(integer, make_images(3)).tensors["strided"]
    # A multiplier of 0 leaves the zero point, one of 8 clamps.
    assert np.unique(strided[:, 0]).tolist() == [integer.tensors["strided"].zero_point]
    assert set(np.unique(strided[:, 2])) <= {-100, 100}


def test_every_layer_but_the_hosts_is_timed(make_file_network, make_images, hardware):
    integer = make_file_network()
    images = make_images(5)
    program = compile_network(integer, hardware, batch=2)
    run = simulate(program, integer, hardware, images, "cycle")
    golden = execute(integer, images)
    names = ["pad", "strided", "scale", "margin", "table", "pool", "head"]
    assert [layer.name for layer in run.timing.layers] == names
    assert np.array_equal(run.outputs, golden.outputs)
    assert run.clip_events == golden.clip_events
    assert set(run.clip_events) == {"strided", "scale", "head"}
    operations = {layer.name: layer.vector_operations for layer in run.timing.layers}
    inside = (2 * 3 - 1) * (2 * 3)  # The first window of pools lacks its padded row.
    assert operations == {
        "pad": 2 * 2 * 7 * 7,
        "strided": 0,
        "scale": 2 * 4 * 9,
        "margin": 2 * 5 * 4 * 6,
        "table": 2 * 5 * 4 * 6,
        "pool": 2 * 5 * inside,
        "head": 0,
    }


def test_what_the_host_does_between_layers_passes_through_dram(
    make_attentive_network, make_images, hardware
):
    integer = make_attentive_network()
    images = make_images(4)
    program = compile_network(integer, hardware, batch=2)
    run = simulate(program, integer, hardware, images, "register")
    assert np.array_equal(run.outputs, execute(integer, images).outputs)
    before, after = run.timing.layers
    assert (before.name, after.name) == ("before", "after")
    burst = hardware.dram.burst
    assert before.traffic.dram_write_bytes >= 2 * 4 * 6 * 5
    assert after.traffic.dram_read_bytes >= 2 * 4 * 6 * 5
    assert before.traffic.dram_write_bytes % burst == after.traffic.dram_read_bytes % burst == 0


def test_padding_in_windows_costs_no_vector_unit(make_file_network, hardware):
    integer = make_file_network()
    apart, fused = (
        simulate_timing(compile_network(network, hardware), hardware)
        for network in (integer, fuse_pads(integer))
    )
    assert [layer.name for layer in fused.layers] == [layer.name for layer in apart.layers[1:]]
    assert fused.cycles_total < apart.cycles_total
    assert fused.layers[0].gemm == apart.layers[1].gemm


@st.composite
def machines(draw):
    """A small machine for 9-bit weights, of any dataflow, rescale mode and tightness."""
    changes = {
        "array.rows": st.integers(1, 6),
        "array.columns": st.integers(1, 6),
        "array.dataflow": st.sampled_from(["ws", "os", "is"]),
        "array.drain": st.sampled_from(["exposed", "hidden", "free"]),
        "scratchpads.activations.size": st.sampled_from(["160B", "1KiB", "64KiB"]),
        "scratchpads.activations.double_buffered": st.sampled_from(["true", "false"]),
        "rescale.mode": st.sampled_from(list(RescaleMode)),
        "accumulator.bits": st.sampled_from([16, 32]),
        "accumulator.overflow": st.sampled_from(["wrap", "saturate"]),
    }
    values = {field: draw(choice) for field, choice in changes.items()}
    overrides = [f"{field}={value}" for field, value in values.items()]
    try:
        return load_hardware("edge_4x4", overrides).with_operand_bits(9, 8)
    except ConfigError:
        assume(False)


@settings(max_examples=25, derandomize=True, deadline=None)
@given(machines(), st.integers(1, 3), st.integers(0, 99), st.booleans(), st.sampled_from(ENGINES))
def test_any_machine_gives_goldens_integers(
    make_file_network, make_images, hardware, batch, seed, wide, engine
):
    accumulator = hardware.accumulator.format
    wide = wide and accumulator.bits == 32
    integer = make_file_network(seed, wide, hardware.rescale.mode, accumulator)
    images = make_images(2, seed)
    network = fuse_pads(integer) if seed % 2 else integer
    try:
        program = compile_network(network, hardware, batch)
    except CapacityError:
        assume(False)
    run = simulate(program, network, hardware, images, engine)
    golden = execute(integer, images)
    assert np.array_equal(run.outputs, golden.outputs)
    assert run.clip_events == golden.clip_events
    assert run.overflow_events == golden.overflow_events
    events = simulate_timing(program, hardware, method="events")
    assert run.timing == events == simulate_timing(program, hardware, method="compiled")


@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize("size", ["64KiB", "160B"])
def test_the_recurrence_is_the_machine_of_events(make_file_network, batch, size):
    machine = load_hardware("edge_4x4", (f"scratchpads.activations.size={size}",))
    program = compile_network(make_file_network(), machine, batch)
    events = simulate_timing(program, machine, method="events")
    assert simulate_timing(program, machine, method="compiled") == events
