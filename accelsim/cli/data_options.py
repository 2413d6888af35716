"""The options of every command that reads data: where they are, and how they are scaled."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

__all__ = ["data_options"]

_OPTIONS = (
    click.option(
        "--data",
        metavar="PATH",
        help="Images and labels: .npz, IDX (MNIST), CIFAR-10 or a folder of images with a CSV.",
    ),
    click.option(
        "--input-scale",
        default="auto",
        show_default=True,
        metavar="FACTOR",
        help="What stored numbers are multiplied with: none, 1/255, ...; auto: pixels with 1/255.",
    ),
    click.option(
        "--normalize",
        metavar="MEAN,STD",
        help="Then (x - mean) / std: two numbers, or all channels' means and then deviations.",
    ),
)


def data_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command ``--data``, ``--input-scale`` and ``--normalize``."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command
