import os
from pathlib import Path

import numpy as np
import pytest

from accelsim.arithmetic import RescaleMode, make_rescale, rescale
from accelsim.frontend.tflite import in_file_layout, load_tflite
from accelsim.golden import execute
from accelsim.quantize import dequantize_output, quantize_input

pytest.importorskip("tflite_micro", reason="the witness tflite-micro is not installed")

KINDS = [
    "add",
    "convolution",
    "depthwise",
    "dynamic_reshape",
    "fully_connected",
    "logistic",
    "mean",
    "network",
    "pad",
    "pool",
    "quantize",
    "relu",
    "relu6",
    "requantized_add",
    "reshape",
    "softmax",
]
MODELS_OF_A_KIND = 140
IMAGES = 5


def random_images(generator, count):
    """Images for `compare`: the first has the format's ends only."""

    def images(tensor):
        low, high = tensor.format.low, tensor.format.high
        values = generator.integers(low, high, (count, *tensor.shape), np.int32, endpoint=True)
        values[0] = generator.choice([low, high], tensor.shape)
        return values

    return images


@pytest.mark.parametrize("kind", KINDS)
def test_every_tensor_of_random_models_is_equal(kind, tflite_file, random_models, compare):
    for seed in range(MODELS_OF_A_KIND):
        generator = np.random.default_rng([seed, KINDS.index(kind)])
        file = tflite_file()
        source, target = getattr(random_models(file, generator), kind)()
        content = file.content([source], [target])
        differing, elements = compare(content, random_images(generator, IMAGES))
        assert elements > 0
        assert differing == {}, (kind, seed)


@pytest.mark.parametrize("name", ["kws_ref_model.tflite", "pretrainedResnet_quant.tflite"])
def test_every_tensor_of_mlperf_tiny_is_equal(name, compare):
    folder = os.environ.get("ACCELSIM_MLPERF_TINY")
    if folder is None:
        pytest.skip("ACCELSIM_MLPERF_TINY does not name a folder with MLPerf Tiny's models")
    content = (Path(folder) / name).read_bytes()
    images = random_images(np.random.default_rng(1), 50)
    differing, elements = compare(content, images, arena_bytes=2**22)
    assert elements > 1_000_000
    assert differing == {}


def accumulators_at_ties(generator):
    """Scales, and biases whose rescaled values lie as close to a half as integers come.

    There one unit in the last place of the multiplier, or another order of its product, shows.
    """
    source = np.float32(2.0 ** generator.uniform(-8, 0))
    target = np.float32(2.0 ** generator.uniform(-8, 0))
    weights = np.float32(2.0 ** generator.uniform(-23.5, -22) * target / source)
    multiplier = float(source) * float(weights) / float(target)
    steps = (np.arange(-128, 128) + 0.5) / multiplier
    biases = np.concatenate([np.floor(steps), np.ceil(steps)])
    return source, weights, target, biases.clip(-(2**31) + 1, 2**31 - 1).astype(np.int64)


@pytest.mark.parametrize("kind", ["CONV_2D", "FULLY_CONNECTED"])
@pytest.mark.parametrize("per_channel", [False, True])
def test_multipliers_are_equal_to_their_last_bit(tflite_file, compare, kind, per_channel):
    generator = np.random.default_rng(2)
    seen = 0
    for _ in range(20):
        source_scale, weight_scale, target_scale, biases = accumulators_at_ties(generator)
        in_float32 = float(source_scale * weight_scale) / float(target_scale)
        in_double = float(source_scale) * float(weight_scale) / float(target_scale)
        values = [
            rescale(biases, make_rescale(factor, RescaleMode.DOUBLE_ROUND)).tolist()
            for factor in (in_float32, in_double)
        ]
        seen += values[0] != values[1]
        count = len(biases)
        file = tflite_file()
        image = kind == "CONV_2D"
        source = file.tensor((1, 1, 1, 1) if image else (1, 1), scale=source_scale)
        scales = np.full(count, weight_scale) if per_channel else weight_scale
        weights = file.tensor(
            (count, 1, 1, 1) if image else (count, 1), scale=scales, data=np.zeros(count)
        )
        bias = file.tensor((count,), "INT32", scale=scales * source_scale, data=biases)
        target = file.tensor((1, 1, 1, count) if image else (1, count), scale=target_scale)
        if image:
            table, options = "Conv2DOptions", {"StrideH": 1, "StrideW": 1}
        else:
            table, options = "FullyConnectedOptions", {}
        file.operator(kind, [source, weights, bias], [target], table, **options)
        content = file.content([source], [target])
        differing, _ = compare(content, random_images(generator, 1))
        assert differing == {}
    assert seen > 10  # the test would see a product formed in float32


