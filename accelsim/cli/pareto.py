"""`accelsim pareto`: the points of a store that nothing beats."""

from __future__ import annotations

import json
from pathlib import Path

import click

__all__ = ["pareto"]


@click.command(short_help="The front of a sweep: what nothing beats.")
@click.argument("store", type=click.Path(path_type=Path))
@click.option("--objectives", metavar="NAMES", help="accuracy,energy,...  [default: the space's]")
@click.option("--space", "name", help="Which space of the store.  [default: the last]")
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
def pareto(store: Path, objectives: str | None, name: str | None, as_json: bool) -> None:
    """Print the front of the points in STORE, its knee (*), and its hypervolume."""
    from accelsim.sweeps.analyse import chosen_objectives, find_front
    from accelsim.sweeps.front_table import front_document, front_table
    from accelsim.sweeps.read_store import find_space, read_rows
    from accelsim.sweeps.store import Store

    with Store(store) as opened:
        stored = find_space(opened, name)
        wanted = chosen_objectives(stored.space, objectives)
        found = find_front(stored.space, wanted, list(read_rows(opened, stored)))
    if as_json:
        click.echo(json.dumps(front_document(stored.space, found), indent=2))
        return
    click.echo(front_table(stored.space, found), nl=False)
