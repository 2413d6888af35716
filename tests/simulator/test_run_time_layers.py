"""Networks whose ranges are found at run time: every engine against golden, image by image."""

from dataclasses import replace
from math import prod

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accelsim.arithmetic import Accumulator, IntegerFormat, Overflow
from accelsim.compiler import compile_network, fuse_pads
from accelsim.errors import ConfigError
from accelsim.golden import execute
from accelsim.hardware import load_hardware
from accelsim.network.geometry import Window
from accelsim.network.integer import (
    IntegerLayer,
    IntegerMaxPool,
    IntegerNetwork,
    IntegerPad,
    IntegerReshape,
    QuantizedTensor,
)
from accelsim.network.run_time import (
    RunTimeAdd,
    RunTimeAveragePool,
    RunTimeClamp,
    RunTimeMatrix,
    RunTimeRange,
)
from accelsim.network.vectors import WeightVectors
from accelsim.simulator import simulate
from accelsim.simulator.execute import execute_batch

LARGEST = 2.0**126
PADDED = Window((3, 3), pads=(1, 1, 1, 1))


def machine(**fields):
    changes = [f"{name.replace('__', '.')}={value}" for name, value in fields.items()]
    return load_hardware("edge_4x4", ["rescale.mode=float32", *changes])


def network(
    seed=0, bits=8, symmetric=False, accumulator=None, signed=True, pad=False, kind="plain"
):
    """Every operator once: a residual block, both pools, a clamp, a reshape, a dense head."""
    random = np.random.default_rng(seed)
    format = IntegerFormat(bits, signed)

    def found(step, low=-LARGEST, high=LARGEST):
        return RunTimeRange(low, high, symmetric, f"{step}:quantize")

    def vectors(depth, out):
        count = -(-depth // 3)
        return WeightVectors(3, 4, random.integers(0, 16, (count, out)).astype(np.int32))

    def matrix(name, channels, out, window, groups=1, **clamp):
        largest = (1 << (bits - 1)) - 1
        weights = random.integers(-largest, largest + 1, (out, channels // groups, *window.kernel))
        return RunTimeMatrix(
            weights=weights.astype(np.int32),
            weight_format=IntegerFormat(bits, restricted=True),
            weight_scales=random.uniform(0.001, 0.01, out).astype(np.float32),
            real_bias=random.normal(size=out).astype(np.float32),
            window=window,
            groups=groups,
            range=found(name, **clamp),
            weight_zero_points=random.integers(-largest, largest + 1, out)
            if kind == "zero points"
            else None,
            vectors=vectors(channels // groups * prod(window.kernel), out)
            if kind == "vectors"
            else None,
        )

    skewed = Window((3, 2), pads=(2, 0, 2, 1), dilations=(2, 1))
    layers = [
        IntegerLayer("stem", matrix("stem", 2, 4, PADDED, low=0.0), ("image",), "stem"),
        IntegerLayer("deep", matrix("deep", 4, 4, skewed, groups=4), ("stem",), "deep"),
        IntegerLayer("add", RunTimeAdd(found("add", -1.0, 2.5)), ("stem", "deep"), "add"),
        IntegerLayer("max", IntegerMaxPool(Window((3, 3), (2, 2), (1, 1, 1, 1))), ("add",), "max"),
        IntegerLayer("clamp", RunTimeClamp(-0.5, 2.0), ("max",), "clamp"),
        IntegerLayer(
            "mean",
            RunTimeAveragePool(Window((2, 2), (2, 2), (1, 1, 0, 0)), seed % 2 == 0, found("mean")),
            ("clamp",),
            "mean",
        ),
        IntegerLayer("flat", IntegerReshape(), ("mean",), "flat"),
        IntegerLayer("head", matrix("head", 16, 5, Window((1, 1))), ("flat",), "head"),
    ]
    shapes = {"stem": (4, 6, 5), "deep": (4, 6, 5), "add": (4, 6, 5), "max": (4, 3, 3)}
    shapes |= {"clamp": (4, 3, 3), "mean": (4, 2, 2), "flat": (16,), "head": (5,)}
    zero_point = format.low + 3
    tensors = {"image": QuantizedTensor((2, 6, 5), format, 0.02, zero_point)}
    if pad:
        layers[0] = replace(layers[0], inputs=("padded",))
        margin = IntegerPad((0, 1, 0), (0, 0, 1), zero_point)
        layers.insert(0, IntegerLayer("pad", margin, ("image",), "padded"))
        tensors["padded"] = QuantizedTensor((2, 7, 6), format, 0.02, zero_point)
        window = Window((3, 3), pads=(0, 1, 1, 0))
        layers[1] = replace(layers[1], operator=replace(layers[1].operator, window=window))
    tensors |= {
        name: QuantizedTensor(shape, format, 0.0, 0, at_run_time=True)
        for name, shape in shapes.items()
    }
    return IntegerNetwork(
        "random", "image", "head", tuple(layers), tensors, accumulator or Accumulator()
    )


def images(integer, count, seed=0):
    tensor = integer.tensors["image"]
    random = np.random.default_rng(seed)
    values = random.integers(tensor.format.low, tensor.format.high + 1, (count, 2, 6, 5))
    return values.astype(np.int32)


@st.composite
def machines(draw):
    def flag():
        return str(draw(st.booleans())).lower()

    kind = draw(st.sampled_from(["plain", "zero points", "vectors"]))
    extras = {"zero points": {"array__row_sums": "true"}, "vectors": {"array__scale_bits": 4}}
    return machine(
        **extras.get(kind, {}),
        array__rows=draw(st.integers(1, 6)),
        array__columns=draw(st.integers(1, 6)),
        array__dataflow=draw(st.sampled_from(["ws", "os", "is"])),
        array__tile_overlap=flag(),
        array__drain=draw(st.sampled_from(["exposed", "hidden", "free"])),
        scratchpads__activations__size=draw(st.sampled_from(["1KiB", "8KiB"])),
        accumulator__bits=32 if kind == "vectors" else draw(st.sampled_from([14, 32])),
        accumulator__overflow=draw(st.sampled_from(["wrap", "saturate"])),
    )


@settings(max_examples=25, derandomize=True, deadline=None)
@given(
    machines(),
    st.integers(1, 3),
    st.integers(1, 4),
    st.integers(0, 100),
    st.sampled_from(["tile", "cycle", "register"]),
    st.integers(2, 8),
    st.booleans(),
    st.booleans(),
)
def test_equals_golden(hardware, batch, count, seed, engine, bits, symmetric, signed):
    signed = signed or bits == 8
    kind = "vectors" if hardware.array.scale_bits else "plain"
    kind = "zero points" if hardware.array.row_sums else kind
    # That engine has no scales of groups of weights.
    engine = "cycle" if (kind, engine) == ("vectors", "register") else engine
    integer = network(seed, bits, symmetric, hardware.accumulator.format, signed, kind=kind)
    inputs = images(integer, count, seed)
    run = simulate(compile_network(integer, hardware, batch), integer, hardware, inputs, engine)
    golden = execute(integer, inputs)
    assert np.array_equal(run.outputs, golden.outputs)
    assert np.array_equal(run.output_codes.scales, golden.codes["head"].scales)
    assert np.array_equal(run.output_codes.zero_points, golden.codes["head"].zero_points)
    assert run.overflow_events == golden.overflow_events
    assert run.clip_events == golden.clip_events


@pytest.mark.parametrize("seed", range(4))
def test_every_tensor_and_its_codes_equal_goldens(seed):
    hardware = machine()
    integer = network(seed)
    inputs = images(integer, 3, seed)
    program = compile_network(integer, hardware, 3)
    batch = execute_batch(program, integer, hardware, inputs, "tile")
    golden = execute(integer, inputs)
    assert set(batch.codes) == set(golden.codes) == set(integer.tensors) - {"image"}
    for name, tensor in golden.tensors.items():
        assert np.array_equal(batch.tensors[name], tensor), name
    for name, codes in golden.codes.items():
        assert np.array_equal(batch.codes[name].scales, codes.scales), name
        assert np.array_equal(batch.codes[name].zero_points, codes.zero_points), name
    assert len(set(golden.codes["head"].scales.tolist())) == 3


def test_an_image_does_not_depend_on_the_others_of_its_batch():
    hardware = machine()
    integer = network(3)
    inputs = images(integer, 4)
    inputs[1] = integer.tensors["image"].zero_point
    inputs[2] = integer.tensors["image"].format.high
    together = simulate(compile_network(integer, hardware, 4), integer, hardware, inputs, "tile")
    for index in range(4):
        alone = execute(integer, inputs[index : index + 1])
        assert np.array_equal(together.outputs[index], alone.outputs[0])
        assert together.output_codes.scales[index] == alone.codes["head"].scales[0]


def test_padding_goes_into_windows():
    hardware = machine()
    integer = network(1, pad=True)
    fused = fuse_pads(integer)
    assert fused.layers[0].name == "stem"
    inputs = images(integer, 2)
    run = simulate(compile_network(fused, hardware), fused, hardware, inputs, "tile")
    assert np.array_equal(run.outputs, execute(integer, inputs).outputs)


def one_dense(weights, bias, accumulator=None, bits=16, zero_point=0, scale=1.0):
    operator = RunTimeMatrix(
        weights=np.array(weights, np.int32)[:, :, None, None],
        weight_format=IntegerFormat(bits),
        weight_scales=np.array([1.0], np.float32),
        real_bias=np.array(bias, np.float32),
        window=Window((1, 1)),
        groups=1,
        range=RunTimeRange(-LARGEST, LARGEST, False, "dense:quantize"),
    )
    tensors = {
        "x": QuantizedTensor((len(weights[0]),), IntegerFormat(bits), scale, zero_point),
        "y": QuantizedTensor((len(weights),), IntegerFormat(8), 0.0, 0, at_run_time=True),
    }
    layers = (IntegerLayer("dense", operator, ("x",), "y"),)
    return IntegerNetwork("one", "x", "y", layers, tensors, accumulator or Accumulator())


def run_both(integer, inputs, **fields):
    hardware = machine(array__weight_bits=16, array__activation_bits=16, **fields)
    program = compile_network(integer, hardware, len(inputs))
    run = simulate(program, integer, hardware, np.array(inputs, np.int32), "cycle")
    golden = execute(integer, np.array(inputs, np.int32))
    assert np.array_equal(run.outputs, golden.outputs)
    assert np.array_equal(run.output_codes.scales, golden.codes["y"].scales)
    assert np.array_equal(run.output_codes.zero_points, golden.codes["y"].zero_points)
    return run


def test_the_smallest_accumulator_and_its_correction():
    # -2^15 * 2^15 twice wraps to -2^31; the zero point's correction is exact beyond 32 bits.
    integer = one_dense([[-32768, -32768], [1, 0]], [0.0, 0.0], zero_point=7)
    run = run_both(integer, [[32767, 32767], [-32768, -32768], [7, 7]])
    smallest, largest = -2147418112 + 7 * 65536, -(2**31) + 7 * 65536
    assert run.overflow_events == {"dense": 1}
    spans = [abs(smallest) + 32760, abs(largest), 0]
    assert run.output_codes.scales.tolist() == pytest.approx([spans[0] / 255, spans[1] / 255, 1])


def test_all_zeros_one_element_and_a_constant():
    run = run_both(one_dense([[3]], [0.0]), [[0], [5], [-5]])
    assert run.outputs.tolist() == [[-128], [127], [-128]]
    assert run.output_codes.zero_points.tolist() == [-128, -128, 127]
    assert run.output_codes.scales.tolist() == pytest.approx([1.0, 15 / 255, 15 / 255])
    constant = run_both(one_dense([[0], [0]], [2.0, 2.0]), [[9]])
    assert constant.outputs.tolist() == [[127, 127]]


def test_scales_beyond_float32_saturate():
    run = run_both(one_dense([[1], [0]], [0.0, 1.0], scale=1e38), [[2]])
    assert run.output_codes.scales[0] == np.float32(2.0**95 / 255)
    tiny = run_both(one_dense([[1], [0]], [0.0, 0.0], scale=1e-44), [[2]])
    assert tiny.output_codes.scales.tolist() == [1.0]


@pytest.mark.parametrize("overflow", list(Overflow))
def test_accumulators_overflow_as_in_golden(overflow):
    accumulator = Accumulator(12, overflow)
    integer = one_dense([[100, 100], [-90, 3]], [0.5, -0.5], accumulator, bits=8)
    run = run_both(
        integer,
        [[100, 100], [-100, 7]],
        accumulator__bits=12,
        accumulator__overflow=overflow.value,
    )
    assert run.overflow_events["dense"] > 0


def test_the_machine_has_two_passes_and_says_so():
    hardware = machine()
    integer = network()
    run = simulate(
        compile_network(integer, hardware, 2), integer, hardware, images(integer, 2), "tile"
    )
    layers = {layer.name: layer for layer in run.timing.layers}
    assert list(layers) == [
        *("stem", "stem:quantize", "deep", "deep:quantize", "add", "add:quantize", "max"),
        *("clamp", "mean", "mean:quantize", "head", "head:quantize"),
    ]
    assert (layers["stem"].input_bits, layers["stem"].output_bits) == (8, 32)
    second = layers["stem:quantize"]
    assert (second.operator, second.input_bits, second.output_bits) == ("quantize", 32, 8)
    elements = 2 * 4 * 6 * 5
    assert second.vector_operations == elements
    # 24 cycles to the first image's scale, one more to the second's, then a lane an element.
    assert second.cycles_total == 25 + -(-elements // hardware.vector.lanes)
    assert second.traffic.activation_reads == elements
    assert second.traffic.activation_writes == elements


def test_words_that_do_not_fit_go_through_dram():
    hardware = machine(scratchpads__activations__size="512B")
    integer = network()
    program = compile_network(integer, hardware, 2)
    run = simulate(program, integer, hardware, images(integer, 2), "tile")
    layers = {layer.name: layer for layer in run.timing.layers}
    words_bytes = 4 * 2 * 4 * 6 * 5
    assert layers["stem"].traffic.dram_write_bytes >= words_bytes
    assert layers["stem:quantize"].traffic.dram_read_bytes >= words_bytes
    assert layers["stem:quantize"].cycles_total > 25 + 2 * 4 * 6 * 5 // hardware.vector.lanes


def test_a_rescale_unit_of_fixed_point_is_refused():
    hardware = load_hardware("edge_4x4")
    integer = network()
    with pytest.raises(ConfigError) as caught:
        simulate(compile_network(integer, hardware), integer, hardware, images(integer, 1))
    assert str(caught.value) == (
        "rescale: hardware 'edge_4x4' has mode single_round, layer 'stem' finds its range at run "
        "time, in float32; set rescale.mode=float32"
    )
