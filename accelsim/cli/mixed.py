"""`accelsim mixed`: widths for each layer, for an accuracy or a budget."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from accelsim.cli.hardware_options import change_option
from accelsim.cli.quantization_options import quantization_choices, search_options
from accelsim.cli.widths import parse_bits

__all__ = ["mixed"]


@click.command(short_help="Widths for each layer: least energy for an accuracy.")
@click.argument("network", default="digits_cnn")
@click.option("--hardware", default="edge_16x16", show_default=True, help="Preset or YAML file.")
@click.option(
    "--cost",
    type=click.Choice(["energy", "cycles"]),
    default="energy",
    show_default=True,
    help="What is to be small.",
)
@click.option(
    "--keep-accuracy", "keep_accuracy_pct", type=float, metavar="PERCENT", help="Least accuracy."
)
@click.option("--budget", type=float, help="Instead: largest cost of an image, in µJ or cycles.")
@click.option("--bits", default="8", show_default=True, help="Widths to start from.")
@click.option(
    "--search",
    type=click.Choice(["greedy", "optuna"]),
    default="greedy",
    show_default=True,
    help="optuna: greedy, then as many networks more as a model of them proposes (an extra).",
)
@click.option("--trials", type=int, metavar="N", help="Networks for Optuna to try.  [default: 100]")
@click.option("--data", help="Images, labels and calibration images (docs/data.md).")
@change_option
@click.option("--batch", type=int, default=1, show_default=True, help="Images in one batch.")
@search_options
@click.option("--seed", type=int, default=0, show_default=True, help="Of draws and proposals.")
@click.option("--output", type=click.Path(path_type=Path), help="CSV file of the steps to write.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document, not a table.")
def mixed(
    cost: str,
    keep_accuracy_pct: float | None,
    budget: float | None,
    bits: str,
    search: str,
    trials: int | None,
    pinned: tuple[str, ...],
    output: Path | None,
    as_json: bool,
    **options: Any,
) -> None:
    """Find widths for each layer of NETWORK: least energy for an accuracy, or most of it for µJ.

    Starts with all layers at 8 bits (`--bits`, `--layer-bits`) and narrows one operand after the
    other (6, 4, 3, 2 bits), the one first that saves most on the machine for the noise that it
    adds; those of `--pin` stay. `--search optuna` goes on from there and never ends with less. The
    result is run on the machine and printed as a command of `accelsim run`.
    """
    from rich.console import Console

    from accelsim.cli.console import progress_bar
    from accelsim.output_folder import check_output_file, write_file
    from accelsim.quantize import LayerBits
    from accelsim.report.document import to_json
    from accelsim.report.mixed_widths import search_csv, search_document, search_table
    from accelsim.request import RunRequest
    from accelsim.width_search import SearchRequest, search_widths

    run = RunRequest(points=parse_bits(bits), **quantization_choices(options))
    pins = tuple(map(LayerBits.parse, pinned))
    request = SearchRequest(run, cost, keep_accuracy_pct, budget, search, trials, pins)
    if output is not None:
        check_output_file(output, "--output")
    with progress_bar() as progress:
        result = search_widths(request, progress)
    if output is not None:
        write_file(output, search_csv(result).encode(), "--output")
    if as_json:
        click.echo(to_json(search_document(result)), nl=False)
    else:
        click.echo(search_table(result, Console().width), nl=False)
