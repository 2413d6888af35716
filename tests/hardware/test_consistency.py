import pytest
from pydantic import ValidationError

from accelsim.errors import ConfigError
from accelsim.hardware import load_hardware
from accelsim.hardware.schema import Scratchpad


def pad(name, size):
    return f"scratchpads.{name}.size={size}B"


@pytest.mark.parametrize(
    ("dataflow", "name", "needed", "what"),
    [
        # rows k = 4, columns n = 8, one row m
        ("ws", "activations", 4, "a tile of 1 x 4 activations of 8 bits"),
        ("ws", "weights", 64, "a tile of 4 x 8 weights of 8 bits and its biases"),
        ("ws", "accumulators", 64, "2 tiles (double buffered) of 1 x 8 accumulators of 32 bits"),
        # rows m = 4, columns n = 8, one depth k
        ("os", "activations", 4, "a tile of 4 x 1 activations of 8 bits"),
        ("os", "weights", 40, "a tile of 1 x 8 weights of 8 bits and its biases"),
        ("os", "accumulators", 256, "2 tiles (double buffered) of 4 x 8 accumulators of 32 bits"),
        # rows k = 4, columns m = 8, one column n
        ("is", "activations", 32, "a tile of 8 x 4 activations of 8 bits"),
        ("is", "weights", 8, "a tile of 4 x 1 weights of 8 bits and its biases"),
        ("is", "accumulators", 64, "2 tiles (double buffered) of 8 x 1 accumulators of 32 bits"),
    ],
)
def test_each_scratchpad_holds_the_smallest_tile(dataflow, name, needed, what):
    check_smallest_tile([f"array.dataflow={dataflow}"], name, needed, what)


def check_smallest_tile(changes, name, needed, what):
    array = ["array.rows=4", "array.columns=8", *changes]
    port = [f"scratchpads.{name}.bandwidth=1B/cycle", f"scratchpads.{name}.banks=1"]
    fitting = load_hardware("edge_16x16", [*array, *port, pad(name, needed)])
    assert getattr(fitting.scratchpads, name).size == needed
    with pytest.raises(ConfigError) as caught:
        load_hardware("edge_16x16", [*array, *port, pad(name, needed - 1)])
    assert str(caught.value) == (
        f"--set {pad(name, needed - 1)}: must hold {what}: at least {needed}B, got {needed - 1}B"
    )


@pytest.mark.parametrize(
    ("dataflow", "name", "needed", "what"),
    [
        ("ws", "weights", 72, "a tile of 4 x 8 weights of 8 bits and its biases and zero points"),
        ("is", "weights", 9, "a tile of 4 x 1 weights of 8 bits and its biases and zero points"),
        (
            "ws",
            "accumulators",
            72,
            "2 tiles (double buffered) of 1 x 8 accumulators of 32 bits and their row sums",
        ),
        (
            "os",
            "accumulators",
            288,
            "2 tiles (double buffered) of 4 x 8 accumulators of 32 bits and their row sums",
        ),
        (
            "is",
            "accumulators",
            128,
            "2 tiles (double buffered) of 8 x 1 accumulators of 32 bits and their row sums",
        ),
    ],
)
def test_row_sums_and_zero_points_have_room(dataflow, name, needed, what):
    changes = [f"array.dataflow={dataflow}", "array.row_sums=true"]
    check_smallest_tile(changes, name, needed, what)


def test_single_buffered_accumulators_hold_one_tile():
    small = ["array.dataflow=os", "scratchpads.accumulators.double_buffered=false"]
    machine = load_hardware("edge_16x16", [*small, pad("accumulators", 1024)])
    assert machine.scratchpads.accumulators.size == 1024
    with pytest.raises(ConfigError) as caught:
        load_hardware("edge_16x16", [*small, pad("accumulators", 1020)])
    assert str(caught.value) == (
        "--set scratchpads.accumulators.size=1020B: must hold 1 tile of 16 x 16 accumulators of 32 "
        "bits: at least 1KiB, got 1020B"
    )


def test_all_scratchpads_are_reported_at_once_at_their_lines():
    with pytest.raises(ConfigError) as caught:
        load_hardware("edge_16x16", ["array.rows=512", "array.columns=1024", "array.dataflow=os"])
    assert str(caught.value).splitlines() == [
        "edge_16x16.yaml:23: scratchpads.accumulators.size: must hold 2 tiles (double buffered) "
        "of 512 x 1024 accumulators of 32 bits: at least 4MiB, got 32KiB",
    ]


