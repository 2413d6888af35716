"""What every register of the register engine's PEs holds: for whoever watches."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from accelsim.simulator.array.cells import CELLS
from accelsim.simulator.array.register_state import (
    ARMED,
    BIAS,
    BIT_KINDS,
    DOWN,
    FIRST,
    FLOW,
    HEAD,
    HELD,
    KINDS,
    LAST,
    MOVING,
    NOW,
    RESULT,
    SHADOW,
    STATIONARY,
    SUM,
    VALID,
    Machine,
    Rules,
)

__all__ = ["registers"]


def registers(machine: Machine, rules: Rules) -> dict[str, NDArray[np.integer]]:
    """Return copies of all registers, [rows, columns] each, as the last cycle left them.

    ``tag`` is the pass whose token the PE had last.
    """
    control = machine.control
    flow = int(control[FLOW])
    bits = machine.bits.reshape(BIT_KINDS, 2, rules.groups, rules.left_pitch, 1)
    in_word = bits >> np.arange(CELLS, dtype=np.uint32) & np.uint32(1)

    def conditions(kind: int, phase: int) -> NDArray[Any]:
        by_row = in_word[kind, phase].swapaxes(0, 1).reshape(rules.left_pitch, rules.pitch)
        grid: NDArray[Any] = by_row[: rules.rows, : rules.columns]
        return grid

    def held(kept: NDArray[Any], kind: int, phase: int) -> NDArray[Any]:
        by_group = kept.reshape(rules.groups, rules.rows + 1, KINDS, 2, CELLS).swapaxes(0, 1)
        grid = by_group[1:, :, kind, phase].reshape(rules.rows, rules.pitch)
        return grid[:, : rules.columns]

    valid, first, last = (conditions(kind, flow) << kind for kind in (VALID, FIRST, LAST))
    named: dict[str, NDArray[np.integer]] = {
        "token": valid | first | last,
        "moving": held(machine.words, MOVING, flow),
        "sum": held(machine.sums, SUM, flow),
    }
    if rules.preloads:
        named["stationary"] = held(machine.words, STATIONARY, NOW)
        named["shadow"] = held(machine.words, SHADOW, NOW)
        named["armed"] = conditions(ARMED, NOW)
    else:
        named["down"] = held(machine.words, DOWN, flow)
        named["bias"] = held(machine.sums, BIAS, NOW)
        named["result"] = held(machine.sums, RESULT, NOW)
        named["held"] = conditions(HELD, NOW)
    ages = np.arange(rules.rows)[:, np.newaxis] + np.arange(rules.columns)
    return {**named, "tag": machine.lanes.passes[control[HEAD] + ages]}
