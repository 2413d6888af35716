"""The preset ``scalesim`` has SCALE-Sim's compute cycles, fold by fold."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accelsim.compiler import compile_shapes, lower_topology
from accelsim.hardware import load_hardware
from accelsim.network.topology import TokenMatrix, Topology, TopologyLayer
from accelsim.simulator import simulate_timing

ARRAY_CAUSES = ("preload", "fill", "stream", "drain")


def compute_cycles(m: int, n: int, k: int, rows: int, columns: int, dataflow: str) -> int:
    layer = TopologyLayer("fc", TokenMatrix(n), ("input",), "fc")
    shapes = {"input": (k, m, 1), "fc": (n, m, 1)}
    topology = Topology("gemm", "", "", (layer,), shapes, ("input",), ("fc",))
    sizes = {"rows": rows, "columns": columns, "dataflow": dataflow}
    overrides = [f"array.{name}={value}" for name, value in sizes.items()]
    hardware = load_hardware("scalesim", overrides)
    program = compile_shapes(lower_topology(topology, 1, 8, 8, 32), hardware)
    (run,) = simulate_timing(program, hardware).layers
    return sum(count for cause, count in run.cycles.items() if cause in ARRAY_CAUSES)


def theirs(m: int, n: int, k: int, rows: int, columns: int, dataflow: str) -> int:
    """Folds times the cycles of one: SCALE-Sim prints one less, the last row's index."""
    on_rows, on_columns, stream = {"ws": (k, n, m), "is": (k, m, n), "os": (m, n, k)}[dataflow]
    folds = -(-on_rows // rows) * -(-on_columns // columns)
    preload = 0 if dataflow == "os" else rows
    return folds * (preload + rows + columns + stream - 2)


@pytest.mark.parametrize(
    ("dataflow", "printed"), [("ws", 155_135), ("os", 146_943), ("is", 155_135)]
)
def test_what_scalesim_printed(dataflow: str, printed: int) -> None:
    assert compute_cycles(512, 512, 512, 32, 32, dataflow) == printed + 1


@settings(max_examples=40, deadline=None, derandomize=True)
@given(
    sizes=st.tuples(*[st.integers(1, 60)] * 3),
    rows=st.integers(1, 12),
    columns=st.integers(1, 12),
    dataflow=st.sampled_from(["ws", "os", "is"]),
)
def test_any_product(sizes: tuple[int, int, int], rows: int, columns: int, dataflow: str) -> None:
    case = (*sizes, rows, columns, dataflow)
    assert compute_cycles(*case) == theirs(*case)
