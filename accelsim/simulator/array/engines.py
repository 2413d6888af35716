"""Run a matrix layer on the array with the engine of choice."""

from __future__ import annotations

from accelsim.arithmetic.formats import Accumulator
from accelsim.compiler.program import TilePlan
from accelsim.errors import ConfigError
from accelsim.hardware.pe_kinds import PeKind
from accelsim.hardware.schema import Array
from accelsim.simulator.array.interface import ArrayResult, Engine, MatrixOperands

__all__ = ["run_array"]


def run_array(
    engine: str,
    operands: MatrixOperands,
    plan: TilePlan,
    array: Array,
    accumulator: Accumulator,
    switching: bool = False,
) -> ArrayResult:
    """Run every pass of a plan through the array.

    Parameters
    ----------
    engine
        ``register``, ``cycle`` or ``tile``: the same integers, cycles and counters from three
        separate derivations. ``register`` is for small products, ``tile`` for large ones.
    operands
        The integers. They must fit the array's operand widths.
    plan
        The loop nest; its dataflow must be the array's.
    switching
        Count the register bits that toggle (``register`` and ``cycle``).

    Raises
    ------
    ConfigError
        Unknown engine, switching asked of the ``tile`` engine, or, where registers are looked
        at, scales of vectors of weights or PEs that are not fixed.
    """
    if engine not in list(Engine):
        known = ", ".join(Engine)
        raise ConfigError(f"engine: unknown engine {engine!r}, must be one of {known}")
    if plan.vector_depth and (engine == Engine.REGISTER or switching):
        what = "the 'register' engine" if engine == Engine.REGISTER else "switching"
        raise ConfigError(
            f"engine: {what} has no scales of groups of weights, use 'cycle' or 'tile' and energy "
            "per operation"
        )
    if array.pe_kind is not PeKind.FIXED:
        if engine == Engine.REGISTER:
            raise ConfigError(
                f"engine: 'register' steps the registers of fixed PEs, not of "
                f"array.pe_kind={array.pe_kind}; use 'cycle' or 'tile'"
            )
        if switching:
            raise ConfigError(
                f"engine: switching is counted of fixed PEs, not of array.pe_kind={array.pe_kind}"
            )
    # An engine declares its kernels when it is imported: when its first layer runs.
    if engine == Engine.REGISTER:
        from accelsim.simulator.array.register import run_register

        return run_register(operands, plan, array, accumulator, switching)
    if engine == Engine.CYCLE:
        from accelsim.simulator.array.cycle import run_cycle

        return run_cycle(operands, plan, array, accumulator, switching)
    if switching:
        raise ConfigError(
            "engine: 'tile' keeps no registers and cannot count switching, "
            "use 'cycle' or 'register'"
        )
    from accelsim.simulator.array.tile import run_tile

    return run_tile(operands, plan, array, accumulator)
