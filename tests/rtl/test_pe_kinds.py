"""PEs of bricks and of signs in SystemVerilog: every sum and its cycle, at all widths."""

from __future__ import annotations

import subprocess
from dataclasses import replace

import numpy as np
import pytest

from accelsim.arithmetic.formats import Accumulator
from accelsim.errors import ConfigError
from accelsim.hardware.pe_kinds import PeKind
from accelsim.hardware.schema import Array, Drain
from accelsim.rtl import RtlRequest, export_rtl
from accelsim.rtl.vectors import array_vectors
from accelsim.simulator.array import run_array
from accelsim.simulator.array.product import MatrixProduct, whole_plan
from tests.plans import in_parts

pytestmark = pytest.mark.rtl

COMPOSABLE = {
    4: [("ws", 2, 2), ("os", 3, 4), ("is", 3, 4)],
    8: [
        *(("os", 2, 2), ("ws", 4, 3), ("ws", 8, 2), ("is", 8, 2)),
        *(("ws", 2, 8), ("os", 2, 8), ("is", 7, 5), ("os", 8, 8)),
    ],
    16: [("is", 2, 3), ("os", 16, 16)],
}
"""By the PEs' bits: dataflows with bits of weights and of activations."""

TERNARY = {
    None: [("ws", 2), ("os", 3), ("is", 5), ("ws", 8)],
    8: [("ws", 2), ("os", 2), ("is", 2), ("ws", 3), ("is", 3), ("os", 5), ("is", 8)],
}
"""By the PEs' bits: dataflows with bits of activations."""


def _product(generator, array, m=7, n=5, deep=2.5):
    rate = array.pe_rate(array.weight_bits, array.activation_bits)
    depth = int(rate.depth * array.rows * deep) + 1

    def integers(bits, shape):
        values = generator.integers(-(1 << (bits - 1)), 1 << (bits - 1), shape)
        values[generator.random(shape) < 0.2] = -(1 << (bits - 1))
        return values

    right = integers(array.weight_bits, (depth, n))
    if array.pe_kind is PeKind.TERNARY:
        right = generator.integers(-1, 2, (depth, n))
    left = integers(array.activation_bits, (m, depth))
    return MatrixProduct.from_arrays(left, right, generator.integers(-99, 99, n))


def _compare(simulate, array, product, accumulator):
    whole = whole_plan(product.gemm, array)
    tiles = replace(whole, tile_m=min(whole.tile_m, 4), tile_n=min(whole.tile_n, 3))
    for plan in (whole, in_parts(tiles, tiles=2, part_tiles=2)):
        _compare_plan(simulate, array, product, accumulator, plan)


def _compare_plan(simulate, array, product, accumulator, plan):
    vectors = array_vectors(product, plan, array, accumulator)
    seen, last = vectors.parameters["EXPECTED"], vectors.parameters["LAST_CYCLE"]
    overflows = vectors.parameters["OVERFLOWS"]
    noun = "sums" if array.flow.preloads else "results"
    assert simulate(vectors).splitlines()[-1] == (
        f"PASS: {seen} of {seen} {noun}, 0 wrong, {overflows} overflows, last cycle {last}"
    ), array
    for engine in ("cycle", "tile"):
        result = run_array(engine, product, plan, array, accumulator)
        assert sum(result.cycles.values()) == last + 1


@pytest.mark.parametrize(
    ("pe_bits", "dataflow", "widths"),
    [(bits, flow, widths) for bits, cases in COMPOSABLE.items() for flow, *widths in cases],
)
def test_composable_pes(simulate, pe_bits, dataflow, widths):
    generator = np.random.default_rng([pe_bits, *widths])
    array = Array(
        rows=int(generator.integers(1, 4)),
        columns=int(generator.integers(1, 4)),
        dataflow=dataflow,
        weight_bits=widths[0],
        activation_bits=widths[1],
        weight_double_buffering=bool(generator.integers(2)),
        tile_overlap=bool(generator.integers(2)),
        drain=generator.choice(list(Drain)),
        pe_kind="composable",
        pe_bits=pe_bits,
    )
    accumulator = Accumulator(int(generator.choice([12, 32])))
    _compare(simulate, array, _product(generator, array), accumulator)


