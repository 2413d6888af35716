"""What a search for mixed widths found: steps, the network that is left, the command to run it."""

from __future__ import annotations

import csv
import io
from dataclasses import asdict, dataclass

from rich import box
from rich.console import Console
from rich.table import Table

__all__ = ["SearchResult", "SearchStep", "search_csv", "search_document", "search_table"]


@dataclass(frozen=True)
class SearchStep:
    """A network that was tried: what differs from the best before it, and whether it is better.

    ``output_mse``: mean squared error of the output against the float network's.
    """

    change: str
    accuracy_pct: float
    output_mse: float
    cycles_per_image: float
    energy_uj_per_image: float
    kept: bool


@dataclass(frozen=True)
class SearchResult:
    """From the first network to the best one.

    ``search`` is ``greedy`` or ``optuna``. ``steps[0]`` is the start; ``final``, the last one that
    was kept, was run on the machine, all outputs equal to golden's; ``command`` runs it again.
    ``measured`` networks were computed for all images, sensitivities included; ``costed`` were
    compiled, timed and accounted for.
    """

    network: str
    hardware: str
    goal: str
    search: str
    images: int
    measured: int
    costed: int
    float_pct: float
    steps: tuple[SearchStep, ...]
    final: SearchStep
    layer_bits: tuple[str, ...]
    command: str
    notes: tuple[str, ...] = ()


def search_table(result: SearchResult, width: int) -> str:
    """Return a row for each step that was kept, and the command that runs the last."""
    stream = io.StringIO()
    console = Console(width=width, file=stream, highlight=False, markup=False)
    console.print(f" {result.network} on {result.hardware}: {result.goal}")
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold", padding=(0, 1, 0, 0))
    table.add_column("change", overflow="fold")
    for heading in ("accuracy\n%", "cycles\n/image", "energy\nµJ/image"):
        table.add_column(heading, justify="right", no_wrap=True)
    for step in result.steps:
        if step.kept:
            table.add_row(
                step.change,
                f"{step.accuracy_pct:.2f}",
                f"{step.cycles_per_image:,.0f}",
                f"{step.energy_uj_per_image:.4f}",
            )
    console.print(table)
    tried = len(result.steps) - 1
    kept = sum(step.kept for step in result.steps) - 1
    console.print(
        f" {tried} changes tried, {kept} kept; {result.measured:,} networks measured over "
        f"{result.images:,} images and {result.costed:,} timed; float {result.float_pct:.2f} %"
    )
    for note in result.notes:
        console.print(f" Note: {note}")
    text = "\n".join(line.rstrip() for line in stream.getvalue().splitlines())
    return f"{text}\n Run it: {result.command}\n"


def search_csv(result: SearchResult) -> str:
    """Return one line for each network that was tried."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(list(SearchStep.__dataclass_fields__))
    for step in result.steps:
        numbers = (
            step.accuracy_pct,
            step.output_mse,
            step.cycles_per_image,
            step.energy_uj_per_image,
        )
        cells = [f"{number:.6g}" for number in numbers]
        writer.writerow([step.change, *cells, "yes" if step.kept else "no"])
    return stream.getvalue()


def search_document(result: SearchResult) -> dict[str, object]:
    """Return everything as plain numbers, text and lists."""
    return {"schema": "accelsim.mixed_widths/1"} | asdict(result)