@pytest.mark.parametrize("kind", ["LOGISTIC", "QUANTIZE", "RELU", "SOFTMAX"])
def test_functions_of_one_element_are_equal_for_every_integer(
    tflite_file, compare, random_models, kind
):
    generator = np.random.default_rng(3)

    def every_integer(tensor):
        return np.arange(-128, 128, dtype=np.int32).reshape(1, *tensor.shape)

    for _ in range(60):
        file = tflite_file()
        models = random_models(file, generator)
        # 255 is the largest difference of two elements: a row for each of them.
        shape = (256, 1) if kind == "SOFTMAX" else (1, 256)
        source = models.computed(shape, models.scale(-14, 5))
        differing, _ = compare(
            file.content([source], [getattr(models, kind.lower())(source)[1]]), every_integer
        )
        assert differing == {}


def test_millions_of_sums_are_equal(tflite_file, compare, random_models):
    """Few sums lie so close to a half that the last bits of their common scale show."""
    generator = np.random.default_rng(6)
    for _ in range(25):
        file = tflite_file()
        models = random_models(file, generator)
        left = models.computed((1, 64, 64, 4))
        # The right operand is another pixel's mean with this one, on another scale.
        mixed = models.like(left, (1, 64, 64, 4))
        options = {"FilterHeight": 1, "FilterWidth": 2, "StrideH": 1, "StrideW": 1}
        file.operator("AVERAGE_POOL_2D", [left], [mixed], "Pool2DOptions", **options)
        right = models.computed((1, 64, 64, 4))
        file.operator("QUANTIZE", [mixed], [right], "QuantizeOptions")
        scale = models.scale(-8, 0) * generator.uniform(1, 3)
        target = models.computed((1, 64, 64, 4), scale)
        file.operator("ADD", [left, right], [target], "AddOptions")
        content = file.content([left], [target])
        differing, _ = compare(content, random_images(generator, 6), arena_bytes=2**19)
        assert differing == {}


FOUR_BITS = {
    "CONV_2D": ((1, 2, 2, 3), lambda count: (count, 1, 1, 3), "Conv2DOptions"),
    "DEPTHWISE_CONV_2D": ((1, 2, 2, 1), lambda count: (1, 1, 3, count), "DepthwiseConv2DOptions"),
    "FULLY_CONNECTED": ((4, 3), lambda count: (count, 3), "FullyConnectedOptions"),
}


@pytest.mark.parametrize("kind", FOUR_BITS)
def test_weights_of_four_bits_are_equal(tflite_file, compare, kind):
    generator = np.random.default_rng(4)
    given, weights_of, table = FOUR_BITS[kind]
    for count in (2, 3, 5):
        integers = generator.integers(-7, 8, count * 3)
        halves = np.append(integers, [0] * (integers.size % 2)).astype(np.uint8) & 15
        packed = halves[::2] | (halves[1::2] << 4)
        file = tflite_file()
        source = file.tensor(given, scale=0.5, zero_point=3)
        weights = file.tensor(weights_of(count), "INT4", scale=0.25, data=packed)
        bias = file.tensor((count,), "INT32", scale=0.125, data=np.arange(count) * 9)
        target = file.tensor((*given[:-1], count), scale=1.5, zero_point=-2)
        options = {} if kind == "FULLY_CONNECTED" else {"StrideH": 1, "StrideW": 1}
        if kind == "DEPTHWISE_CONV_2D":
            options["DepthMultiplier"] = count
        file.operator(kind, [source, weights, bias], [target], table, **options)
        content = file.content([source], [target])
        differing, _ = compare(content, random_images(generator, 8))
        assert differing == {}


def test_real_inputs_become_the_witness_integers(tmp_path, tflite_file, witness):
    file = tflite_file()
    real = file.tensor((1, 2, 3, 2), "FLOAT32")
    source = file.tensor((1, 2, 3, 2), scale=0.5, zero_point=-3)
    target = file.tensor((1, 2, 3, 2), scale=0.3, zero_point=7)
    result = file.tensor((1, 2, 3, 2), "FLOAT32")
    file.operator("QUANTIZE", [real], [source])
    file.operator("RELU", [source], [target])
    file.operator("DEQUANTIZE", [target], [result])
    content = file.content([real], [result])
    (tmp_path / "m.tflite").write_bytes(content)
    model = load_tflite(tmp_path / "m.tflite")
    generator = np.random.default_rng(5)
    # Many lie halfway between two integers; some are far outside of the range.
    images = (generator.integers(-300, 300, (20, 2, 2, 3)) / 4).astype(np.float32)
    integers = quantize_input(model.integer, images)
    run = execute(model.integer, integers)
    reals = dequantize_output(model.integer, run.outputs)
    micro = witness(content)
    shape = (1, 2, 3, 2)
    for index in range(len(images)):
        micro.run(in_file_layout(images[index : index + 1], shape)[0])
        ours = in_file_layout(integers[index : index + 1], shape)[0]
        assert micro.tensor(source).tolist() == ours.tolist()
        real_output = in_file_layout(reals[index : index + 1], shape)[0]
        assert micro.tensor(result).tolist() == real_output.tolist()
