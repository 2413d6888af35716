"""Kinds of PEs through the whole story: the same integers, other cycles and energies."""

from __future__ import annotations

import re

import pytest

from accelsim.errors import ConfigError
from accelsim.pipeline import run
from accelsim.quantize import LayerBits
from accelsim.request import RunRequest


@pytest.fixture(scope="module")
def data(few_digits):
    """The path of an .npz with the first twelve test images of the bundled digits."""
    return str(few_digits(12))


def digits(data, kind, points, *overrides, engine="cycle", **choices):
    overrides = (f"array.pe_kind={kind}", *overrides)
    request = RunRequest(
        overrides=overrides, points=points, data=data, engine=engine, limit=2, **choices
    )
    return run(request)


@pytest.mark.parametrize(("dataflow", "engine"), [("ws", "cycle"), ("os", "tile"), ("is", "cycle")])
def test_every_kind_gives_the_same_integers(data, dataflow, engine):
    flow = f"array.dataflow={dataflow}"
    points = ((8, 8), (4, 4), (2, 2))
    kinds = {
        kind: digits(data, kind, points, flow, engine=engine).points
        for kind in ("fixed", "composable", "bit_serial")
    }
    kinds["ternary"] = digits(data, "ternary", ((2, 2),), flow, engine=engine).points
    for kind, found in kinds.items():
        for point, fixed in zip(found, kinds["fixed"][-len(found) :], strict=True):
            assert point.golden_mismatches == 0, kind
            assert point.accuracy_integer_pct == fixed.accuracy_integer_pct
            assert point.overflow_events == fixed.overflow_events
            assert 0 < point.utilization_pct <= 100
    eight, four, _ = kinds["composable"]
    assert eight.cycles_total == kinds["fixed"][0].cycles_total
    assert four.cycles_total < eight.cycles_total
    serial = [point.cycles_total for point in kinds["bit_serial"]]
    assert serial == sorted(serial, reverse=True)
    assert serial[-1] > kinds["fixed"][-1].cycles_total


def test_layers_of_different_widths_each_have_their_own_rate(data):
    layers = tuple(LayerBits.parse(text) for text in ("conv2=4", "conv3=w2a8"))
    result = digits(data, "composable", ((8, 8),), layer_bits=layers)
    (point,) = result.points
    assert point.golden_mismatches == 0
    by_name = {layer.name: layer for layer in point.layers}
    widths = {name: (layer.weight_bits, layer.input_bits) for name, layer in by_name.items()}
    assert [widths[name] for name in ("conv1", "conv2", "conv3")] == [(8, 8), (4, 8), (2, 4)]
    # 256 PEs with eight products each where weights have 2 bits and activations 4.
    assert point.peak_macs_per_cycle == 2048
    eight = {layer.name: layer for layer in digits(data, "composable", ((8, 8),)).points[0].layers}
    for name in ("conv2", "conv3"):
        assert by_name[name].cycles["stream"] < eight[name].cycles["stream"]
    assert by_name["conv1"].cycles == eight["conv1"].cycles


def test_reports_say_which_pes_these_are(data):
    composable = digits(data, "composable", ((4, 4),))
    assert composable.array.startswith("16 x 16 composable PEs of 8 bits, weight stationary")
    assert composable.pe_bits == 8
    serial = digits(data, "bit_serial", ((4, 4),))
    assert serial.array.startswith("16 x 16 bit-serial PEs, weight stationary")
    assert serial.pe_bits is None
    assert serial.points[0].peak_macs_per_cycle == 64


@pytest.mark.parametrize("weights", [4, 3])
def test_ternary_pes_refuse_layers_that_need_a_multiplier(data, weights):
    with pytest.raises(ConfigError) as caught:
        digits(data, "ternary", ((weights, 8),))
    assert str(caught.value) == (
        f"layers 'conv1', 'conv2', 'conv3' and 1 more: weights of {weights} bits other than -1, 0 "
        "and +1: PEs of array.pe_kind=ternary have no multiplier; quantize them to 2 bits, "
        "symmetrically"
    )


def test_ternary_pes_refuse_products_of_two_tensors():
    with pytest.raises(ConfigError) as caught:
        run(RunRequest(network="bert_base", overrides=("array.pe_kind=ternary",), points=((2, 8),)))
    assert str(caught.value) == (
        "layers 'layer0_scores', 'layer0_context', 'layer1_scores' and 21 more: products of two "
        "tensors of activations: PEs of array.pe_kind=ternary have no multiplier"
    )


def test_shapes_have_rates_too_and_say_what_they_take_weights_for():
    points = ((8, 8), (4, 4), (2, 2))

    def cycles(kind):
        request = RunRequest(
            network="mobilenet_v2",
            hardware="mid_32x32",
            overrides=(f"array.pe_kind={kind}",),
            points=points if kind != "ternary" else points[-1:],
        )
        result = run(request)
        return [point.cycles_total for point in result.points], result

    fixed, composable, serial = (cycles(k)[0] for k in ("fixed", "composable", "bit_serial"))
    assert composable[0] == fixed[0]
    assert composable[1] < fixed[1]
    assert serial == sorted(serial, reverse=True)
    _, ternary = cycles("ternary")
    assert "shapes have no values: 2-bit weights are taken to be -1, 0 and +1" in ternary.warnings
    assert "shapes have no values" not in "".join(cycles("fixed")[1].warnings)


def test_energy_by_switching_is_refused_before_anything_is_loaded():
    request = RunRequest(
        network="nowhere.onnx", overrides=("array.pe_kind=bit_serial",), energy="switching"
    )
    with pytest.raises(ConfigError) as caught:
        run(request)
    assert str(caught.value) == (
        "--energy switching: what changes is counted in fixed PEs, not in those of "
        "array.pe_kind=bit_serial; use --energy per_operation"
    )


@pytest.mark.parametrize(
    ("choice", "kind", "message"),
    [
        (
            {"asymmetric_weights": True},
            "bit_serial",
            "--asymmetric-weights: arrays of array.pe_kind=bit_serial have no row sums; leave it "
            "out, or use fixed PEs",
        ),
        (
            {"group_size": 16},
            "composable",
            "--group-size: arrays of array.pe_kind=composable have no scales of groups; leave it "
            "out, or use fixed PEs",
        ),
    ],
)
def test_what_other_kinds_have_no_hardware_for_is_said_by_the_option(choice, kind, message):
    request = RunRequest(points=((4, 4),), overrides=(f"array.pe_kind={kind}",), **choice)
    with pytest.raises(ConfigError, match=f"^{re.escape(message)}$"):
        run(request)
