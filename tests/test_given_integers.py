"""Networks that are integers already: their machine, what may be asked of them, their story."""

import logging
from dataclasses import replace

import numpy as np
import pytest
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process

from accelsim import pipeline
from accelsim.arithmetic import (
    Accumulator,
    IntegerFormat,
    RescaleMode,
    make_rescale,
    softmax_parameters,
)
from accelsim.errors import ConfigError, WorkloadError
from accelsim.frontend import (
    Fold,
    ImportReport,
    IntegerModel,
    load_data,
    load_onnx,
    workload_path,
)
from accelsim.frontend.export import quantized_bytes
from accelsim.given_integers import FileArithmetic, given_integers, with_rescale_unit
from accelsim.golden import execute
from accelsim.hardware import load_hardware
from accelsim.network import (
    IntegerLayer,
    IntegerLookup,
    IntegerMatrix,
    IntegerMaxPool,
    IntegerNetwork,
    IntegerPad,
    IntegerReshape,
    IntegerSoftmax,
    QuantizedTensor,
    Window,
)
from accelsim.pipeline import RunRequest, run
from accelsim.rtl import RtlRequest, export_rtl

INT8 = IntegerFormat(8)


def matrix(shape, bits=8, biases=0):
    random = np.random.default_rng(1)
    return IntegerMatrix(
        weights=random.integers(-127, 128, shape).astype(np.int32),
        weight_format=IntegerFormat(bits),
        weight_scales=np.full(shape[0], 0.01),
        bias=np.full(shape[0], biases, np.int64),
        window=Window(shape[2:]),
        groups=1,
        rescale=make_rescale(np.full(shape[0], 0.01), RescaleMode.DOUBLE_ROUND),
        clamp_low=-128,
        clamp_high=127,
    )


def network(weight_bits=8, biases=0):
    """Padding, a convolution, a table, a dense head of other widths and a softmax."""
    step = softmax_parameters(0.1, 1.0)
    layers = (
        ("pad", IntegerPad((0, 1, 1), (0, 1, 1), 3), ("image",), "padded"),
        ("conv", matrix((3, 2, 3, 3), weight_bits, biases), ("padded",), "maps"),
        ("table", IntegerLookup(np.arange(-128, 128, dtype=np.int32)), ("maps",), "looked_up"),
        ("flat", IntegerReshape(channels_last=True), ("looked_up",), "vector"),
        ("head", matrix((4, 60, 1, 1)), ("vector",), "scores"),
        (
            "softmax",
            IntegerSoftmax(step.mantissa, step.left_shift, step.largest_difference),
            ("scores",),
            "shares",
        ),
    )
    shapes = {
        "image": (2, 4, 5),
        "padded": (2, 6, 7),
        "maps": (3, 4, 5),
        "looked_up": (3, 4, 5),
        "vector": (60,),
        "scores": (4,),
        "shares": (4,),
    }
    return IntegerNetwork(
        name="file",
        input="image",
        output="shares",
        layers=tuple(IntegerLayer(*layer) for layer in layers),
        tensors={name: QuantizedTensor(shape, INT8, 0.1, 3) for name, shape in shapes.items()},
        accumulator=Accumulator(),
    )


def model(**choices):
    report = ImportReport(
        nodes=8,
        folded=(Fold("q", "QUANTIZE"), Fold("relu", "RELU", "conv")),
        on_array=("conv", "head"),
        on_vector_unit=("table",),
        clamps=(),
        free=("flat",),
        on_host=("softmax",),
        macs_per_image=20 * 3 * 18 + 240,
        parameters=54 + 3 + 244,
    )
    return IntegerModel(network(**choices), "ab" * 32, report, channels_last=True)


@pytest.fixture
def files(monkeypatch):
    """Let every network be the one above."""

    def serve(**choices):
        served = model(**choices)
        monkeypatch.setattr(pipeline, "load_network", lambda request: served)
        return served

    return serve


