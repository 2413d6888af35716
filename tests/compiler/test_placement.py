"""Which tensors stay on chip, for chains and residual connections worked by hand."""

from __future__ import annotations

import pytest

from accelsim.compiler.compile import compile_shapes
from accelsim.compiler.placement import place_network
from accelsim.compiler.program import Footprint, MatrixInstruction, Place, VectorInstruction
from accelsim.compiler.shapes import LayerShape, NetworkShape, TensorShape, VectorShape
from accelsim.errors import CapacityError
from accelsim.network.geometry import Window

POINT = Window((1, 1))


def vector(kind: str, elements: int, inputs: int) -> VectorShape:
    return VectorShape(kind, elements, 1, 1, POINT, (8,) * inputs, 8)


def network(kit, *layers: tuple[str, tuple[str, ...]], sizes: dict[str, int]) -> NetworkShape:
    """Dense layers and additions over vectors; a layer is named like the tensor it writes."""

    def work(output: str, inputs: tuple[str, ...]):
        if len(inputs) == 2:
            return vector("add", sizes[output], 2)
        return kit.shape((sizes[inputs[0]], 1, 1), out_channels=sizes[output])

    return NetworkShape(
        name="net",
        batch=1,
        input="x",
        output=layers[-1][0],
        layers=tuple(LayerShape(name, work(name, inputs), inputs, name) for name, inputs in layers),
        tensors={name: TensorShape((size,), 8) for name, size in sizes.items()},
        storage={name: name for name in sizes},
    )


def residual(kit) -> NetworkShape:
    """x -> a -> b -> c, c + a -> d -> y."""
    return network(
        kit,
        ("a", ("x",)),
        ("b", ("a",)),
        ("c", ("b",)),
        ("d", ("c", "a")),
        ("y", ("d",)),
        sizes={"x": 8, "a": 16, "b": 32, "c": 16, "d": 16, "y": 4},
    )


def test_everything_between_input_and_output_stays_on_chip_where_it_fits(kit) -> None:
    program = compile_shapes(residual(kit), kit.hardware("ws", 4, 4))
    assert program.places == {
        "x": Place.DRAM,
        "a": Place.SCRATCHPAD,
        "b": Place.SCRATCHPAD,
        "c": Place.SCRATCHPAD,
        "d": Place.SCRATCHPAD,
        "y": Place.DRAM,
    }


def test_the_room_of_each_layer_counts_what_lives_through_it(kit) -> None:
    instructions, _ = place_network(residual(kit), kit.hardware("ws", 4, 4))
    rooms = {
        item.layer: (
            item.footprint.tensor_bytes,
            item.footprint.block_bytes,
            item.footprint.staging_bytes,
        )
        for item in instructions
    }
    assert rooms == {
        "a": (16, 8, 0),
        "b": (16 + 32, 0, 0),
        "c": (16 + 32 + 16, 0, 0),  # a lives on: the addition needs it
        "d": (16 + 16 + 16, 0, 0),
        "y": (16, 0, 4),
    }


@pytest.mark.parametrize(
    ("size", "on_chip"),
    [
        (64, {"a", "b", "c", "d"}),
        # a, b and c are alive together: 64 bytes. b, the largest, goes; but its 32 bytes have to
        # be fetched beside a and c. Of these two, as large, the one written first goes.
        (63, {"c", "d"}),
        (48, {"c", "d"}),
        # The 32 bytes of b and c are too much, and the addition is cut to read both from DRAM.
        (47, {"d"}),
    ],
)
def test_the_largest_live_tensor_goes_first(kit, size: int, on_chip: set[str]) -> None:
    hardware = kit.hardware("ws", 4, 4, activations=size)
    assert place_network(residual(kit), hardware)[1] == on_chip


def test_an_addition_that_does_not_fit_is_cut(kit) -> None:
    chain = network(kit, ("s", ("x", "z")), sizes={"x": 100, "z": 100, "s": 100})
    instructions, _ = place_network(chain, kit.hardware(activations=120))
    (item,) = instructions
    assert isinstance(item, VectorInstruction)
    assert item.chunks == 3
    assert item.footprint == Footprint(block_bytes=2 * 34, staging_bytes=34)
    assert [piece.output_bytes for piece in item.pieces()] == [33, 33, 34]


def test_a_double_buffered_cut_has_room_for_two_pieces(kit) -> None:
    chain = network(kit, ("s", ("x", "z")), sizes={"x": 100, "z": 100, "s": 100})
    hardware = kit.hardware(activations=120, double_buffered=True)
    (item,) = place_network(chain, hardware)[0]
    assert isinstance(item, VectorInstruction)
    assert item.chunks == 5
    assert item.footprint == Footprint(block_bytes=2 * 2 * 20, staging_bytes=2 * 20)


