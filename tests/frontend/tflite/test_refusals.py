"""Every reason for which a well-formed file is not run, in its own words."""

import re

import numpy as np
import pytest

from accelsim.errors import UnsupportedOperatorError, WorkloadError
from accelsim.frontend.tflite import load_tflite, outcomes, read_tflite

CONV = {"Padding": 0, "StrideH": 1, "StrideW": 1}
POOL = {**CONV, "FilterHeight": 2, "FilterWidth": 2}


class Drawing:
    """A file of one operator: each function changes one thing about a good one."""

    def __init__(self, file):
        self.file = file

    def tensor(self, shape=(1, 4, 4, 2), scale=0.5, **changes):
        return self.file.tensor(shape, scale=scale, **changes)

    def one(self, kind, target=None, *, source=None, more=(), table=None, **options):
        source = self.tensor(name="x") if source is None else source
        target = self.tensor(name="y") if target is None else target
        self.file.operator(kind, [source, *more], [target], table, **options)
        return self.file.content([source], [target])

    def convolution(self, weights=None, bias=None, target=None, source=None, **options):
        if weights is None:
            weights = self.weights()
        target = self.tensor((1, 4, 4, 3), name="y") if target is None else target
        more = (weights,) if bias is None else (weights, bias)
        options = {**CONV, **options}
        return self.one(
            "CONV_2D", target, source=source, more=more, table="Conv2DOptions", **options
        )

    def weights(self, shape=(3, 1, 1, 2), scale=0.1, **changes):
        return self.file.tensor(shape, scale=scale, name="w", data=np.ones(shape), **changes)

    def constant(self, values, type="INT32", **changes):
        return self.file.tensor(np.shape(values), type, data=values, name="c", **changes)

    def dense(self, weights, target, source, **options):
        table = "FullyConnectedOptions"
        return self.one(
            "FULLY_CONNECTED", target, source=source, more=(weights,), table=table, **options
        )

    def pool(self, target, source=None, **options):
        table, options = "Pool2DOptions", {**POOL, **options}
        return self.one("MAX_POOL_2D", target, source=source, table=table, **options)


