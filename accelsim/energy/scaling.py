"""Between two nodes that sources speak of: a power law of the feature size, and nothing beyond."""

from __future__ import annotations

import math

from accelsim.errors import ConfigError
from accelsim.units import format_nanometres

__all__ = ["between_nodes"]


def between_nodes(node_nm: float, first: tuple[float, float], second: tuple[float, float]) -> float:
    """Return the value at a node between two points (node in nm, value), log over log.

    Raises
    ------
    ConfigError
        Outside the two nodes: nothing is extrapolated.

    Examples
    --------
    >>> round(between_nodes(28, (45, 0.2), (7, 0.07)), 4)
    0.153
    """
    (node_a, value_a), (node_b, value_b) = first, second
    if not min(node_a, node_b) <= node_nm <= max(node_a, node_b):
        low, high = sorted((round(node_a), round(node_b)))
        raise ConfigError(
            f"node: must be {format_nanometres(low)} to {format_nanometres(high)}, between the "
            f"published points, got {node_nm:g}nm"
        )
    if node_a == node_b:
        return value_a
    share = math.log(node_nm / node_a) / math.log(node_b / node_a)
    return value_a * math.pow(value_b / value_a, share)
