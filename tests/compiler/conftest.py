"""Small machines, small layers, and plans to run on them."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import strategies as st

from accelsim.compiler.plan import LoopOrder, Residency, TilePlan
from accelsim.compiler.shapes import MatrixShape
from accelsim.hardware.dataflow import DATAFLOWS, DataflowName
from accelsim.hardware.schema import Hardware
from accelsim.network.geometry import Window
from tests.plans import plans_in_parts

UNLIMITED = 1 << 30


def make_hardware(
    dataflow: str = "ws",
    rows: int = 2,
    columns: int = 2,
    activations: int = UNLIMITED,
    weights: int = UNLIMITED,
    accumulators: int = UNLIMITED,
    double_buffered: bool = False,
    burst: int = 1,
    **array: Any,
) -> Hardware:
    def pad(size: int) -> dict[str, Any]:
        return {"size": size, "bandwidth": 16, "double_buffered": double_buffered}

    return Hardware.model_validate(
        {
            "schema": "accelsim.hardware/1",
            "name": "test",
            "clock": 1e9,
            "array": {"rows": rows, "columns": columns, "dataflow": dataflow, **array},
            "accumulator": {},
            "scratchpads": {
                "activations": pad(activations),
                "weights": pad(weights),
                "accumulators": pad(accumulators),
            },
            "dma": {"bandwidth": 16},
            "dram": {"type": "test", "bandwidth": 16e9, "latency": 0.0, "burst": burst},
            "rescale": {},
            "vector": {},
            "technology": {"node": 45, "voltage": 0.9, "table": "test"},
        }
    )


def make_shape(
    input_shape: tuple[int, int, int] = (1, 4, 4),
    out_channels: int = 2,
    window: Window | None = None,
    groups: int = 1,
    batch: int = 1,
    weight_bits: int = 8,
    input_bits: int = 8,
    output_bits: int = 8,
) -> MatrixShape:
    return MatrixShape(
        input_shape=input_shape,
        out_channels=out_channels,
        window=window or Window((1, 1)),
        groups=groups,
        batch=batch,
        weight_bits=weight_bits,
        input_bits=input_bits,
        output_bits=output_bits,
        accumulator_bits=32,
    )


@st.composite
def windows(draw: st.DrawFn, largest: int = 3) -> Window:
    def pair(low: int, high: int) -> tuple[int, int]:
        return draw(st.integers(low, high)), draw(st.integers(low, high))

    return Window(pair(1, largest), pair(1, 3), pair(0, 2) + pair(0, 2), pair(1, 3))


@st.composite
def shapes(draw: st.DrawFn, largest: int = 5) -> MatrixShape:
    window = draw(windows())
    height, width = (
        max(draw(st.integers(1, largest)), (kernel - 1) * dilation + 1)
        for kernel, dilation in zip(window.kernel, window.dilations, strict=True)
    )
    groups = draw(st.integers(1, 3))
    bits = st.sampled_from([3, 4, 8])
    return make_shape(
        (groups * draw(st.integers(1, 3)), height, width),
        groups * draw(st.integers(1, 5)),
        window,
        groups,
        draw(st.integers(1, 2)),
        draw(bits),
        draw(bits),
        draw(bits),
    )


@st.composite
def shapes_and_plans(draw: st.DrawFn) -> tuple[MatrixShape, TilePlan]:
    shape = draw(st.one_of(shapes(), pointwise_shapes()))
    gemm = shape.gemm
    if shape.depth_has_parts and draw(st.booleans()):
        return shape, draw(plans_in_parts(gemm, draw(st.sampled_from(DataflowName))))
    tile_m = draw(st.integers(1, gemm.rows_m))
    plan = TilePlan(
        gemm,
        DATAFLOWS[DataflowName.WEIGHT_STATIONARY],
        tile_m,
        draw(st.integers(1, gemm.columns_n)),
        draw(st.integers(1, gemm.depth_k)),
        draw(st.integers(tile_m, gemm.rows_m)),
        draw(st.sampled_from(LoopOrder)),
        draw(st.sampled_from([Residency.LAYER, Residency.BLOCK, Residency.PASS])),
        draw(st.sampled_from([Residency.LAYER, Residency.BLOCK, Residency.ON_CHIP])),
    )
    return shape, plan


@st.composite
def pointwise_shapes(draw: st.DrawFn) -> MatrixShape:
    """Convolutions of single pixels, whose depth can be fetched in parts."""
    window = Window((1, 1), (draw(st.integers(1, 2)),) * 2, (draw(st.integers(0, 1)),) * 4)
    size = st.integers(1, 6)
    groups = draw(st.integers(1, 2))
    input_shape = (groups * draw(st.integers(1, 20)), draw(size), draw(size))
    bits = st.sampled_from([3, 4, 8])
    return make_shape(
        input_shape, groups * draw(st.integers(1, 20)), window, groups, 1, draw(bits), draw(bits)
    )


@pytest.fixture(scope="session")
def kit() -> SimpleNamespace:
    """The builders and hypothesis strategies above."""
    return SimpleNamespace(
        hardware=make_hardware,
        shape=make_shape,
        windows=windows,
        shapes=shapes,
        pointwise_shapes=pointwise_shapes,
        shapes_and_plans=shapes_and_plans,
    )
