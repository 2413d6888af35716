from accelsim.frontend.inspection import Place, inspect_network
from accelsim.frontend.topology import load_topology, topology_names
from accelsim.network.topology import topology_weights


def test_every_shipped_topology():
    for name in topology_names():
        found, topology = inspect_network(name), load_topology(name)
        assert (found.macs, found.parameters) == (topology.macs, topology_weights(topology))
        assert len(found.operators) == len(topology.layers)
        assert found.runs


def test_places_of_attention():
    counts = inspect_network("bert_base").places()
    assert set(counts[Place.ARRAY]) == {"matrix", "product"}
    assert counts[Place.HOST]["softmax"] == 12
    assert not counts[Place.UNSUPPORTED]


def test_a_scalesim_file(tmp_path):
    path = tmp_path / "gemm.csv"
    path.write_text("Layer, M, N, K\nfirst, 8, 16, 32\n")
    found = inspect_network(str(path))
    (line,) = found.operators
    assert (found.kind, line.place, line.macs, line.parameters) == (
        "SCALE-Sim topology",
        Place.ARRAY,
        8 * 16 * 32,
        16 * 32,
    )
