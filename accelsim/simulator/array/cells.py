"""What a register's next value is written in: the same words for one PE and for 32 at once.

A plane holds one register of every PE. In kernels, `cells` reads 32 neighbours of a plane as
lanes; the functions below take lanes or plain integers, so that a PE described by them can be
evaluated alone or with its neighbours.

A register of one bit is a *condition*: an integer whose bit i is neighbour i's (alone: bit 0).
Conditions are combined with ``&``, ``|`` and ``~``; what their other bits are does not matter.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir  # type: ignore[import-untyped]
from numba import types
from numba.extending import intrinsic, overload

from accelsim.simulator.array.lanes import LanesType, splat
from accelsim.simulator.kernels import part

__all__ = [
    "CELLS",
    "any_of",
    "between",
    "bit",
    "bits",
    "borrowed",
    "cell",
    "cells",
    "choose",
    "differs",
    "inlined",
    "keep",
    "ones_in",
    "prefetch",
    "set_bit",
    "set_cell",
    "set_cells",
    "shift_in",
    "wide",
]

CELLS = 32
"""PEs that are evaluated at once."""


def inlined(function: Any) -> Any:
    """Compile a part of a kernel into the kernel, and nothing to call it by from Python."""
    return part(counts_references=True)(function)


_BITS = ir.IntType(CELLS)


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


@_for_kernels
def prefetch(typing: Any, planes: Any, place: Any) -> Any:  # noqa: ARG001
    """Ask for the cache line of a place, which need not exist, as it will be read soon."""

    def build(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        array = context.make_array(sig.args[0])(context, builder, args[0])
        place = context.cast(builder, args[1], sig.args[1], types.int64)
        byte, number = ir.IntType(8).as_pointer(), ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), [byte, number, number, number])
        call = builder.module.declare_intrinsic("llvm.prefetch", [byte], kind)
        address = builder.bitcast(builder.gep(array.data, [place]), byte)
        # To read; to be kept in all caches; data.
        builder.call(call, [address, *(number(option) for option in (0, 3, 1))])
        return context.get_dummy_value()

    return types.void(planes, place), build


# Conditions.


@inlined
def bits(conditions, number):  # type: ignore[no-untyped-def]
    """Return a condition of 32 neighbours, one of uint32[conditions]."""
    return np.int64(cell(conditions, number))


@inlined
def bit(conditions, number, neighbour):  # type: ignore[no-untyped-def]
    """Return one neighbour's condition, 0 or 1."""
    return bits(conditions, number) >> neighbour & 1


@inlined
def set_bit(conditions, number, neighbour, condition):  # type: ignore[no-untyped-def]
    """Write one neighbour's condition."""
    others = bits(conditions, number) & ~(1 << neighbour)
    set_cell(conditions, number, others | (condition & 1) << neighbour)


@inlined
def between(first, end):  # type: ignore[no-untyped-def]
    """Return the condition of 32 neighbours to be one of [first, end)."""
    low, high = min(max(first, 0), CELLS), min(max(end, 0), CELLS)
    return ((1 << high) - 1) & ~((1 << low) - 1)


@_for_kernels
def differs(typing: Any, left: Any, right: Any) -> Any:  # noqa: ARG001
    """Return the condition that two sums are not equal."""
    kind = left if isinstance(left, LanesType) else types.int64

    def build(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        values = (context.cast(builder, *pair, kind) for pair in zip(args, sig.args, strict=True))
        unequal = builder.icmp_unsigned("!=", *values)
        if isinstance(left, LanesType):
            unequal = builder.bitcast(unequal, _BITS)
        return builder.zext(unequal, ir.IntType(64))

    return types.int64(left, right), build


@_for_kernels
def choose(typing: Any, condition: Any, chosen: Any, other: Any) -> Any:  # noqa: ARG001
    """Return ``chosen`` where the condition holds, else ``other``, without a branch."""
    is_lanes = isinstance(chosen, LanesType)
    kind = chosen if is_lanes else types.int64

    def build(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        pairs = zip(args[1:], sig.args[1:], strict=True)
        values = [context.cast(builder, *pair, kind) for pair in pairs]
        word = context.cast(builder, args[0], sig.args[0], types.int64)
        holds = builder.trunc(word, _BITS if is_lanes else ir.IntType(1))
        if is_lanes:
            holds = builder.bitcast(holds, ir.VectorType(ir.IntType(1), CELLS))
        return builder.select(holds, *values)

    return kind(condition, chosen, other), build


@_for_kernels
def any_of(typing: Any, words: Any) -> Any:  # noqa: ARG001
    """Whether any bit of any of 32 neighbouring words is one."""

    def build(context: Any, builder: Any, sig: Any, args: Any) -> Any:  # noqa: ARG001
        differ = builder.icmp_unsigned("!=", args[0], ir.Constant(words.vector, None))
        return builder.icmp_unsigned("!=", builder.bitcast(differ, _BITS), _BITS(0))

    return types.boolean(words), build


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
