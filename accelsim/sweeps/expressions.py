"""Expressions in a file from a user: arithmetic and comparisons over named values, nothing else.

Python's own parser reads the text and never runs it. A fixed set of nodes is allowed: numbers and
texts, names with dots, ``+ - * / // %``, comparisons, ``and or not``, ``a if b else c``, and the
functions ``min``, ``max``, ``abs`` and ``ceil_div``. A text with a unit is the number it means:
``scratchpads.weights.size <= '128KiB'``.
"""

from __future__ import annotations

import ast
import math
import operator
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from accelsim import units
from accelsim.errors import ConfigError
from accelsim.hardware.validation import did_you_mean
from accelsim.units import shortened

__all__ = ["Expression", "Kind", "Value", "kind_of", "parse_expression"]

Value = float | int | str | bool
_Evaluate = Callable[[Mapping[str, Value]], Value]

MAX_CHARACTERS = 500
MAX_DEPTH = 40
MAX_NUMBER = 10**18


class Kind(StrEnum):
    """What an expression gives."""

    NUMBER = "a number"
    TEXT = "a text"
    TRUTH = "true or false"


def kind_of(value: Value) -> Kind:
    """Return the kind of a value."""
    if isinstance(value, bool):
        return Kind.TRUTH
    return Kind.TEXT if isinstance(value, str) else Kind.NUMBER


@dataclass(frozen=True)
class Expression:
    """A checked expression: its text, what it gives, and the names that it reads."""

    text: str
    kind: Kind
    names: frozenset[str]
    _evaluate: _Evaluate = field(repr=False, compare=False)

    def __call__(self, values: Mapping[str, Value]) -> Value:
        """Return the value; ``values`` has every one of ``names``.

        Raises
        ------
        ConfigError
            A division by zero, or a result that is no number that a computer holds.
        """
        try:
            return self._evaluate(values)
        except ZeroDivisionError:
            raise ConfigError(f"{self.text}: divides by zero") from None
        except OverflowError:
            raise ConfigError(f"{self.text}: is too large a number") from None


def parse_expression(text: str, names: Mapping[str, Kind]) -> Expression:
    """Check an expression.

    Parameters
    ----------
    text
        At most 500 characters.
    names
        The names that it may read, and what each of them is.

    Raises
    ------
    ConfigError
        Something is not allowed, or compares a number with a text; the message is without place.

    Examples
    --------
    >>> fits = parse_expression("rows * columns <= 256", dict.fromkeys(("rows", "columns"),
    ...     Kind.NUMBER))
    >>> fits({"rows": 8, "columns": 32}), fits({"rows": 16, "columns": 32})
    (True, False)
    """
    if len(text) > MAX_CHARACTERS:
        raise ConfigError(f"must be at most {MAX_CHARACTERS} characters long, got {len(text)}")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what Python thinks of the style of a text
            tree = ast.parse(text.strip(), mode="eval")
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        raise ConfigError(f"is not an expression: {shortened(text)}") from None
    reader = _Reader(names)
    kind, evaluate = reader.read(tree.body, 0)
    return Expression(text.strip(), kind, frozenset(reader.used), evaluate)


_Node = tuple[Kind, _Evaluate]

_ARITHMETIC: dict[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
}
_COMPARISONS: dict[type[ast.cmpop], Callable[[Value, Value], bool]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}
_EQUALITIES = (ast.Eq, ast.NotEq)


