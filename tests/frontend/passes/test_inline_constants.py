import numpy as np
import pytest
from onnx import numpy_helper

from accelsim.errors import UnsupportedOperatorError
from accelsim.frontend.graph import Fold
from accelsim.frontend.passes import inline_constants


def test_constants_and_their_copies_become_constants_of_the_graph(graph_of, check_pass):
    values = np.array([1.0, -2.0, 3.0], np.float32)
    nodes = [
        ("Constant", [], "value", {"value": numpy_helper.from_array(values)}),
        ("Identity", ["value"], "copy"),
        ("Add", ["x", "copy"], "sum"),
    ]
    graph = check_pass(inline_constants, graph_of(nodes, {}, (3,)))
    assert [n.operator for n in graph.nodes] == ["Add"]
    np.testing.assert_array_equal(graph.constants["copy"], values)
    assert graph.folds == (Fold("value", "Constant"), Fold("copy", "Identity"))


@pytest.mark.parametrize(
    ("attribute", "expected"),
    [
        ({"value_float": 0.5}, np.float32(0.5)),
        ({"value_floats": [0.5, 2.0]}, np.array([0.5, 2.0], np.float32)),
        ({"value_int": -1}, np.int64(-1)),
        ({"value_ints": [0, -1]}, np.array([0, -1], np.int64)),
    ],
)
def test_every_numeric_form(graph_of, attribute, expected):
    nodes = [("Constant", [], "value", attribute), ("Relu", ["x"], "y")]
    found = inline_constants(graph_of(nodes, {}, (3,))).constants["value"]
    np.testing.assert_array_equal(found, expected)
    assert found.dtype == expected.dtype


def test_refuses_strings(graph_of):
    nodes = [("Constant", [], "value", {"value_string": "text"}), ("Relu", ["x"], "y")]
    with pytest.raises(UnsupportedOperatorError) as caught:
        inline_constants(graph_of(nodes, {}, (3,)))
    assert str(caught.value) == (
        "node 'value' (Constant): only dense numeric constants are supported"
    )


def test_a_graph_without_constants_stays(graph_of):
    graph = inline_constants(graph_of([("Relu", ["x"], "y")], {}, (3,)))
    assert [n.operator for n in graph.nodes] == ["Relu"]
