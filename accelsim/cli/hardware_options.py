"""The option of every command that takes a machine and changes it."""

from __future__ import annotations

import click

__all__ = ["change_option"]

change_option = click.option(
    "--set",
    "overrides",
    multiple=True,
    metavar="FIELD=VALUE",
    help="Change a field of the hardware, such as array.rows=32.",
)