def test_a_batch_may_not_fit_where_an_image_does(kit) -> None:
    """Four images of 32 bytes in 100: blocks of three fetched rows would leave no room."""
    shape = kit.shape((32, 1, 1), out_channels=2, batch=4)
    layer = LayerShape("fc", shape, ("x",), "y")
    tensors = {"x": TensorShape((32,), 8), "y": TensorShape((2,), 8)}
    net = NetworkShape("net", 4, "x", "y", (layer,), tensors, {"x": "x", "y": "y"})
    (item,) = place_network(net, kit.hardware(activations=100))[0]
    assert isinstance(item, MatrixInstruction)
    assert (item.plan.block_m, item.footprint.block_bytes) == (2, 64)


def conv_error(kit, hardware) -> str:
    """A 3x3 convolution of 4 x 6 x 6 into 8 channels, two images: what it complains about."""
    shape = kit.shape((4, 6, 6), 8, Window((3, 3), pads=(1, 1, 1, 1)), batch=2)
    layer = LayerShape("conv1", shape, ("x",), "y")
    tensors = {"x": TensorShape((4, 6, 6), 8), "y": TensorShape((8, 6, 6), 8)}
    net = NetworkShape("net", 2, "x", "y", (layer,), tensors, {"x": "x", "y": "y"})
    with pytest.raises(CapacityError) as caught:
        place_network(net, hardware)
    return str(caught.value)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            # 2 x 2 weights and 2 biases of 4 bytes, twice
            {"weights": 12, "double_buffered": True},
            "layer 'conv1': scratchpads.weights.size: the smallest weight tile needs 24B double "
            "buffered, got 12B, 12B missing; set scratchpads.weights.size=24B, "
            "or scratchpads.weights.double_buffered=false",
        ),
        (
            # three rows of 6 x 4 and an output tile of 1 x 2
            {"activations": 73},
            "layer 'conv1': scratchpads.activations.size: the smallest block of input rows and "
            "output tile needs 74B, got 73B, 1B missing; set scratchpads.activations.size=74B",
        ),
    ],
)
def test_a_scratchpad_smaller_than_a_tile(kit, arguments, message: str) -> None:
    assert conv_error(kit, kit.hardware(**arguments)) == message


def test_a_smaller_batch_is_a_hint_where_it_helps(kit) -> None:
    """Two images of 32 bytes and an output tile of 1 x 2 each; one image has no successor."""
    shape = kit.shape((2, 4, 4), 2, Window((4, 4)), batch=2)
    layer = LayerShape("conv", shape, ("x",), "y")
    tensors = {"x": TensorShape((2, 4, 4), 8), "y": TensorShape((2, 1, 1), 8)}
    net = NetworkShape("net", 2, "x", "y", (layer,), tensors, {"x": "x", "y": "y"})
    message = (
        "^layer 'conv': scratchpads.activations.size: the smallest block of input rows and output "
        r"tile needs 68B double buffered, got 50B, 18B missing; set "
        r"scratchpads.activations.size=68B, or scratchpads.activations.double_buffered=false, "
        r"or use a batch of 1$"
    )
    with pytest.raises(CapacityError, match=message):
        place_network(net, kit.hardware(activations=50, double_buffered=True))


def test_a_row_that_does_not_fit_is_fetched_in_parts(kit) -> None:
    """Rows of 32 bytes in 12: two channels at a time, and an output tile of 1 x 2, twice each."""
    shape = kit.shape((32, 3, 1), out_channels=2)
    layer = LayerShape("fc", shape, ("x",), "y")
    tensors = {"x": TensorShape((32, 3), 8), "y": TensorShape((2, 3), 8)}
    net = NetworkShape("net", 1, "x", "y", (layer,), tensors, {"x": "x", "y": "y"})
    (item,) = place_network(net, kit.hardware(activations=8, double_buffered=True))[0]
    assert isinstance(item, MatrixInstruction)
    assert (item.plan.block_m, item.plan.block_k) == (1, 2)
    message = (
        "^layer 'fc': scratchpads.activations.size: the smallest part of an input row and output "
        r"tile needs 8B double buffered, got 7B, 1B missing; set "
        r"scratchpads.activations.size=8B, or scratchpads.activations.double_buffered=false$"
    )
    with pytest.raises(CapacityError, match=message):
        place_network(net, kit.hardware(activations=7, double_buffered=True))


def test_a_pool_whose_line_does_not_fit(kit) -> None:
    shape = VectorShape("max_pool", 1, 4, 10, Window((2, 2), (2, 2)), (8,), 8)
    layer = LayerShape("pool", shape, ("x",), "y")
    tensors = {"x": TensorShape((1, 4, 10), 8), "y": TensorShape((1, 2, 5), 8)}
    net = NetworkShape("net", 1, "x", "y", (layer,), tensors, {"x": "x", "y": "y"})
    message = (
        r"^layer 'pool': scratchpads.activations.size: one line of outputs needs 25B, "
        r"got 24B, 1B missing; set scratchpads.activations.size=25B$"
    )
    with pytest.raises(CapacityError, match=message):
        place_network(net, kit.hardware(activations=24))
