import csv
import json

from accelsim.cli.failures import USER_ERROR


def test_tables_files_and_document_say_the_same(accelsim, digits, tmp_path):
    words = ("sensitivity", "digits_mlp", "--data", digits, "--bits", "w3a4")
    done = accelsim(*words, "--output", tmp_path / "study")
    assert done.exit_code == 0, done.output
    assert max(len(line) for line in done.stdout.splitlines()) <= 80
    with (tmp_path / "study" / "sensitivity.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 7
    printed = [line.split()[:2] for line in done.stdout.splitlines()]
    printed = [cells for cells in printed if cells[1:] in (["weights"], ["activations"])]
    assert printed == [[row["layer"], row["operand"]] for row in rows]
    with (tmp_path / "study" / "layers.csv").open() as file:
        layers = list(csv.DictReader(file))
    names = ["image", "flatten", "dense1", "dense2", "logits"]
    assert [(row["bits"], row["layer"]) for row in layers] == [
        (bits, name) for bits in ("8", "w3a4") for name in names
    ]
    stored = json.loads((tmp_path / "study" / "sensitivity.json").read_text())
    assert stored["schema"] == "accelsim.sensitivity/1"
    assert [row["layer"] for row in stored["rows"]] == [row["layer"] for row in rows]
    assert (tmp_path / "study" / "sensitivity.png").read_bytes().startswith(b"\x89PNG")
    figure = (tmp_path / "study" / "sensitivity.svg").read_text()
    assert "activations at few bits" in figure
    again = accelsim(*words, "--json", "--output", tmp_path / "study")
    assert json.loads(again.stdout) == stored


def test_mistakes_are_one_line(accelsim, tmp_path):
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "mine.txt").write_text("kept")
    for words, message in (
        (("--bits", "8,4"), "--bits: give one width, got 2\n"),
        (("--others", "8,4"), "--others: give one width, got 2\n"),
        (("--bits", "99"), "--bits: weight bits must be 2 to 16, got 99\n"),
        (
            ("--layer-bits", "conv=4"),
            "layer bits of 'conv': digits_mlp has no such layer with integers of its own; it has "
            "image, dense1, dense2, logits\n",
        ),
        (
            ("--output", tmp_path / "taken"),
            f"--output {tmp_path}/taken: exists and is not an accelsim sensitivity study folder "
            "(give a new name)\n",
        ),
    ):
        done = accelsim("sensitivity", "digits_mlp", *words)
        assert (done.exit_code, done.stdout, done.stderr) == (USER_ERROR, "", message)


def test_a_network_of_integers_has_nothing_to_study(accelsim, tmp_path):
    accelsim("export", "digits_mlp", "--output", tmp_path / "q.onnx")
    done = accelsim("sensitivity", tmp_path / "q.onnx", "--random-data")
    assert done.exit_code == USER_ERROR
    message = f"{tmp_path}/q.onnx: is quantized already; give the float network\n"
    assert (done.stdout, done.stderr) == ("", message)
