"""Both ways to account for the array side by side, and the activity that makes them differ."""

from __future__ import annotations

from collections.abc import Sequence

from accelsim.report.results import RunResult, SwitchingResult
from accelsim.report.words import aligned, words

__all__ = ["WHY", "switching_columns"]

WHY = (
    "Per operation every multiplication, addition and register costs the mean of random operands; "
    "by switching it costs the bits that changed. Changed: as a share of what changes when all "
    "operands are random and new in every cycle; a resident operand, equal neighbours, small "
    "values and zeros lower it, sums that alternate in sign raise it."
)

_SHOWN = ("multiplier", "adder", "registers", "wires")


def switching_columns(result: RunResult) -> list[tuple[str, str, list[str]]]:
    """Return columns (heading, unit, cells), a row for each point; none without switching."""
    counted = [point.switching for point in result.points if point.switching]
    if len(counted) < len(result.points):
        return []
    columns = [("bits", "w/a", ["/".join(point.widths) for point in result.points])]
    for name in _SHOWN:
        pairs = [(one.per_operation_uj[name], one.switching_uj[name]) for one in counted]
        numbers = aligned([number for pair in pairs for number in pair])
        columns.append((words(name), "per operation, µJ", numbers[::2]))
        columns.append((words(name), "switching, µJ", numbers[1::2]))
    columns += _why(counted)
    return columns


def _why(counted: Sequence[SwitchingResult]) -> list[tuple[str, str, list[str]]]:
    products = [100 * one.partial_products_per_mac / one.random_partial_products for one in counted]
    inputs = [100 * one.product_inputs_per_mac / one.random_product_inputs for one in counted]
    adders = [
        100 * (one.product_bits_per_mac + one.sum_bits_per_mac) / one.random_adder_bits
        for one in counted
    ]
    registers = [2 * one.changed_register_bits_pct for one in counted]
    zeros = [one.zero_products_pct for one in counted]
    found = []
    for heading, unit, shares in (
        ("partial products", "changed, %", products),
        ("their inputs", "changed, %", inputs),
        ("adder inputs", "changed, %", adders),
        ("registers", "changed, %", registers),
        ("zero products", "% of all", zeros),
    ):
        found.append((heading, unit, [f"{share:.0f}" for share in shares]))
    return found
