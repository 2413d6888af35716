import numpy as np
import pytest

from accelsim.errors import UnsupportedOperatorError
from accelsim.frontend.graph import Fold
from accelsim.frontend.passes import fold_batch_norm, matmul_to_dense

RANDOM = np.random.default_rng(1)


def floats(*shape):
    return RANDOM.standard_normal(shape).astype(np.float32)


def norm(channels):
    values = {"scale": floats(channels), "shift": floats(channels), "mean": floats(channels)}
    return {**values, "variance": np.abs(floats(channels)) + 0.1}


NORM = ["scale", "shift", "mean", "variance"]


@pytest.mark.parametrize("bias", [False, True])
def test_folds_into_the_convolution_before(graph_of, check_pass, bias):
    constants = {"w": floats(4, 2, 3, 3), **norm(4), **({"b": floats(4)} if bias else {})}
    nodes = [
        ("Conv", ["x", "w", *(["b"] if bias else [])], "conv"),
        ("BatchNormalization", ["conv", *NORM], "norm", {"epsilon": 1e-2}),
    ]
    graph = check_pass(fold_batch_norm, graph_of(nodes, constants, (2, 5, 5)))
    assert [(n.operator, n.name, n.output) for n in graph.nodes] == [("Conv", "conv", "norm")]
    assert graph.folds == (Fold("norm", "BatchNormalization", "conv"),)


def test_folds_into_the_dense_layer_before(graph_of, check_pass):
    nodes = [
        ("MatMul", ["x", "w"], "dense"),
        ("BatchNormalization", ["dense", *NORM], "norm"),
    ]
    before = matmul_to_dense(graph_of(nodes, {"w": floats(6, 4), **norm(4)}, (6,)))
    graph = check_pass(fold_batch_norm, before)
    assert [(n.operator, n.output) for n in graph.nodes] == [("Dense", "norm")]


def test_two_in_a_row_both_fold(graph_of, check_pass):
    nodes = [
        ("Conv", ["x", "w"], "conv"),
        ("BatchNormalization", ["conv", *NORM], "norm1"),
        ("BatchNormalization", ["norm1", *NORM], "norm2"),
    ]
    graph = check_pass(
        fold_batch_norm, graph_of(nodes, {"w": floats(3, 1, 1, 1), **norm(3)}, (1, 4, 4))
    )
    assert [n.output for n in graph.nodes] == ["norm2"]


def test_stays_apart_where_another_layer_reads_the_sum_before(graph_of, check_pass):
    nodes = [
        ("Conv", ["x", "w"], "conv"),
        ("BatchNormalization", ["conv", *NORM], "norm"),
        ("Add", ["conv", "norm"], "sum"),
    ]
    graph = check_pass(
        fold_batch_norm, graph_of(nodes, {"w": floats(3, 2, 1, 1), **norm(3)}, (2, 4, 4))
    )
    assert [n.operator for n in graph.nodes] == ["Conv", "ScaleShift", "Add"]
    assert graph.folds == ()


def test_stays_apart_where_the_sum_before_is_the_output(graph_of):
    nodes = [("Conv", ["x", "w"], "conv"), ("BatchNormalization", ["conv", *NORM], "norm")]
    graph = graph_of(nodes, {"w": floats(3, 2, 1, 1), **norm(3)}, (2, 4, 4), output="conv")
    assert [n.operator for n in fold_batch_norm(graph).nodes] == ["Conv", "ScaleShift"]


def test_first_of_all_becomes_a_scale_and_shift(graph_of, check_pass):
    nodes = [("BatchNormalization", ["x", *NORM], "norm")]
    graph = check_pass(fold_batch_norm, graph_of(nodes, norm(3), (3, 4, 4)))
    assert [n.operator for n in graph.nodes] == ["ScaleShift"]


@pytest.mark.parametrize(
    ("constants", "attributes", "reason"),
    [
        (
            {"variance": np.zeros(3, np.float32)},
            {"epsilon": 0.0},
            "variance + epsilon must be positive in every channel",
        ),
        (
            {"mean": np.zeros(2, np.float32)},
            {},
            "scale, bias, mean and variance must be constants of one length",
        ),
    ],
)
def test_refuses(graph_of, constants, attributes, reason):
    nodes = [("BatchNormalization", ["x", *NORM], "norm", attributes)]
    graph = graph_of(nodes, {**norm(3), **constants}, (3, 4, 4))
    with pytest.raises(UnsupportedOperatorError) as caught:
        fold_batch_norm(graph)
    assert str(caught.value) == f"node 'norm' (BatchNormalization): {reason}"


def test_refuses_training_mode(graph_of):
    nodes = [("BatchNormalization", ["x", *NORM], "norm", {"training_mode": 1})]
    with pytest.raises(UnsupportedOperatorError) as caught:
        fold_batch_norm(graph_of(nodes, norm(3), (3, 4, 4)))
    assert str(caught.value) == (
        "node 'norm' (BatchNormalization): only inference over whole channels is supported"
    )