REFUSALS = [
    # An operator, and what it asks for
    (
        lambda d: d.one("TANH"),
        ["operator 0 (TANH): not supported"],
    ),
    (
        lambda d: d.one("Detection\nPostProcess"),
        ["operator 0 (CUSTOM 'Detection\\nPostProcess'): not supported"],
    ),
    (
        lambda d: d.convolution(FusedActivationFunction=4),
        ["operator 0 (CONV_2D): fused activation TANH is not supported"],
    ),
    (
        lambda d: d.convolution(StrideW=0),
        [
            "operator 0 (CONV_2D): kernel [1, 1], strides [1, 0] and dilations [1, 1] must be at "
            "least 1"
        ],
    ),
    (
        lambda d: d.convolution(d.weights((3, 5, 1, 2)), Padding=1),
        ["operator 0 (CONV_2D): its window does not fit in its input [1, 4, 4, 2]"],
    ),
    (
        lambda d: d.convolution(d.weights((3, 2, 1, 2)), DilationHFactor=2**30),
        [
            "operator 0 (CONV_2D): its padded input has 8589934624 elements; at most 268435456 "
            "are supported"
        ],
    ),
    (
        lambda d: d.pool(None, FilterHeight=1025, FilterWidth=1024),
        ["operator 0 (MAX_POOL_2D): its kernel [1025, 1024] has more than 1048576 elements"],
    ),
    (
        lambda d: d.convolution(StrideH=2),
        ["operator 0 (CONV_2D): its output is stated as [1, 4, 4, 3], but is [1, 2, 4, 3]"],
    ),
    (
        lambda d: d.dense(d.weights((2, 8)), d.tensor((4, 2)), d.tensor((4, 8)), WeightsFormat=1),
        ["operator 0 (FULLY_CONNECTED): weights in shuffled order are not supported"],
    ),
    # Weights and biases
    (
        lambda d: d.convolution(d.weights(zero_point=3)),
        ["operator 0 (CONV_2D): weights 'w' have zero point 3; the int8 specification asks for 0"],
    ),
    (
        lambda d: d.convolution(d.weights(scale=[0.1, 0.0, 0.1])),
        ["operator 0 (CONV_2D): weights 'w' must have scales that are positive and finite"],
    ),
    (
        lambda d: d.convolution(d.weights(scale=[0.1, 0.2])),
        [
            "operator 0 (CONV_2D): weights 'w' of shape [3, 1, 1, 2] have 2 scales along axis 0; "
            "allowed are 1, or one for each index of axis 0"
        ],
    ),
    (
        lambda d: d.convolution(d.weights(scale=[0.1, 0.2], axis=3)),
        [
            "operator 0 (CONV_2D): weights 'w' of shape [3, 1, 1, 2] have 2 scales along axis 3; "
            "allowed are 1, or one for each index of axis 0"
        ],
    ),
    (
        lambda d: d.convolution(d.tensor((3, 1, 1, 2), name="w")),
        ["operator 0 (CONV_2D): input 1, 'w', must be a constant"],
    ),
    (
        lambda d: d.convolution(d.constant(np.ones((3, 1, 1, 2)), "FLOAT32")),
        ["operator 0 (CONV_2D): input 1, 'c', must be int8 or int4, got float32"],
    ),
    (
        lambda d: d.convolution(-1),
        ["operator 0 (CONV_2D): input 1 is missing"],
    ),
    (
        lambda d: d.convolution(d.weights((3, 2))),
        ["operator 0 (CONV_2D): weights must have 4 axes, got shape [3, 2]"],
    ),
    (
        lambda d: d.convolution(d.weights((3, 1, 1, 3))),
        ["operator 0 (CONV_2D): 3 filters of 3 channels do not divide 2 channels"],
    ),
    (
        lambda d: d.convolution(bias=d.constant([1, 2])),
        ["operator 0 (CONV_2D): bias of shape [2] does not fit 3 output channels"],
    ),
    (
        lambda d: d.convolution(bias=d.constant([1, 2, 3], "INT64")),
        ["operator 0 (CONV_2D): input 2, 'c', must be int32, got int64"],
    ),
    (
        lambda d: d.one(
            "DEPTHWISE_CONV_2D", more=[d.weights((1, 1, 1, 3))], table="DepthwiseConv2DOptions"
        ),
        ["operator 0 (DEPTHWISE_CONV_2D): weights [1, 1, 1, 3] do not fit an input of 2 channels"],
    ),
    (
        lambda d: d.dense(d.weights((2, 8, 1)), d.tensor((4, 2)), d.tensor((4, 8))),
        ["operator 0 (FULLY_CONNECTED): weights must have 2 axes, got shape [2, 8, 1]"],
    ),
    (
        lambda d: d.dense(d.weights((2, 8)), d.tensor((3, 2)), d.tensor((4, 8))),
        [
            "operator 0 (FULLY_CONNECTED): input [4, 8], weights [2, 8] and output [3, 2] do not "
            "fit each other"
        ],
    ),
    # Shapes
    (
        lambda d: d.convolution(source=d.tensor((2, 4, 4, 2))),
        [
            "operator 0 (CONV_2D): its input is a batch of 2 images; convert the model with a "
            "batch of 1"
        ],
    ),
    (
        lambda d: d.pool(d.tensor((4, 4, 2)), d.tensor((4, 4, 2))),
        ["operator 0 (MAX_POOL_2D): its input must have 4 axes, got shape [4, 4, 2]"],
    ),
    (
        lambda d: d.one("RELU", source=d.tensor((1, -1, 4, 2), name="x")),
        [
            "operator 0 (RELU): tensor 'x' has shape [1, -1, 4, 2]; every size must be fixed and "
            "at least 1"
        ],
    ),
    (
        lambda d: d.one("RELU", source=d.tensor((1, 2**15, 2**15, 2), name="x")),
        ["operator 0 (RELU): tensor 'x' has 2147483648 elements; at most 268435456 are supported"],
    ),
    (
        lambda d: d.one("RELU", d.tensor((1, 4, 4, 3))),
        ["operator 0 (RELU): its output is stated as [1, 4, 4, 3], but is [1, 4, 4, 2]"],
    ),
    (
        lambda d: d.one("ADD", more=[d.tensor((1, 1, 1, 2))], table="AddOptions"),
        [
            "operator 0 (ADD): shapes [1, 4, 4, 2] and [1, 1, 1, 2] would be broadcast; only "
            "tensors of one shape are added"
        ],
    ),
    (
        lambda d: d.one("ADD", more=[d.weights((1, 4, 4, 2))], table="AddOptions"),
        [
            "operator 0 (ADD): input 1, 'w', is a constant; only computed tensors are supported "
            "there"
        ],
    ),
    (
        lambda d: d.one("RESHAPE", d.tensor((1, 33)), table="ReshapeOptions"),
        [
            "operator 0 (RESHAPE): [1, 4, 4, 2] cannot be reshaped to [1, 33]: another number of "
            "elements"
        ],
    ),
    (
        lambda d: d.one(
            "RESHAPE", more=[d.tensor((4,), type="INT32", name="s")], table="ReshapeOptions"
        ),
        ["operator 0 (RESHAPE): input 1, 's', must be a constant"],
    ),
    (
        lambda d: d.one("PAD", more=[d.constant([[0, 0], [1, -1]])], table="PadOptions"),
        ["operator 0 (PAD): paddings of shape [2, 2] do not fit an input of 4 axes"],
    ),
    (
        lambda d: d.one(
            "PAD",
            d.tensor((3, 8)),
            source=d.tensor((1, 8)),
            more=[d.constant([[1, 1], [0, 0]])],
            table="PadOptions",
        ),
        ["operator 0 (PAD): pads [1, 8] along an axis that is no image's"],
    ),
    (
        lambda d: d.one(
            "PADV2",
            more=[d.constant(np.zeros((4, 2))), d.weights((1,), scale=0.25)],
            table="PadV2Options",
        ),
        ["operator 0 (PADV2): its padding value must have the quantization of its output"],
    ),
    (
        lambda d: d.one(
            "MEAN", d.tensor((4, 1)), more=[d.constant([0, 1, 3])], table="ReducerOptions"
        ),
        ["operator 0 (MEAN): its output is stated as [4, 1], but is [1, 1, 4, 1]"],
    ),
    (
        lambda d: d.one(
            "MEAN", d.tensor((1, 4)), more=[d.constant([1, 3])], table="ReducerOptions"
        ),
        [
            "operator 0 (MEAN): a mean of shape [1, 4, 4, 2] over axes [1, 3], which are not "
            "neighbours"
        ],
    ),
    (
        lambda d: d.one("MEAN", more=[d.constant([4])], table="ReducerOptions"),
        ["operator 0 (MEAN): axes [4] do not fit an input of 4 axes"],
    ),
    (
        lambda d: d.one(
            "SOFTMAX",
            d.tensor((1, 5000), 1 / 256, zero_point=-128),
            source=d.tensor((1, 5000)),
            table="SoftmaxOptions",
            Beta=1.0,
        ),
        ["operator 0 (SOFTMAX): over 5000 elements; TensorFlow Lite's sum holds at most 4095"],
    ),
    (
        lambda d: d.one(
            "SOFTMAX",
            d.tensor((1, 5), 1 / 256, zero_point=-128),
            source=d.tensor((1, 5)),
            table="SoftmaxOptions",
        ),
        ["operator 0 (SOFTMAX): softmax: beta * scale must be above 2^-26, got 0.0"],
    ),
    # Quantization
    (
        lambda d: d.one("RELU", d.tensor(scale=[0.1, 0.2], name="y")),
        ["operator 0 (RELU): tensor 'y' must have 1 scale and 1 zero point, got 2 and 2"],
    ),
    (
        lambda d: d.one("RELU", d.tensor(scale=None, name="y")),
        ["operator 0 (RELU): tensor 'y' must have 1 scale and 1 zero point, got 0 and 0"],
    ),
    (
        lambda d: d.one("RELU", d.tensor(scale=0.0, name="y")),
        ["operator 0 (RELU): tensor 'y' has scale 0.0; it must be positive and finite"],
    ),
    (
        lambda d: d.one("RELU", d.tensor(scale=float("nan"), name="y")),
        ["operator 0 (RELU): tensor 'y' has scale nan; it must be positive and finite"],
    ),
    (
        # A signalling NaN: to convert it is an event of its own.
        lambda d: d.one("RELU", d.tensor(scale=np.frombuffer(b"\1\0\x80\x7f", "<f4"), name="y")),
        ["operator 0 (RELU): tensor 'y' has scale nan; it must be positive and finite"],
    ),
    (
        lambda d: d.one("RELU", d.tensor(zero_point=128, name="y")),
        ["operator 0 (RELU): tensor 'y' has zero point 128; for int8 it must be in [-128, 127]"],
    ),
    (
        lambda d: d.one("RELU", d.tensor(type="UINT8", name="y")),
        ["operator 0 (RELU): tensor 'y' must be int8, got uint8"],
    ),
    (
        lambda d: d.one("RELU6", d.tensor(scale=0.25, zero_point=4)),
        [
            "operator 0 (RELU6): input (scale 0.5, zero point 0) and output (scale 0.25, zero "
            "point 4) must have the same quantization"
        ],
    ),
    (
        lambda d: d.pool(d.tensor(scale=0.5, zero_point=1)),
        [
            "operator 0 (MAX_POOL_2D): input (scale 0.5, zero point 0) and output (scale 0.5, zero "
            "point 1) must have the same quantization"
        ],
    ),
    (
        lambda d: d.one("LOGISTIC"),
        [
            "operator 0 (LOGISTIC): its output must have scale 1/256 and zero point -128, got 0.5 "
            "and 0"
        ],
    ),
    (
        lambda d: d.one("RELU", d.tensor(scale=1e-45)),
        [
            "operator 0 (RELU): multiplier: must be finite as a float32, got "
            f"{0.5 / float(np.float32(1e-45))}"
        ],
    ),
]