def test_the_machine_is_built_for_the_files_widths_and_arithmetic():
    hardware = load_hardware("edge_16x16")
    given = given_integers(model(weight_bits=9), hardware, RunRequest("net.tflite"))
    assert (given.machine.array.weight_bits, given.machine.array.activation_bits) == (9, 8)
    assert given.machine.rescale.mode is RescaleMode.DOUBLE_ROUND
    assert given.notes == (
        "rescale unit built for the file: double_round with 32-bit mantissas (edge_16x16 has "
        "single_round with 32-bit mantissas)",
    )


def test_a_machine_that_has_the_rescale_unit_already_is_left_alone():
    hardware = load_hardware("edge_16x16", ("rescale.mode=double_round",))
    given = given_integers(model(), hardware, RunRequest("net.tflite"))
    assert given.machine == hardware
    assert given.notes == ()


def test_a_network_without_products_or_rescales_runs_on_the_machine_as_it_is():
    hardware = load_hardware("edge_16x16", ("rescale.mode=truncate",))
    layers = (IntegerLayer("max", IntegerMaxPool(Window((2, 2))), ("image",), "maps"),)
    pool = replace(network(), layers=layers, output="maps")
    given = given_integers(replace(model(), integer=pool), hardware, RunRequest("net.tflite"))
    assert given.machine == hardware


@pytest.mark.parametrize(
    ("choice", "options"),
    [
        ({"points": ((8, 8),)}, "--bits (or --weights, --activations)"),
        ({"per_channel": False}, "--per-tensor"),
        (
            {"symmetric_activations": True, "range_method": "percentile"},
            "--symmetric, --range, --percentile",
        ),
    ],
)
def test_what_the_file_has_decided_is_not_asked_for(files, choice, options):
    files()
    with pytest.raises(ConfigError) as error:
        run(RunRequest("net.tflite", random_data=True, **choice))
    assert str(error.value) == (
        f"net.tflite: is quantized already and is run as it is: leave out {options}"
    )


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("rescale.mode=float32", "--set rescale.mode=float32: must be double_round"),
        ("rescale.mantissa_bits=16", "--set rescale.mantissa_bits=16: must be 32"),
    ],
)
def test_another_rescale_unit_is_refused_where_the_multipliers_are_fixed(files, override, message):
    files()
    with pytest.raises(ConfigError) as error:
        run(RunRequest("net.tflite", overrides=(override,), random_data=True))
    assert str(error.value) == (
        f"{message}, as the multipliers in net.tflite are for double_round with 32-bit mantissas; "
        "leave it out"
    )


def test_where_the_file_leaves_a_choice_the_rescale_unit_may_be_set():
    float32 = FileArithmetic(RescaleMode.FLOAT32, 32, is_fixed=False)
    plain = load_hardware("edge_16x16")
    machine, notes = with_rescale_unit(plain, float32, RunRequest("net.onnx"))
    assert machine.rescale.mode is RescaleMode.FLOAT32
    assert notes == (
        "rescale unit built for the file: float32 (edge_16x16 has single_round with 32-bit "
        "mantissas)",
    )
    asked = ("rescale.mode=single_round",)
    machine, notes = with_rescale_unit(plain, float32, RunRequest("net.onnx", overrides=asked))
    assert machine == plain
    assert notes == ("rescale unit as set, single_round; the file's own arithmetic is float32",)


def test_a_bias_that_the_accumulators_do_not_hold(files):
    files(biases=40_000)
    narrow = ("accumulator.bits=16",)
    with pytest.raises(ConfigError) as error:
        run(RunRequest("net.tflite", overrides=narrow, random_data=True))
    assert str(error.value) == (
        "layer 'conv': bias 40000 of output channel 0 (its zero point folded in) does not fit the "
        "16-bit accumulator [-32768, 32767], as for 3 of 3 channels; use a wider accumulator"
    )


@pytest.fixture
def story(files):
    files(weight_bits=9, biases=2**30)
    return run(RunRequest("net.tflite", random_data=True, batch=3))


def test_a_file_is_one_point_of_its_own_widths(story):
    (point,) = story.points
    assert point.label == "w9a8"
    assert point.golden_mismatches == 0
    assert (point.images_golden, point.images_simulated) == (3, 3)
    assert point.accuracy_float_pct is point.accuracy_integer_pct is None
    assert [layer.name for layer in point.layers] == ["conv", "table", "head"]
    assert [layer.weight_bits for layer in point.layers] == [9, 0, 8]
    assert point.cycles_total > 0
    assert point.energy_uj_per_image > 0


