"""Where each operator of a network's file runs, and what of it is left out of the account."""

from __future__ import annotations

from collections.abc import Sequence

from accelsim.compiler.program import MatrixInstruction, Program
from accelsim.frontend import ImportReport
from accelsim.network import (
    IntegerLookup,
    IntegerNetwork,
    IntegerPad,
    IntegerReshape,
    IntegerSoftmax,
)
from accelsim.network.run_time import RunTimeOperator
from accelsim.report.results import ON_HOST

__all__ = ["LOOKUP_TABLES", "RANGE_HARDWARE", "not_modelled", "where_operators_run"]

LOOKUP_TABLES = "tables of the vector unit (a lookup costs an addition)"
RANGE_HARDWARE = "area and leakage of what finds ranges at run time: comparators, a divider"
"""What the account leaves out where it is used."""


def where_operators_run(
    report: ImportReport, integer: IntegerNetwork, program: Program
) -> dict[str, list[str]]:
    """Return the file's operators by where they run, in the words of reports.

    Parameters
    ----------
    report
        What the import folded away, and what it left to the host.
    integer
        The network before its padding went into windows.
    program
        What the machine runs of it.
    """
    instructions = {instruction.layer: instruction for instruction in program.instructions}
    array = [name for name, item in instructions.items() if isinstance(item, MatrixInstruction)]
    vector = [
        f"{name} ({item.kind.replace('_', ' ')})"
        for name, item in instructions.items()
        if not isinstance(item, MatrixInstruction)
    ]
    views = [layer.name for layer in integer.layers if isinstance(layer.operator, IntegerReshape)]
    pads = [
        f"{layer.name} (padding, into the windows that read it)"
        for layer in integer.layers
        if isinstance(layer.operator, IntegerPad) and layer.name not in instructions
    ]
    layers = {layer.name for layer in integer.layers}
    clamps = [f"{name} (clamp)" for name in report.clamps if name not in layers]
    folded = [
        f"{fold.name} ({fold.operator}" + (f", into {fold.into})" if fold.into else ")")
        for fold in report.folded
    ]
    return {
        "on the array": array,
        "on the vector unit": vector,
        ON_HOST: list(report.on_host),
        "folded": [*folded, *clamps, *pads],
        "moving nothing": views,
    }


def not_modelled(lines: Sequence[str], integer: IntegerNetwork) -> tuple[str, ...]:
    """Return what an account leaves out, with the host's and the tables' share of this network."""
    operators = [layer.operator for layer in integer.layers]
    named = [line for line in lines if line != "layers on the host"]
    if any(isinstance(operator, IntegerLookup) for operator in operators):
        named.append(LOOKUP_TABLES)
    if any(isinstance(operator, RunTimeOperator) for operator in operators):
        named.append(RANGE_HARDWARE)
    if any(isinstance(operator, IntegerSoftmax) for operator in operators):
        return (*named, "on the host, between DRAM and DRAM: softmax")
    return (*named, "layers on the host")
