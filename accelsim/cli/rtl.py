"""`accelsim rtl`: a machine as SystemVerilog, with vectors that prove it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from accelsim.cli.hardware_options import change_option

__all__ = ["rtl"]


@click.command(short_help="A machine as SystemVerilog, with its proof.")
@click.argument("hardware")
@click.option("--output", required=True, type=click.Path(path_type=Path), help="Folder to write.")
@click.option("--network", help="Bundled network or ONNX file; without it, random vectors.")
@click.option("--layer", help="Which of its layers on the array.")
@click.option("--data", metavar="PATH", help="Images and labels, as `accelsim run` takes them.")
@click.option(
    "--weights", "weight_bits", type=int, metavar="BITS", help="Width of the weights (2 to 16)."
)
@click.option(
    "--activations",
    "activation_bits",
    type=int,
    metavar="BITS",
    help="Width of the activations (2 to 16).",
)
@click.option(
    "--rows",
    type=int,
    default=64,
    show_default=True,
    help="Rows m of the layer, at most; random vectors: length of a stream.",
)
@click.option("--seed", type=int, default=0, show_default=True, help="Of random vectors.")
@change_option
def rtl(output: Path, **options: Any) -> None:
    """Write machine HARDWARE (a preset or a YAML file) as SystemVerilog.

    With it come self-checking testbenches and the vectors of a layer (or random ones): every
    output, and the cycle in which it appears.
    """
    import shlex

    from accelsim.rtl import RtlRequest, export_rtl

    bundle = export_rtl(RtlRequest(**options), output)
    click.echo(bundle.title)
    for part in bundle.parts:
        click.echo(f"  {part.name}/: {part.compares}")
    for note in bundle.notes:
        click.echo(f"  {note}")
    click.echo(f"Run: {shlex.join(['sh', str(output / 'run.sh')])}")