def test_the_story_says_where_everything_ran_and_what_is_missing(story):
    assert story.is_given
    assert story.imported == {
        "on the array": ["conv", "head"],
        "on the vector unit": ["table (lookup)"],
        "on the host": ["softmax"],
        "folded": [
            "q (QUANTIZE)",
            "relu (RELU, into conv)",
            "pad (padding, into the windows that read it)",
        ],
        "moving nothing": ["flat"],
    }
    assert story.not_modelled[-2:] == (
        "tables of the vector unit (a lookup costs an addition)",
        "on the host, between DRAM and DRAM: softmax",
    )
    assert "layers on the host" not in story.not_modelled
    assert story.configuration["quantization"] == "the file's own"
    assert story.configuration["images"] == "random int8 integers"
    assert story.provenance.command == (
        "accelsim run net.tflite --hardware edge_16x16 --batch 3 --random-data"
    )
    assert story.warnings[0].startswith("rescale unit built for the file: double_round")
    assert "mode: double_round" in story.machine
    assert "weight_bits: 9" in story.machine


def test_engines_tell_the_same_story(files, story):
    for engine in ("tile", "register"):
        assert run(RunRequest("net.tflite", random_data=True, batch=3, engine=engine)).points == (
            story.points
        )


def test_integers_of_the_files_own_layout_are_taken_as_they_are(files, tmp_path):
    served = files()
    random = np.random.default_rng(2)
    images = random.integers(-128, 128, (12, 4, 5, 2)).astype(np.int8)
    outputs = execute(served.integer, images.transpose(0, 3, 1, 2).astype(np.int32)).outputs
    labels = outputs.argmax(axis=1)
    labels[:3] = (labels[:3] + 1) % 4
    np.savez(tmp_path / "data.npz", test_images=images, test_labels=labels)
    result = run(RunRequest("net.tflite", data=str(tmp_path / "data.npz"), engine="tile", limit=5))
    (point,) = result.points
    assert point.accuracy_integer_pct == 75.0
    assert point.accuracy_float_pct is None
    assert (point.images_golden, point.images_simulated, point.golden_mismatches) == (12, 5, 0)
    assert result.configuration["images"].startswith("int8 as the input's integers (scale 0.1")


def test_golden_says_how_far_it_is_with_many_images(files):
    files()
    told = []
    request = RunRequest("net.tflite", random_data=True, batch=300, engine="tile")
    result = run(request, lambda what, done, total: told.append((what, done, total)))
    golden = [("golden, images", 128, 300), ("golden, images", 256, 300)]
    assert told == [*golden, ("simulated, images", 0, 64)]
    assert result.points[0].images_golden == 300
    assert result.points[0].golden_mismatches == 0


def test_a_file_needs_data_or_the_word_that_random_ones_do(files):
    files()
    with pytest.raises(ConfigError) as error:
        run(RunRequest("net.tflite"))
    assert str(error.value) == (
        "--data: net.tflite needs images and labels: an .npz file, IDX files, CIFAR-10 or a folder "
        "of images (or --random-data, where accuracy is not the point)"
    )


class Calibration(CalibrationDataReader):
    def __init__(self, name, images):
        self.batches = iter([{name: images}])

    def get_next(self):
        return next(self.batches, None)


@pytest.fixture(scope="module")
def quantized_onnx(tmp_path_factory):
    """The digits CNN as onnxruntime quantizes it: uint8, its weights with zero points."""
    folder = tmp_path_factory.mktemp("onnx")
    path, folded = folder / "digits_uint8.onnx", folder / "folded.onnx"
    workload = workload_path("digits_cnn")
    source = load_onnx(workload.model).network.input
    images = load_data(workload.data).calibration_images[:64]
    logging.disable(logging.ERROR)
    quant_pre_process(str(workload.model), str(folded), skip_symbolic_shape=True)
    quantize_static(
        str(folded),
        str(path),
        Calibration(source, images),
        quant_format=QuantFormat.QOperator,
        activation_type=QuantType.QUInt8,
        weight_type=QuantType.QUInt8,
    )
    logging.disable(logging.NOTSET)
    return str(path)