def _ceil_div(dividend: float, divisor: float) -> float:
    return -(-dividend // divisor)


_FUNCTIONS: dict[str, tuple[Callable[..., float], int, int]] = {
    "min": (min, 2, 20),
    "max": (max, 2, 20),
    "abs": (abs, 1, 1),
    "ceil_div": (_ceil_div, 2, 2),
}
_UNITS = (
    units.parse_bytes,
    units.parse_bytes_per_cycle,
    units.parse_bytes_per_second,
    units.parse_hertz,
    units.parse_seconds,
    units.parse_volts,
    units.parse_nanometres,
)


class _Reader:
    """Turns allowed nodes into functions; refuses all others."""

    def __init__(self, names: Mapping[str, Kind]) -> None:
        self._names = names
        self.used: set[str] = set()

    def read(self, node: ast.expr, depth: int) -> _Node:
        if depth > MAX_DEPTH:
            raise ConfigError(f"is nested deeper than {MAX_DEPTH} levels")
        below = depth + 1
        match node:
            case ast.Constant():
                return _constant(node.value)
            case ast.Name() | ast.Attribute():
                return self._name(node)
            case ast.BinOp():
                return self._arithmetic(node, below)
            case ast.UnaryOp():
                return self._unary(node, below)
            case ast.BoolOp():
                return self._logic(node, below)
            case ast.Compare():
                return self._comparison(node, below)
            case ast.IfExp():
                return self._choice(node, below)
            case ast.Call():
                return self._call(node, below)
        raise ConfigError(f"{_quoted(node)} is not allowed in an expression")

    def _name(self, node: ast.Name | ast.Attribute) -> _Node:
        name = _dotted(node)
        if name is None:
            raise ConfigError(f"{_quoted(node)} is not allowed in an expression")
        if name not in self._names:
            raise ConfigError(f"unknown name {shortened(name)}{did_you_mean(name, self._names)}")
        self.used.add(name)
        return self._names[name], lambda values: values[name]

    def _number(self, node: ast.expr, depth: int) -> Callable[[Mapping[str, Value]], float]:
        return self._expect(Kind.NUMBER, node, depth)  # type: ignore[return-value]

    def _expect(self, kind: Kind, node: ast.expr, depth: int) -> _Evaluate:
        got, evaluate = self.read(node, depth)
        if got is not kind:
            raise ConfigError(f"{_quoted(node)} must be {kind}, is {got}")
        return evaluate

    def _arithmetic(self, node: ast.BinOp, depth: int) -> _Node:
        compute = _ARITHMETIC.get(type(node.op))
        if compute is None:
            raise ConfigError(f"{_quoted(node)} is not allowed in an expression")
        left, right = self._number(node.left, depth), self._number(node.right, depth)
        return Kind.NUMBER, lambda values: compute(left(values), right(values))

    def _unary(self, node: ast.UnaryOp, depth: int) -> _Node:
        if isinstance(node.op, ast.Not):
            truth = self._expect(Kind.TRUTH, node.operand, depth)
            return Kind.TRUTH, lambda values: not truth(values)
        if not isinstance(node.op, ast.USub | ast.UAdd):
            raise ConfigError(f"{_quoted(node)} is not allowed in an expression")
        number = self._number(node.operand, depth)
        if isinstance(node.op, ast.UAdd):
            return Kind.NUMBER, number
        return Kind.NUMBER, lambda values: -number(values)

    def _logic(self, node: ast.BoolOp, depth: int) -> _Node:
        parts = [self._expect(Kind.TRUTH, part, depth) for part in node.values]
        combine = all if isinstance(node.op, ast.And) else any
        return Kind.TRUTH, lambda values: combine(part(values) for part in parts)

    def _comparison(self, node: ast.Compare, depth: int) -> _Node:
        operands = [node.left, *node.comparators]
        read = [self.read(operand, depth) for operand in operands]
        steps = []
        for index, relation in enumerate(node.ops):
            (left_kind, left), (right_kind, right) = read[index : index + 2]
            compare = _COMPARISONS.get(type(relation))
            if compare is None:
                raise ConfigError(f"{_quoted(node)} is not allowed in an expression")
            if left_kind is not right_kind:
                raise ConfigError(f"{_quoted(node)} compares {left_kind} with {right_kind}")
            if left_kind is not Kind.NUMBER and not isinstance(relation, _EQUALITIES):
                raise ConfigError(f"{_quoted(node)}: only numbers are larger or smaller")
            steps.append((left, compare, right))
        return Kind.TRUTH, lambda values: all(
            compare(left(values), right(values)) for left, compare, right in steps
        )

    def _choice(self, node: ast.IfExp, depth: int) -> _Node:
        test = self._expect(Kind.TRUTH, node.test, depth)
        kind, chosen = self.read(node.body, depth)
        other = self._expect(kind, node.orelse, depth)
        return kind, lambda values: chosen(values) if test(values) else other(values)

    def _call(self, node: ast.Call, depth: int) -> _Node:
        name = _dotted(node.func)
        if name not in _FUNCTIONS:
            allowed = ", ".join(_FUNCTIONS)
            raise ConfigError(f"{_quoted(node.func)} cannot be called, only {allowed}")
        function, fewest, most = _FUNCTIONS[name]
        if node.keywords or not fewest <= len(node.args) <= most:
            wanted = str(fewest) if fewest == most else f"{fewest} to {most}"
            raise ConfigError(f"{name}() takes {wanted} numbers")
        numbers = [self._number(argument, depth) for argument in node.args]
        return Kind.NUMBER, lambda values: function(*(number(values) for number in numbers))


def _constant(value: object) -> _Node:
    if isinstance(value, bool):
        return Kind.TRUTH, _always(value)
    if isinstance(value, int | float):
        if not math.isfinite(value) or abs(value) > MAX_NUMBER:
            raise ConfigError(f"numbers must be at most {MAX_NUMBER:g}, got {shortened(value)}")
        return Kind.NUMBER, _always(value)
    if isinstance(value, str):
        number = _quantity(value)
        if number is not None:
            return Kind.NUMBER, _always(number)
        return Kind.TEXT, _always(value)
    raise ConfigError(f"{shortened(value)} is not allowed in an expression")


def _always(value: Value) -> _Evaluate:
    return lambda _: value


def _quantity(text: str) -> float | None:
    for parse in _UNITS:
        try:
            return parse(text)
        except ConfigError:
            continue
    return None


def _dotted(node: ast.expr) -> str | None:
    """Return ``array.rows`` of its nodes, nothing for any other attribute."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        before = _dotted(node.value)
        return None if before is None else f"{before}.{node.attr}"
    return None


def _quoted(node: ast.AST) -> str:
    try:
        return shortened(ast.unparse(node))
    except RecursionError:
        return "this"
