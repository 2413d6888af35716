import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accelsim.errors import ConfigError
from accelsim.sweeps.expressions import Kind, parse_expression

NAMES = {
    "array.rows": Kind.NUMBER,
    "array.columns": Kind.NUMBER,
    "array.dataflow": Kind.TEXT,
    "array.tile_overlap": Kind.TRUTH,
    "scratchpads.weights.size": Kind.NUMBER,
    "batch": Kind.NUMBER,
}
VALUES = {
    "array.rows": 8,
    "array.columns": 32,
    "array.dataflow": "os",
    "array.tile_overlap": True,
    "scratchpads.weights.size": 65536,
    "batch": 0,
}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("array.rows * array.columns", 256),
        ("array.rows * array.columns <= 1024", True),
        ("4 <= array.rows < 8", False),
        ("array.columns // 5 % 4", 2),
        ("array.columns / 64", 0.5),
        ("-array.rows + +1", -7),
        ("array.dataflow == 'os'", True),
        ("array.dataflow != 'ws' and not array.tile_overlap", False),
        ("array.tile_overlap == True or batch > 3", True),
        ("scratchpads.weights.size <= '64KiB'", True),
        ("scratchpads.weights.size < '64kB'", False),
        ("min(array.rows, array.columns, 5)", 5),
        ("max(1, abs(-array.rows))", 8),
        ("ceil_div(array.columns, 5)", 7),
        ("array.rows if array.tile_overlap else 1", 8),
    ],
)
def test_what_an_expression_gives(text, value):
    assert parse_expression(text, NAMES)(VALUES) == value


def test_an_expression_knows_what_it_reads():
    expression = parse_expression(" array.rows > 2 and array.dataflow == 'ws' ", NAMES)
    assert expression.text == "array.rows > 2 and array.dataflow == 'ws'"
    assert expression.kind is Kind.TRUTH
    assert expression.names == {"array.rows", "array.dataflow"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("array.row", "unknown name 'array.row' (did you mean 'array.rows'?)"),
        ("rwx", "unknown name 'rwx'"),
        (
            "array.rows.__class__",
            "unknown name 'array.rows.__class__' (did you mean 'array.rows'?)",
        ),
        ("().__class__.__bases__", "'().__class__.__bases__' is not allowed in an expression"),
        ("'x'.join", "\"'x'.join\" is not allowed in an expression"),
        ("open('/etc/passwd')", "'open' cannot be called, only min, max, abs, ceil_div"),
        (
            "__import__('os').system('true')",
            "\"__import__('os').system\" cannot be called, only min, max, abs, ceil_div",
        ),
        ("min(array.rows)", "min() takes 2 to 20 numbers"),
        ("abs(x=1)", "abs() takes 1 numbers"),
        ("min(*[1, 2])", "min() takes 2 to 20 numbers"),
        ("max(1, 'ws')", "\"'ws'\" must be a number, is a text"),
        ("9 ** 9", "'9 ** 9' is not allowed in an expression"),
        ("1 << 9", "'1 << 9' is not allowed in an expression"),
        ("~1", "'~1' is not allowed in an expression"),
        ("'a' * 9", "\"'a'\" must be a number, is a text"),
        ("not 1", "'1' must be true or false, is a number"),
        ("array.rows and array.columns", "'array.rows' must be true or false, is a number"),
        ("array.dataflow == 8", "'array.dataflow == 8' compares a text with a number"),
        ("array.dataflow < 'ws'", "\"array.dataflow < 'ws'\": only numbers are larger or smaller"),
        ("array.rows in [1, 2]", "'[1, 2]' is not allowed in an expression"),
        ("array.rows is 8", "'array.rows is 8' is not allowed in an expression"),
        ("[x for x in (1,)]", "'[x for x in (1,)]' is not allowed in an expression"),
        ("lambda: 1", "'lambda: 1' is not allowed in an expression"),
        ("(x := 1)", "'(x := 1)' is not allowed in an expression"),
        ("f'{array.rows}'", "\"f'{array.rows}'\" is not allowed in an expression"),
        ("array.rows[0]", "'array.rows[0]' is not allowed in an expression"),
        ("None", "None is not allowed in an expression"),
        ("1j", "1j is not allowed in an expression"),
        ("b'x'", "b'x' is not allowed in an expression"),
        ("1e400", "numbers must be at most 1e+18, got inf"),
        ("array.rows <=", "is not an expression: 'array.rows <='"),
        ("import os", "is not an expression: 'import os'"),
        ("", "is not an expression: ''"),
        ("1\0", "is not an expression: '1\\x00'"),
        ("(" * 400 + ")" * 400, "must be at most 500 characters long, got 800"),
        ("-" * 60 + "1", "is nested deeper than 40 levels"),
    ],
)
def test_what_an_expression_may_not_be(text, message):
    with pytest.raises(ConfigError) as caught:
        parse_expression(text, NAMES)
    assert str(caught.value) == message


def test_a_division_by_zero_names_the_expression():
    expression = parse_expression("array.rows / batch > 1", NAMES)
    with pytest.raises(ConfigError, match=r"^array.rows / batch > 1: divides by zero$"):
        expression(VALUES)


def test_a_number_that_no_computer_holds_names_the_expression():
    expression = parse_expression(" * ".join(["999999999999999999"] * 22) + " / 0.5", NAMES)
    with pytest.raises(ConfigError, match=r": is too large a number$"):
        expression(VALUES)


@given(text=st.text(alphabet="ab.() +-*/<=>'\"[]{}:,0123456789_\n\\#", max_size=60))
@settings(derandomize=True, max_examples=300, deadline=None)
def test_any_text_is_an_expression_or_refused(text):
    try:
        expression = parse_expression(text, {"a": Kind.NUMBER, "b": Kind.TEXT})
    except ConfigError:
        return
    try:
        assert expression({"a": 3, "b": "x"}) is not None
    except ConfigError as error:
        assert str(error).endswith(("divides by zero", "is too large a number"))  # noqa: PT017
