import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accelsim import units
from accelsim.errors import ConfigError

SIZE_UNITS = "B, kB, MB, GB, TB, KiB, MiB, GiB, TiB (for example '64KiB')"


@pytest.mark.parametrize(
    ("parse", "text", "value"),
    [
        (units.parse_bytes, "64KiB", 65536),
        (units.parse_bytes, "64 KiB", 65536),
        (units.parse_bytes, "64kB", 64000),
        (units.parse_bytes, "1.5KiB", 1536),
        (units.parse_bytes, "24MiB", 24 << 20),
        (units.parse_bytes, "0B", 0),
        (units.parse_bytes_per_second, "12.8GB/s", 12.8e9),
        (units.parse_bytes_per_second, "1GiB/s", float(1 << 30)),
        (units.parse_bytes_per_cycle, "16B/cycle", 16),
        (units.parse_hertz, "700MHz", 7e8),
        (units.parse_hertz, "1e3kHz", 1e6),
        (units.parse_seconds, "60ns", 6e-8),
        (units.parse_seconds, "0s", 0.0),
        (units.parse_volts, "900mV", 0.9),
        (units.parse_nanometres, "45nm", 45),
    ],
)
def test_text_with_a_unit_is_a_number(parse, text, value):
    result = parse(text)
    assert result == value
    assert type(result) is type(value)


@pytest.mark.parametrize(
    ("parse", "text", "message"),
    [
        (
            units.parse_bytes,
            64,
            f"must be a number of bytes with its unit, got 64, allowed units {SIZE_UNITS}",
        ),
        (
            units.parse_bytes,
            "64",
            f"must be a number of bytes with its unit, got '64', allowed units {SIZE_UNITS}",
        ),
        (
            units.parse_bytes,
            "64KB",
            f"must be a number of bytes with its unit, got '64KB', allowed units {SIZE_UNITS}"
            " (did you mean 'kB', powers of 1000, or 'KiB', of 1024?)",
        ),
        (
            units.parse_bytes,
            "64kib",
            f"must be a number of bytes with its unit, got '64kib', allowed units {SIZE_UNITS}"
            " (did you mean 'KiB'?)",
        ),
        (
            units.parse_bytes,
            "64KiB;rm",
            f"must be a number of bytes with its unit, got '64KiB;rm', allowed units {SIZE_UNITS}",
        ),
        (units.parse_bytes, "1.2B", "must be a whole number of B, got '1.2B' = 1.2B"),
        (
            units.parse_bytes_per_cycle,
            "16B",
            "must be a width in bytes a cycle with its unit, got '16B', allowed units B/cycle"
            " (for example '16B/cycle')",
        ),
        (
            units.parse_hertz,
            "1ghz",
            "must be a frequency with its unit, got '1ghz', allowed units Hz, kHz, MHz, GHz"
            " (for example '1GHz') (did you mean 'GHz'?)",
        ),
        (
            units.parse_seconds,
            None,
            "must be a time with its unit, got None, allowed units s, ms, us, ns, ps"
            " (for example '60ns')",
        ),
    ],
)
def test_refused_text_says_which_units_are_allowed(parse, text, message):
    with pytest.raises(ConfigError, match=f"^{re.escape(message)}$"):
        parse(text)


@pytest.mark.parametrize(
    ("show", "value", "text"),
    [
        (units.format_bytes, 0, "0B"),
        (units.format_bytes, 65537, "65537B"),
        (units.format_bytes, 24 << 20, "24MiB"),
        (units.format_bytes, 1536, "1536B"),
        (units.format_bytes_per_second, 34e9, "34GB/s"),
        (units.format_bytes_per_second, 0.5, "0.5B/s"),
        (units.format_hertz, 1.25e9, "1.25GHz"),
        (units.format_seconds, 3.35e-8, "33.5ns"),
        (units.format_seconds, 0.0, "0ps"),
        (units.format_picojoules, 0.0004, "0.4fJ"),
        (units.format_picojoules, 999.6, "1nJ"),
        (units.format_picojoules, 1234567.0, "1.23uJ"),
        (units.format_picojoules, -2.0, "-2pJ"),
    ],
)
def test_numbers_are_shown_in_the_unit_that_fits(show, value, text):
    assert show(value) == text


@given(st.integers(0, 1 << 50))
@settings(derandomize=True, max_examples=100, deadline=None)
def test_sizes_survive_the_round_trip(value):
    assert units.parse_bytes(units.format_bytes(value)) == value


@pytest.mark.parametrize(
    ("parse", "show"),
    [
        (units.parse_bytes_per_second, units.format_bytes_per_second),
        (units.parse_hertz, units.format_hertz),
        (units.parse_seconds, units.format_seconds),
        (units.parse_volts, units.format_volts),
    ],
)
@given(value=st.floats(1e-10, 1e13))
@settings(derandomize=True, max_examples=100, deadline=None)
def test_every_float_survives_the_round_trip(parse, show, value):
    assert parse(show(value)) == value
