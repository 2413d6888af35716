"""The sources are what tools for hardware accept: lint in Verilator, synthesis in Yosys.

What Yosys makes of the arrays, gates and flip-flops, is played the same vectors.
"""

from __future__ import annotations

import shutil
import subprocess

import numpy as np
import pytest

from accelsim.arithmetic.formats import Accumulator, Overflow
from accelsim.arithmetic.rescale import RescaleMode, make_rescale
from accelsim.hardware.schema import Array
from accelsim.rtl.rescale_vectors import rescale_vectors
from accelsim.rtl.sources import MODULES, source_path
from accelsim.rtl.vectors import array_vectors
from accelsim.simulator.array.product import MatrixProduct, whole_plan

pytestmark = pytest.mark.rtl

PARAMETERS = {
    "stationary": "ROWS COLUMNS KIND PE_BITS MOVING_BITS RESIDENT_BITS ACCUMULATOR_BITS SATURATE "
    "DOUBLE_BUFFERED TILE_OVERLAP ACCUMULATOR_DEPTH",
    "output": "ROWS COLUMNS KIND PE_BITS RIGHT_BITS DOWN_BITS ACCUMULATOR_BITS SATURATE DRAIN "
    "TILE_OVERLAP",
    "rescale": "MANTISSA_BITS OUTPUT_BITS MODE",
}
MACHINES = [
    ("stationary", {"DOUBLE_BUFFERED": 1, "TILE_OVERLAP": 1, "SATURATE": 0}),
    ("stationary", {"DOUBLE_BUFFERED": 0, "TILE_OVERLAP": 0, "SATURATE": 1}),
    ("output", {"DRAIN": 0, "TILE_OVERLAP": 1, "SATURATE": 0}),
    ("output", {"DRAIN": 1, "TILE_OVERLAP": 0, "SATURATE": 1}),
    ("output", {"DRAIN": 2, "TILE_OVERLAP": 1, "SATURATE": 1}),
]
OTHER_KINDS = [
    ("stationary", {"KIND": 1, "PE_BITS": 4, "MOVING_BITS": 8, "RESIDENT_BITS": 8}),
    ("stationary", {"KIND": 1, "PE_BITS": 8, "MOVING_BITS": 32, "RESIDENT_BITS": 32}),
    ("output", {"KIND": 1, "PE_BITS": 16, "RIGHT_BITS": 128, "DOWN_BITS": 128}),
    ("stationary", {"KIND": 2, "PE_BITS": 8, "MOVING_BITS": 8, "RESIDENT_BITS": 8}),
    ("stationary", {"KIND": 3, "PE_BITS": 5, "MOVING_BITS": 4, "RESIDENT_BITS": 5}),
    ("output", {"KIND": 2, "PE_BITS": 3, "RIGHT_BITS": 3, "DOWN_BITS": 2}),
]

SIZES = [{}, {"ROWS": 1, "COLUMNS": 1}, {"ROWS": 5, "COLUMNS": 3}]
LINTED = [(*machine, size) for machine in MACHINES for size in SIZES]
# A kind is inside of a PE: one small array of each has all that is linted.
LINTED += [(*machine, {"ROWS": 2, "COLUMNS": 1}) for machine in OTHER_KINDS]

SYNTHESIZED = [
    ("ws", {}),
    ("is", {"weight_double_buffering": False, "tile_overlap": False}),
    ("os", {"drain": "exposed"}),
    ("os", {"drain": "hidden", "tile_overlap": False}),
    ("os", {"drain": "free"}),
]


def _sources(machine):
    return [str(source_path(module)) for module in MODULES[machine]]


def _run(*command):
    if shutil.which(command[0]) is None:
        pytest.skip(f"{command[0]} is not installed")
    done = subprocess.run(command, capture_output=True, text=True)
    return done.returncode, done.stdout + done.stderr


def _lint(top, machine, parameters):
    settings = [f"-G{name}={value}" for name, value in parameters.items()]
    return _run(
        "verilator", "--lint-only", "-Wall", "--top-module", top, *settings, *_sources(machine)
    )


