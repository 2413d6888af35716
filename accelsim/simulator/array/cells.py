"""What a register's next value is written in: the same words for one PE and for 32 at once.

A plane holds one register of every PE. In kernels, `cells` reads 32 neighbours of a plane as
lanes; the functions below take lanes or plain integers, so that a PE described by them can be
evaluated alone or with its neighbours. Conditions are combined with ``&`` and ``|``.
"""

from __future__ import annotations

from typing import Any, cast

import numpy as np
from llvmlite import ir  # type: ignore[import-untyped]
from numba import njit, types
from numba.extending import intrinsic, overload

from accelsim.simulator.array.lanes import LanesType, splat

__all__ = [
    "CELLS",
    "between",
    "borrowed",
    "cell",
    "cells",
    "choose",
    "differs",
    "flag",
    "holds",
    "inlined",
    "keep",
    "lacks",
    "ones_in",
    "set_cell",
    "set_cells",
    "shift_in",
    "wide",
]

CELLS = 32
"""PEs that are evaluated at once."""

inlined: Any = cast(Any, njit)(forceinline=True, no_cpython_wrapper=True, no_cfunc_wrapper=True)
"""Compile a part of a kernel into the kernel, and nothing to call it by from Python."""

_CONDITIONS = LanesType(1, CELLS)


def _for_kernels(build: Any) -> Any:
    """Make a function callable in kernels: numba passes its first argument, callers do not."""
    return intrinsic(build)


# Reading and writing.