def test_quantized_onnx_is_run_as_onnxruntime_computes_it(quantized_onnx):
    data = str(workload_path("digits_cnn").data)
    result = run(RunRequest(quantized_onnx, data=data, limit=3))
    (point,) = result.points
    assert point.label == "w9a8"
    assert point.golden_mismatches == 0
    assert point.accuracy_float_pct is None
    assert point.accuracy_integer_pct > 95
    assert result.warnings[0] == (
        "rescale unit built for the file: float32 (edge_16x16 has single_round with 32-bit "
        "mantissas)"
    )
    asked = ("rescale.mode=truncate",)
    other = run(RunRequest(quantized_onnx, data=data, limit=3, overrides=asked))
    assert other.points[0].golden_mismatches == 0
    assert other.points[0].clip_events != point.clip_events
    assert (
        other.warnings[0] == "rescale unit as set, truncate; the file's own arithmetic is float32"
    )


def test_a_tflite_file_that_is_none_is_said_to_be_none(tmp_path):
    path = tmp_path / "net.tflite"
    with pytest.raises(WorkloadError) as error:
        run(RunRequest(str(path), random_data=True))
    assert str(error.value) == f"{path}: no such file"


def test_what_quantizes_networks_takes_none_that_is_quantized(quantized_onnx, tmp_path):
    with pytest.raises(ConfigError) as error:
        export_rtl(RtlRequest("edge_4x4", network=quantized_onnx), tmp_path / "rtl")
    assert str(error.value) == (
        f"--network: {quantized_onnx} is quantized already; give a float network, or leave it out "
        "for random vectors"
    )


@pytest.fixture(scope="module")
def moved_file(tmp_path_factory):
    """The digits MLP with 4-bit weights that have zero points, as accelsim export writes it."""
    request = RunRequest("digits_mlp", points=((4, 8),), asymmetric_weights=True)
    path = tmp_path_factory.mktemp("moved") / "moved.onnx"
    path.write_bytes(quantized_bytes(pipeline.integer_network(request)))
    return path


@pytest.mark.parametrize("engine", ["cycle", "tile"])
def test_zero_points_of_a_file_are_kept_where_rows_are_summed_up(moved_file, engine):
    data = str(workload_path("digits_mlp").data)
    request = RunRequest(str(moved_file), data=data, limit=3, engine=engine)
    wide = run(request)
    kept = run(replace(request, overrides=("array.row_sums=true",)))
    assert [result.points[0].weight_bits for result in (wide, kept)] == [5, 4]
    assert wide.points[0].accuracy_integer_pct == kept.points[0].accuracy_integer_pct
    for result in (wide, kept):
        assert result.points[0].golden_mismatches == 0
    note = (
        "weights of 3 layers less their zero points have 5 bits, not 4; "
        "--set array.row_sums=true keeps them at 4"
    )
    assert note in wide.warnings
    assert not any("less their zero points" in warning for warning in kept.warnings)
    causes = {line.cause for layer in kept.energies[0].layers for line in layer.lines}
    assert "row sums subtracted" in causes


def test_a_file_has_its_zero_points_already(moved_file):
    request = RunRequest(str(moved_file), asymmetric_weights=True)
    with pytest.raises(ConfigError) as error:
        run(request)
    assert str(error.value) == (
        f"{moved_file}: is quantized already and is run as it is: leave out --asymmetric-weights"
    )


def test_what_row_sums_switch_is_counted():
    request = RunRequest(
        "digits_mlp",
        points=((4, 4),),
        limit=2,
        energy="switching",
        asymmetric_weights=True,
    )
    moved, plain = run(request), run(replace(request, asymmetric_weights=False))
    assert moved.points[0].golden_mismatches == 0
    pes = [result.points[0].switching.pe_energy_pj for result in (moved, plain)]
    # The column of adders is the last one: it has no multipliers.
    assert [len(rows[0]) for rows in pes] == [17, 16]
    assert 0 < sum(row[16] for row in pes[0]) < sum(row[15] for row in pes[0])
