from dataclasses import replace

import pytest

from accelsim.errors import ConfigError
from accelsim.request import RunRequest
from accelsim.sweeps.load_space import load_space, make_space
from accelsim.sweeps.space import Quantization
from accelsim.sweeps.space_form import QUANTIZATION_CHOICES


def refusal(path):
    with pytest.raises(ConfigError) as caught:
        load_space(path)
    return str(caught.value).replace(f"{path.parent}/", "").splitlines()


def test_a_space_holds_what_its_file_says(tiny, folder):
    space = tiny()
    assert space.name == "tiny"
    assert space.networks == ("gemm.csv",)
    assert [axis.name for axis in space.axes] == ["array.rows", "array.columns", "array.dataflow"]
    assert space.size == 18
    assert [objective.name for objective in space.objectives] == ["latency", "energy"]
    assert space.folder == folder
    grid = list(space.grid())
    assert len(grid) == 16
    assert grid[:3] == [(0, 0, 0), (0, 0, 1), (0, 1, 0)]
    assert not space.allows((2, 2, 0))


def test_a_design_is_the_base_machine_with_the_values_of_the_axes(space_file):
    space = load_space(
        space_file(
            """\
            schema: accelsim.space/1
            name: all_kinds
            hardware: edge_16x16
            batch: 2
            axes:
              clock: [500MHz, 1GHz]
              bits: [[8, 8], w4a6, 3]
              scratchpads.weights.size: {from: 64KiB, to: 256KiB, times: 2}
              array.tile_overlap: [true, false]
              network: [resnet18, alexnet]
              batch: [1, 8]
            """
        )
    )
    assert space.size == 2 * 3 * 3 * 2 * 2 * 2
    design = space.design((0, 1, 2, 1, 1, 1))
    machine = design.hardware
    assert (machine.clock, machine.scratchpads.weights.size) == (5e8, 262144)
    assert (machine.array.weight_bits, machine.array.activation_bits) == (4, 6)
    assert machine.array.tile_overlap is False
    assert (design.network, design.batch) == ("alexnet", 8)
    assert design.settings == {
        "clock": "500MHz",
        "bits": "w4a6",
        "scratchpads.weights.size": "256KiB",
        "array.tile_overlap": False,
        "network": "alexnet",
        "batch": 8,
    }
    names = space.names((0, 1, 2, 1, 1, 1))
    assert (names["clock"], names["weight_bits"], names["array.activation_bits"]) == (5e8, 4, 6)
    assert (names["network"], names["batch"], names["array.rows"]) == ("alexnet", 8, 16)


def test_a_machine_that_cannot_be_built_says_why(tiny):
    space = tiny(
        ("constraints:\n  - array.rows * array.columns <= 32\n", ""), ("[2, 4, 8]", "[2, 1024]")
    )
    with pytest.raises(ConfigError) as caught:
        space.design((1, 1, 0))
    assert (
        str(caught.value)
        .splitlines()[0]
        .startswith(
            "hardware edge_4x4: scratchpads.weights.size: must hold a tile of 1024 x 1024 weights"
        )
    )


