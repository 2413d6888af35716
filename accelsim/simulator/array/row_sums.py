"""The sums of the rows of activations, which weights with zero points need, on the array.

A row's sum is its product with a column of ones, and the array makes it as one. Weight and output
stationary: behind the last column of PEs stands one of adders, which takes the activations as they
leave; it is a column like any other, but its weights are wires. Input stationary: behind the
weights of a tile follows a vector of ones. Each tile of columns makes the sums of its rows anew:
so they are where they are needed.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from accelsim.arithmetic.formats import Accumulator
from accelsim.compiler.program import TilePlan
from accelsim.errors import InternalError
from accelsim.hardware.schema import Array
from accelsim.simulator.array.activity import measure_activity
from accelsim.simulator.array.engines import run_array
from accelsim.simulator.array.interface import ArrayResult, Engine, MatrixOperands
from accelsim.simulator.array.pieces import cut
from accelsim.simulator.run import Activity, ArrayCounters, Switching

__all__ = ["measure_with_row_sums", "run_with_row_sums"]


@dataclass(frozen=True, eq=False)
class _WithOnes:
    """Operands with a column of ones behind the columns up to each of ``stops``."""

    operands: MatrixOperands
    stops: list[int]

    def activations(self, group: int, m_start: int, m_stop: int) -> NDArray[np.int32]:
        """Return int32[m_stop - m_start, depth_k]."""
        return self.operands.activations(group, m_start, m_stop)

    def weights(self, group: int) -> NDArray[np.int32]:
        """Return int32[depth_k, columns_n + stops], a column's depth contiguous."""
        return np.insert(self.operands.weights(group).T, self.stops, 1, axis=0).T

    def bias(self, group: int) -> NDArray[np.int64]:
        """Return int64[columns_n + stops]: a row's sum starts from 0."""
        return np.insert(self.operands.bias(group), self.stops, 0)


@dataclass(frozen=True, eq=False)
class _Ones:
    """Columns of ones alone."""

    operands: MatrixOperands
    depth_k: int
    columns: int

    def activations(self, group: int, m_start: int, m_stop: int) -> NDArray[np.int32]:
        """Return int32[m_stop - m_start, depth_k]."""
        return self.operands.activations(group, m_start, m_stop)

    def weights(self, group: int) -> NDArray[np.int32]:  # noqa: ARG002
        """Return int32[depth_k, columns], a column's depth contiguous."""
        return np.ones((self.columns, self.depth_k), np.int32).T

    def bias(self, group: int) -> NDArray[np.int64]:  # noqa: ARG002
        """Return int64[columns]: a row's sum starts from 0."""
        return np.zeros(self.columns, np.int64)


def run_with_row_sums(
    engine: str,
    operands: MatrixOperands,
    plan: TilePlan,
    array: Array,
    accumulator: Accumulator,
    switching: bool = False,
) -> ArrayResult:
    """Run every pass of a plan through the array, and sum up the rows of activations.

    Parameters and errors are those of `accelsim.simulator.array.run_array`; ``array.row_sums`` has
    to be true. Where the ones pass through PEs of their own or through those of the array (the
    register engine, and input stationary with every engine), they are stepped with all others.
    Accumulators of row sums are counted beside the others. Overflow events of a row's sum count
    once, however many tiles of columns make it.
    """
    if not array.row_sums:
        raise InternalError("the array has no adders for the sums of rows")
    once = run_array(engine, *_alone(operands, plan, array, columns=1), accumulator)
    row_sums, events = once.accumulators[:, :, 0], once.counters.overflow_events
    if engine == Engine.REGISTER or not array.has_row_sum_column:
        result = _run_together(engine, operands, plan, array, accumulator, switching, row_sums)
        repeated = ArrayCounters(overflow_events=-(plan.n_tiles - 1) * events)
        result = replace(result, counters=result.counters + _ones_apart(plan) + repeated)
    else:
        result = run_array(engine, operands, plan, array, accumulator, switching)
        beside = _accumulators_beside(plan) + ArrayCounters(overflow_events=events)
        result = replace(result, counters=result.counters + beside)
    if switching and array.has_row_sum_column:
        toggles = _toggles(engine, operands, plan, array, accumulator)
        result = replace(result, switching=toggles)
    return replace(result, row_sums=row_sums)


def measure_with_row_sums(
    operands: MatrixOperands, plan: TilePlan, array: Array, accumulator: Accumulator
) -> Activity:
    """Return what changed at the inputs of every multiplier and adder.

    Parameters are those of `accelsim.simulator.array.activity.measure_activity`. A column of
    adders is the last column of the result: it adds activations, and has no products.
    """
    if not array.has_row_sum_column:
        return measure_activity(*_together(operands, plan, array), accumulator)
    found = measure_activity(operands, plan, array, accumulator)
    adders = measure_activity(*_alone(operands, plan, array, plan.n_tiles), accumulator)
    found.product_bits[:, -1:] = adders.product_bits
    found.sum_bits[:, -1:] = adders.sum_bits
    return found