@_for_kernels
def borrowed(typing: Any, words: Any) -> Any:  # noqa: ARG001
    """Return an array that does not count who refers to it; the caller's argument outlives it.

    A kernel that passes its arrays from part to part would count millions of times a second.
    """

    def build(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        kind = sig.args[0]
        array = context.make_array(kind)(context, builder, args[0])
        array.meminfo = ir.Constant(array.meminfo.type, None)
        return array._getvalue()

    return words(words), build


@inlined
def cell(planes, place):  # type: ignore[no-untyped-def]
    """Return a word; places are never negative, so none is counted from the end."""
    return planes[np.uint64(place)]


@inlined
def set_cell(planes, place, word):  # type: ignore[no-untyped-def]
    """Write a word."""
    planes[np.uint64(place)] = word


def _address(context: Any, builder: Any, sig: Any, args: Any) -> Any:
    """Return the address of the cells from a place on."""
    array = context.make_array(sig.args[0])(context, builder, args[0])
    place = context.cast(builder, args[1], sig.args[1], types.int64)
    lanes = ir.VectorType(ir.IntType(sig.args[0].dtype.bitwidth), CELLS)
    return builder.bitcast(builder.gep(array.data, [place]), lanes.as_pointer())


@_for_kernels
def cells(typing: Any, planes: Any, place: Any) -> Any:  # noqa: ARG001
    """Return 32 neighbouring words of int8, int16 or int32[words] from a place on."""

    def build(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        loaded = builder.load(_address(context, builder, sig, args))
        loaded.align = planes.dtype.bitwidth // 8
        return loaded

    return LanesType(planes.dtype.bitwidth, CELLS)(planes, place), build


@_for_kernels
def set_cells(typing: Any, planes: Any, place: Any, words: Any) -> Any:  # noqa: ARG001
    """Write 32 neighbouring words of int8, int16 or int32[words] from a place on."""

    def build(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        stored = builder.store(args[2], _address(context, builder, sig, args))
        stored.align = planes.dtype.bitwidth // 8
        return context.get_dummy_value()

    return types.void(planes, place, words), build


@_for_kernels
def shift_in(typing: Any, words: Any, left: Any) -> Any:  # noqa: ARG001
    """Return what lies left of each of 32 neighbours; ``left`` is what lies left of the first."""

    def build(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        entering = splat(context, builder, words, args[1], sig.args[1])
        lefts = [CELLS, *range(CELLS - 1)]
        order = ir.Constant(ir.VectorType(ir.IntType(32), CELLS), lefts)
        return builder.shuffle_vector(args[0], entering, order)

    return words(words, left), build


# Conditions.


def _tests(negated: bool) -> Any:
    comparison = "==" if negated else "!="

    def test(typing: Any, word: Any, bit: Any) -> Any:  # noqa: ARG001
        def build(context: Any, builder: Any, sig: Any, args: Any) -> Any:
            if isinstance(word, LanesType):
                values, zero = args[0], ir.Constant(word.vector, None)
                bits = splat(context, builder, word, args[1], sig.args[1])
            else:
                values, zero = args[0], ir.Constant(args[0].type, 0)
                bits = context.cast(builder, args[1], sig.args[1], word)
            return builder.icmp_unsigned(comparison, builder.and_(values, bits), zero)

        return (_CONDITIONS if isinstance(word, LanesType) else types.boolean)(word, bit), build

    test.__doc__ = f"Return the condition that a word and ``bit`` are {comparison} 0 together."
    return intrinsic(test)


holds = _tests(negated=False)
lacks = _tests(negated=True)


@_for_kernels
def between(typing: Any, first: Any, end: Any) -> Any:  # noqa: ARG001
    """Return the condition of 32 neighbours to be one of [first, end)."""

    def build(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        kind = LanesType(32, CELLS)
        number = ir.Constant(kind.vector, list(range(CELLS)))
        bounds = zip(args, sig.args, strict=True)
        low, high = (splat(context, builder, kind, *bound) for bound in bounds)
        is_behind = builder.icmp_signed(">=", number, low)
        return builder.and_(is_behind, builder.icmp_signed("<", number, high))

    return _CONDITIONS(first, end), build


@_for_kernels
def differs(typing: Any, left: Any, right: Any) -> Any:  # noqa: ARG001
    """Return the condition that two sums are not equal."""
    kind = left if isinstance(left, LanesType) else types.int64

    def build(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        values = (context.cast(builder, *pair, kind) for pair in zip(args, sig.args, strict=True))
        return builder.icmp_unsigned("!=", *values)

    return (_CONDITIONS if isinstance(left, LanesType) else types.boolean)(left, right), build


@_for_kernels
def choose(typing: Any, condition: Any, chosen: Any, other: Any) -> Any:  # noqa: ARG001
    """Return ``chosen if condition else other``, without a branch."""
    kind = chosen if isinstance(chosen, LanesType) else types.int64

    def build(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        pairs = zip(args[1:], sig.args[1:], strict=True)
        return builder.select(args[0], *(context.cast(builder, *pair, kind) for pair in pairs))

    return kind(condition, chosen, other), build


@_for_kernels
def flag(typing: Any, condition: Any) -> Any:  # noqa: ARG001
    """Return 1 where a condition holds, else 0."""
    kind = LanesType(8, CELLS) if isinstance(condition, LanesType) else types.int8

    def build(context: Any, builder: Any, sig: Any, args: Any) -> Any:  # noqa: ARG001
        return builder.zext(args[0], context.get_value_type(kind))

    return kind(condition), build


# Arithmetic.


@_for_kernels
def wide(typing: Any, word: Any) -> Any:  # noqa: ARG001
    """Return an operand as wide as sums are calculated: 32 bits in lanes, else 64."""
    kind: Any = LanesType(32, CELLS) if isinstance(word, LanesType) else types.int64

    def build(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        if word == kind:
            return args[0]
        if isinstance(word, LanesType):
            return builder.sext(args[0], kind.vector)
        return context.cast(builder, args[0], sig.args[0], kind)

    return kind(word), build


def keep(exact: Any, policy: tuple[int, int, bool]) -> Any:
    """Return what an accumulator keeps of an exact sum; lanes are for sums that always fit.

    ``policy``: (low, high, saturate), the accumulator's range and what it does beyond it.
    """
    low, high, saturate = policy
    if saturate:
        return min(max(exact, low), high)
    return ((exact - low) & (high - low)) + low


@overload(keep, jit_options={"forceinline": True})
def _keep(exact: Any, policy: tuple[int, int, bool]) -> Any:  # noqa: ARG001
    if isinstance(exact, LanesType):

        def keep_all(exact: Any, policy: tuple[int, int, bool]) -> Any:  # noqa: ARG001
            return exact

        return keep_all
    return keep


@_for_kernels
def ones_in(typing: Any, word: Any) -> Any:  # noqa: ARG001
    """Return the number of one bits of an integer."""

    def build(context: Any, builder: Any, sig: Any, args: Any) -> Any:  # noqa: ARG001
        return builder.ctpop(args[0])

    return word(word), build