@pytest.mark.parametrize(
    ("pe_bits", "dataflow", "activation_bits"),
    [(bits, *case) for bits, cases in TERNARY.items() for case in cases],
)
def test_ternary_pes(simulate, pe_bits, dataflow, activation_bits):
    generator = np.random.default_rng(activation_bits)
    array = Array(
        rows=3,
        columns=2,
        dataflow=dataflow,
        weight_bits=2,
        activation_bits=activation_bits,
        pe_kind="ternary",
        pe_bits=pe_bits,
    )
    _compare(simulate, array, _product(generator, array), Accumulator(16))


def test_one_machine_of_bricks_runs_all_widths():
    """What is built does not depend on the layer: the same parameters but for the lanes."""
    built = set()
    for _, weight_bits, activation_bits in COMPOSABLE[8]:
        array = Array(
            rows=2,
            columns=2,
            dataflow="ws",
            weight_bits=weight_bits,
            activation_bits=activation_bits,
            pe_kind="composable",
        )
        product = _product(np.random.default_rng(0), array)
        plan = whole_plan(product.gemm, array)
        parameters = array_vectors(product, plan, array, Accumulator()).parameters
        names = ("KIND", "PE_BITS", "MOVING_BITS", "RESIDENT_BITS", "ROWS", "COLUMNS")
        built.add(tuple(parameters[name] for name in names))
    assert built == {(1, 8, 32, 32, 2, 2)}


def test_a_wrong_lane_is_found(simulate):
    array = Array(
        rows=2, columns=2, dataflow="ws", weight_bits=4, activation_bits=4, pe_kind="composable"
    )
    product = _product(np.random.default_rng(1), array)
    vectors = array_vectors(product, whole_plan(product.gemm, array), array, Accumulator())
    assert vectors.parameters["LANES"] == 0b0101
    wrong = replace(vectors, parameters=vectors.parameters | {"LANES": 0b0110})
    assert simulate(wrong).splitlines()[-1].startswith("FAIL: ")


@pytest.mark.parametrize(("kind", "weight_bits"), [("composable", 4), ("ternary", 2)])
def test_a_bundle_of_a_layer_passes(simulate, tmp_path, kind, weight_bits):
    request = RtlRequest(
        "edge_4x4",
        (f"array.pe_kind={kind}", "array.pe_bits=8"),
        network="digits_cnn",
        layer="conv2",
        weight_bits=weight_bits,
        activation_bits=4,
        rows=5,
    )
    bundle = export_rtl(request, tmp_path / "bundle")
    assert bundle.title.endswith(
        f"on edge_4x4 (4 x 4 {kind} PEs, weight stationary, w{weight_bits}a4)"
    )
    script = ["sh", str(tmp_path / "bundle" / "run.sh")]
    done = subprocess.run(script, capture_output=True, text=True, check=True)
    array, rescale = done.stdout.splitlines()
    assert array.startswith("array: PASS: ")
    assert rescale.startswith("rescale: PASS: ")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            ("array.pe_kind=bit_serial",),
            "array.pe_kind: only PEs that take one cycle for an element have RTL; bit_serial "
            "ones of 8 bits take more for operands of 8 and 8",
        ),
        (
            ("array.pe_kind=composable", "array.pe_bits=4"),
            "array.pe_kind: only PEs that take one cycle for an element have RTL; composable "
            "ones of 4 bits take more for operands of 8 and 8",
        ),
        (
            ("array.pe_kind=ternary",),
            "array.pe_kind: ternary PEs take weights of 2 bits (--weights 2), got 8",
        ),
    ],
)
def test_what_has_no_rtl_is_refused(tmp_path, changes, message):
    with pytest.raises(ConfigError) as caught:
        export_rtl(RtlRequest("edge_4x4", changes), tmp_path / "bundle")
    assert str(caught.value) == message
    assert not (tmp_path / "bundle").exists()
