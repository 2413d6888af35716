import pytest

from accelsim.compiler import compile_shapes
from accelsim.compiler.shapes import (
    LayerShape,
    MatrixShape,
    NetworkShape,
    TensorShape,
    VectorShape,
)
from accelsim.energy import load_table
from accelsim.hardware import load_hardware
from accelsim.network.geometry import Window


@pytest.fixture(scope="session")
def horowitz():
    return load_table("horowitz_45nm")


@pytest.fixture(scope="session")
def values(horowitz):
    return horowitz.values


@pytest.fixture(scope="session")
def edge():
    return load_hardware("edge_16x16")


@pytest.fixture(scope="session")
def two_layers():
    """A 3x3 convolution of 8 x 8 pixels and a dense head, at the widths of a machine."""

    def program(hardware, batch=1, pool=False):
        weight_bits, bits = hardware.array.weight_bits, hardware.array.activation_bits
        widths = (batch, weight_bits, bits, bits, hardware.accumulator.bits)
        convolution = MatrixShape((4, 8, 8), 6, Window((3, 3), pads=(1, 1, 1, 1)), 1, *widths)
        dense = MatrixShape((6 * 64, 1, 1), 10, Window((1, 1)), 1, *widths)
        layers = [LayerShape("convolution", convolution, ("x",), "y")]
        if pool:
            maximum = VectorShape("max_pool", batch * 6, 8, 8, Window((1, 1)), (bits,), bits)
            layers.append(LayerShape("pool", maximum, ("y",), "p"))
        layers.append(LayerShape("dense", dense, ("p" if pool else "y",), "z"))
        shapes = {"x": (4, 8, 8), "y": (6, 8, 8), "p": (6, 8, 8), "z": (10,)}
        tensors = {name: TensorShape(shape, bits) for name, shape in shapes.items()}
        names = {name: name for name in shapes}
        network = NetworkShape("two", batch, "x", "z", tuple(layers), tensors, names)
        return compile_shapes(network, hardware)

    return program
