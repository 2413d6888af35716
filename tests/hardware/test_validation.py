import re
from typing import Annotated, Literal

import pytest
from pydantic import Field, model_validator

from accelsim.errors import ConfigError
from accelsim.hardware import load_hardware
from accelsim.hardware.quantities import Bytes, Hertz, Part, Text, Word
from accelsim.hardware.validation import Complaint, did_you_mean, raise_complaints, validate
from accelsim.hardware.yaml_files import parse_document


class Bank(Part):
    size: Bytes
    ports: Annotated[int, Field(ge=1, le=4)] = 1


class Memory(Part):
    kind: Literal["sram", "dram"]
    name: Word = "memory"
    note: Text = ""
    clock: Hertz = 1e9
    scale: float = 1.0
    banks: dict[str, Bank]
    spare: Bank | None = None

    @model_validator(mode="after")
    def _consistent(self):
        raise_complaints(
            Complaint(("banks", name, "ports"), "only one may have two ports")
            for name, bank in self.banks.items()
            if bank.ports == 2
        )
        return self


def check(text):
    return validate(parse_document(text, "m.yaml"), Memory)


def refusal(text):
    with pytest.raises(ConfigError) as caught:
        check(text)
    return str(caught.value).splitlines()


def test_a_right_document_is_a_value():
    memory = check("kind: sram\nbanks: {a: {size: 8KiB}}\nscale: 2\n")
    assert memory.banks["a"] == Bank(size=8192)
    assert memory.scale == 2.0


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("banks: {a: {size: 8}}", "banks.a.size: must be a number of bytes with its unit, got 8,"),
        ("banks: {a: {size: 2GiB}}", "banks.a.size: must be 1B to 1GiB, got 2GiB"),
        ("banks: {a: {size: 0B}}", "banks.a.size: must be 1B to 1GiB, got 0B"),
        ("banks: {a: {size: 8B, port: 1}}", "banks.a.port: unknown field (did you mean 'ports'?)"),
        ("banks: {a: {size: 8B, ports: 5}}", "banks.a.ports: must be 1 to 4, got 5"),
        ("banks: {}\nspare: {size: 8B, ports: 5}", "spare.ports: must be 1 to 4, got 5"),
        (
            "banks: {}\nspare: {size: 8B, port: 1}",
            "spare.port: unknown field (did you mean 'ports'?)",
        ),
        ("banks: {a: {}}", "banks.a.size: is missing"),
        ("banks: {a: 3}", "banks.a: must be a group of fields, got 3"),
        ("banks: [3]", "banks: must be a group of fields, got a list"),
        ("banks: {}\nname: ''", "name: must not be empty, got ''"),
        ("banks: {}\nname: 5", "name: must be text, got 5"),
        ("banks: {}\nscale: many", "scale: must be a number, got 'many'"),
        ("banks: {}\nscale: 1e999", "scale: must be a finite number, got inf"),
        ("banks: {}\nscale: .nan", "scale: must be a number, got '.nan'"),
        ("banks: {}\nclock: 99GHz", "clock: must be 1MHz to 10GHz, got 99GHz"),
        (f"banks: {{}}\nnote: {'x' * 3000}", f"note: is too long, got '{'x' * 56}..."),
        (f"banks: {{}}\nclock: {'x' * 3000}", f"got '{'x' * 56}..., allowed units Hz"),
        ('banks: {}\n"\\e[31m": 1', "'\\x1b[31m': unknown field, allowed kind, name,"),
    ],
)
def test_each_mistake_is_one_line_with_its_place(line, problem):
    (found,) = refusal(f"kind: sram\n{line}\n")
    assert re.match(r"m\.yaml:[23]: ", found)
    assert problem in found


def test_a_misspelt_field_is_not_also_a_missing_one():
    assert refusal("kund: sram\nbanks: {}") == [
        "m.yaml:1: kund: unknown field (did you mean 'kind'?)"
    ]


def test_all_complaints_across_fields_come_at_their_lines():
    text = "kind: sram\nbanks:\n  a: {size: 8B, ports: 2}\n  b:\n    size: 8B\n    ports: 2\n"
    assert refusal(text) == [
        "m.yaml:3: banks.a.ports: only one may have two ports",
        "m.yaml:6: banks.b.ports: only one may have two ports",
    ]


@pytest.mark.parametrize(
    ("word", "hint"), [("srma", " (did you mean 'sram'?)"), ("flash", ""), (7, "")]
)
def test_did_you_mean(word, hint):
    assert did_you_mean(word, ["sram", "dram"]) == hint


@pytest.mark.parametrize(
    ("kind", "what"),
    [
        ("space", "a space of designs (accelsim sweep takes it)"),
        ("topology", "a network of shapes (accelsim run takes it as NETWORK)"),
        ("energy", "an energy table (technology.table of a machine names it)"),
        ("dram", "a DRAM table (technology.dram_table of a machine names it)"),
    ],
)
def test_a_file_of_another_kind_is_one_problem(tmp_path, kind, what):
    path = tmp_path / "other.yaml"
    path.write_text(f"name: other\nschema: accelsim.{kind}/1\naxes: {{}}\nlayers: []\n")
    with pytest.raises(ConfigError) as caught:
        load_hardware(path)
    assert str(caught.value) == (f"{path}:2: schema: is 'accelsim.{kind}/1': {what}, not a machine")


def test_a_schema_that_nobody_knows_is_a_value_among_others(tmp_path):
    path = tmp_path / "other.yaml"
    path.write_text("schema: accelsim.hardwear/1\n")
    with pytest.raises(ConfigError) as caught:
        load_hardware(path)
    assert str(caught.value).splitlines()[0] == (
        f"{path}:1: schema: must be one of 'accelsim.hardware/1', got 'accelsim.hardwear/1' "
        "(did you mean 'accelsim.hardware/1'?)"
    )
