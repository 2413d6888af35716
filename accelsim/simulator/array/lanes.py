"""Sixteen int32 words side by side: what one vector register of a CPU holds.

numba leaves it to the compiler to find vectors in scalar loops, and it does not find them where
a loop carries many values along. Here they are spelled out: inside a kernel, `load` takes 16
neighbouring words of an array as one value of type *lanes*, the operators ``+ * ^ & |`` work on
all 16 at once and wrap at 32 bits, `store` writes them back. CPUs without 512-bit registers get
the same in two or four steps.
"""

from __future__ import annotations

import operator
from typing import Any

from llvmlite import ir  # type: ignore[import-untyped]
from numba import types
from numba.core import cgutils
from numba.core.typing.templates import AbstractTemplate, infer_global, signature
from numba.extending import intrinsic, lower_builtin, models, register_model

__all__ = ["LANES", "load", "ones_of", "spread", "store", "sum_of"]

LANES = 16
"""Words in a value of type lanes."""

_WORD = ir.IntType(32)
_VECTOR = ir.VectorType(_WORD, LANES)
_WORD_BYTES = 4


class _LanesType(types.Type):
    """numba's type of 16 int32 words."""

    def __init__(self) -> None:
        super().__init__(name="Lanes")


_lanes = _LanesType()


@register_model(_LanesType)
class _LanesModel(models.PrimitiveModel):
    """Lanes are an LLVM vector."""

    def __init__(self, manager: Any, kind: Any) -> None:
        super().__init__(manager, kind, _VECTOR)  # type: ignore[no-untyped-call]


def _register(function: Any, instruction: str) -> None:
    """Make an operator of two lanes the LLVM instruction of that name."""

    @infer_global(function)  # type: ignore[no-untyped-call]
    class _Operator(AbstractTemplate):
        def generic(self, args: Any, kws: Any) -> Any:  # noqa: ARG002
            if all(isinstance(argument, _LanesType) for argument in args):
                return signature(_lanes, *args)  # type: ignore[no-untyped-call]
            return None

    @lower_builtin(function, _LanesType, _LanesType)  # type: ignore[no-untyped-call,untyped-decorator]
    def _lower(context: Any, builder: Any, sig: Any, args: Any) -> Any:  # noqa: ARG001
        return getattr(builder, instruction)(*args)


for _function, _instruction in (
    (operator.add, "add"),
    (operator.mul, "mul"),
    (operator.xor, "xor"),
    (operator.and_, "and_"),
    (operator.or_, "or_"),
):
    _register(_function, _instruction)


def _for_kernels(build: Any) -> Any:
    """Make a function callable in kernels: numba passes its first argument, callers do not."""
    return intrinsic(build)


def _address(context: Any, builder: Any, sig: Any, args: Any) -> Any:
    """Return the address of a row of 16 words; rows follow each other without a gap."""
    array = context.make_array(sig.args[0])(context, builder, args[0])
    row = context.cast(builder, args[1], sig.args[1], types.int64)
    word = builder.mul(row, ir.Constant(row.type, LANES))
    return builder.bitcast(builder.gep(array.data, [word]), _VECTOR.as_pointer())


def _external(builder: Any, kind: Any, name: str) -> Any:
    """Return an LLVM function that code may call."""
    return cgutils.get_or_insert_function(builder.module, kind, name)  # type: ignore[no-untyped-call]


@_for_kernels
def load(typing: Any, array: Any, row: Any) -> Any:  # noqa: ARG001
    """Return ``array[row]`` of an int32[rows, 16] in C order."""

    def build(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        loaded = builder.load(_address(context, builder, sig, args))
        loaded.align = _WORD_BYTES
        return loaded

    return _lanes(array, row), build


@_for_kernels
def store(typing: Any, array: Any, row: Any, value: Any) -> Any:  # noqa: ARG001
    """Set ``array[row]`` of an int32[rows, 16] in C order."""

    def build(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        builder.store(args[2], _address(context, builder, sig, args)).align = _WORD_BYTES
        return context.get_dummy_value()

    return types.void(array, row, value), build


@_for_kernels
def spread(typing: Any, word: Any) -> Any:  # noqa: ARG001
    """Return 16 times the low 32 bits of an integer."""

    def build(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        word = context.cast(builder, args[0], sig.args[0], types.int32)
        empty = ir.Constant(_VECTOR, ir.Undefined)
        first = builder.insert_element(empty, word, ir.Constant(_WORD, 0))
        return builder.shuffle_vector(first, empty, ir.Constant(_VECTOR, [0] * LANES))

    return _lanes(word), build


@_for_kernels
def ones_of(typing: Any, value: Any) -> Any:  # noqa: ARG001
    """Return each lane's number of one bits."""

    def build(context: Any, builder: Any, sig: Any, args: Any) -> Any:  # noqa: ARG001
        kind = ir.FunctionType(_VECTOR, [_VECTOR])
        count = _external(builder, kind, f"llvm.ctpop.v{LANES}i32")
        return builder.call(count, args)

    return _lanes(value), build


@_for_kernels
def sum_of(typing: Any, value: Any) -> Any:  # noqa: ARG001
    """Return the sum of all lanes as int64."""

    def build(context: Any, builder: Any, sig: Any, args: Any) -> Any:  # noqa: ARG001
        wide = ir.VectorType(ir.IntType(64), LANES)
        kind = ir.FunctionType(ir.IntType(64), [wide])
        name = f"llvm.vector.reduce.add.v{LANES}i64"
        add = _external(builder, kind, name)
        return builder.call(add, [builder.sext(args[0], wide)])

    return types.int64(value), build