def refusal(path, content):
    path.write_bytes(content)
    with pytest.raises(WorkloadError) as caught:
        load_tflite(path)
    lines = str(caught.value).splitlines()
    assert all(line.startswith(f"{path}: ") for line in lines)
    return [line.removeprefix(f"{path}: ") for line in lines], type(caught.value)


@pytest.mark.parametrize(("draw", "expected"), REFUSALS, ids=[e[0][:70] for _, e in REFUSALS])
def test_an_operator_that_is_not_run_says_why(tmp_path, tflite_file, draw, expected):
    path = tmp_path / "m.tflite"
    lines, _ = refusal(path, draw(Drawing(tflite_file())))
    if "not supported" in expected[0] and len(lines) == 2:
        assert lines.pop().startswith("supported are: ADD, AVERAGE_POOL_2D, CONV_2D, ")
    assert lines == expected
    (outcome,) = outcomes(read_tflite(path))
    assert str(outcome.refusal) == expected[0]


def test_all_operators_that_are_not_run_are_named_at_once(tmp_path, tflite_file):
    d = Drawing(tflite_file())
    x, y, z, result = (d.tensor(name=name) for name in "xyzr")
    d.file.operator("TANH", [x], [y])
    d.file.operator("RELU", [y], [z])
    d.file.operator("HARD_SWISH", [z], [result])
    lines, family = refusal(tmp_path / "m.tflite", d.file.content([x], [result]))
    assert lines == [
        "operator 0 (TANH): not supported",
        "operator 2 (HARD_SWISH): not supported",
        "supported are: ADD, AVERAGE_POOL_2D, CONV_2D, DEPTHWISE_CONV_2D, DEQUANTIZE, EXPAND_DIMS, "
        "FULLY_CONNECTED, LOGISTIC, MAX_POOL_2D, MEAN, PAD, PADV2, QUANTIZE, RELU, RELU6, RESHAPE, "
        "SOFTMAX, SQUEEZE; replace others before conversion, or cut the network before them",
    ]
    assert family is UnsupportedOperatorError
    reasons = [o.refusal is None for o in outcomes(read_tflite(tmp_path / "m.tflite"))]
    assert reasons == [False, True, False]


