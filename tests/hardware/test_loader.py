import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accelsim.errors import ConfigError
from accelsim.hardware import DataflowName, dump_hardware, load_hardware, preset_names
from accelsim.hardware.schema import Hardware
from accelsim.hardware.validation import validate
from accelsim.hardware.yaml_files import parse_document


def refusal(name, overrides=()):
    with pytest.raises(ConfigError) as caught:
        load_hardware(name, overrides)
    return str(caught.value).splitlines()


def test_presets_ship_smallest_array_first():
    assert preset_names() == ("edge_4x4", "edge_16x16", "mid_32x32", "scalesim", "tpu_v1")


@pytest.mark.parametrize("name", preset_names())
def test_a_preset_says_what_it_is_and_where_its_numbers_come_from(name):
    machine = load_hardware(name)
    assert machine.name == name
    assert len(machine.description) > 20
    assert re.search(r"et al\., [A-Z]+ \d{4}|design choice of this project|, ISSCC", machine.source)


@pytest.mark.parametrize("name", preset_names())
@pytest.mark.parametrize("dataflow", ["ws", "os", "is"])
def test_every_preset_takes_every_dataflow_and_width(name, dataflow):
    machine = load_hardware(name, [f"array.dataflow={dataflow}"])
    widest = machine.with_operand_bits(16, 16)
    assert widest.array.dataflow is DataflowName(dataflow)


def test_tpu_v1_is_the_published_machine():
    tpu = load_hardware("tpu_v1")
    peak_tops = 2 * tpu.array.rows * tpu.array.columns * tpu.clock / 1e12
    assert peak_tops == pytest.approx(92, abs=0.3)
    # The published ridge: 1350 operations a weight byte, the time to fetch a 64 KiB tile.
    assert 65536 / tpu.dram_bytes_per_cycle == pytest.approx(1350, abs=1)
    pads = tpu.scratchpads
    assert (pads.activations.size, pads.accumulators.size) == (24 << 20, 4 << 20)
    assert pads.weights.size == 4 * 65536


@pytest.mark.parametrize("name", preset_names())
def test_a_dumped_machine_loads_back_equal(name, tmp_path):
    machine = load_hardware(name, ["array.dataflow=os", "dram.latency=33.5ns"])
    path = tmp_path / "machine.yaml"
    path.write_text(dump_hardware(machine))
    assert load_hardware(str(path)) == machine


@given(
    rows=st.integers(1, 64),
    columns=st.integers(1, 64),
    dataflow=st.sampled_from(list(DataflowName)),
    clock=st.floats(1e6, 1e10),
    latency=st.floats(0, 1e-3),
    bandwidth=st.floats(1e6, 1e14),
    bits=st.integers(2, 16),
)
@settings(derandomize=True, max_examples=30, deadline=None)
def test_any_machine_survives_the_round_trip(
    rows, columns, dataflow, clock, latency, bandwidth, bits
):
    values = load_hardware("mid_32x32").model_dump(by_alias=True)
    values["clock"] = clock
    values["array"] |= {"rows": rows, "columns": columns, "dataflow": dataflow}
    values["array"] |= {"weight_bits": bits}
    values["dram"] |= {"latency": latency, "bandwidth": bandwidth}
    machine = Hardware.model_validate(values)
    again = validate(parse_document(dump_hardware(machine), "dump.yaml"), Hardware)
    assert again == machine


def test_a_dump_states_units():
    text = dump_hardware(load_hardware("edge_16x16"))
    for line in ("clock: 1GHz", "size: 64KiB", "bandwidth: 16B/cycle", "latency: 60ns"):
        assert line in text
    assert "node: 45nm" in text


def test_an_unknown_preset_lists_the_known_ones():
    assert refusal("edge16x16") == [
        "hardware: must be one of edge_16x16, edge_4x4, mid_32x32, scalesim, tpu_v1 or the path "
        "of a .yaml "
        "file, got 'edge16x16' (did you mean 'edge_16x16'?)"
    ]