def test_all_problems_come_at_once_in_the_order_of_the_lines(space_file):
    path = space_file(
        """\
        schema: accelsim.space/1
        name: wrong
        network: resnet81
        axes:
          array.row: {from: 8, to: 64, times: 2}
          array.columns: [8, 0, x]
          dataflow: [ws, os]
          size: [1]
          clock: {from: 200MHz, to: 1, step: 200MHz}
          bits: [[8, 8], 44]
          array.weight_bits: [8]
          batch: [1, 0]
          vector.lanes: [4, 4]
          technology.table: [horowitz_45nm, /etc/passwd]
        constraints:
          - array.rows * array.colums <= 1024
          - power_mw + 5
          - __import__('os')
          - 7
        objectives: [latency, latency, speed, {name: pes, minimize: array.rows < 3}, {name: x}]
        strategy: {method: grid, points: 5}
        colour: 3
        """
    )
    assert refusal(path) == [
        "space.yaml:3: network: no bundled network of the name 'resnet81' (did you mean "
        "'resnet18'?), nor the path of a .onnx, .tflite, .yaml or .csv file",
        "space.yaml:5: axes.array.row: unknown axis (did you mean 'array.rows'?)",
        "space.yaml:6: axes.array.columns: must be 1 to 1024, got 0",
        "space.yaml:6: axes.array.columns: must be a whole number, got 'x'",
        "space.yaml:7: axes.dataflow: unknown axis (did you mean 'array.dataflow'?)",
        "space.yaml:8: axes.size: unknown axis, could be scratchpads.activations.size, "
        "scratchpads.weights.size, scratchpads.accumulators.size",
        "space.yaml:9: axes.clock: to: must be a frequency with its unit, got 1, allowed units "
        "Hz, kHz, MHz, GHz (for example '1GHz')",
        "space.yaml:10: axes.bits: must be pairs of weight and activation bits from 2 to 16, such "
        "as [4, 8], w4a8 or 8, got 44",
        "space.yaml:11: axes.array.weight_bits: is given by the axis bits, too",
        "space.yaml:12: axes.batch: must be whole numbers from 1 to 65536, got 0",
        "space.yaml:13: axes.vector.lanes: holds 4 twice (as 4)",
        "space.yaml:14: axes.technology.table: must be one of cmos_16nm, cmos_28nm, "
        "cmos_7nm, horowitz_45nm, got '/etc/passwd'",
        "space.yaml:16: constraints.0: unknown name 'array.colums' (did you mean 'array.columns'?)",
        "space.yaml:17: constraints.1: must be true or false, 'power_mw + 5' is a number",
        "space.yaml:18: constraints.2: '__import__' cannot be called, only min, max, abs, ceil_div",
        "space.yaml:19: constraints.3: must be an expression, got 7",
        "space.yaml:20: objectives.1: latency is given twice",
        "space.yaml:20: objectives.2: must be one of accuracy, cycles, latency, energy, area, "
        "edp, power, utilization, efficiency, got 'speed'",
        "space.yaml:20: objectives.3: must give a number, 'array.rows < 3' gives true or false",
        "space.yaml:20: objectives.4: must have a name, and an expression to minimize or to "
        "maximize",
        "space.yaml:21: strategy.points: a grid has all points: leave it out",
        "space.yaml:22: colour: unknown field, allowed schema, name, description, network, data, "
        "hardware, batch, axes, constraints, objectives, quantization, strategy",
    ]


