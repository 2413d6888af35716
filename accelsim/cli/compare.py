"""`accelsim compare`: why two results differ."""

from __future__ import annotations

import click

__all__ = ["compare"]


@click.command(short_help="Why two results differ, cause by cause.")
@click.argument("a")
@click.argument("b")
@click.option("--bits", "label", help="Which width of a run of several, such as w4a8.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
def compare(a: str, b: str, label: str | None, as_json: bool) -> None:
    """Explain the difference between A and B: cycles by cause, energy by component.

    Each is a run folder (`accelsim run --output`), or STORE:POINT, a point of a sweep by the first
    digits of its key, as `accelsim pareto` prints it.
    """
    from accelsim.report.difference import difference_document, difference_text
    from accelsim.report.document import to_json
    from accelsim.sweeps.subjects import pair_of

    first, second = pair_of(a, b, label)
    if as_json:
        click.echo(to_json(difference_document(first, second)), nl=False)
        return
    click.echo(difference_text(first, second), nl=False)
