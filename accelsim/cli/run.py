"""`accelsim run`: one network on one machine, at one or several bit-widths."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from accelsim.cli.data_options import data_options
from accelsim.cli.hardware_options import change_option
from accelsim.cli.quantization_options import quantization_choices, quantization_options
from accelsim.cli.widths import parse_bits, parse_width

if TYPE_CHECKING:
    from accelsim.pipeline import RunRequest
    from accelsim.report.results import RunResult

__all__ = ["run"]


@click.command(short_help="Accuracy, cycles and energy of a network.")
@click.argument("network", default="digits_cnn")
@click.option(
    "--hardware",
    default="edge_16x16",
    show_default=True,
    help="Preset, YAML file or SCALE-Sim .cfg.",
)
@click.option("--bits", help="Widths to compare, such as 8,4 or w4a8.  [default: 8,6,4,3,2]")
@click.option("--weights", metavar="BITS", help="Width of the weights alone (2 to 16).")
@click.option("--activations", metavar="BITS", help="Width of the activations alone (2 to 16).")
@data_options
@click.option(
    "--engine",
    type=click.Choice(["register", "cycle", "tile"]),
    default="cycle",
    show_default=True,
    help="How closely the array is simulated; results are equal, speed is not.",
)
@change_option
@click.option("--limit", type=int, default=64, show_default=True, help="Images to simulate.")
@click.option("--batch", type=int, default=1, show_default=True, help="Images in one batch.")
@quantization_options
@click.option(
    "--check/--no-check",
    default=True,
    show_default=True,
    help="Run golden over all images and compare; without it accuracy is of simulated images.",
)
@click.option("--seed", type=int, default=0, show_default=True, help="Which images are simulated.")
@click.option(
    "--energy",
    type=click.Choice(["per_operation", "switching"]),
    default="per_operation",
    show_default=True,
    help="Array energy by the mean of random operands, or by the bits that really change.",
)
@click.option("--random-data", is_flag=True, help="Random images, where accuracy is no matter.")
@click.option("--noise", is_flag=True, help="SQNR of each layer against the float network.")
@click.option("--timeline", is_flag=True, help="Write timeline.json (Perfetto) to --output.")
@click.option(
    "--scalesim-ofmap",
    type=click.Choice(["floor", "ceil"]),
    default="floor",
    show_default=True,
    help="How output sizes of a SCALE-Sim topology are rounded (ceil: as it does).",
)
@click.option("--scalesim-reports", is_flag=True, help="Write SCALE-Sim's reports to --output.")
@click.option("--output", type=click.Path(path_type=Path), help="Folder to write the run to.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document, not a table.")
def run(
    bits: str | None,
    weights: str | None,
    activations: str | None,
    scalesim_ofmap: str,
    scalesim_reports: bool,
    output: Path | None,
    as_json: bool,
    **options: Any,
) -> None:
    """Quantize NETWORK, run it on a machine, and print accuracy, cycles and energy.

    NETWORK is a bundled network (`accelsim networks` lists them) or the path of an ONNX file. A
    file that is quantized already (.tflite, quantized .onnx) is run as it is. Or NETWORK is a
    network of shapes, which has cycles and energy only: a bundled one (resnet18, bert_base, ...:
    `accelsim networks`), a topology file (.yaml), or a SCALE-Sim topology (.csv).
    """
    from accelsim.errors import ConfigError
    from accelsim.pipeline import RunRequest
    from accelsim.report.folder import check_run_folder

    request = RunRequest(
        points=_points(bits, weights, activations),
        ceil_outputs=scalesim_ofmap == "ceil",
        **quantization_choices(options),
    )
    for option, asked in (
        ("--timeline", request.timeline),
        ("--scalesim-reports", scalesim_reports),
    ):
        if asked and output is None:
            raise ConfigError(f"{option}: needs --output, the folder to write to")
    if output is not None:
        check_run_folder(output)
    result = _run(request, output, scalesim=scalesim_reports)
    _show(result, output, as_json=as_json)
    if any(point.golden_mismatches for point in result.points):
        from accelsim.cli.failures import FAILURE

        click.echo("simulator and golden differ; please report this run", err=True)
        click.get_current_context().exit(FAILURE)


def _run(request: RunRequest, output: Path | None, *, scalesim: bool) -> RunResult:
    from accelsim.cli.console import progress_bar
    from accelsim.pipeline import run as run_pipeline
    from accelsim.report.folder import write_run_folder

    with progress_bar() as progress:
        result = run_pipeline(request, progress)
        if output is not None:
            progress("writing the report", 0, 1)
            write_run_folder(result, output, scalesim)
    return result


def _show(result: RunResult, output: Path | None, *, as_json: bool) -> None:
    from accelsim.cli.console import print_result
    from accelsim.report.document import run_document, to_json

    if as_json:
        click.echo(to_json(run_document(result)), nl=False)
        return
    print_result(result)
    if output is not None:
        click.echo(f" Report: {output / 'report.html'}")


def _points(
    bits: str | None, weights: str | None, activations: str | None
) -> tuple[tuple[int, int], ...] | None:
    """Return (weight bits, activation bits) of every point, None if nothing is said of them.

    The request checks the ranges.
    """
    from accelsim.errors import ConfigError

    if weights is None and activations is None:
        return None if bits is None else parse_bits(bits)
    if bits is not None:
        raise ConfigError("--bits: give either --bits or --weights and --activations, not both")
    widths = {"--weights": weights, "--activations": activations}
    given = [parse_width(option, "8" if text is None else text) for option, text in widths.items()]
    return ((given[0], given[1]),)
