"""The run folder: everything needed to trust a run and to repeat it, complete or not there at all.

::

    config.yaml     resolved configuration and machine, units in the values
    run.json        command, seed, versions, hashes, what is not modelled, warnings
    summary.json    results, schema accelsim.run/1
    layers.csv      one row for each layer and bit-width
    energy.json     every count and price of the account, with the sources of the prices
    report.html     one page, self-contained
    plots/          every figure as SVG and PNG
    timeline.json   if asked: what every unit does when, in Chrome's trace format
    scalesim/       if asked: the three reports of SCALE-Sim, with its headings

`accelsim.output_folder` says how it takes its place.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from pathlib import Path
from textwrap import indent

from accelsim.errors import ConfigError, DataError
from accelsim.output_folder import FolderKind, check_output_folder, output_folder, reason
from accelsim.report.document import (
    provenance_document,
    read_documents,
    summary_document,
    to_json,
)
from accelsim.report.energy_account import account_document
from accelsim.report.json_files import read_json
from accelsim.report.layers_csv import layers_csv
from accelsim.report.results import RunResult
from accelsim.report.scalesim_csv import scalesim_reports
from accelsim.report.timeline import timeline_document

__all__ = [
    "check_run_folder",
    "configuration_yaml",
    "read_run_folder",
    "rebuild_report",
    "write_run_folder",
]

_RESULTS = ("config.yaml", "run.json", "summary.json", "layers.csv", "energy.json")
_REPORT = ("report.html", "plots")
_ON_REQUEST = ("timeline.json", "scalesim")
_KIND = FolderKind(
    "run", frozenset({"run.json", "summary.json"}), frozenset({*_RESULTS, *_REPORT, *_ON_REQUEST})
)


def check_run_folder(folder: Path) -> None:
    """Refuse a folder that a run could not be written to, before any work is done.

    Raises
    ------
    ConfigError
        If the place is taken by something that is not a run folder, or cannot be written.
    """
    check_output_folder(folder, _KIND)


def write_run_folder(result: RunResult, folder: Path, scalesim: bool = False) -> None:
    """Write the whole run folder, or nothing; ``scalesim``: with SCALE-Sim's reports.

    Raises
    ------
    ConfigError
        If the folder cannot be written, or its place is taken by something else.
    """
    with output_folder(folder, _KIND) as partial:
        (partial / "config.yaml").write_text(configuration_yaml(result), encoding="utf-8")
        (partial / "run.json").write_text(to_json(provenance_document(result)), "utf-8")
        (partial / "summary.json").write_text(to_json(summary_document(result)), "utf-8")
        (partial / "layers.csv").write_text(layers_csv(result), encoding="utf-8")
        (partial / "energy.json").write_text(json.dumps(account_document(result)), "utf-8")
        _write_report(result, partial)
        if result.timeline:
            trace = timeline_document(result.timeline, f"{result.network} on {result.hardware}")
            if result.energies:
                from accelsim.report.power import power_counters, power_over_time

                trace["traceEvents"] += power_counters(power_over_time(result))
            (partial / "timeline.json").write_text(json.dumps(trace), encoding="utf-8")
        if scalesim:
            (partial / "scalesim").mkdir()
            for name, text in scalesim_reports(result).items():
                (partial / "scalesim" / name).write_text(text, encoding="utf-8")


def read_run_folder(folder: Path) -> RunResult:
    """Read the result back from ``summary.json`` and ``run.json``.

    Raises
    ------
    DataError
        If the folder is not a run folder, or a document in it cannot be read.
    """
    if not folder.is_dir():
        raise DataError(f"{folder}: no such folder")
    return read_documents(read_json(folder / "summary.json"), read_json(folder / "run.json"))


def rebuild_report(folder: Path) -> RunResult:
    """Draw plots and page again from the stored numbers; return what was read."""
    result = read_run_folder(folder)
    try:
        with tempfile.TemporaryDirectory(dir=folder, prefix=".accelsim-") as name:
            partial = Path(name)
            _write_report(result, partial)
            shutil.rmtree(folder / "plots", ignore_errors=True)
            for part in _REPORT:
                (partial / part).replace(folder / part)
    except OSError as error:
        raise ConfigError(f"{folder}: cannot be written: {reason(error)}") from error
    return result


def configuration_yaml(result: RunResult) -> str:
    """Return the resolved configuration: the run's choices, then the machine, as YAML."""
    choices = "".join(
        f"{name}: {json.dumps(value, ensure_ascii=False)}\n"
        for name, value in result.configuration.items()
    )
    return f"{choices}machine:\n{indent(result.machine, '  ')}"


def _write_report(result: RunResult, folder: Path) -> None:
    """Draw figures once, for the files and for the page."""
    from accelsim.report.html import report_html
    from accelsim.report.plots import figures
    from accelsim.report.style import to_png, to_svg

    plots = folder / "plots"
    plots.mkdir()
    drawn = figures(result)
    vectors = {name: to_svg(figure, name) for name, figure in drawn.items()}
    for name, figure in drawn.items():
        (plots / f"{name}.svg").write_text(vectors[name], encoding="utf-8")
        (plots / f"{name}.png").write_bytes(to_png(figure))
    (folder / "report.html").write_text(report_html(result, vectors), encoding="utf-8")
