"""A space as a store keeps it, and back: each of its designs can be built again."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from accelsim.quantize import NetworkOperands
from accelsim.sweeps.axes import Axis
from accelsim.sweeps.expressions import parse_expression
from accelsim.sweeps.load_space import names_of
from accelsim.sweeps.metrics import Objective
from accelsim.sweeps.quantization import Quantization
from accelsim.sweeps.space import FileMachine, Space, Strategy

__all__ = ["space_document", "space_of"]


def space_document(space: Space) -> dict[str, Any]:
    """Return what a store keeps of a space; what decides which designs are run is not in it."""
    return {
        "name": space.name,
        "network": space.network,
        "data": space.data,
        "batch": space.batch,
        "hardware": space.hardware,
        "base": space.base,
        "axes": [
            {
                "name": axis.name,
                "values": axis.values,
                "numbers": axis.numbers,
                **({"brings": axis.brings} if axis.brings else {}),
            }
            for axis in space.axes
        ],
        "objectives": [
            {
                "name": objective.name,
                "expression": objective.expression.text,
                "maximize": objective.maximize,
                "unit": objective.unit,
            }
            for objective in space.objectives
        ],
        "budgets": [budget.text for budget in space.budgets],
        "quantization": vars(space.quantization),
        "files": {name: vars(file) for name, file in space.files.items()},
        "operands": {name: vars(operands) for name, operands in space.operands.items()},
    }


def space_of(document: Mapping[str, Any], path: Path) -> Space:
    """Return the space of a document: its designs, objectives and budgets."""
    names = names_of(document["base"])
    return Space(
        name=document["name"],
        text=document["text"],
        source=str(path),
        folder=path.parent,
        network=document["network"],
        data=document["data"],
        batch=document["batch"],
        hardware=document["hardware"],
        base=document["base"],
        axes=tuple(
            Axis(
                axis["name"],
                tuple(axis["values"]),
                tuple(axis["numbers"]),
                tuple(axis.get("brings", ())),
            )
            for axis in document["axes"]
        ),
        constraints=(),
        budgets=tuple(parse_expression(text, names) for text in document["budgets"]),
        objectives=tuple(
            Objective(
                one["name"],
                parse_expression(one["expression"], names),
                one["maximize"],
                one["unit"],
            )
            for one in document["objectives"]
        ),
        quantization=Quantization(**document["quantization"]),
        strategy=Strategy(),
        files={name: FileMachine(**file) for name, file in document["files"].items()},
        operands={
            name: NetworkOperands(**operands) for name, operands in document["operands"].items()
        },
    )
