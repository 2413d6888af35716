"""Matrix products from plain arrays."""

from __future__ import annotations

import re

import numpy as np
import pytest

from accelsim.errors import DataError
from accelsim.hardware import load_hardware
from accelsim.simulator.array import run_array
from accelsim.simulator.array.product import MatrixProduct, whole_plan


@pytest.mark.parametrize("dataflow", ["ws", "os", "is"])
@pytest.mark.parametrize("engine", ["register", "cycle", "tile"])
def test_a_product_is_the_product(engine, dataflow):
    hardware = load_hardware("edge_4x4", [f"array.dataflow={dataflow}"])
    generator = np.random.default_rng(0)
    left, right = generator.integers(-128, 128, (5, 9)), generator.integers(-128, 128, (9, 6))
    bias = generator.integers(-1000, 1000, 6)
    product = MatrixProduct.from_arrays(left, right, bias)
    plan = whole_plan(product.gemm, hardware.array)
    result = run_array(engine, product, plan, hardware.array, hardware.accumulator.format)
    assert np.array_equal(result.accumulators[0], left @ right + bias)


def test_words_of_32_bits_are_kept():
    ends = [[-(2**31), 2**31 - 1]]
    product = MatrixProduct.from_arrays(np.array(ends), np.array(ends).T, [2**31 - 1])
    assert product.left.tolist() == ends
    assert product.right.T.tolist() == ends
    assert product.bias(0).tolist() == [2**31 - 1]


def test_without_a_bias_sums_start_at_zero():
    assert MatrixProduct.from_arrays([[1]], [[2, 3]]).bias(0).tolist() == [0, 0]


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        (
            ([[1, 2]], [[3, 4]]),
            "matrix product: activations [m, k] and weights [k, n] are needed, "
            "got [1, 2] and [1, 2]",
        ),
        (([[1.5]], [[2]]), "activations: must be integers, got float64"),
        (([[1]], [[2]], [1, 2]), "bias: must be [1], got [2]"),
        (
            (np.zeros((0, 2), int), [[3], [4]]),
            "matrix product: rows, columns and depth must be 1 at least, got [0, 2] and [2, 1]",
        ),
        (
            (np.zeros((1, 2), int), np.zeros((2, 0), int)),
            "matrix product: rows, columns and depth must be 1 at least, got [1, 2] and [2, 0]",
        ),
        (
            (np.zeros((1, 0), int), np.zeros((0, 1), int)),
            "matrix product: rows, columns and depth must be 1 at least, got [1, 0] and [0, 1]",
        ),
        (([[2**31, 0]], [[1], [1]]), "activations: must fit 32 bits, got 0 to 2147483648"),
        (
            ([[1]], [[-(2**31) - 1]]),
            "weights: must fit 32 bits, got -2147483649 to -2147483649",
        ),
        (([[1]], [[1]], [2**40]), "bias: must fit 32 bits, got 1099511627776 to 1099511627776"),
    ],
)
def test_what_does_not_fit_is_refused(arrays, message):
    with pytest.raises(DataError, match=f"^{re.escape(message)}$"):
        MatrixProduct.from_arrays(*arrays)
