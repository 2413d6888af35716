import pytest

from accelsim.hardware import load_hardware
from accelsim.hardware.fields import hardware_fields
from accelsim.sweeps.axis_values import bits_axis, field_axis

BASE = load_hardware("edge_16x16").model_dump(mode="json", by_alias=True)


@pytest.mark.parametrize(
    ("path", "given", "values", "numbers"),
    [
        ("array.rows", {"from": 8, "to": 64, "times": 2}, (8, 16, 32, 64), (8, 16, 32, 64)),
        ("array.rows", {"from": 3, "to": 10, "step": 3}, (3, 6, 9), (3, 6, 9)),
        ("array.rows", {"from": 5, "to": 5, "step": 3}, (5,), (5,)),
        (
            "scratchpads.weights.size",
            {"from": "64KiB", "to": "256KiB", "times": 2},
            ("64KiB", "128KiB", "256KiB"),
            (65536, 131072, 262144),
        ),
        (
            "clock",
            {"from": "0.1GHz", "to": "0.7GHz", "step": "0.2GHz"},
            ("100MHz", "300MHz", "500MHz", "700MHz"),
            (1e8, 3e8, 5e8, 7e8),
        ),
        ("technology.voltage", {"from": "0.7V", "to": "0.9V", "step": "0.1V"}, None, None),
        ("array.dataflow", ["ws", "is"], ("ws", "is"), ("ws", "is")),
        ("array.tile_overlap", [True, False], (True, False), (True, False)),
        ("dram.latency", ["60ns", "0.1us"], ("60ns", "0.1us"), (6e-8, 1e-7)),
    ],
)
def test_values_are_as_in_a_file_and_numbers_in_base_units(path, given, values, numbers):
    axis = field_axis(hardware_fields()[path], given, BASE)
    if values is None:
        values, numbers = ("0.7V", "0.8V", "0.9V"), (0.7, 0.8, 0.9)
    assert (axis.name, axis.values, axis.numbers) == (path, values, numbers)


def test_equal_values_in_other_units_are_one_value():
    with pytest.raises(Exception, match=r"^holds '65536B' twice \(as '64KiB'\)$"):
        field_axis(hardware_fields()["scratchpads.weights.size"], ["64KiB", "65536B"], BASE)


def test_widths_are_written_in_three_ways():
    assert bits_axis([8, "w4a8", [2, 6]]).values == ("w8a8", "w4a8", "w2a6")
