"""`accelsim sensitivity`: which layer few bits harm most."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from accelsim.cli.quantization_options import quantization_choices, quantization_options
from accelsim.cli.widths import parse_bits

if TYPE_CHECKING:
    from accelsim.output_folder import FolderKind
    from accelsim.report.layer_sensitivity import SensitivityStudy

__all__ = ["sensitivity"]


@click.command(short_help="Which layer few bits harm most.")
@click.argument("network", default="digits_cnn")
@click.option("--bits", default="4", show_default=True, help="Width of what is studied: 4 or w4a6.")
@click.option("--others", default="8", show_default=True, help="Width of everything else.")
@click.option("--data", help="Images, labels and calibration images (docs/data.md).")
@click.option("--hardware", default="edge_16x16", show_default=True, help="Whose rescale unit.")
@click.option("--limit", type=int, default=1000, show_default=True, help="Images to measure.")
@quantization_options
@click.option("--random-data", is_flag=True, help="Random images: noise, but no accuracy.")
@click.option("--seed", type=int, default=0, show_default=True, help="Which images, and draws.")
@click.option("--output", type=click.Path(path_type=Path), help="Folder for CSV and plots.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document, not a table.")
def sensitivity(bits: str, others: str, output: Path | None, as_json: bool, **options: Any) -> None:
    """Quantize one layer of NETWORK at a time to few bits, and print what that does.

    NETWORK is a bundled network (`accelsim networks` lists them) or a float ONNX file. A layer's
    weights and the activations that it writes are studied apart. Everything else is in integers of
    8 bits (--others), so that each row is a network that `accelsim run --layer-bits` can run. Noise
    is measured against the float network.
    """
    from accelsim.cli.console import progress_bar
    from accelsim.errors import ConfigError
    from accelsim.output_folder import check_output_folder
    from accelsim.request import RunRequest
    from accelsim.sensitivity_study import SensitivityRequest, study_sensitivity

    studied = parse_bits(bits)
    if len(studied) != 1:
        raise ConfigError(f"--bits: give one width, got {len(studied)}")
    run = RunRequest(points=parse_bits(others), **quantization_choices(options))
    request = SensitivityRequest(run, studied[0])
    if output is not None:
        check_output_folder(output, _kind())
    with progress_bar() as progress:
        study = study_sensitivity(request, progress)
    if output is not None:
        _write(study, output)
    _print(study, as_json=as_json)


def _kind() -> FolderKind:
    from accelsim.output_folder import FolderKind

    return FolderKind(
        "sensitivity study",
        frozenset({"sensitivity.csv", "sensitivity.json"}),
        frozenset({"layers.csv", "sensitivity.svg", "sensitivity.png"}),
    )


def _write(study: SensitivityStudy, folder: Path) -> None:
    from accelsim.output_folder import output_folder
    from accelsim.report.document import to_json
    from accelsim.report.layer_sensitivity import (
        layer_noise_csv,
        sensitivity_csv,
        sensitivity_document,
        sensitivity_figure,
    )
    from accelsim.report.style import to_png, to_svg

    with output_folder(folder, _kind()) as partial:
        (partial / "sensitivity.csv").write_text(sensitivity_csv(study), "utf-8")
        (partial / "layers.csv").write_text(layer_noise_csv(study), "utf-8")
        (partial / "sensitivity.json").write_text(to_json(sensitivity_document(study)), "utf-8")
        figure = sensitivity_figure(study)
        (partial / "sensitivity.svg").write_text(to_svg(figure, "sensitivity"), "utf-8")
        (partial / "sensitivity.png").write_bytes(to_png(figure))


def _print(study: SensitivityStudy, *, as_json: bool) -> None:
    from rich.console import Console

    from accelsim.report.document import to_json
    from accelsim.report.layer_sensitivity import sensitivity_document, sensitivity_table

    if as_json:
        click.echo(to_json(sensitivity_document(study)), nl=False)
    else:
        click.echo(sensitivity_table(study, Console().width), nl=False)
