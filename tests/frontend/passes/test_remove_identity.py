import numpy as np
import pytest

from accelsim.errors import UnsupportedOperatorError
from accelsim.frontend.graph import Fold
from accelsim.frontend.passes import remove_identity


def test_readers_read_what_is_before(graph_of, check_pass):
    nodes = [
        ("Identity", ["x"], "a"),
        ("Dropout", ["a"], "b"),
        ("Relu", ["b"], "c"),
        ("Add", ["a", "c"], "d"),
        ("Dropout", ["d", "ratio", "training"], "e"),
    ]
    constants = {"ratio": np.float32(0.5), "training": np.array(False)}
    graph = check_pass(remove_identity, graph_of(nodes, constants, (3,)))
    assert [(n.operator, n.inputs) for n in graph.nodes] == [("Relu", ("x",)), ("Add", ("x", "c"))]
    assert graph.output == "d"
    assert graph.folds == (
        Fold("a", "Identity"),
        Fold("b", "Dropout"),
        Fold("e", "Dropout"),
    )


def test_refuses_dropout_in_training(graph_of):
    nodes = [("Dropout", ["x", "", "training"], "y"), ("Relu", ["y"], "z")]
    with pytest.raises(UnsupportedOperatorError) as caught:
        remove_identity(graph_of(nodes, {"training": np.array(True)}, (3,)))
    assert str(caught.value) == (
        "node 'y' (Dropout): training_mode must be false; export the network for inference"
    )
