"""Words side by side: what one vector register of a CPU holds.

numba leaves it to the compiler to find vectors in scalar loops, and it does not find them where
a loop carries many values along. Here they are spelled out: inside a kernel, `load` takes 16
neighbouring int32 words of an array as one value of type *lanes*, the operators
``+ * ^ & | << >> ~`` work on all of them at once and wrap (``>>`` lets zeros in), `store` writes
them back. CPUs without 512-bit registers get the same in two or four steps.
"""

from __future__ import annotations

import operator
from typing import Any

from llvmlite import ir  # type: ignore[import-untyped]
from numba import types
from numba.core import cgutils
from numba.core.typing.templates import AbstractTemplate, infer_global, signature
from numba.extending import intrinsic, lower_builtin, models, register_model

__all__ = [
    "LANES",
    "LanesType",
    "load",
    "ones_of",
    "shuffled",
    "splat",
    "spread",
    "store",
    "sum_of",
]

LANES = 16
"""Words in a value of `load`."""

_WORD = ir.IntType(32)
_WORD_BYTES = 4


class LanesType(types.Type):
    """numba's type of ``count`` integers of ``bits`` bits; of one bit: conditions."""

    def __init__(self, bits: int, count: int) -> None:
        self.bits = bits
        self.vector = ir.VectorType(ir.IntType(bits), count)
        super().__init__(name=f"Lanes{bits}x{count}")


_lanes = LanesType(32, LANES)
_VECTOR = _lanes.vector


@register_model(LanesType)
class _LanesModel(models.PrimitiveModel):
    """Lanes are an LLVM vector."""

    def __init__(self, manager: Any, kind: Any) -> None:
        super().__init__(manager, kind, kind.vector)  # type: ignore[no-untyped-call]


def splat(context: Any, builder: Any, kind: LanesType, word: Any, of_word: Any) -> Any:
    """Return an LLVM value whose lanes all are the low bits of a scalar."""
    cast = types.boolean if kind.bits == 1 else types.Integer.from_bitwidth(kind.bits, True)
    word = context.cast(builder, word, of_word, cast)
    undefined = ir.Constant(kind.vector, ir.Undefined)
    first = builder.insert_element(undefined, word, ir.Constant(_WORD, 0))
    zeros = ir.Constant(ir.VectorType(_WORD, kind.vector.count), [0] * kind.vector.count)
    return builder.shuffle_vector(first, undefined, zeros)


def _register(function: Any, instruction: str) -> None:
    """Make an operator of lanes the LLVM instruction of that name; all lanes may share a scalar."""

    @infer_global(function)  # type: ignore[no-untyped-call]
    class _Operator(AbstractTemplate):
        def generic(self, args: Any, kws: Any) -> Any:  # noqa: ARG002
            left, right = args
            scalar = isinstance(right, types.Integer | types.Boolean)
            if isinstance(left, LanesType) and (left == right or scalar):
                return signature(left, *args)  # type: ignore[no-untyped-call]
            return None

    def _lower(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        left, right = args
        if not isinstance(sig.args[1], LanesType):
            right = splat(context, builder, sig.args[0], right, sig.args[1])
        return getattr(builder, instruction)(left, right)

    for right in (LanesType, types.Integer, types.Boolean):
        lower_builtin(function, LanesType, right)(_lower)  # type: ignore[no-untyped-call]


for _function, _instruction in (
    (operator.add, "add"),
    (operator.mul, "mul"),
    (operator.xor, "xor"),
    (operator.and_, "and_"),
    (operator.or_, "or_"),
    (operator.lshift, "shl"),
    (operator.rshift, "lshr"),
):
    _register(_function, _instruction)


@infer_global(operator.invert)  # type: ignore[no-untyped-call]
class _Invert(AbstractTemplate):
    def generic(self, args: Any, kws: Any) -> Any:  # noqa: ARG002
        (words,) = args
        return signature(words, words) if isinstance(words, LanesType) else None  # type: ignore[no-untyped-call]


@lower_builtin(operator.invert, LanesType)  # type: ignore[no-untyped-call, untyped-decorator]
def _invert(context: Any, builder: Any, sig: Any, args: Any) -> Any:  # noqa: ARG001
    return builder.not_(args[0])


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
    """Return ``array[row]`` of an int32[rows, 16] in C order, or 4 rows of an int32[rows, 4]."""

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
        return splat(context, builder, _lanes, args[0], sig.args[0])

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


def shuffled(name: str, words: list[int]) -> Any:
    """Return what a kernel calls as ``f(a, b)``: for each lane a word of a (0 to 15) or b (on)."""

    def build(typing: Any, a: Any, b: Any) -> Any:  # noqa: ARG001
        def shuffle(context: Any, builder: Any, sig: Any, args: Any) -> Any:  # noqa: ARG001
            pattern = ir.Constant(ir.VectorType(_WORD, LANES), words)
            return builder.shuffle_vector(*args, pattern)

        return _lanes(a, b), shuffle

    build.__name__ = name
    return _for_kernels(build)