@pytest.mark.parametrize(
    ("type", "advice"),
    [
        ("FLOAT32", "convert the model with full integer quantization"),
        ("INT16", "convert the model with 8-bit activations"),
    ],
)
def test_a_file_that_is_not_quantized_to_8_bits_says_so_once(tmp_path, tflite_file, type, advice):
    file = tflite_file()
    places = [file.tensor((1, 4), type, 0.5, name=name) for name in "xyz"]
    file.operator("RELU", [places[0]], [places[1]])
    file.operator("LOGISTIC", [places[1]], [places[2]])
    lines, _ = refusal(tmp_path / "m.tflite", file.content([places[0]], [places[2]]))
    assert lines == [
        f"is not quantized to 8 bits throughout: 3 of 3 computed tensors are {type.lower()}; "
        f"{advice}"
    ]


def test_a_file_of_two_inputs_or_outputs_is_refused(tmp_path, tflite_file):
    d = Drawing(tflite_file())
    x, y, z = (d.tensor(name=name) for name in "xyz")
    d.file.operator("ADD", [x, y], [z], "AddOptions")
    lines, _ = refusal(tmp_path / "m.tflite", d.file.content([x, y], [z]))
    assert lines == ["has 2 inputs ['x', 'y']; networks of 1 input are supported"]
    lines, _ = refusal(tmp_path / "m.tflite", d.file.content([x], [y, z]))
    assert lines == ["has 2 outputs ['y', 'z']; networks of 1 output are supported"]


