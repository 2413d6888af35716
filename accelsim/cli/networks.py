"""`accelsim networks`: the networks that ship with accelsim."""

from __future__ import annotations

import click

__all__ = ["networks"]


@click.command(short_help="The networks that ship with accelsim.")
def networks() -> None:
    """List the networks that ship with accelsim, and the networks of shapes."""
    from rich import box
    from rich.console import Console
    from rich.table import Table

    from accelsim.frontend import bundled_workloads, topology_names
    from accelsim.frontend.topology import load_topology

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold")
    table.add_column("name", no_wrap=True)
    table.add_column("MACs", justify="right", no_wrap=True)
    table.add_column("description")
    for workload in bundled_workloads():
        table.add_row(workload.name, "", "Trained, with data: accuracy, cycles and energy.")
    for name in topology_names():
        topology = load_topology(name)
        table.add_row(name, f"{topology.macs / 1e6:,.1f}M", topology.description.strip())
    Console(highlight=False).print(table)
