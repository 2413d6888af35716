"""`accelsim topology`: the shapes of an ONNX file as a topology file."""

from __future__ import annotations

from pathlib import Path

import click

__all__ = ["topology"]


@click.command(short_help="The shapes of any ONNX file, to be run without values.")
@click.argument("network", type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--output",
    required=True,
    type=click.Path(path_type=Path),
    help="Topology file to write (.yaml).",
)
@click.option(
    "--size",
    "sizes",
    multiple=True,
    metavar="NAME=NUMBER",
    help="A number for a size that has a name in the file, such as sequence=128.",
)
def topology(network: Path, output: Path, sizes: tuple[str, ...]) -> None:
    """Write the shapes of NETWORK, an ONNX file, as a topology file.

    `accelsim run` and sweeps take it as they take resnet18 or bert_base: cycles, traffic and
    energy, no accuracy. Operators that accelsim does not run are left to the host, as long as they
    have no products; the command names them.
    """
    from accelsim.errors import ConfigError
    from accelsim.frontend.onnx_topology import onnx_topology
    from accelsim.output_folder import check_output_file, write_file
    from accelsim.units import shortened

    given = {}
    for text in sizes:
        name, _, number = text.partition("=")
        if not (name and number.isascii() and number.isdigit() and 0 < int(number[:9]) < 1 << 20):
            raise ConfigError(
                f"--size: must be NAME=NUMBER, the number from 1 to {(1 << 20) - 1}, "
                f"got {shortened(text)}"
            )
        given[name] = int(number)
    if output.suffix.lower() not in (".yaml", ".yml"):
        raise ConfigError(f"--output: must end in .yaml, got {shortened(str(output))}")
    check_output_file(output, "--output")
    made = onnx_topology(network, given)
    write_file(output, made.text.encode(), "--output")
    click.echo(f"{output}: {len(made.topology.layers)} layers, {made.topology.macs:,} MACs")
    if made.topology.host_functions:
        click.echo(f"on the host: {', '.join(made.topology.host_functions)}")