def _together(
    operands: MatrixOperands, plan: TilePlan, array: Array
) -> tuple[MatrixOperands, TilePlan, Array]:
    """Return a product whose every tile of columns has a column of ones more, and its array.

    In a tile that is narrower than the array the ones stand behind the last used column, not
    behind the last: sums appear there in other cycles, but in none that is not waited for.
    """
    gemm = replace(plan.gemm, columns_n=plan.gemm.columns_n + plan.n_tiles)
    strips = plan.block_n // plan.tile_n
    wide = replace(plan, gemm=gemm, tile_n=plan.tile_n + 1, block_n=plan.block_n + strips)
    return _WithOnes(operands, _stops(plan)), wide, array


def _alone(
    operands: MatrixOperands, plan: TilePlan, array: Array, columns: int
) -> tuple[MatrixOperands, TilePlan, Array]:
    """Return the product with columns of ones, one to a tile, and an array that has no others."""
    gemm = replace(plan.gemm, columns_n=columns)
    own = {"columns": 1} if array.has_row_sum_column else {}
    narrow = array.model_copy(update={**own, "row_sums": False})
    ones = replace(plan, gemm=gemm, tile_n=1, block_n=plan.block_n // plan.tile_n)
    return _Ones(operands, gemm.depth_k, columns), ones, narrow


def _stops(plan: TilePlan) -> list[int]:
    return [stop for _, stop in cut(0, plan.gemm.columns_n, plan.tile_n)]


def _run_together(
    engine: str,
    operands: MatrixOperands,
    plan: TilePlan,
    array: Array,
    accumulator: Accumulator,
    switching: bool,
    row_sums: NDArray[np.int64],
) -> ArrayResult:
    """Run the product with its ones; every tile has to make the same sums of its rows."""
    result = run_array(engine, *_together(operands, plan, array), accumulator, switching)
    ones = [stop + number for number, stop in enumerate(_stops(plan))]
    if (result.accumulators[:, :, ones] != row_sums[:, :, np.newaxis]).any():
        raise InternalError("tiles of columns made different sums of the same rows")
    return replace(result, accumulators=np.delete(result.accumulators, ones, axis=2))


def _ones_apart(plan: TilePlan) -> ArrayCounters:
    """Return what turns the counts of a product with its ones into those of the product.

    Ones are made where they are needed: nothing reads or shifts them, and adding is not
    multiplying. Their accumulators are accumulators.
    """
    gemm = plan.gemm
    tiles = gemm.groups * plan.m_tiles * plan.n_tiles
    additions = gemm.groups * gemm.rows_m * gemm.depth_k * plan.n_tiles
    feeds = tiles * gemm.depth_k
    return ArrayCounters(
        macs=-additions,
        stationary_writes=-feeds if plan.dataflow.stationary == "weights" else 0,
        weight_feeds=-feeds,
        bias_reads=-tiles,
        row_additions=additions,
    )


def _accumulators_beside(plan: TilePlan) -> ArrayCounters:
    """Return what row sums add to the counts of a product."""
    gemm = plan.gemm
    sums = gemm.groups * gemm.rows_m * plan.n_tiles
    in_memory = plan.dataflow.preloads
    return ArrayCounters(
        accumulator_reads=sums * (plan.k_tiles - 1) if in_memory else 0,
        accumulator_writes=sums * plan.k_tiles if in_memory else sums,
        row_additions=sums * gemm.depth_k,
    )


def _toggles(
    engine: str, operands: MatrixOperands, plan: TilePlan, array: Array, accumulator: Accumulator
) -> Switching:
    """Count the register bits that toggle in the PEs, and in the column of adders.

    The adders are stepped as the first of two columns: tiles follow each other at the distance that
    two columns need or more, as they do behind PEs. The second column sees the same activations
    and adds nothing. Where weights move down, a wired one is a register that toggled once.
    """
    pes = run_array(engine, operands, plan, array, accumulator, switching=True).switching
    ones, tiles, column = _alone(operands, plan, array, plan.n_tiles)
    two = column.model_copy(update={"columns": 2})
    adders = run_array(engine, ones, tiles, two, accumulator, switching=True).switching
    if pes is None or adders is None:
        raise InternalError("the engine counted no switching")
    wired = array.rows if plan.dataflow.moves_down == "weights" else 0
    moving = (adders.moving_toggles - wired) // 2
    return pes + Switching(moving, 0, adders.accumulator_toggles)
