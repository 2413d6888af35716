from dataclasses import replace

import pytest

from accelsim.sweeps.load_space import make_space
from accelsim.sweeps.plan import Plan, plan_sweep

PLAN = Plan(
    grid_points=2000,
    points=1000,
    exact=True,
    tried=12,
    impossible=0,
    example="",
    point_seconds=0.01,
    preparation_seconds=0.5,
    preparations=3,
    start_seconds=2.0,
)


@pytest.mark.parametrize(("workers", "seconds"), [(1, 13.5), (2, 8.0), (4, 5.0)])
def test_time_is_shared_by_workers_but_a_network_is_prepared_by_one(workers, seconds):
    assert PLAN.seconds(workers) == pytest.approx(seconds)


def test_a_store_grows_with_points():
    assert replace(PLAN, points=2000).stored_bytes == 2 * PLAN.stored_bytes > 0


def test_networks_are_counted_once_for_each_way_to_quantize_and_shapes_not_at_all():
    space = make_space(
        {
            "schema": "accelsim.space/1",
            "name": "two",
            "axes": {
                "network": ["digits_mlp", "mlperf_tiny_autoencoder"],
                "bits": [8, 4],
                "array.rows": [8, 16, 32],
            },
            "objectives": ["latency"],
            "constraints": ["array.rows <= 16"],
        }
    )
    plan = plan_sweep(space)
    assert (plan.grid_points, plan.points, plan.exact) == (12, 8, True)
    assert plan.preparations == 2
    assert plan.impossible == 0
    assert 0 < plan.point_seconds < plan.start_seconds
    assert plan.preparation_seconds > 0