@pytest.mark.parametrize(
    ("change", "line"),
    [
        (("name: tiny\n", ""), "space.yaml:1: name: is missing"),
        (
            ("accelsim.space/1", "accelsim.space/2"),
            "space.yaml:1: schema: must be one of 'accelsim.space/1', got 'accelsim.space/2' (did "
            "you mean 'accelsim.space/1'?)",
        ),
        (
            ("edge_4x4", "edge_4x5"),
            "space.yaml:4: hardware: hardware: must be one of edge_16x16, edge_4x4, mid_32x32, "
            "scalesim, tpu_v1 or the path of a .yaml file, got 'edge_4x5' (did you mean "
            "'edge_4x4'?)",
        ),
        (
            ("objectives: [latency, energy]", "objectives: [accuracy]"),
            "space.yaml:11: objectives.0: accuracy: gemm.csv has no values, so no accuracy",
        ),
        (
            ("gemm.csv", "other.csv"),
            "space.yaml:3: network: no such file: 'other.csv'",
        ),
        (
            ("gemm.csv", "../gemm.csv"),
            "space.yaml:3: network: must stay inside the folder of the space file, got "
            "'../gemm.csv'",
        ),
        (
            ("gemm.csv", "/etc/passwd.csv"),
            "space.yaml:3: network: must stay inside the folder of the space file, got "
            "'/etc/passwd.csv'",
        ),
        (
            ("edge_4x4", "../../machine.yaml"),
            "space.yaml:4: hardware: must stay inside the folder of the space file, got "
            "'../../machine.yaml'",
        ),
        (
            ("gemm.csv", "net.onnx"),
            "space.yaml:3: network: no such file: 'net.onnx'",
        ),
        (
            ("objectives: [latency, energy]", "strategy: {method: random}"),
            "space.yaml:11: strategy: random needs points, how many",
        ),
        (
            ("array.rows: [2, 4, 8]", "array.rows: {from: 8, to: 4, step: 1}"),
            "space.yaml:6: axes.array.rows: a range goes upwards, from 8 to 4 does not",
        ),
        (
            ("array.rows: [2, 4, 8]", "array.rows: {from: 1, to: 8, step: 0}"),
            "space.yaml:6: axes.array.rows: step: must be above zero, got 0",
        ),
        (
            ("array.rows: [2, 4, 8]", "array.rows: {from: 1, to: 8, times: 1}"),
            "space.yaml:6: axes.array.rows: times: must be a whole number from 2 to 1000, got 1",
        ),
        (
            ("array.rows: [2, 4, 8]", "array.rows: {from: 1, to: 8}"),
            "space.yaml:6: axes.array.rows: a range has from, to, and either step or times",
        ),
        (
            ("array.rows: [2, 4, 8]", "array.rows: {from: 1, to: 8, stride: 1}"),
            "space.yaml:6: axes.array.rows: unknown key 'stride' of a range (did you mean "
            "'step'?), allowed from, to, step, times",
        ),
        (
            ("array.rows: [2, 4, 8]", "array.rows: {from: 1, to: 1e9, step: 1}"),
            "space.yaml:6: axes.array.rows: must have at most 100,000 values, has 1,000,000,000",
        ),
        (
            ("array.rows: [2, 4, 8]", "array.rows: 8"),
            "space.yaml:6: axes.array.rows: must be a list of values, or a range such as {from: "
            "8, to: 64, step: 8} or {from: 8, to: 64, times: 2}, got 8",
        ),
        (
            ("array.dataflow: [ws, os]", "array.dataflow: [ws, ws2]"),
            "space.yaml:8: axes.array.dataflow: must be one of 'ws', 'os', 'is', got 'ws2' (did "
            "you mean 'ws'?)",
        ),
    ],
)
def test_one_problem_is_one_line(space_file, change, line):
    assert refusal(space_file(None, change)) == [line]


def test_a_million_million_points_are_refused_unless_sampled(space_file):
    text = """\
        schema: accelsim.space/1
        name: endless
        network: resnet18
        axes:
          clock: {from: 1MHz, to: 1000MHz, step: 1MHz}
          dram.bandwidth: {from: 1GB/s, to: 1000GB/s, step: 1GB/s}
          array.rows: {from: 1, to: 1000, step: 1}
          array.columns: {from: 1, to: 1000, step: 1}
    """
    assert refusal(space_file(text)) == [
        "space.yaml:4: axes: 1,000,000,000,000 points are too many for a grid (at most "
        "10,000,000): sample them, for example strategy: {method: latin_hypercube, points: 10000}"
    ]
    sampling = ("axes:", "strategy: {method: random, points: 100}\naxes:")
    sampled = load_space(space_file(text, sampling))
    assert sampled.size == 10**12


def test_anchors_that_multiply_are_refused(space_file):
    lines = ["a: &a [x, x, x, x, x, x, x, x, x]"]
    lines += [f"{n}: &{n} [{', '.join([f'*{chr(ord(n) - 1)}'] * 9)}]" for n in "bcdefgh"]
    found = refusal(space_file("\n".join(lines)))
    assert found[0] == "space.yaml:1: anchors and aliases are refused: a"


