import re

import pytest

from accelsim.errors import ConfigError
from accelsim.quantize import LayerBits, QuantizationSpec, with_layer_bits


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("conv1=w4a8", LayerBits("conv1", 4, 8)),
        ("conv1=w4", LayerBits("conv1", 4)),
        ("conv1=a16", LayerBits("conv1", None, 16)),
        ("conv1=8", LayerBits("conv1", 8, 8)),
        (" model/block=2/conv = w2a2 ", LayerBits("model/block=2/conv", 2, 2)),
    ],
)
def test_what_is_written_is_read(text, expected):
    assert LayerBits.parse(text) == expected
    assert LayerBits.parse(str(expected)) == expected


@pytest.mark.parametrize(
    "text", ["", "conv1", "conv1=", "=w4", "conv1=4w", "conv1=a8w4", "conv1=w", "conv1=-4", "c=٤"]
)
def test_another_form_is_refused(text):
    message = (
        f"layer bits: must be LAYER=WIDTHS, such as conv1=w4a8, conv1=w4 or conv1=a8, got {text!r}"
    )
    with pytest.raises(ConfigError, match=f"^{re.escape(message)}$"):
        LayerBits.parse(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a=w1", "layer bits of 'a': weight_bits must be 2 to 16, got 1"),
        ("a=17", "layer bits of 'a': weight_bits must be 2 to 16, got 17"),
        ("a=w2a99", "layer bits of 'a': activation_bits must be 2 to 16, got 99"),
    ],
)
def test_a_width_out_of_range_is_refused(text, message):
    with pytest.raises(ConfigError, match=f"^{re.escape(message)}$"):
        LayerBits.parse(text)


def test_a_layer_without_a_width_is_refused():
    with pytest.raises(ConfigError, match=r"^layer bits of 'a': give a width$"):
        LayerBits("a")


def test_a_layer_that_is_named_twice_is_refused():
    with pytest.raises(ConfigError, match=r"^layer bits of 'a': given twice$"):
        QuantizationSpec(8, 8, layer_bits=(LayerBits("a", 4), LayerBits("a", None, 4)))


def test_an_entry_replaces_what_was_said_of_its_layer():
    layers = (LayerBits("a", 4), LayerBits("b", 8, 8))
    assert with_layer_bits(layers, LayerBits("b", 2)) == (layers[0], LayerBits("b", 2, 8))
    assert with_layer_bits(layers, LayerBits("a", None, 3)) == (LayerBits("a", 4, 3), layers[1])
    assert with_layer_bits(layers, LayerBits("c", 5)) == (*layers, LayerBits("c", 5))
