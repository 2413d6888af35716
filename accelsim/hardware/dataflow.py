"""What a dataflow is: which GEMM dimension lies on the rows, on the columns and in time.

``out[m, n] = bias[n] + sum_k activation[m, k] * weight[k, n]``; the words are rows *m*,
columns *n* and depth *k* of the matrix product, whatever the array. A dataflow lays two of
the three dimensions on the array's rows and columns and streams the third. Everything that
differs between the dataflows follows from this one table: compiler, engines and machine
read it and hold no copy of a loop for each.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

__all__ = ["DATAFLOWS", "Dataflow", "DataflowName", "Dimension", "Operand"]

Dimension = Literal["m", "n", "k"]
Operand = Literal["activations", "weights", "accumulators"]


class DataflowName(StrEnum):
    """The name of a dataflow, as hardware files spell it."""

    WEIGHT_STATIONARY = "ws"
    OUTPUT_STATIONARY = "os"
    INPUT_STATIONARY = "is"


@dataclass(frozen=True)
class Dataflow:
    """How one tile of a matrix product lies on the array.

    Attributes
    ----------
    rows, columns, stream
        The GEMM dimension that the array's rows hold, its columns hold, and that passes in time.
    stationary
        What stays in the PEs for a whole pass.
    moves_right
        The operand that enters at the left edge, one row a lane.
    moves_down
        What enters at the top edge, one column a lane: the partial sums when an operand is
        stationary, the other operand when the accumulators are.
    """

    name: DataflowName
    title: str
    rows: Dimension
    columns: Dimension
    stream: Dimension
    stationary: Operand
    moves_right: Operand
    moves_down: Operand

    @property
    def preloads(self) -> bool:
        """Whether an operand is shifted into the PEs before a pass streams."""
        return self.stationary != "accumulators"


DATAFLOWS: dict[DataflowName, Dataflow] = {
    flow.name: flow
    for flow in (
        Dataflow(
            DataflowName.WEIGHT_STATIONARY,
            "weight stationary",
            rows="k",
            columns="n",
            stream="m",
            stationary="weights",
            moves_right="activations",
            moves_down="accumulators",
        ),
        Dataflow(
            DataflowName.OUTPUT_STATIONARY,
            "output stationary",
            rows="m",
            columns="n",
            stream="k",
            stationary="accumulators",
            moves_right="activations",
            moves_down="weights",
        ),
        Dataflow(
            DataflowName.INPUT_STATIONARY,
            "input stationary",
            rows="k",
            columns="m",
            stream="n",
            stationary="activations",
            moves_right="weights",
            moves_down="accumulators",
        ),
    )
}
