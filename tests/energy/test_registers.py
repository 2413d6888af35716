from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accelsim.energy.registers import register_bits, register_use, row_sum_bits, row_sum_use
from accelsim.hardware import Array


def clocked_bits(*arguments, **named):
    return register_use(*arguments, **named).clocked_bits


def array(dataflow, rows=2, columns=3, **fields):
    widths = {"weight_bits": 4, "activation_bits": 8}
    return Array(rows=rows, columns=columns, dataflow=dataflow, **(widths | fields))


@pytest.mark.parametrize(
    ("dataflow", "bits"),
    [
        ("ws", 5 * 6 * (8 + 32)),
        ("is", 5 * 6 * (4 + 32)),
        ("os", 5 * 6 * (8 + 4 + 32)),
    ],
)
def test_a_streamed_vector_clocks_every_pe(dataflow, bits):
    assert clocked_bits(array(dataflow), 32, 5, passes=0, tiles=0) == bits


@pytest.mark.parametrize(("dataflow", "width"), [("ws", 4), ("is", 8)])
@pytest.mark.parametrize(
    # Row 0's element passes 1 register, row 1's 2: 3 a column; the copy is one more for each PE.
    ("double_buffering", "writes"),
    [(False, 3 * 3), (True, 3 * 3 + 6)],
)
def test_a_preload_shifts_every_row_to_its_place(dataflow, width, double_buffering, writes):
    machine = array(dataflow, weight_double_buffering=double_buffering)
    assert clocked_bits(machine, 32, 0, passes=7, tiles=9) == 7 * writes * width


@pytest.mark.parametrize(
    # 6 biases in; row 1's result leaves through 1 register, row 0's through 2.
    ("drain", "writes"),
    [("exposed", 6 + 3 * 3), ("hidden", 6 + 3 * 3 + 6), ("free", 6)],
)
def test_an_output_stationary_tile_takes_its_biases_and_drains(drain, writes):
    machine = array("os", drain=drain)
    assert clocked_bits(machine, 24, 0, passes=9, tiles=7) == 7 * writes * 24


@pytest.mark.parametrize("dataflow", ["ws", "os", "is"])
def test_nothing_streamed_nothing_clocked(dataflow):
    assert clocked_bits(array(dataflow), 32, 0, 0, 0) == 0


@pytest.mark.parametrize("dataflow", ["ws", "os", "is"])
@given(bits=st.integers(2, 15), accumulator_bits=st.integers(8, 31))
@settings(derandomize=True, max_examples=30, deadline=None)
def test_every_width_costs(dataflow, bits, accumulator_bits):
    def clocked(weights, activations, accumulators):
        machine = array(dataflow, weight_bits=weights, activation_bits=activations)
        return clocked_bits(machine, accumulators, 10, passes=2, tiles=2)

    steps = [
        clocked(bits, bits, accumulator_bits),
        clocked(bits + 1, bits, accumulator_bits),
        clocked(bits + 1, bits + 1, accumulator_bits),
        clocked(bits + 1, bits + 1, accumulator_bits + 1),
    ]
    assert all(low < high for low, high in pairwise(steps))


@pytest.mark.parametrize(
    ("dataflow", "fields", "hops"),
    [
        # The copy from shadow and the sum that stays travel nowhere.
        ("ws", {}, 5 * 6 * (8 + 32) + 7 * 9 * 4),
        ("os", {"drain": "exposed"}, 5 * 6 * (8 + 4) + 3 * (6 + 9) * 32),
        ("os", {"drain": "hidden"}, 5 * 6 * (8 + 4) + 3 * (6 + 9) * 32),
        ("os", {"drain": "free"}, 5 * 6 * (8 + 4) + 3 * 6 * 32),
    ],
)
def test_what_comes_from_a_neighbour_crosses_a_wire(dataflow, fields, hops):
    passes, tiles = (7, 0) if dataflow == "ws" else (0, 3)
    use = register_use(array(dataflow, **fields), 32, 5, passes=passes, tiles=tiles)
    assert use.hops_bits == hops
    assert use.hops_bits < use.clocked_bits


@pytest.mark.parametrize(
    ("dataflow", "fields", "bits"),
    [
        ("ws", {}, 8 + 2 * 4 + 32),
        ("ws", {"weight_double_buffering": False}, 8 + 4 + 32),
        ("is", {}, 4 + 2 * 8 + 32),
        ("os", {"drain": "exposed"}, 8 + 4 + 2 * 32),
        ("os", {"drain": "hidden"}, 8 + 4 + 3 * 32),
    ],
)
def test_all_registers_of_a_pe(dataflow, fields, bits):
    assert register_bits(array(dataflow, **fields), 32) == 6 * bits


@pytest.mark.parametrize(
    # 5 vectors pass 2 adders; a drain of 2 results passes 3 registers, copied to them if hidden.
    ("fields", "clocked", "hops", "bits"),
    [
        ({"dataflow": "ws"}, 10 * (8 + 32), 10 * (8 + 32), 2 * (8 + 32)),
        ({"dataflow": "ws", "zero_gating": True}, 10 * (9 + 32), 10 * (9 + 32), 2 * (9 + 32)),
        ({"dataflow": "os"}, 10 * 40 + 7 * 3 * 32, 10 * 8 + 7 * 3 * 32, 2 * (8 + 32)),
        (
            {"dataflow": "os", "drain": "hidden"},
            10 * 40 + 7 * 5 * 32,
            10 * 8 + 7 * 3 * 32,
            2 * (8 + 64),
        ),
        ({"dataflow": "os", "drain": "free"}, 10 * 40, 10 * 8, 2 * (8 + 32)),
        ({"dataflow": "is"}, 0, 0, 0),
    ],
)
def test_a_column_of_adders_is_one_of_pes_without_weights(fields, clocked, hops, bits):
    machine = array(**fields, row_sums=True)
    use = row_sum_use(machine, 32, stream_cycles=5, tiles=7)
    assert (use.clocked_bits, use.hops_bits) == (clocked, hops)
    assert row_sum_bits(machine, 32) == bits
    assert register_bits(machine, 32) == register_bits(array(**fields), 32)
    plain = array(**fields)
    assert row_sum_bits(plain, 32) == row_sum_use(plain, 32, 5, 7).clocked_bits == 0
