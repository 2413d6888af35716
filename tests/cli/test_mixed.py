import csv
import json
import sys

from accelsim.cli.failures import USER_ERROR


def test_table_file_and_document_say_the_same(accelsim, digits, tmp_path):
    words = ("mixed", "digits_mlp", "--data", digits, "--keep-accuracy", 80, "--bits", "4")
    done = accelsim(*words, "--output", tmp_path / "steps.csv")
    assert done.exit_code == 0, done.output
    assert "digits_mlp on edge_16x16: least energy at 80 % accuracy or more" in done.stdout
    result = json.loads(accelsim(*words, "--json").stdout)
    assert result["schema"] == "accelsim.mixed_widths/1"
    assert done.stdout.endswith(f" Run it: {result['command']}\n")
    with (tmp_path / "steps.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["change"] for row in rows] == [step["change"] for step in result["steps"]]
    assert [row["kept"] == "yes" for row in rows] == [step["kept"] for step in result["steps"]]


def test_mistakes_are_one_line(accelsim, digits):
    for words, message in (
        ((), "give either --keep-accuracy or --budget\n"),
        (("--budget", "1", "--layer-bits", "x"), "layer bits: must be LAYER=WIDTHS, such as "),
        (("--budget", "1", "--bits", "8,4"), "--bits: give one width, got 2\n"),
        (("--budget", "1e-9", "--data", digits, "--bits", "2"), "--budget 1e-09: no network "),
    ):
        done = accelsim("mixed", "digits_mlp", *words)
        assert (done.exit_code, done.stdout) == (USER_ERROR, "")
        assert done.stderr.startswith(message)
        assert done.stderr.count("\n") == 1


def test_a_file_that_cannot_be_written_is_found_before_the_search(accelsim, tmp_path, monkeypatch):
    monkeypatch.setattr("accelsim.width_search.search_widths", None)
    done = accelsim("mixed", "--budget", "1", "--output", tmp_path)
    assert done.exit_code == USER_ERROR
    assert done.stderr == f"--output {tmp_path}: is a folder; give the name of a file\n"


def test_trials_without_optuna_are_one_line(accelsim, monkeypatch):
    monkeypatch.setitem(sys.modules, "optuna", None)
    done = accelsim("mixed", "digits_mlp", "--budget", "1", "--search", "optuna")
    assert (done.exit_code, done.stdout) == (USER_ERROR, "")
    assert done.stderr == "--search optuna: needs Optuna: pip install 'accelsim[search]'\n"


def test_a_pin_is_kept_and_a_start_is_not(accelsim, digits):
    words = ("mixed", "digits_mlp", "--data", digits, "--budget", 0.3, "--json")
    pinned = json.loads(accelsim(*words, "--pin", "logits=w6a8").stdout)
    assert pinned["goal"] == "most accuracy within 0.3 uJ an image, logits=w6a8 pinned"
    assert "logits=w6" in pinned["layer_bits"]
    assert not any("logits" in step["change"] for step in pinned["steps"])
    started = json.loads(accelsim(*words, "--layer-bits", "logits=w6a8").stdout)
    assert any("logits" in step["change"] for step in started["steps"])


def test_help_says_what_is_a_start_and_what_is_kept(accelsim):
    text = " ".join(accelsim("mixed", "--help").stdout.split())
    assert "Widths of one layer to start from, such as conv1=w4: the search may narrow" in text
    assert "Widths of one layer that the search keeps, of weights and of what it writes" in text
