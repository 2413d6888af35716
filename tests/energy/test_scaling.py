import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accelsim.energy.scaling import between_nodes
from accelsim.errors import ConfigError


def test_the_points_themselves_come_out():
    assert between_nodes(45, (45, 0.2), (7, 0.07)) == 0.2
    assert between_nodes(7, (45, 0.2), (7, 0.07)) == pytest.approx(0.07)
    assert between_nodes(7, (7, 3.0), (7, 3.0)) == 3.0


@given(node=st.floats(7, 45))
@settings(derandomize=True, max_examples=50, deadline=None)
def test_between_them_it_lies_between_them(node):
    value = between_nodes(node, (45, 0.2), (7, 0.07))
    assert 0.07 * (1 - 1e-12) <= value <= 0.2 * (1 + 1e-12)
    assert value == pytest.approx(between_nodes(node, (7, 0.07), (45, 0.2)))


@pytest.mark.parametrize("node", [5, 6.9, 45.1, 65])
def test_outside_nothing_is_said(node):
    message = f"node: must be 7nm to 45nm, between the published points, got {node:g}nm"
    with pytest.raises(ConfigError, match=f"^{re.escape(message)}$"):
        between_nodes(node, (45, 0.2), (7, 0.07))
