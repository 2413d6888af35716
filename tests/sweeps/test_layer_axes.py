"""Axes of single layers' widths: as `accelsim run --layer-bits` has them."""

import json
import re

import pytest

from accelsim.errors import ConfigError
from accelsim.pipeline import run as run_pipeline
from accelsim.quantize import LayerBits
from accelsim.request import RunRequest
from accelsim.sweeps.inputs import read_inputs
from accelsim.sweeps.load_space import load_space
from accelsim.sweeps.read_store import find_space, read_rows
from accelsim.sweeps.report import write_report
from accelsim.sweeps.store import Store

LAYERS = """\
    schema: accelsim.space/1
    name: layers
    network: digits_mlp
    hardware: edge_4x4
    quantization: {layer_bits: [logits=w8]}
    axes:
      bits: [4, 8]
      quantization.layer_bits.dense1: [none, w8a6, 3]
      quantization.layer_bits.image: [none, a8]
    """


@pytest.fixture
def swept(space_file, sweep_here, folder):
    sweep_here(load_space(space_file(LAYERS)))
    with Store(folder / "store.sqlite") as store:
        stored = find_space(store, None)
        write_report(store, stored, stored.space.objectives, folder / "page.html", None)
        return stored, list(read_rows(store, stored))


def test_a_point_is_the_run_of_its_layers(swept, folder):
    stored, rows = swept
    assert [row.status for row in rows] == ["done"] * 12
    for choice, bits, layers, built in (
        ((0, 1, 0), 4, ("logits=w8", "dense1=w8a6"), (8, 6)),
        ((0, 2, 1), 4, ("logits=w8", "dense1=w3a3", "image=a8"), (8, 8)),
        ((1, 2, 0), 8, ("dense1=w3a3",), (8, 8)),
    ):
        (row,) = (row for row in rows if row.choice == choice)
        design = stored.space.design(choice)
        assert (design.hardware.array.weight_bits, design.hardware.array.activation_bits) == built
        names = stored.space.names(choice)
        assert (names["array.weight_bits"], names["array.activation_bits"]) == built
        assert (names["weight_bits"], names["activation_bits"]) == (bits, bits)
        request = RunRequest(
            "digits_mlp",
            "edge_4x4",
            points=((bits, bits),),
            limit=1,
            engine="tile",
            layer_bits=tuple(map(LayerBits.parse, layers)),
        )
        (point,) = run_pipeline(request).points
        assert row.numbers["accuracy_pct"] == point.accuracy_integer_pct
        assert row.numbers["cycles_per_image"] == point.cycles_per_image
        assert row.numbers["energy_uj"] == pytest.approx(point.energy_uj_per_image)

    keys = {row.choice: row.key for row in rows}
    # At 8 bits image=a8 is what the image has anyway; at 4 bits it is not.
    assert keys[1, 0, 0] == keys[1, 0, 1]
    assert keys[0, 0, 0] != keys[0, 0, 1]
    assert len(set(keys.values())) == 9

    page = (folder / "page.html").read_text()
    data = json.loads(re.search(r'json" id="data">(.*?)</script>', page, re.DOTALL)[1])
    choices = zip(*(axis["index"] for axis in data["axes"]), strict=True)
    way = dict(zip(choices, data["option"], strict=True))
    assert data["options"][way[0, 1, 0]] == (
        ["--layer-bits", "logits=w8", "--layer-bits", "dense1=w8a6"]
    )
    assert data["operand_bits"][way[0, 1, 0]] == [8, 6]
    assert data["operand_bits"][way[0, 2, 0]] == [8, 4]


def refusal(read):
    with pytest.raises(ConfigError) as caught:
        read()
    return str(caught.value).splitlines()


def test_values_that_are_no_widths(space_file):
    path = space_file(
        """\
        schema: accelsim.space/1
        name: layers
        quantization: {layer_bits: [conv1, conv2=w1]}
        axes:
          quantization.layer_bits.conv1: [none, w1, w4b4, [8, 8]]
          quantization.layer_bits.conv2: [8, w8a8]
          quantization.layer_bits: [[conv1=w4]]
        """
    )
    form = "layer bits: must be LAYER=WIDTHS, such as conv1=w4a8, conv1=w4 or conv1=a8, got"
    axis = "space.yaml:5: axes.quantization.layer_bits.conv1:"
    found = [line.removeprefix(f"{path.parent}/") for line in refusal(lambda: load_space(path))]
    assert found == [
        f"space.yaml:3: quantization.layer_bits.0: {form} 'conv1'",
        "space.yaml:3: quantization.layer_bits.1: layer bits of 'conv2': weight_bits must be 2 to "
        "16, got 1",
        f"{axis} layer bits of 'conv1': weight_bits must be 2 to 16, got 1",
        f"{axis} {form} 'conv1=w4b4'",
        f"{axis} {form} 'conv1=[8, 8]'",
        "space.yaml:6: axes.quantization.layer_bits.conv2: holds 'w8a8' twice (as 'w8a8')",
        "space.yaml:7: axes.quantization.layer_bits: unknown axis (did you mean "
        "'quantization.layer_bits.LAYER'?)",
    ]


def test_a_layer_has_widths_once(space_file):
    path = space_file(LAYERS, ("[logits=w8]", "[logits=w8, logits=a8]"))
    (line,) = refusal(lambda: load_space(path))
    assert line == f"{path}:5: quantization.layer_bits: layer bits of 'logits': given twice"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "layer_bits.dense1",
            "layer_bits.dense9",
            "axes.quantization.layer_bits.dense9: layer bits of 'dense9': digits_mlp has no such "
            "layer with integers of its own; it has image, dense1, dense2, logits",
        ),
        (
            "layer_bits.image: [none, a8]",
            "layer_bits.image: [none, w8]",
            "axes.quantization.layer_bits.image: layer bits of 'image': has no weights; give "
            "activations only, such as image=a8",
        ),
        (
            "[logits=w8]",
            "[softmax=w8]",
            "quantization.layer_bits: layer bits of 'softmax': digits_mlp has no such layer with "
            "integers of its own; it has image, dense1, dense2, logits",
        ),
        (
            "bits: [4, 8]",
            "network: [digits_mlp, resnet18]",
            "quantization.layer_bits: resnet18 has no values to be quantized",
        ),
    ],
)
def test_layers_that_are_not_there_are_refused_before_anything_runs(space_file, old, new, message):
    path = space_file(LAYERS, (old, new))
    (line,) = refusal(lambda: read_inputs(load_space(path)))
    assert line == f"{path}: {message}"
