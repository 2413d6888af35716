"""Every benchmark runs, at sizes that measure nothing, and what it writes is well formed."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def test_every_question_is_asked_and_written_down(tmp_path):
    command = [sys.executable, "-m", "benchmarks", "--tiny", "--output", str(tmp_path)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    document = json.loads((tmp_path / "results.json").read_text())
    asked = {question["name"]: question for question in document["questions"]}
    assert set(asked) == {
        *("cycle_engine", "register_engine", "tile_engine", "machine", "resnet18"),
        *("sweep", "sweep_cluster", "growth"),
    }
    for name, question in asked.items():
        assert (question["skipped"] == "") == bool(question["rows"]), name
        for row in question["rows"]:
            assert row["ratio"] > 0, row
            assert row["seconds"] > 0, row
            assert row["met"] in ("", "yes", "NO"), row
    page = (tmp_path / "RESULTS.md").read_text()
    assert all(question["question"] in page for question in asked.values())
    assert document["machine"]["processor"] in page