def test_files_of_another_schema_or_several_subgraphs_are_refused(tmp_path, tflite_file):
    d = Drawing(tflite_file())
    d.one("RELU")
    lines, _ = refusal(tmp_path / "m.tflite", d.file.content([0], [1], version=2))
    assert lines == ["has schema version 2; only version 3 is supported"]
    lines, _ = refusal(tmp_path / "m.tflite", d.file.content([0], [1], subgraphs=2))
    assert lines == [
        "has 2 subgraphs; only one is supported (no control flow, no several signatures)"
    ]


def test_tensors_are_written_once_and_before_they_are_read(tmp_path, tflite_file):
    path = tmp_path / "m.tflite"
    d = Drawing(tflite_file())
    x, y, z = (d.tensor(name=name) for name in "xyz")
    d.file.operator("RELU", [y], [z])
    d.file.operator("RELU", [x], [y])
    lines, _ = refusal(path, d.file.content([x], [z]))
    assert lines == ["operator 0 (RELU): reads tensor 'y', which no operator before it writes"]
    d = Drawing(tflite_file())
    x, y = (d.tensor(name=name) for name in "xy")
    d.file.operator("RELU", [x], [y])
    d.file.operator("RELU6", [x], [y])
    lines, _ = refusal(path, d.file.content([x], [y]))
    assert lines == ["operator 1 (RELU6): writes tensor 'y', which is written already"]
    lines, _ = refusal(path, d.file.content([y], [x]))
    assert lines[0].startswith("operator 0 (RELU): ")
    d = Drawing(tflite_file())
    x, y, z = (d.tensor(name=name) for name in "xyz")
    d.file.operator("RELU", [x], [y])
    lines, _ = refusal(path, d.file.content([x], [z]))
    assert lines == ["no operator writes the network's output 'z'"]
    lines, _ = refusal(path, d.file.content([x], [x]))
    assert lines == ["has no operators between its input and its output"]


def test_a_small_file_does_not_become_a_large_network(tmp_path, tflite_file):
    d = Drawing(tflite_file())
    weights = d.weights((64, 8, 8, 2))
    source = first = d.tensor((1, 8, 8, 2))
    results = [d.tensor((1, 8, 8, 64), name=f"y{index}") for index in range(200)]
    for result in results:
        d.file.operator("CONV_2D", [source, weights], [result], "Conv2DOptions", **CONV)
    lines, _ = refusal(tmp_path / "m.tflite", d.file.content([first], [results[-1]]))
    place = re.match(r"operator (\d+) ", lines[0])[1]
    assert lines[0] == (
        f"operator {place} (CONV_2D): the layers up to here have more weights than 2 for each byte "
        "of the file"
    )


def test_an_operator_listed_a_hundred_thousand_times_is_refused_at_once(tmp_path, tflite_file):
    d = Drawing(tflite_file())
    d.one("TANH")
    many = d.file.content([0], [1], copies=100_000)
    lines, _ = refusal(tmp_path / "m.tflite", many)
    assert lines == ["has 100000 operators; at most 65536 are supported"]


def test_of_thousands_of_problems_a_hundred_are_named(tmp_path, tflite_file):
    d = Drawing(tflite_file())
    d.one("TANH")
    lines, _ = refusal(tmp_path / "m.tflite", d.file.content([0], [1], copies=5000))
    assert lines[99] == "operator 99 (TANH): not supported"
    assert lines[100:] == ["... and 4901 problems more"]


def test_the_older_scheme_of_uint8_says_so_once(tmp_path, tflite_file):
    file = tflite_file()
    places = [file.tensor((1, 4), "UINT8", 0.5, name=name) for name in "xyz"]
    file.operator("RELU", [places[0]], [places[1]])
    file.operator("RELU6", [places[1]], [places[2]])
    lines, _ = refusal(tmp_path / "m.tflite", file.content([places[0]], [places[2]]))
    assert lines == [
        "is quantized to uint8, the older scheme; convert the model with int8 activations"
    ]


def test_a_vector_that_many_operators_share_is_not_read_again_and_again(tmp_path, tflite_file):
    file = tflite_file()
    x = file.tensor((1, 4), scale=0.5)
    file.operator("PACK", [x] * 5000, [x])
    lines, _ = refusal(tmp_path / "m.tflite", file.content([x], [x], copies=5000))
    assert lines == ["is corrupt: it declares more elements than it has bytes"]


def test_a_constant_must_have_the_bytes_of_its_shape(tmp_path, tflite_file):
    d = Drawing(tflite_file())
    content = d.convolution()
    d.file.tensors[0]["data"] = b"123"
    lines, _ = refusal(tmp_path / "m.tflite", d.file.content([1], [2]))
    assert content
    assert lines == ["is corrupt: constant 'w' has 3 bytes where its shape needs 6"]
