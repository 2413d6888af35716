"""What finding ranges at run time costs, from hand-made counts and Horowitz' numbers."""

import numpy as np
import pytest

from accelsim.compiler import compile_shapes
from accelsim.compiler.shapes import (
    LayerShape,
    MatrixShape,
    NetworkShape,
    TensorShape,
    VectorShape,
)
from accelsim.compiler.two_passes import two_passes
from accelsim.energy import Component, account
from accelsim.hardware import load_hardware
from accelsim.network.geometry import Window
from accelsim.simulator.timing import simulate_timing

ELEMENT = Window((1, 1))
# Two 32-bit comparisons: an addition and the clock of a register each.
COMPARISON = 2 * (0.1 + 32 * 0.0015)


@pytest.fixture(scope="module")
def lines(horowitz):
    """Lines of a 4-channel product and an addition of a batch of 2, by layer and cause."""
    machine = load_hardware("edge_16x16", ["rescale.mode=float32"])
    product = MatrixShape((3, 5, 1), 4, ELEMENT, 1, 2, 8, 8, 8, 32)
    total = VectorShape("add", 40, 1, 1, ELEMENT, (8, 8), 8)
    tensors = {name: TensorShape((4, 5, 1), 8) for name in ("y", "z")}
    tensors |= {name: TensorShape((4, 5, 1), 32) for name in ("yw", "zw")}
    layers = (
        *two_passes(LayerShape("product", product, ("x",), "y"), tensors["y"], 2, "yw", "first"),
        *two_passes(LayerShape("sum", total, ("y", "y"), "z"), tensors["z"], 2, "zw", "second"),
    )
    tensors["x"] = TensorShape((3, 5, 1), 8)
    names = {name: name for name in tensors}
    program = compile_shapes(NetworkShape("n", 2, "x", "z", layers, tensors, names), machine)
    timing = simulate_timing(program, machine)
    report = account(timing, program, machine, horowitz)
    return {
        layer.name: {(line.component, line.cause): line for line in layer.lines}
        for layer in report.layers
    }


def test_a_products_results_are_shifted_and_compared(lines):
    product = lines["product"]
    assert product[Component.RESCALE, "rescaled results"].pj == pytest.approx(40 * (3.7 + 0.1))
    assert product[Component.RESCALE, "float32 additions"].pj == pytest.approx(40 * 0.9)
    assert product[Component.RESCALE, "smallest and largest"].pj == pytest.approx(40 * COMPARISON)
    factors = product[Component.RESCALE, "factors of images and channels"]
    # q * 8 * 32 + l * 20 of the multiplier of both points.
    quadratic = (3.1 / 32 - 0.2 / 8) / 24
    linear = 0.2 / 8 - 8 * quadratic
    assert factors.count == 2 * 4
    assert factors.price.value == pytest.approx(3.7 + quadratic * 256 + linear * 20)


def test_the_second_pass_makes_a_scale_for_each_image(lines):
    second = lines["first"]
    scales = second[Component.VECTOR, "scales and zero points"]
    assert (scales.count, scales.unit) == (2, "image")
    assert scales.price.value == pytest.approx(12 * 3.7 + 2 * 0.9)
    assert second[Component.VECTOR, "rescales"].pj == pytest.approx(40 * (3.7 + 0.1))
    assert second[Component.VECTOR, "lane operations"].count == 40
    assert (Component.VECTOR, "smallest and largest") not in second


def test_an_addition_is_watched_too(lines):
    total = lines["sum"]
    assert total[Component.VECTOR, "float32 additions"].count == 40
    assert total[Component.VECTOR, "smallest and largest"].pj == pytest.approx(40 * COMPARISON)
    assert total[Component.VECTOR, "rescales"].count == 80


def test_words_cost_32_bits_and_integers_their_own(lines):
    # Ports of 128 bits: 30 bytes read and fetched, 40 words written, 40 bytes made of them.
    product, second = lines["product"], lines["first"]
    reads, writes = (
        np.array([part[Component.ACTIVATION_SRAM, cause].count for part in (product, second)])
        for cause in ("reads", "writes")
    )
    assert reads.tolist() == [2, 10]
    assert writes.tolist() == [12, 3]
