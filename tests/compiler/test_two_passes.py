from accelsim.compiler.shapes import LayerShape, MatrixShape, TensorShape, VectorShape
from accelsim.compiler.two_passes import two_passes, words_name
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
