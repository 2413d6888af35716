import pytest

from accelsim.compiler.shapes import (
    LayerShape,
    MatrixShape,
    NetworkShape,
    TensorShape,
    VectorShape,
)
from accelsim.compiler.two_passes import all_in_two_passes, two_passes, words_name
from accelsim.errors import UnsupportedOperatorError
from accelsim.network.geometry import Window

ELEMENT = Window((1, 1))


def test_a_product_writes_words_and_a_second_pass_reads_them():
    work = MatrixShape((3, 4, 5), 7, ELEMENT, 1, 2, 8, 4, 4, 32)
    layer = LayerShape("conv", work, ("x",), "y")
    first, second = two_passes(layer, TensorShape((7, 4, 5), 4), 2, "y:words", "conv:quantize")
    assert (first.name, first.inputs, first.output) == ("conv", ("x",), "y:words")
    assert (first.work.input_bits, first.work.output_bits, first.work.finds_range) == (4, 32, True)
    assert first.work.output_tile_bytes(3, 2) == 24
    assert (second.name, second.inputs, second.output) == ("conv:quantize", ("y:words",), "y")
    assert (second.work.kind, second.work.input_bits, second.work.output_bits) == (
        *("quantize", (32,)),
        4,
    )
    assert second.work.operations == second.work.element_reads == second.work.element_writes == 280
    assert second.work.start_cycles == 25


def test_an_addition_is_still_an_addition():
    work = VectorShape("add", 40, 1, 1, ELEMENT, (8, 8), 8)
    first, second = two_passes(
        LayerShape("add", work, ("a", "b"), "y"), TensorShape((40,), 8), 1, "w", "s"
    )
    assert (first.work.kind, first.work.output_bits, first.work.finds_range) == ("add", 32, True)
    assert first.work.start_cycles == 0
    assert second.work.start_cycles == 24


def test_names_of_words_are_those_of_no_tensor():
    assert words_name("y", {"x", "y"}) == "y:words"
    assert words_name("y", {"y", "y:words", "y:words:"}) == "y:words::"


def chain(kind, **changes):
    """A dense layer, then a layer of the vector unit, on two images."""
    product = MatrixShape((3, 1, 1), 8, ELEMENT, 1, 2, 8, 8, 8, 32, **changes)
    second = VectorShape(kind, 16, 1, 1, ELEMENT, (8,), 8)
    layers = (
        LayerShape("product", product, ("x",), "y"),
        LayerShape("product:quantize", second, ("y",), "z"),
    )
    tensors = {"x": TensorShape((3,), 8), "y": TensorShape((8,), 8), "z": TensorShape((8,), 8)}
    names = {name: name for name in tensors}
    return NetworkShape("chain", 2, "x", "z", layers, tensors, names)


def test_every_layer_that_computes_is_two():
    network = all_in_two_passes(chain("average_pool"))
    assert [(layer.name, layer.inputs, layer.output) for layer in network.layers] == [
        ("product", ("x",), "y:words"),
        ("product:quantize:", ("y:words",), "y"),
        ("product:quantize", ("y",), "z:words"),
        ("product:quantize:quantize", ("z:words",), "z"),
    ]
    assert network.tensors["y:words"] == TensorShape((8,), 32)
    assert network.storage["y:words"] == "y:words"
    assert network.layers[1].work.new_scales == 2
    passed_on = all_in_two_passes(chain("max_pool"))
    assert [layer.output for layer in passed_on.layers] == ["y:words", "y", "z"]


@pytest.mark.parametrize(
    ("kind", "changes", "message"),
    [
        ("lookup", {}, "layer 'product:quantize': lookup"),
        ("add", {"right_is_tensor": True}, "layer 'product': matmul"),
    ],
)
def test_what_cannot_find_its_range(kind, changes, message):
    with pytest.raises(UnsupportedOperatorError) as caught:
        all_in_two_passes(chain(kind, **changes))
    assert str(caught.value) == (
        f"{message} with ranges found at run time is not supported; use another --range"
    )
