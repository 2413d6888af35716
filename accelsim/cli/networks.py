"""`accelsim networks`: the networks that ship with accelsim."""

from __future__ import annotations

import click

__all__ = ["networks"]


@click.command(short_help="The networks that ship with accelsim.")
@click.argument("name", required=False)
def networks(name: str | None) -> None:
    """List the networks that ship with accelsim, and the networks of shapes.

    With the NAME of a network of shapes: print its file, to start one of your own from
    (docs/shapes.md).
    """
    if name is not None:
        from accelsim.frontend.topology import topology_path

        click.echo(topology_path(name).read_text(encoding="utf-8"), nl=False)
        return
    from rich import box
    from rich.console import Console
    from rich.table import Table

    from accelsim.frontend import bundled_workloads, load_onnx, topology_names
    from accelsim.frontend.topology import load_topology
    from accelsim.report.words import counted

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold")
    table.add_column("name", no_wrap=True)
    table.add_column("MACs", justify="right", no_wrap=True)
    table.add_column("description")
    for workload in bundled_workloads():
        macs = load_onnx(workload.model).report.macs_per_image
        about = "Trained, with data: accuracy, cycles and energy."
        table.add_row(workload.name, counted(macs), about)
    for name in topology_names():
        topology = load_topology(name)
        table.add_row(name, counted(topology.macs), topology.description.strip())
    Console(highlight=False).print(table)
