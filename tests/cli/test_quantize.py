import json

from accelsim.cli.failures import USER_ERROR


def test_a_grid_of_methods_and_widths(accelsim, digits, tmp_path):
    words = ("quantize", "digits_mlp", "--data", digits, "--bits", "8,w3a8", "--method", "min_max")
    done = accelsim(*words, "--method", "mse", "--output", tmp_path / "study")
    assert done.exit_code == 0, done.output
    lines = [line.split() for line in done.stdout.splitlines()]
    assert ["method", "int8", "w3", "a8"] in lines
    assert [line[0] for line in lines if line and line[0] in ("min_max", "mse")] == [
        "min_max",
        "mse",
    ]
    assert sorted(path.name for path in (tmp_path / "study").iterdir()) == [
        "accuracy.csv",
        "accuracy.png",
        "accuracy.svg",
        "study.json",
    ]
    stored = json.loads((tmp_path / "study" / "study.json").read_text())
    assert stored["schema"] == "accelsim.quantization/1"
    assert len(stored["results"]) == 4
    printed = json.loads(accelsim(*words, "--method", "mse", "--json").stdout)
    assert printed == stored


def test_groups_of_weights_are_said_in_the_command(accelsim, digits):
    words = ("quantize", "digits_mlp", "--data", digits, "--bits", "w3a8", "--method", "mse")
    groups = json.loads(accelsim(*words, "--json", "--group-size", 16).stdout)
    assert groups["command"].split()[-6:] == [
        *("--group-size", "16", "--scale-bits", "8"),
        *("--method", "mse"),
    ]
    assert [result["method"] for result in groups["results"]] == ["mse"]


def test_mistakes_are_one_line(accelsim, tmp_path):
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "mine.txt").write_text("kept")
    for words, message in (
        (("--bits", "99"), "weight bits: must be 2 to 16, got 99\n"),
        (("--format", "int99"), "int99"),
        (("--output", tmp_path / "taken"), "is not an accelsim quantization study folder"),
        (
            ("--percentile", "99", "--method", "mse"),
            "--percentile: needs --method percentile\n",
        ),
        (("--scale-bits", "4"), "--scale-bits: there are no groups; give --group-size, too\n"),
        (("--group-size", "0"), "group_size: must be 1 to 1048576, got 0\n"),
        (("--group-size", "4", "--scale-bits", "1"), "scale_bits: must be 2 to 16, got 1\n"),
        (("--percentile", "0"), "percentile: must be above 0 and at most 100 percent, got 0\n"),
    ):
        done = accelsim("quantize", "digits_mlp", *words)
        assert done.exit_code == USER_ERROR
        assert message in done.stderr
        assert done.stderr.count("\n") == 1
        assert done.stdout == ""
