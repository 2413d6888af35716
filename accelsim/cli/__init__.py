"""The command line: one command a file, no logic. Rooms are imported when a command runs."""

from __future__ import annotations

import click

from accelsim.cli.compare import compare
from accelsim.cli.energy import energy
from accelsim.cli.export import export
from accelsim.cli.failures import Commands
from accelsim.cli.formats import formats
from accelsim.cli.hardware import hardware
from accelsim.cli.inspect import inspect
from accelsim.cli.mixed import mixed
from accelsim.cli.networks import networks
from accelsim.cli.pareto import pareto
from accelsim.cli.quantize import quantize
from accelsim.cli.report import report
from accelsim.cli.rtl import rtl
from accelsim.cli.run import run
from accelsim.cli.sensitivity import sensitivity
from accelsim.cli.sweep import sweep
from accelsim.cli.topology import topology
from accelsim.cli.train import train
from accelsim.cli.version import version

__all__ = ["main"]


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Accuracy, cycles and energy of a quantized network on a modelled MAC array, from one run.

    Start with `accelsim run`: it needs no files.
    """


for _command in (
    run,
    sweep,
    pareto,
    compare,
    quantize,
    sensitivity,
    mixed,
    train,
    export,
    report,
    inspect,
    topology,
    networks,
    hardware,
    energy,
    formats,
    rtl,
    version,
):
    main.add_command(_command)
