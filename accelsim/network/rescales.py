"""The rescales inside an operator, whatever it is."""

from __future__ import annotations

from accelsim.arithmetic.rescale import Rescale
from accelsim.network.integer import (
    IntegerAdd,
    IntegerAveragePool,
    IntegerMatrix,
    IntegerOperator,
    IntegerRequantize,
)

__all__ = ["operator_rescales"]


def operator_rescales(operator: IntegerOperator) -> tuple[Rescale, ...]:
    """Return the parameters of everything that the operator rescales, none if it does not."""
    if isinstance(operator, IntegerMatrix | IntegerRequantize):
        return (operator.rescale,)
    if isinstance(operator, IntegerAdd):
        return (operator.rescale_left, operator.rescale_right, operator.rescale_sum)
    if isinstance(operator, IntegerAveragePool):
        return operator.rescales
    return ()
