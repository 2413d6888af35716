"""`accelsim sweep`: many designs, and what became of them."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from accelsim.sweeps.run import Show
    from accelsim.sweeps.workers import Workers

__all__ = ["sweep"]

_PATH = click.Path(path_type=Path)
_SPACE_OPTION = click.option(
    "--space", "name", help="Which space of the store.  [default: the last]"
)


class _RunByDefault(click.Group):
    """`accelsim sweep space.yaml` is `accelsim sweep run space.yaml`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if args and args[0] not in self.commands and not args[0].startswith("-"):
            args = ["run", *args]
        return super().parse_args(ctx, args)


@click.group(cls=_RunByDefault, short_help="Thousands of designs: run, stop, go on.")
def sweep() -> None:
    """Run every design of a space, or a sample of them: `accelsim sweep SPACE.yaml`.

    What is interrupted goes on with the same command.
    """


@sweep.command(short_help="Run a space (the default).")
@click.argument("space", type=_PATH)
@click.option("--store", type=_PATH, help="Where results go.  [default: NAME.sqlite]")
@click.option("--workers", type=click.IntRange(1, 1024), help="Processes.  [default: one a core]")
@click.option("--scheduler", help="A Dask cluster instead, such as tcp://10.0.0.1:8786.")
@click.option(
    "--timeout",
    "timeout_seconds",
    type=click.FloatRange(min=0.01),
    default=600.0,
    show_default=True,
    help="Seconds that one point may take.",
)
@click.option("--retry-failed", is_flag=True, help="Try points again that failed before.")
@click.option("--quiet", is_flag=True, help="Show nothing while it runs.")
@click.option("--json", "as_json", is_flag=True, help="Progress and end as JSON, one line each.")
def run(
    space: Path,
    store: Path | None,
    workers: int | None,
    scheduler: str | None,
    timeout_seconds: float,
    retry_failed: bool,
    quiet: bool,
    as_json: bool,
) -> None:
    """Compute the designs of SPACE that its store does not have yet."""
    from accelsim.cli.sweep_progress import bar, json_lines, nothing, print_end
    from accelsim.sweeps.load_space import load_space
    from accelsim.sweeps.sweep import run_sweep

    checked = load_space(space)
    place = Path(f"{checked.name}.sqlite") if store is None else store
    shown: AbstractContextManager[Show] = nothing()
    if as_json:
        shown = json_lines()
    elif not quiet:
        shown = bar()
    with shown as show:
        ended = run_sweep(
            checked,
            place,
            _workers(workers, scheduler),
            show,
            timeout_seconds=timeout_seconds,
            retry_failed=retry_failed,
        )
    print_end(ended, checked, place, as_json=as_json, quiet=quiet)


@sweep.command(short_help="Check a space; say how much it is.")
@click.argument("space", type=_PATH)
@click.option("--workers", type=click.IntRange(1, 1024), help="Processes.  [default: one a core]")
def check(space: Path, workers: int | None) -> None:
    """Check SPACE; say how many points it has, how long they take, how large the store becomes."""
    from accelsim.cli.sweep_progress import duration
    from accelsim.sweeps.load_space import load_space
    from accelsim.sweeps.plan import plan_sweep
    from accelsim.sweeps.quantization import QUANTIZATION
    from accelsim.sweeps.workers import default_workers

    checked = load_space(space)
    plan = plan_sweep(checked)
    count = workers or default_workers()
    about = "" if plan.exact else "about "
    click.echo(f"{space}: ok: {checked.name}, {', '.join(checked.networks)}")
    click.echo(f"  {plan.grid_points:,} combinations, {about}{plan.points:,} points to run")
    if checked.shapes_beside_values:
        click.echo(
            f"  {', '.join(checked.shapes_beside_values)}: no values to quantize: run at the first "
            f"value of each axis {QUANTIZATION}* alone"
        )
    if plan.impossible:
        click.echo(f"  {plan.impossible} of {plan.tried} tried cannot be run: {plan.example}")
    parts = [f"{duration(plan.start_seconds)} to start"]
    parts.append(f"{plan.point_seconds * 1e3:.1f} ms a point")
    if plan.preparations:
        each = f"{plan.preparation_seconds:.2g} s"
        parts.append(f"{each} for each of {plan.preparations:,} ways to quantize")
    staff = f"{count} worker{'s' if count > 1 else ''}"
    click.echo(f"  {_about(duration(plan.seconds(count)))} with {staff} on free cores")
    click.echo(f"    ({', '.join(parts)})")
    click.echo(f"  about {max(plan.stored_bytes, 1000) / 1e6:,.3g} MB in the store")


def _about(text: str) -> str:
    return text if text.startswith("under") else f"about {text}"


@sweep.command(short_help="What a store holds.")
@click.argument("store", type=_PATH)
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
def status(store: Path, as_json: bool) -> None:
    """Say what STORE holds: spaces, points, why some failed."""
    from accelsim.cli.sweep_progress import print_status
    from accelsim.sweeps.store import Store

    with Store(store) as opened:
        print_status(opened, as_json=as_json)


@sweep.command(short_help="A store's points as CSV or Parquet.")
@click.argument("store", type=_PATH)
@click.option("--output", type=_PATH, help="File to write: .csv or .parquet.  [default: stdout]")
@_SPACE_OPTION
def export(store: Path, output: Path | None, name: str | None) -> None:
    """Write the points of a space in STORE, a row each: axes, results, causes, components."""
    from accelsim.sweeps.export import export_rows
    from accelsim.sweeps.read_store import find_space
    from accelsim.sweeps.store import Store

    with Store(store) as opened:
        stored = find_space(opened, name)
        count = export_rows(opened, stored, output)
    if output is not None:
        click.echo(f"{output}: {count:,} points of {stored.space.name}")


@sweep.command(short_help="A page of a store: front, filters, every design.")
@click.argument("store", type=_PATH)
@click.option("--output", type=_PATH, help="Page to write.  [default: the store's name, .html]")
@click.option("--figures", type=_PATH, help="Folder for the figures as SVG and PNG, too.")
@click.option("--objectives", metavar="NAMES", help="latency,energy,...  [default: the space's]")
@_SPACE_OPTION
def report(
    store: Path, output: Path | None, figures: Path | None, objectives: str | None, name: str | None
) -> None:
    """Write one self-contained HTML page of a space in STORE; it works offline."""
    from accelsim.sweeps.analyse import chosen_objectives
    from accelsim.sweeps.read_store import find_space
    from accelsim.sweeps.report import write_report
    from accelsim.sweeps.store import Store

    place = store.with_suffix(".html") if output is None else output
    with Store(store) as opened:
        stored = find_space(opened, name)
        wanted = chosen_objectives(stored.space, objectives)
        found = write_report(opened, stored, wanted, place, figures)
    parts = [f"{len(found.rows):,} designs of {stored.space.name}"]
    if found.over_budget:
        parts.append(f"{found.over_budget:,} of them over budget ({stored.space.budget_text})")
    without = len(found.rows) - found.judged - found.over_budget
    if without:
        parts.append(f"{without:,} without results")
    click.echo(f"{place}: {', '.join(parts)}")


def _workers(count: int | None, scheduler: str | None) -> Workers:
    from accelsim.errors import ConfigError
    from accelsim.sweeps.workers import Cluster, LocalProcesses, default_workers

    if scheduler is None:
        return LocalProcesses(count or default_workers())
    if count is not None:
        raise ConfigError("--workers: the cluster of --scheduler has its own")
    return Cluster(scheduler)
