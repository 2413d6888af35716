import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accelsim.energy.sram import extrapolation, read_pj, sram_leakage_uw, write_pj
from accelsim.hardware.schema import Scratchpad

KIB = 1024


def one_bank(size, bandwidth=8):
    return Scratchpad(size=size, bandwidth=bandwidth)


@pytest.mark.parametrize(("size", "published_pj"), [(8, 10), (32, 20), (1024, 100)])
def test_the_law_is_near_the_published_points(values, size, published_pj):
    assert read_pj(values, one_bank(size * KIB), 64) == pytest.approx(published_pj, rel=0.021)


def test_the_law_is_exact_at_its_reference(values):
    assert read_pj(values, one_bank(32 * KIB), 64) == 19.6
    assert write_pj(values, one_bank(32 * KIB), 64) == pytest.approx(0.76 * 19.6)


@pytest.mark.parametrize(
    ("bits", "accesses"), [(0, 0), (1, 1), (63, 1), (64, 1), (65, 2), (640, 10)]
)
def test_whole_accesses_are_charged(values, bits, accesses):
    assert read_pj(values, one_bank(32 * KIB), bits) == pytest.approx(accesses * 19.6)


def test_a_narrow_port_still_pays_for_the_word(values):
    narrow = one_bank(32 * KIB, bandwidth=4)
    assert read_pj(values, narrow, 64) == pytest.approx(2 * 19.6)


def test_a_wide_port_reads_several_words(values):
    assert read_pj(values, one_bank(32 * KIB, bandwidth=24), 64) == pytest.approx(3 * 19.6)


def test_banks_are_smaller_memories_read_together(values):
    banked = Scratchpad(size=128 * KIB, bandwidth=32, banks=4)
    assert read_pj(values, banked, 256) == pytest.approx(4 * 19.6)
    assert read_pj(values, banked, 256) < read_pj(values, one_bank(128 * KIB, 32), 256)


@given(
    bits=st.integers(0, 10_000),
    more=st.integers(0, 1000),
    size=st.sampled_from([8, 64, 1024]),
    bandwidth=st.sampled_from([1, 8, 16, 64]),
)
@settings(derandomize=True, max_examples=60, deadline=None)
def test_more_bits_or_a_larger_memory_never_cost_less(values, bits, more, size, bandwidth):
    pad = one_bank(size * KIB, bandwidth)
    assert read_pj(values, pad, bits + more) >= read_pj(values, pad, bits)
    assert read_pj(values, one_bank(2 * size * KIB, bandwidth), bits) >= read_pj(values, pad, bits)
    assert write_pj(values, pad, bits) <= read_pj(values, pad, bits)


def test_leakage_is_that_of_64_kib_scaled(values):
    assert sram_leakage_uw(values, 64 * KIB) == 1400
    assert sram_leakage_uw(values, 160 * KIB) == 3500


@pytest.mark.parametrize(
    ("size", "banks", "bank"), [(4, 1, "4KiB"), (64, 16, "4KiB"), (4096, 1, "4MiB")]
)
def test_banks_outside_the_law_are_said_to_be_extrapolated(values, size, banks, bank):
    pad = Scratchpad(size=size * KIB, bandwidth=16, banks=banks)
    assert extrapolation(values, "weights", pad) == (
        f"scratchpads.weights: banks of {bank} are outside the 8KiB to 1MiB of the table "
        "horowitz_45nm: their energy is extrapolated"
    )


@pytest.mark.parametrize(("size", "banks"), [(8, 1), (1024, 1), (4096, 4)])
def test_banks_inside_the_law_are_not_warned_about(values, size, banks):
    pad = Scratchpad(size=size * KIB, bandwidth=16, banks=banks)
    assert extrapolation(values, "weights", pad) is None