def test_banks_are_equal():
    with pytest.raises(ConfigError) as caught:
        load_hardware("edge_16x16", ["scratchpads.weights.banks=3"])
    assert str(caught.value).splitlines() == [
        "edge_16x16.yaml:22: scratchpads.weights.size: must divide by banks: 3, got 64KiB",
        "edge_16x16.yaml:22: scratchpads.weights.bandwidth: must divide by banks: 3, got 16B/cycle",
    ]


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["dram.row_miss=30ns"], "dram.row_miss=30ns: must be 0s without row_size, got 30ns"),
        (
            ["dram.row_policy=closed"],
            "dram.row_policy=closed: must be 'open' without row_size, got 'closed'",
        ),
        (
            ["dram.banks=4"],
            "dram.banks=4: must be left out without row_size, which makes it count, got 4",
        ),
        (
            ["dram.row_size=96B", "dram.row_miss=30ns"],
            "dram.row_size=96B: must be a multiple of the burst, 64B, got 96B",
        ),
    ],
)
def test_rows_hold_whole_bursts_and_have_a_size(overrides, message):
    with pytest.raises(ConfigError) as caught:
        load_hardware("edge_16x16", overrides)
    (line,) = str(caught.value).splitlines()
    assert line == f"--set {message}"


def test_code_that_builds_an_inconsistent_part_is_refused():
    with pytest.raises(ValidationError, match="size: must divide by banks: 3, got 64B"):
        Scratchpad(size=64, bandwidth=3, banks=3)


@pytest.mark.parametrize("bits", [4, 8])
def test_pes_of_their_own_width_hold_every_operand(bits):
    machine = load_hardware("edge_16x16", ["array.pe_bits=8"]).with_operand_bits(bits, 8)
    assert (machine.array.pe_weight_bits, machine.array.pe_activation_bits) == (8, 8)
    assert load_hardware("edge_16x16").with_operand_bits(bits, 8).array.pe_weight_bits == bits


def test_pes_that_are_too_narrow_are_refused():
    machine = load_hardware("edge_16x16", ["array.pe_bits=8"])
    message = "must be at least the 9 bits of the widest operand, got 8"
    with pytest.raises(ConfigError, match=f"^hardware edge_16x16: array.pe_bits: {message}$"):
        machine.with_operand_bits(9, 4)


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (
            ["array.pe_kind=composable", "array.pe_bits=6"],
            "--set array.pe_bits=6: must be one of 4, 8, 16 with array.pe_kind=composable, got 6",
        ),
        (
            ["array.pe_kind=bit_serial", "array.pe_bits=7"],
            "--set array.pe_bits=7: must be at least the 8 bits of weights, got 7",
        ),
        (
            ["array.pe_kind=ternary", "array.pe_bits=7"],
            "--set array.pe_bits=7: must be at least the 8 bits of activations, got 7",
        ),
        (
            ["array.pe_kind=composable", "accumulator.overflow=saturate"],
            "--set accumulator.overflow=saturate: must be 'wrap' with array.pe_kind=composable, "
            "which adds in an order of its own, got 'saturate'",
        ),
        (
            ["array.pe_kind=bit_serial", "array.zero_gating=true"],
            "--set array.zero_gating=true: must be false with array.pe_kind=bit_serial: it is of "
            "PEs with one multiplier, got true",
        ),
        (
            ["array.pe_kind=ternary", "array.row_sums=true"],
            "--set array.row_sums=true: must be false with array.pe_kind=ternary: its adders take "
            "one activation a cycle, got true",
        ),
        (
            ["array.pe_kind=composable", "array.scale_bits=4"],
            "--set array.scale_bits=4: must be left out with array.pe_kind=composable: a group's "
            "end may be inside of a PE, got 4",
        ),
        (
            ["array.pe_kind=serial"],
            "--set array.pe_kind=serial: must be one of 'fixed', 'composable', 'bit_serial', "
            "'ternary', got 'serial' (did you mean 'bit_serial'?)",
        ),
    ],
)
def test_what_a_kind_of_pe_cannot_have_is_refused(overrides, message):
    with pytest.raises(ConfigError) as caught:
        load_hardware("edge_16x16", overrides)
    assert str(caught.value) == message


def test_bit_serial_pes_take_activations_of_any_width():
    machine = load_hardware("edge_16x16", ["array.pe_kind=bit_serial", "array.pe_bits=8"])
    array = machine.with_operand_bits(4, 16).array
    assert (array.pe_weight_bits, array.pe_activation_bits) == (8, 16)


def test_a_row_of_composable_pes_holds_as_much_depth_as_their_lanes():
    """16 rows of 16 products of 2 bits: a tile of 256 x 16 weights, 1 KiB and 64 bytes."""
    fields = ["array.pe_kind=composable", "scratchpads.weights.size=1072B"]
    machine = load_hardware("edge_16x16", fields)
    message = (
        "scratchpads.weights.size: must hold a tile of 256 x 16 weights of 2 bits and its biases: "
        "at least 1088B, got 1072B"
    )
    with pytest.raises(ConfigError, match=f"^hardware edge_16x16: {message}$"):
        machine.with_operand_bits(2, 2)
