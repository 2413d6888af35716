import re

import pytest
from pydantic import ValidationError

from accelsim.arithmetic.formats import Accumulator, Overflow
from accelsim.errors import ConfigError
from accelsim.hardware import load_hardware
from accelsim.hardware.schema import AccumulatorSpec, Scratchpad


def test_code_gives_numbers_in_the_documented_unit():
    assert Scratchpad(size=65536, bandwidth=16).size == 65536


def test_a_machine_is_frozen():
    machine = load_hardware("edge_16x16")
    with pytest.raises(ValidationError):
        machine.clock = 1e6


def test_with_operand_bits_changes_the_widths_only():
    machine = load_hardware("edge_16x16")
    narrow = machine.with_operand_bits(weight_bits=4, activation_bits=6)
    assert (narrow.array.weight_bits, narrow.array.activation_bits) == (4, 6)
    assert narrow.with_operand_bits(8, 8) == machine


def test_with_operand_bits_names_every_width_out_of_range():
    message = "weight_bits: must be 2 to 16, got 0\nactivation_bits: must be 2 to 16, got 17"
    with pytest.raises(ConfigError, match=f"^{re.escape(message)}$"):
        load_hardware("edge_16x16").with_operand_bits(0, 17)


def test_with_operand_bits_checks_that_a_tile_still_fits():
    machine = load_hardware("edge_16x16", ["scratchpads.weights.size=512B"])
    message = (
        "hardware edge_16x16: scratchpads.weights.size: must hold a tile of 16 x 16 weights of "
        "16 bits and its biases: at least 576B, got 512B"
    )
    with pytest.raises(ConfigError, match=f"^{re.escape(message)}$"):
        machine.with_operand_bits(16, 8)


def test_dram_bandwidth_in_the_machines_cycles():
    assert load_hardware("edge_16x16", ["clock=500MHz"]).dram_bytes_per_cycle == 25.6


def test_accumulator_format():
    spec = AccumulatorSpec(bits=24, overflow=Overflow.SATURATE)
    assert spec.format == Accumulator(24, Overflow.SATURATE)
