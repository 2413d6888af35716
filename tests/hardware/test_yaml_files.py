import re
from pathlib import Path

import pytest

from accelsim.errors import ConfigError
from accelsim.hardware.yaml_files import MAX_FILE_BYTES, parse_document, read_text


def refusal(text):
    with pytest.raises(ConfigError) as caught:
        parse_document(text, "f.yaml")
    return str(caught.value)


def test_scalars_are_those_of_yaml_1_2():
    text = "[1, -2, 010, 0x1F, 1_000, 1e3, .5, on, true, 12:30:00, 2026-11-20, '7', null, ~]"
    values = parse_document(f"a: {text}", "f.yaml").values["a"]
    expected = [1, -2, "010", "0x1F", "1_000", 1000.0, 0.5, "on", True]
    assert values == [*expected, "12:30:00", "2026-11-20", "7", None, None]


def test_a_huge_number_stays_text():
    assert parse_document(f"a: {'9' * 5000}", "f.yaml").values == {"a": "9" * 5000}


def test_every_value_knows_its_line():
    document = parse_document("a: 1\nb:\n  c:\n    - 5\n    - 6\n", "f.yaml")
    assert document.place(("b", "c", 1)).line == 5
    assert document.place(("b", "missing")).line == 2
    assert document.place(("missing",)).line == 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: !!python/object/apply:os.system [ls]", "f.yaml:1: YAML tags are refused: "),
        ("a: 1\nb: !mine 2", "f.yaml:2: YAML tags are refused: !mine"),
        ("", "f.yaml:1: must be a mapping of fields"),
        ("- 1", "f.yaml:1: must be a mapping of fields"),
        ("just words", "f.yaml:1: must be a mapping of fields"),
        ("a: [1", "f.yaml:1: is not YAML: "),
        ("a: 1\n\tb: 2", "f.yaml:2: is not YAML: "),
        ("a: 1\n---\nb: 2", "f.yaml:2: is not YAML: but found another document"),
        ("a: \0", "f.yaml: is not YAML: "),
        ("a: " + "[" * 100, "f.yaml:1: is nested deeper than 16 levels"),
    ],
)
def test_what_is_not_plain_yaml_is_one_line(text, message):
    refused = refusal(text)
    assert refused.startswith(message)
    assert "\n" not in refused


def test_anchors_and_aliases_are_refused():
    assert refusal("a: &x {b: 1}\nc: *x") == (
        "f.yaml:1: anchors and aliases are refused: x\nf.yaml:2: anchors and aliases are refused: x"
    )


def test_duplicate_keys_are_problems_and_the_first_counts():
    document = parse_document("a: 1\nb: {c: 1, c: 2}\na: 3", "f.yaml")
    assert document.values == {"a": 1, "b": {"c": 1}}
    assert list(map(str, document.problems)) == [
        "f.yaml:2: b.c: is given twice, first in line 2",
        "f.yaml:3: a: is given twice, first in line 1",
    ]


def test_a_key_must_be_a_word():
    document = parse_document("? [1, 2]\n: 3", "f.yaml")
    assert list(map(str, document.problems)) == ["f.yaml:1: a key must be a word"]


def test_an_override_leaves_the_document_alone():
    document = parse_document("a: {b: 1}", "f.yaml")
    assert document.override("a.b=2").values == {"a": {"b": 2}}
    assert document.values == {"a": {"b": 1}}


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"a: \xff", "x.yaml: must be UTF-8 text, byte 3 is not"),
        (b" " * (MAX_FILE_BYTES + 1), f"x.yaml: must be at most {MAX_FILE_BYTES} bytes long"),
    ],
)
def test_unreadable_files(tmp_path, monkeypatch, data, message):
    monkeypatch.chdir(tmp_path)
    Path("x.yaml").write_bytes(data)
    with pytest.raises(ConfigError, match=f"^{re.escape(message)}$"):
        read_text(Path("x.yaml"))
