import numpy as np
import pytest

from accelsim.frontend.passes import fold_bias, matmul_to_dense

RANDOM = np.random.default_rng(2)


def floats(*shape):
    return RANDOM.standard_normal(shape).astype(np.float32)


@pytest.mark.parametrize("shape", [(), (1,), (4,), (1, 4), (1, 1)])
@pytest.mark.parametrize("swapped", [False, True])
def test_folds_into_dense(graph_of, check_pass, shape, swapped):
    inputs = ["offset", "dense"] if swapped else ["dense", "offset"]
    nodes = [("MatMul", ["x", "w"], "dense"), ("Add", inputs, "sum")]
    before = matmul_to_dense(graph_of(nodes, {"w": floats(6, 4), "offset": floats(*shape)}, (6,)))
    graph = check_pass(fold_bias, before)
    assert [(n.operator, n.output) for n in graph.nodes] == [("Dense", "sum")]


@pytest.mark.parametrize("shape", [(), (4, 1, 1), (1, 4, 1, 1), (1, 1, 1, 1)])
@pytest.mark.parametrize("bias", [False, True])
def test_folds_into_convolution(graph_of, check_pass, shape, bias):
    constants = {"w": floats(4, 2, 3, 3), "offset": floats(*shape)}
    constants |= {"b": floats(4)} if bias else {}
    nodes = [
        ("Conv", ["x", "w", *(["b"] if bias else [])], "conv"),
        ("Add", ["conv", "offset"], "sum"),
    ]
    graph = check_pass(fold_bias, graph_of(nodes, constants, (2, 5, 5)))
    assert [(n.operator, n.output) for n in graph.nodes] == [("Conv", "sum")]


def test_two_additions_both_fold(graph_of, check_pass):
    nodes = [
        ("Conv", ["x", "w"], "conv"),
        ("Add", ["conv", "offset"], "sum1"),
        ("Add", ["offset", "sum1"], "sum2"),
    ]
    constants = {"w": floats(4, 2, 3, 3), "offset": floats(4, 1, 1)}
    graph = check_pass(fold_bias, graph_of(nodes, constants, (2, 5, 5)))
    assert [n.output for n in graph.nodes] == ["sum2"]


@pytest.mark.parametrize("shape", [(5,), (4, 5, 5), (5, 1)])
def test_leaves_a_constant_that_differs_within_a_channel(graph_of, check_pass, shape):
    nodes = [("Conv", ["x", "w"], "conv"), ("Add", ["conv", "offset"], "sum")]
    constants = {"w": floats(4, 2, 1, 1), "offset": floats(*shape)}
    before = graph_of(nodes, constants, (2, 5, 5))
    assert check_pass(fold_bias, before) is before


def test_leaves_a_sum_that_another_layer_reads(graph_of, check_pass):
    nodes = [
        ("Conv", ["x", "w"], "conv"),
        ("Add", ["conv", "offset"], "sum"),
        ("Add", ["conv", "sum"], "both"),
    ]
    before = graph_of(nodes, {"w": floats(4, 2, 1, 1), "offset": floats(4, 1, 1)}, (2, 5, 5))
    assert check_pass(fold_bias, before) is before