def test_a_link_that_leads_out_of_the_folder_is_refused(space_file, tmp_path_factory):
    outside = tmp_path_factory.mktemp("outside") / "secret.csv"
    outside.write_text("Layer, M, N, K,\n")
    path = space_file()
    (path.parent / "gemm.csv").unlink()
    (path.parent / "gemm.csv").symlink_to(outside)
    assert refusal(path) == [
        "space.yaml:3: network: must stay inside the folder of the space file, got 'gemm.csv'"
    ]


def test_a_space_from_python_is_checked_the_same_way(folder):
    values = {
        "schema": "accelsim.space/1",
        "name": "from_python",
        "network": "gemm.csv",
        "axes": {"array.rows": [4, 8]},
    }
    space = make_space(values, folder)
    assert space.size == 2
    assert [objective.name for objective in space.objectives] == ["latency", "energy"]
    with pytest.raises(ConfigError, match=r"^space: axes: must hold at least one axis$"):
        make_space(values | {"axes": {}}, folder)


def test_a_network_with_values_is_judged_by_its_accuracy_by_default(space_file):
    text = """\
        schema: accelsim.space/1
        name: digits
        axes: {bits: [8, 4]}
    """
    space = load_space(space_file(text))
    assert space.networks == ("digits_cnn",)
    names = [objective.name for objective in space.objectives]
    assert names == ["latency", "energy", "accuracy"]


def test_a_space_chooses_as_a_run_does():
    request = RunRequest().quantization
    assert vars(Quantization()) == request
    # Each layer has an axis of its own.
    assert {*QUANTIZATION_CHOICES, "layer_bits"} == set(request)


def test_how_networks_are_quantized_can_be_an_axis(space_file):
    space = load_space(
        space_file(
            """\
            schema: accelsim.space/1
            name: methods
            quantization: {weight_range_method: mse, correct_biases: true}
            axes:
              quantization.range_method: [min_max, percentile]
              quantization.smooth: [none, 0.5]
              quantization.percentile: [99, 99.9]
            """
        )
    )
    given = Quantization(weight_range_method="mse", correct_biases=True)
    first, last = space.design((0, 0, 0)), space.design((1, 1, 1))
    assert first.quantization == replace(given, percentile=99)
    assert last.quantization == replace(given, range_method="percentile", smooth=0.5)
    assert first.hardware == last.hardware


def test_weights_with_zero_points_bring_the_row_sums_that_they_need(space_file):
    text = """\
        schema: accelsim.space/1
        name: zero points
        axes:
          network: [digits_mlp, resnet18]
          quantization.asymmetric_weights: [false, true]
          {more}
        """
    built = load_space(space_file(text.replace("{more}", "batch: [1]")))
    choices = [(network, moved, 0) for network in (0, 1) for moved in (0, 1)]
    sums = [built.design(choice).hardware.array.row_sums for choice in choices]
    assert sums == [False, True, False, False]
    # What an axis says of them stays as it says.
    said = load_space(space_file(text.replace("{more}", "array.row_sums: [false, true]")))
    assert [said.design((0, 1, i)).hardware.array.row_sums for i in (0, 1)] == [False, True]


def test_groups_of_weights_can_be_an_axis_and_bring_their_multipliers(space_file):
    text = """\
        schema: accelsim.space/1
        name: groups
        hardware: edge_4x4
        quantization: {scale_bits: 6}
        axes:
          quantization.group_size: [none, 16]
        """
    space = load_space(space_file(text))
    without, groups = space.design((0,)), space.design((1,))
    assert (without.quantization.group_size, without.hardware.array.scale_bits) == (None, None)
    assert (groups.quantization.group_size, groups.hardware.array.scale_bits) == (16, 6)
    built = load_space(space_file(text + "  array.scale_bits: [8]\n"))
    assert built.design((1, 0)).hardware.array.scale_bits == 8


