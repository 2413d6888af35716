from accelsim.frontend.graph import Fold
from accelsim.frontend.passes import remove_unused


def test_only_what_the_output_depends_on_stays(graph_of, check_pass):
    nodes = [
        ("Relu", ["x"], "used"),
        ("Identity", ["x"], "unused"),
        ("Relu", ["unused"], "unused_too"),
        ("Add", ["x", "used"], "sum"),
    ]
    graph = check_pass(remove_unused, graph_of(nodes, {}, (3,)))
    assert [n.output for n in graph.nodes] == ["used", "sum"]
    assert graph.folds == (Fold("unused", "Identity"), Fold("unused_too", "Relu"))
