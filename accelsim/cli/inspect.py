"""`accelsim inspect`: what is in a file, and what of it runs where."""

from __future__ import annotations

from pathlib import Path

import click

__all__ = ["inspect"]


@click.command(short_help="What is in a network or data file, and where it runs.")
@click.argument("file")
@click.option("--all", "every", is_flag=True, help="List operators that are folded away, too.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document, not a table.")
def inspect(file: str, every: bool, as_json: bool) -> None:
    """Look into FILE: operators and where each runs, shapes, MACs, parameters, quantization.

    FILE is an ONNX or TFLite file, a topology (.yaml), a SCALE-Sim CSV, a bundled network, or
    data as `accelsim run --data` takes them. A network that cannot be run is listed all the same,
    with the reasons and what to do about them.
    """
    from rich.console import Console

    from accelsim.frontend.inspection import inspect_data, inspect_network, is_network
    from accelsim.report.document import to_json
    from accelsim.report.inspection import (
        data_document,
        inspection_document,
        render_data,
        render_inspection,
    )

    width = Console().width
    if is_network(file):
        found = inspect_network(file)
        text = (
            to_json(inspection_document(found))
            if as_json
            else render_inspection(found, width, every)
        )
    else:
        data = inspect_data(Path(file))
        text = to_json(data_document(data)) if as_json else render_data(data, width)
    click.echo(text, nl=False)