def test_groups_of_weights_that_there_are_not(space_file):
    path = space_file(
        """\
        schema: accelsim.space/1
        name: groups
        quantization: {scale_bits: 17}
        axes:
          quantization.group_size: [null, 0, some]
        """
    )
    assert refusal(path) == [
        "space.yaml:3: quantization.scale_bits: must be 2 to 16, got 17",
        "space.yaml:5: axes.quantization.group_size: must be 1 to 1048576, or none, got nothing",
        "space.yaml:5: axes.quantization.group_size: must be 1 to 1048576, got 0",
        "space.yaml:5: axes.quantization.group_size: must be a whole number, got 'some'",
    ]


def test_choices_of_quantization_that_there_are_not(space_file):
    path = space_file(
        """\
        schema: accelsim.space/1
        name: methods
        quantization: {weight_range_method: cross_entropy, seed: -1, granularity: 4}
        axes:
          quantization.range_method: [mse, mso]
          quantization.smooth: [null, 2]
          quantization.equalize: [yes, 1]
          quantization.rounding: [nearest]
          quantization.seed: {from: 1, to: 3, step: 1}
        """
    )
    assert refusal(path) == [
        (
            "space.yaml:3: quantization.weight_range_method: must be one of 'min_max', "
            "'percentile', 'mse', 'kl', 'octav', got 'cross_entropy'"
        ),
        "space.yaml:3: quantization.seed: must be 0 to 18446744073709551615, got -1",
        (
            "space.yaml:3: quantization.granularity: unknown field, allowed per_channel, "
            "group_size, scale_bits, symmetric_activations, asymmetric_weights, range_method, "
            "weight_range_method, percentile, equalize, smooth, weight_rounding, correct_biases, "
            "layer_bits, seed"
        ),
        (
            "space.yaml:5: axes.quantization.range_method: must be one of 'min_max', "
            "'moving_average', 'percentile', 'mse', 'kl', 'octav', 'cross_entropy', 'dynamic', "
            "got 'mso' (did you mean 'mse'?)"
        ),
        "space.yaml:6: axes.quantization.smooth: must be 0 to 1, or none, got nothing",
        "space.yaml:6: axes.quantization.smooth: must be 0 to 1, got 2",
        "space.yaml:7: axes.quantization.equalize: must be true or false, got 'yes'",
        "space.yaml:7: axes.quantization.equalize: must be true or false, got 1",
        (
            "space.yaml:8: axes.quantization.rounding: unknown axis (did you mean "
            "'quantization.weight_rounding'?)"
        ),
        (
            "space.yaml:9: axes.quantization.seed: must be a list of values, got {'from': 1, "
            "'to': 3, 'step': 1}"
        ),
    ]


def test_a_range_of_values_that_cannot_be_is_not_a_flood(space_file):
    path = space_file(
        """\
        schema: accelsim.space/1
        name: flood
        axes:
          clock: {from: 10GHz, to: 11GHz, step: 1MHz}
        strategy: {method: random, points: 0}
        """
    )
    assert refusal(path) == [
        *(
            f"space.yaml:4: axes.clock: must be 1MHz to 10GHz, got 10.00{number}GHz"
            for number in range(1, 6)
        ),
        "space.yaml:4: axes.clock: and 995 more of its values cannot be used",
        "space.yaml:5: strategy.points: must be 1 to 10000000, got 0",
    ]


def test_several_networks_are_said_to_be_an_axis(space_file):
    path = space_file(None, ("network: gemm.csv", "network: [gemm.csv, resnet18]"))
    assert refusal(path) == [
        "space.yaml:3: network: several networks are an axis: write them as axes.network",
        "space.yaml:3: network: must be text, got a list",
    ]


def test_a_machine_is_not_a_space(folder):
    from accelsim.hardware import dump_hardware, load_hardware

    path = folder / "mine.yaml"
    path.write_text(dump_hardware(load_hardware("edge_4x4")))
    assert refusal(path) == [
        "mine.yaml:1: schema: is 'accelsim.hardware/1': a machine (--hardware takes it), not a "
        "space of designs"
    ]