def test_a_missing_file_is_one_line(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert refusal("nowhere.yaml") == ["nowhere.yaml: cannot be read (No such file or directory)"]


def test_all_problems_of_a_file_come_at_once_in_the_order_of_its_lines(machine_file):
    name = machine_file(
        ("clock: 1GHz", "clock: 1000"),
        ("columns: 16", "colums: 16"),
        ("dataflow: ws", "dataflow: wss"),
        ("weight_bits: 8", "weight_bits: 17"),
        ("tile_overlap: true", "tile_overlap: yes"),
        ("size: 64KiB", "size: 64KB"),
        ("  setup: 4\n", "  setup: 4\n  setup: 5\n"),
        ("latency: 60ns", "latency: -1ns"),
        ("  lanes: 16\n  pipeline: 4\n", "  lanes: four\n"),
        ("  table: horowitz_45nm\n", ""),
    )
    sizes = "B, kB, MB, GB, TB, KiB, MiB, GiB, TiB"
    first_setup, second_setup = name.line("setup"), name.line("setup: 5")
    assert refusal(name) == [
        f"{name.line('clock')}: clock: must be a frequency with its unit, got 1000, allowed units "
        "Hz, kHz, MHz, GHz (for example '1GHz')",
        f"{name.line('colums')}: array.colums: unknown field (did you mean 'columns'?)",
        f"{name.line('dataflow')}: array.dataflow: must be one of 'ws', 'os', 'is', got 'wss' (did "
        "you mean 'ws'?)",
        f"{name.line('weight_bits')}: array.weight_bits: must be 2 to 16, got 17",
        f"{name.line('tile_overlap')}: array.tile_overlap: must be true or false, got 'yes'",
        f"{name.line('size', after='activations:')}: scratchpads.activations.size: must be a "
        f"number of bytes with its unit, got '64KB', allowed units {sizes} (for example '64KiB') "
        "(did you mean 'kB', powers of 1000, or 'KiB', of 1024?)",
        f"{second_setup}: dma.setup: is given twice, first in line {first_setup.partition(':')[2]}",
        f"{name.line('latency')}: dram.latency: must be 0ps to 1ms, got -1ns",
        f"{name.line('lanes', after='rescale')}: rescale.lanes: must be a whole number, got 'four'",
        f"{name.line('technology')}: technology.table: is missing",
    ]


def test_a_field_in_the_wrong_shape_is_named(machine_file):
    name = machine_file(
        ("accumulator:\n  bits: 32\n  overflow: wrap\n", "accumulator: 32\n"),
        ("  lanes: 16\n  pipeline", "  lanes: [16]\n  pipeline"),
        ("name: edge_16x16", "name: 16"),
        ("  pipeline: 4", "  pipeline: true"),
        ("  rows: 16", "  rows:"),
        ("  mode: single_round", "  mode: {a: 1}"),
    )
    assert refusal(name) == [
        f"{name.line('name')}: name: must be text, got 16",
        f"{name.line('rows')}: array.rows: must be a whole number, got nothing",
        f"{name.line('accumulator')}: accumulator: must be a group of fields, got 32",
        f"{name.line('mode')}: rescale.mode: must be one of 'double_round', 'single_round', "
        "'float32', 'truncate', got a group of fields",
        f"{name.line('lanes')}: rescale.lanes: must be a whole number, got a list",
        f"{name.line('pipeline')}: rescale.pipeline: must be a whole number, got true",
    ]


def test_an_unknown_field_without_a_neighbour_lists_the_allowed_ones(machine_file):
    name = machine_file(("vector:\n", "vector:\n  frobnicate: 1\n"))
    assert refusal(name) == [
        f"{name.line('frobnicate')}: vector.frobnicate: unknown field, allowed lanes",
    ]


def test_another_schema_version_is_refused(machine_file):
    name = machine_file(("accelsim.hardware/1", "accelsim.hardware/9"))
    assert refusal(name) == [
        "edge.yaml:1: schema: must be one of 'accelsim.hardware/1', got 'accelsim.hardware/9' "
        "(did you mean 'accelsim.hardware/1'?)"
    ]


def test_overrides_apply_in_order():
    machine = load_hardware(
        "edge_16x16",
        ["array.rows=8", "array.rows=32", "clock=500MHz", " dram.type = ddr4 ", "vector.lanes=4"],
    )
    assert machine.array.rows == 32
    assert machine.clock == 5e8
    assert machine.dram.type == "ddr4"
    assert machine.vector.lanes == 4


@pytest.mark.parametrize(
    ("override", "line"),
    [
        ("array.rows=0", "--set array.rows=0: must be 1 to 1024, got 0"),
        ("array.rows=1025", "--set array.rows=1025: must be 1 to 1024, got 1025"),
        ("array.rows=1.5", "--set array.rows=1.5: must be a whole number, got 1.5"),
        (
            "array.colums=3",
            "--set array.colums=3: unknown field (did you mean 'columns'?)",
        ),
        (
            "clock=1",
            "--set clock=1: must be a frequency with its unit, got 1, allowed units Hz, kHz, "
            "MHz, GHz (for example '1GHz')",
        ),
        ("clock.fast=1", "--set clock.fast=1: 'clock' is a value, not a group of fields"),
        (
            "aray.rows=1",
            "--set aray.rows=1: unknown field (did you mean 'array'?)",
        ),
        ("array.rows", "--set array.rows: must be FIELD=VALUE (for example array.rows=32)"),
        ("=3", "--set =3: must be FIELD=VALUE (for example array.rows=32)"),
        ("array..rows=3", "--set array..rows=3: must be FIELD=VALUE (for example array.rows=32)"),
        ("array.rows=", "--set array.rows=: must be FIELD=VALUE (for example array.rows=32)"),
        ("array.rows=[1]", "--set array.rows=[1]: must set one number or word, got '[1]'"),
        ("name=!!python/name:os.system x", None),
        ("dma=16", "--set dma=16: must be a group of fields, got 16"),
    ],
)
def test_a_wrong_override_is_reported_as_it_was_typed(override, line):
    if line is None:
        line = f"--set {override}: must set one number or word, got {override[5:]!r}"
    assert refusal("edge_16x16", [override]) == [line]


def test_a_file_and_its_overrides_are_reported_together(machine_file):
    name = machine_file(("rows: 16", "rows: -1"))
    assert refusal(name, ["array.columns=0", "vector.lanes=0"]) == [
        "edge.yaml:7: array.rows: must be 1 to 1024, got -1",
        "--set array.columns=0: must be 1 to 1024, got 0",
        "--set vector.lanes=0: must be 1 to 65536, got 0",
    ]


def test_an_override_heals_the_field_it_sets(machine_file):
    assert load_hardware(machine_file(("rows: 16", "rows: -1")), ["array.rows=4"]).array.rows == 4
