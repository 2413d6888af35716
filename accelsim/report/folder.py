"""The run folder: everything needed to trust a run and to repeat it, complete or not there at all.

::

    config.yaml     resolved configuration and machine, units in the values
    run.json        command, seed, versions, hashes, what is not modelled, warnings
    summary.json    results, schema accelsim.run/1
    layers.csv      one row for each layer and bit-width
    report.html     one page, self-contained
    plots/          every figure as SVG and PNG
    timeline.json   if asked: what every unit does when, in Chrome's trace format
    scalesim/       if asked: the three reports of SCALE-Sim, with its headings

A folder is written beside its place under another name and renamed when it is complete. An
older run folder in that place is replaced; anything else is refused and left untouched.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from textwrap import indent

from accelsim.errors import ConfigError, DataError
from accelsim.report.document import (
    provenance_document,
    read_documents,
    summary_document,
    to_json,
)
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

_RESULTS = ("config.yaml", "run.json", "summary.json", "layers.csv")
_REPORT = ("report.html", "plots")
_ON_REQUEST = ("timeline.json", "scalesim")
_LARGEST_BYTES = 256 << 20


def check_run_folder(folder: Path) -> None:
    """Refuse a folder that a run could not be written to, before any work is done.

    Raises
    ------
    ConfigError
        If the place is taken by something that is not a run folder, or cannot be written.
    """
    try:
        if folder.exists() or folder.is_symlink():
            _check_replaceable(folder)
        parent = next(place for place in folder.absolute().parents if place.exists())
    except OSError as error:
        raise ConfigError(f"--output {folder}: {_reason(error)}") from None
    if not parent.is_dir():
        raise ConfigError(f"--output {folder}: {parent} is a file, not a folder")
    try:
        Path(tempfile.mkdtemp(dir=parent, prefix=".accelsim-")).rmdir()
    except OSError as error:
        raise ConfigError(
            f"--output {folder}: cannot write in {parent}: {_reason(error)}"
        ) from None


def write_run_folder(result: RunResult, folder: Path, scalesim: bool = False) -> None:
    """Write the whole run folder, or nothing; ``scalesim``: with SCALE-Sim's reports.

    Raises
    ------
    ConfigError
        If the folder cannot be written, or its place is taken by something else.
    """
    check_run_folder(folder)
    try:
        folder.absolute().parent.mkdir(parents=True, exist_ok=True)
        with _complete_or_absent(folder) as partial:
            (partial / "config.yaml").write_text(configuration_yaml(result), encoding="utf-8")
            (partial / "run.json").write_text(to_json(provenance_document(result)), "utf-8")
            (partial / "summary.json").write_text(to_json(summary_document(result)), "utf-8")
            (partial / "layers.csv").write_text(layers_csv(result), encoding="utf-8")
            _write_report(result, partial)
            if result.timeline:
                trace = timeline_document(result.timeline, f"{result.network} on {result.hardware}")
                (partial / "timeline.json").write_text(json.dumps(trace), encoding="utf-8")
            if scalesim:
                (partial / "scalesim").mkdir()
                for name, text in scalesim_reports(result).items():
                    (partial / "scalesim" / name).write_text(text, encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"--output {folder}: cannot be written: {_reason(error)}") from error


def read_run_folder(folder: Path) -> RunResult:
    """Read the result back from ``summary.json`` and ``run.json``.

    Raises
    ------
    DataError
        If the folder is not a run folder, or a document in it cannot be read.
    """
    if not folder.is_dir():
        raise DataError(f"{folder}: no such folder")
    return read_documents(_read_json(folder / "summary.json"), _read_json(folder / "run.json"))


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
        raise ConfigError(f"{folder}: cannot be written: {_reason(error)}") from error
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


@contextmanager
def _complete_or_absent(folder: Path) -> Iterator[Path]:
    """Give a folder to write to that takes ``folder``'s place only if nothing goes wrong."""
    place = folder.absolute()
    workspace = Path(tempfile.mkdtemp(dir=place.parent, prefix=f".{place.name}-"))
    partial, replaced = workspace / "new", workspace / "old"
    try:
        partial.mkdir()
        yield partial
        if place.exists():
            place.rename(replaced)
        partial.rename(place)
    finally:
        if replaced.exists() and not place.exists():
            replaced.rename(place)
        shutil.rmtree(workspace, ignore_errors=True)


def _check_replaceable(folder: Path) -> None:
    if folder.is_symlink() or not folder.is_dir():
        raise ConfigError(f"--output {folder}: exists and is not a folder")
    found = {path.name for path in folder.iterdir()}
    if not found:
        return
    if not {"run.json", "summary.json"} <= found:
        raise ConfigError(
            f"--output {folder}: exists and is not an accelsim run folder (give a new name)"
        )
    foreign = sorted(found - {*_RESULTS, *_REPORT, *_ON_REQUEST})
    if foreign:
        raise ConfigError(
            f"--output {folder}: holds files that are not of a run and would be lost: "
            f"{', '.join(foreign)} (move them, or give a new name)"
        )


def _read_json(path: Path) -> object:
    try:
        if path.stat().st_size > _LARGEST_BYTES:
            raise DataError(f"{path}: larger than {_LARGEST_BYTES >> 20} MiB")
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise DataError(f"{path}: no such file (not a run folder?)") from None
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {_reason(error)}") from None
    except ValueError as error:
        raise DataError(f"{path}: not JSON: {error}") from None


def _reason(error: OSError) -> str:
    return error.strerror or str(error)
