"""Ask every question and write the answers: ``python -m benchmarks [--quick] [--only NAME]``."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from benchmarks import (
    cycle_engine,
    growth,
    machine,
    register_engine,
    resnet18,
    sweep,
    sweep_cluster,
    tile_engine,
)
from benchmarks.harness import Row, Size, Skipped
from benchmarks.harness import machine as describe_machine

QUESTIONS = {
    "cycle_engine": cycle_engine,
    "register_engine": register_engine,
    "tile_engine": tile_engine,
    "machine": machine,
    "resnet18": resnet18,
    "sweep": sweep,
    "sweep_cluster": sweep_cluster,
    "growth": growth,
}

HOW = """\
Everything is a ratio of things that ran in turn in the same process (SCALE-Sim: in a process of
its own in the same run). Rates are of the best of several turns; the ratio of the medians stands
beside it. The first call of everything, with its compilation, is not counted. Nothing here fails
when a target is missed: it says NO.
"""


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks")
    parser.add_argument("--quick", action="store_true", help="without SCALE-Sim and large sizes")
    parser.add_argument("--tiny", action="store_true", help="only show that everything runs")
    parser.add_argument("--only", choices=QUESTIONS, action="append", help="one question")
    parser.add_argument(
        "--output",
        type=Path,
        help="folder of RESULTS.md and results.json (default: benchmarks/, for a full run)",
    )
    options = parser.parse_args(arguments)
    size = Size(quick=options.quick or options.tiny, tiny=options.tiny)
    about = describe_machine()
    sections = []
    for name in options.only or QUESTIONS:
        module = QUESTIONS[name]
        print(f"\n{module.QUESTION}", flush=True)
        rows, skipped = [], ""
        try:
            rows = module.measure(size)
        except Skipped as reason:
            skipped = str(reason)
            print(f"  skipped: {skipped}", flush=True)
        for row in rows:
            print(f"  {_line(row)}", flush=True)
        sections.append((name, module.QUESTION, rows, skipped))
    full = not (size.quick or options.only)
    folder = options.output or (Path(__file__).parent if full else None)
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "RESULTS.md").write_text(_markdown(about, sections))
        (folder / "results.json").write_text(json.dumps(_document(about, sections), indent=1))
        print(f"\nwritten: {folder}/RESULTS.md, {folder}/results.json")


def _line(row: Row) -> str:
    target = _target(row)
    wanted = f" (target {target}: {row.verdict})" if target else ""
    return f"{row.what}: {_number(row.ratio)} of {row.against}{wanted}; {row.note}"


def _target(row: Row) -> str:
    if row.target is None:
        return ""
    return f"{'at most' if row.at_most else 'at least'} {_number(row.target)}"


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _seconds(value: float) -> str:
    return f"{value:.3g} s" if value >= 1 else f"{value * 1e3:.3g} ms"


Section = tuple[str, str, list[Row], str]


def _markdown(about: dict[str, str], sections: list[Section]) -> str:
    lines = ["# Speed", "", HOW, "| machine | |", "|---|---|"]
    lines += [f"| {name} | {value} |" for name, value in about.items()]
    for _, question, rows, skipped in sections:
        lines += ["", f"## {question}", ""]
        if skipped:
            lines.append(f"Skipped: {skipped}")
        if not rows:
            continue
        lines.append(
            "| what | against | ratio | of medians | target | met | time | against's time | |"
        )
        lines.append("|---|---|--:|--:|--:|---|--:|--:|---|")
        lines += [
            f"| {row.what} | {row.against} | **{_number(row.ratio)}** "
            f"| {_number(row.ratio_of_medians)} | {_target(row)} | {row.verdict} "
            f"| {_seconds(row.seconds)} | {_seconds(row.against_seconds)} | {row.note} |"
            for row in rows
        ]
        if question == growth.QUESTION:
            lines += ["", "![time against multiply-accumulates](growth.svg)"]
    return "\n".join(lines) + "\n"


def _document(about: dict[str, str], sections: list[Section]) -> dict[str, object]:
    return {
        "schema": "accelsim.benchmarks/1",
        "machine": about,
        "questions": [
            {
                "name": name,
                "question": question,
                "skipped": skipped,
                "rows": [{**asdict(row), "met": row.verdict} for row in rows],
            }
            for name, question, rows, skipped in sections
        ],
    }


if __name__ == "__main__":
    main()