def _synthesize(top, vectors, netlist):
    """Write the gates; every latch, loop, undriven or doubly driven wire is an error."""
    names = PARAMETERS[vectors.machine].split()
    settings = " ".join(f"-set {name} {vectors.parameters[name]}" for name in names)
    script = (
        f"read_verilog -sv {' '.join(_sources(vectors.machine))}; chparam {settings} {top}; "
        f"synth -noabc -top {top}; check -assert; select -assert-none t:$_DLATCH_* t:$dlatch; "
        f"select -clear; write_verilog -noattr {netlist}"
    )
    return _run("yosys", "-q", "-p", script)


@pytest.mark.parametrize(("machine", "parameters", "size"), LINTED)
def test_lint_finds_nothing_in_a_machine(machine, parameters, size):
    flags = {"SATURATE", "DOUBLE_BUFFERED", "TILE_OVERLAP"}
    sized = {name: f"1'b{bit}" if name in flags else bit for name, bit in parameters.items()}
    assert _lint(f"accelerator_{machine}", machine, sized | size) == (0, "")


@pytest.mark.parametrize("mantissa_bits", [16, 32])
@pytest.mark.parametrize("mode", [0, 1, 2])
def test_lint_finds_nothing_in_the_rescale_lane(mode, mantissa_bits):
    parameters = {"MODE": mode, "MANTISSA_BITS": mantissa_bits}
    assert _lint("rescale", "rescale", parameters) == (0, "")


@pytest.mark.parametrize(("dataflow", "changes"), SYNTHESIZED)
def test_a_machine_synthesizes_to_gates_that_do_the_same(simulate, tmp_path, dataflow, changes):
    array = Array(rows=3, columns=2, dataflow=dataflow, weight_bits=3, activation_bits=4, **changes)
    generator = np.random.default_rng(1)
    product = MatrixProduct.from_arrays(
        generator.integers(-8, 8, (7, 7)), generator.integers(-4, 4, (7, 5)), [90, -99, 0, 1, 100]
    )
    accumulator = Accumulator(8, Overflow.SATURATE if array.tile_overlap else Overflow.WRAP)
    vectors = array_vectors(product, whole_plan(product.gemm, array), array, accumulator)
    netlist = tmp_path / "netlist.v"
    assert _synthesize(f"accelerator_{vectors.machine}", vectors, netlist) == (0, "")
    assert simulate(vectors, netlist).splitlines()[-1].startswith("PASS: ")


@pytest.mark.parametrize(
    ("dataflow", "kind", "pe_bits", "widths"),
    [
        ("ws", "composable", 4, (2, 3)),
        ("is", "ternary", 5, (2, 2)),
        ("os", "ternary", 4, (2, 3)),
    ],
)
def test_pes_that_are_not_fixed_synthesize_to_gates_that_do_the_same(
    simulate, tmp_path, dataflow, kind, pe_bits, widths
):
    array = Array(
        rows=2,
        columns=1,
        dataflow=dataflow,
        weight_bits=widths[0],
        activation_bits=widths[1],
        pe_kind=kind,
        pe_bits=pe_bits,
    )
    generator = np.random.default_rng(1)
    low = 1 << (widths[1] - 1)
    product = MatrixProduct.from_arrays(
        generator.integers(-low, low, (5, 11)), generator.integers(-1, 2, (11, 3)), [9, -99, 0]
    )
    vectors = array_vectors(product, whole_plan(product.gemm, array), array, Accumulator(8))
    netlist = tmp_path / "netlist.v"
    assert _synthesize(f"accelerator_{vectors.machine}", vectors, netlist) == (0, "")
    assert simulate(vectors, netlist).splitlines()[-1].startswith("PASS: ")


def test_the_rescale_lane_synthesizes(tmp_path):
    """Its multiplier's gates would take minutes to simulate."""
    zero = np.zeros((1, 1), np.int64)
    unit = make_rescale(0.3, RescaleMode.DOUBLE_ROUND, 16)
    vectors = rescale_vectors(zero, zero, unit, 5, (-128, 127), 8)
    assert _synthesize("rescale", vectors, tmp_path / "netlist.v") == (0, "")


def test_lint_would_find_something():
    """A port that does not fit is found, so that an empty answer means something."""
    code, said = _lint("accelerator_output", "output", {"DRAIN": 2, "PORTS": 1})
    assert code != 0
    assert "Warning" in said or "Error" in said
