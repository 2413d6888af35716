import pytest

from accelsim.errors import ConfigError
from accelsim.hardware.loader import dump_hardware, load_hardware
from accelsim.sweeps.load_space import make_space
from accelsim.sweeps.store import Store

NODES = {"technology.node": ["45nm", "28nm", "16nm", "7nm"]}
TABLES = {"technology.table": ["horowitz_45nm", "cmos_7nm"]}


def space(axes, **more):
    return make_space(
        {
            "schema": "accelsim.space/1",
            "name": "nodes",
            "network": "mlperf_tiny_autoencoder",
            "objectives": ["energy", "area"],
            "axes": axes,
            **more,
        }
    )


def technologies(found):
    made = [found.design(choice).hardware.technology for choice in found.grid()]
    return [(one.node, one.table, one.voltage) for one in made]


def test_a_node_brings_its_table_and_voltage():
    assert technologies(space(NODES)) == [
        (45, "horowitz_45nm", 0.9),
        (28, "cmos_28nm", 0.9),
        (16, "cmos_16nm", 0.8),
        (7, "cmos_7nm", 0.75),
    ]


def test_a_table_brings_its_node_and_voltage():
    assert technologies(space(TABLES)) == [(45, "horowitz_45nm", 0.9), (7, "cmos_7nm", 0.75)]


def test_what_has_an_axis_of_its_own_is_left_to_it():
    both = space({**TABLES, "technology.voltage": ["0.7V", "0.8V"]})
    assert technologies(both) == [
        (45, "horowitz_45nm", 0.7),
        (45, "horowitz_45nm", 0.8),
        (7, "cmos_7nm", 0.7),
        (7, "cmos_7nm", 0.8),
    ]
    apart = space({"technology.node": ["45nm", "7nm"], **TABLES})
    assert [(node, table) for node, table, _ in technologies(apart)] == [
        (45, "horowitz_45nm"),
        (45, "cmos_7nm"),
        (7, "horowitz_45nm"),
        (7, "cmos_7nm"),
    ]


def test_the_base_machine_keeps_its_own_at_its_own_node(tmp_path):
    machine = load_hardware("edge_16x16", ("technology.voltage=0.7V",))
    (tmp_path / "low.yaml").write_text(dump_hardware(machine))
    found = make_space(
        {
            "schema": "accelsim.space/1",
            "name": "nodes",
            "hardware": "low.yaml",
            "axes": {"technology.node": ["7nm", "45nm"]},
        },
        tmp_path,
    )
    assert technologies(found) == [(7, "cmos_7nm", 0.75), (45, "horowitz_45nm", 0.7)]


def test_expressions_read_what_is_brought():
    found = space(
        NODES, constraints=["technology.voltage < 0.9", "technology.table != 'cmos_16nm'"]
    )
    assert [found.settings(choice) for choice in found.grid()] == [{"technology.node": "7nm"}]


def test_a_node_without_a_table_is_refused():
    with pytest.raises(
        ConfigError,
        match=r"^space: axes\.technology\.node: must be of 7nm, 16nm, 28nm, 45nm "
        r"\(energy tables\), got 65nm$",
    ):
        space({"technology.node": ["45nm", "65nm"]})


def test_smaller_nodes_take_less_and_a_store_builds_them_again(sweep_here, folder):
    from accelsim.sweeps.read_store import find_space, read_rows

    found = space(NODES)
    progress, _ = sweep_here(found)
    assert (progress.done, progress.stored) == (4, 4)
    with Store(folder / "store.sqlite") as store:
        stored = find_space(store, None)
        rows = list(read_rows(store, stored))
        assert technologies(stored.space) == technologies(found)
        assert sorted(name for name in stored.inputs if name.startswith("table")) == [
            *("table cmos_16nm", "table cmos_28nm", "table cmos_7nm", "table horowitz_45nm")
        ]
    for name in ("energy_uj", "area_mm2"):
        values = [row.numbers[name] for row in rows]
        assert values == sorted(values, reverse=True), name
