import json

from accelsim.arithmetic.number_formats import format_catalogue
from accelsim.cli.failures import USER_ERROR


def test_the_table_names_every_format_and_fits_a_terminal(accelsim):
    done = accelsim("formats")
    assert done.exit_code == 0
    first_words = [line.split()[0] for line in done.stdout.splitlines() if line.strip()]
    assert [name for name in (f.name for f in format_catalogue()) if name not in first_words] == []
    assert max(len(line) for line in done.stdout.splitlines()) <= 80
    row = next(line for line in done.stdout.splitlines() if line.strip().startswith("fp8_e4m3"))
    assert row.split() == ["fp8_e4m3", "8", "+/-", "448", "0.00195", "253", "12.5", "-0,", "NaN"]


def test_a_format_of_few_codes_is_listed_whole(accelsim):
    done = accelsim("formats", "fp4_e2m1", "mxfp4_e2m1", "int8")
    assert done.exit_code == 0
    assert "  0x4         2   0x5         3   0x6         4   0x7         6\n" in done.stdout
    assert "  32 elements share a scale of 8 bits: 4.25 bits an element\n" in done.stdout
    assert done.stdout.endswith("\nint8: two's complement\n  256 codes (--json lists them)\n")


def test_the_document_has_every_code(accelsim):
    done = accelsim("formats", "fp8_e5m2", "--json")
    (document,) = json.loads(done.stdout)["formats"]
    assert document["name"] == "fp8_e5m2"
    assert (document["highest"], document["specials"]) == (57344.0, ["-0", "inf", "NaN"])
    assert len(document["code_values"]) == 256
    assert document["code_values"][0x7B] == 57344.0
    assert document["code_values"][0x7C:0x80] == [None] * 4


def test_number_lines_are_drawn(accelsim, tmp_path):
    for suffix, start in ((".svg", b"<?xml"), (".png", b"\x89PNG")):
        path = tmp_path / f"lines{suffix}"
        assert accelsim("formats", "int4", "pow2_4", "--plot", path).exit_code == 0
        assert path.read_bytes().startswith(start)
    assert "pow2_4" in (tmp_path / "lines.svg").read_text()


def test_mistakes(accelsim, tmp_path):
    done = accelsim("formats", "--plot", tmp_path / "lines.pdf")
    assert done.exit_code == USER_ERROR
    assert done.stderr == f"--plot {tmp_path}/lines.pdf: must end in .svg or .png\n"
    done = accelsim("formats", "int99")
    assert done.exit_code == USER_ERROR
    assert done.stdout == ""
    assert done.stderr.startswith("format: must be one of binary, ternary, ")
    assert done.stderr.endswith("vsq2 to vsq8 (VS-Quant); got 'int99' (did you mean 'int8'?)\n")
