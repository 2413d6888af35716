import numpy as np
import pytest

from accelsim.errors import UnsupportedOperatorError
from accelsim.frontend.passes import matmul_to_dense

RANDOM = np.random.default_rng(3)


def floats(*shape):
    return RANDOM.standard_normal(shape).astype(np.float32)


@pytest.mark.parametrize("transposed", [0, 1])
@pytest.mark.parametrize("bias", [None, (), (1,), (4,), (1, 4), (1, 1)])
def test_gemm(graph_of, check_pass, transposed, bias):
    constants = {"w": floats(4, 6) if transposed else floats(6, 4)}
    if bias is not None:
        constants["b"] = floats(*bias)
    attributes = {"transB": transposed, "alpha": 0.5, "beta": -2.0}
    nodes = [("Gemm", ["x", "w", *(["b"] if bias is not None else [])], "y", attributes)]
    graph = check_pass(matmul_to_dense, graph_of(nodes, constants, (6,)))
    (dense,) = graph.nodes
    assert (dense.operator, dense.name, dense.attributes) == ("Dense", "y", {})
    assert graph.constants[dense.inputs[1]].shape == (4, 6)
    assert graph.constants[dense.inputs[2]].shape == (4,)


def test_matmul(graph_of, check_pass):
    graph = check_pass(
        matmul_to_dense, graph_of([("MatMul", ["x", "w"], "y")], {"w": floats(6, 4)}, (6,))
    )
    assert [n.operator for n in graph.nodes] == ["Dense"]


ONE_SIDE = "only a computed left side times constant weights is supported"


@pytest.mark.parametrize(
    ("node", "constants", "reason"),
    [
        (("MatMul", ["w", "x"], "y"), {"w": floats(6, 6)}, ONE_SIDE),
        (("MatMul", ["x", "x"], "y"), {}, ONE_SIDE),
        (("Gemm", ["x", "w"], "y", {"transA": 1}), {"w": floats(6, 4)}, ONE_SIDE),
        (
            ("MatMul", ["x", "w"], "y"),
            {"w": floats(2, 6, 4)},
            "weights must have 2 dimensions, got [2, 6, 4]",
        ),
        (
            ("Gemm", ["x", "w", "x"], "y"),
            {"w": floats(6, 6)},
            "the bias must be a constant of 6 values, one for each output",
        ),
        (
            ("Gemm", ["x", "w", "b"], "y"),
            {"w": floats(6, 4), "b": floats(4, 1)},
            "the bias must be a constant of 4 values, one for each output",
        ),
    ],
)
def test_refuses(graph_of, node, constants, reason):
    with pytest.raises(UnsupportedOperatorError) as caught:
        matmul_to_dense(graph_of([node], constants, (6,)))
    assert str(caught.value) == f"node 'y' ({node[0]}): {reason}"
