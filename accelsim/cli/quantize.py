"""`accelsim quantize`: accuracy over a grid of methods and widths."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from accelsim.cli.quantization_options import group_choices, study_options
from accelsim.cli.widths import parse_bits

if TYPE_CHECKING:
    from accelsim.report.method_study import MethodStudy

__all__ = ["quantize"]


@click.command(short_help="Accuracy over quantization methods and widths.")
@click.argument("network", default="digits_cnn")
@click.option("--method", "methods", multiple=True, help="One method; may be given several times.")
@click.option("--bits", help="Widths, such as 8,4 or w4a8.  [default: 8,6,4,3,2]")
@click.option(
    "--format", "formats", multiple=True, help="A number format to compare with, such as fp8_e4m3."
)
@click.option("--data", help="Images, labels and calibration images (docs/data.md).")
@click.option("--hardware", default="edge_16x16", show_default=True, help="Whose rescale unit.")
@study_options
@click.option(
    "--repeats",
    type=int,
    default=1,
    show_default=True,
    help="More than one: each calibrates on a random half of the images; mean ± deviation.",
)
@click.option("--seed", type=int, default=0, show_default=True, help="Of repeats and draws.")
@click.option("--output", type=click.Path(path_type=Path), help="Folder for CSV and plots.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document, not a table.")
def quantize(
    methods: tuple[str, ...],
    bits: str | None,
    formats: tuple[str, ...],
    repeats: int,
    per_tensor: bool,
    percentile: float | None,
    output: Path | None,
    as_json: bool,
    **options: Any,
) -> None:
    """Quantize NETWORK with every METHOD at every width and print the accuracies.

    NETWORK is a bundled network (`accelsim networks` lists them) or a float ONNX file. The
    integers are those of `accelsim run`, without its cycles and energy.

    Methods: min_max, moving_average, percentile, mse, kl, octav, cross_entropy, dynamic (ranges);
    equalize, smooth, stochastic, correct_biases, adaround; best (mse, adaround and correct_biases
    together).
    docs/quantization.md defines them.
    """
    from accelsim.cli.console import progress_bar
    from accelsim.errors import ConfigError
    from accelsim.output_folder import check_output_folder
    from accelsim.quantization_study import METHODS, StudyRequest, study_methods
    from accelsim.request import RunRequest

    methods = methods or tuple(METHODS)
    if percentile is not None:
        if "percentile" not in methods:
            raise ConfigError("--percentile: needs --method percentile")
        options["percentile"] = percentile
    run = RunRequest(
        points=None if bits is None else parse_bits(bits),
        per_channel=not per_tensor,
        **group_choices(options),
    )
    request = StudyRequest(run, methods, formats, repeats)
    if output is not None:
        check_output_folder(output, _kind())
    with progress_bar() as progress:
        study = study_methods(request, progress)
    if output is not None:
        _write(study, output)
    _print(study, as_json=as_json)


def _kind() -> Any:
    from accelsim.output_folder import FolderKind

    return FolderKind(
        "quantization study",
        frozenset({"accuracy.csv", "study.json"}),
        frozenset({"accuracy.svg", "accuracy.png"}),
    )


def _write(study: MethodStudy, folder: Path) -> None:
    from accelsim.output_folder import output_folder
    from accelsim.report.document import to_json
    from accelsim.report.method_study import accuracy_figure, study_csv
    from accelsim.report.style import to_png, to_svg

    with output_folder(folder, _kind()) as partial:
        (partial / "accuracy.csv").write_text(study_csv(study), "utf-8")
        (partial / "study.json").write_text(to_json(_document(study)), "utf-8")
        figure = accuracy_figure(study)
        (partial / "accuracy.svg").write_text(to_svg(figure, "accuracy"), "utf-8")
        (partial / "accuracy.png").write_bytes(to_png(figure))


def _print(study: MethodStudy, *, as_json: bool) -> None:
    from rich.console import Console

    from accelsim.report.document import to_json
    from accelsim.report.method_study import accuracy_table

    if as_json:
        click.echo(to_json(_document(study)), nl=False)
    else:
        click.echo(accuracy_table(study, Console().width), nl=False)


def _document(study: MethodStudy) -> dict[str, object]:
    from dataclasses import asdict

    return {"schema": "accelsim.quantization/1"} | asdict(study)
