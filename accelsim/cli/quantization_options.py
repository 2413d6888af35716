"""The options that say how a float network is quantized, for every command that does."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import click

__all__ = [
    "CALIBRATED_RANGES",
    "RANGE_METHODS",
    "WEIGHT_RANGE_METHODS",
    "WEIGHT_ROUNDINGS",
    "group_choices",
    "quantization_choices",
    "quantization_options",
    "scale_options",
    "search_options",
    "study_options",
]

_Command = TypeVar("_Command", bound=Callable[..., Any])

# Written out, so that the command line starts without numpy.
RANGE_METHODS = (
    *("min_max", "moving_average", "percentile", "mse", "kl", "octav", "cross_entropy"),
    "dynamic",
)
CALIBRATED_RANGES = RANGE_METHODS[:-1]
WEIGHT_RANGE_METHODS = ("min_max", "percentile", "mse", "kl", "octav")
WEIGHT_ROUNDINGS = ("nearest", "stochastic", "adaround")

_GROUP_OPTIONS = (
    click.option(
        "--group-size",
        type=int,
        metavar="WEIGHTS",
        help="An integer scale for so many weights along the depth, within the channel's.",
    ),
    click.option(
        "--scale-bits",
        type=int,
        metavar="BITS",
        help="Width of the scales of groups, 2 to 16.  [default: 8]",
    ),
)

_PER_TENSOR = click.option(
    "--per-tensor", is_flag=True, help="One weight scale a layer, not one a channel."
)
_SYMMETRIC = click.option(
    "--symmetric",
    "symmetric_activations",
    is_flag=True,
    help="Activations with zero in the middle of their integers (no zero points).",
)
_ASYMMETRIC_WEIGHTS = click.option(
    "--asymmetric-weights",
    is_flag=True,
    help="Weights with zero points, too; the array is built with row sums for them.",
)
_PERCENTILE = click.option(
    "--percentile",
    type=float,
    metavar="PERCENT",
    help="Central share of the values that a percentile range covers.  [default: 99.9]",
)

_OPTIONS = (
    _PER_TENSOR,
    *_GROUP_OPTIONS,
    _SYMMETRIC,
    _ASYMMETRIC_WEIGHTS,
    click.option(
        "--range",
        "range_method",
        type=click.Choice(RANGE_METHODS),
        default="min_max",
        show_default=True,
        help="How activation ranges follow from calibration images; dynamic: from each image.",
    ),
    click.option(
        "--weight-range",
        "weight_range_method",
        type=click.Choice(WEIGHT_RANGE_METHODS),
        default="min_max",
        show_default=True,
        help="How ranges of weights follow from the weights.",
    ),
    _PERCENTILE,
    click.option(
        "--equalize", is_flag=True, help="Equalize weight ranges of neighbouring layers first."
    ),
    click.option(
        "--smooth",
        type=float,
        metavar="STRENGTH",
        help="Move activation outliers into weights first: SmoothQuant, 0 to 1 (0.5 is usual).",
    ),
    click.option(
        "--rounding",
        "weight_rounding",
        type=click.Choice(WEIGHT_ROUNDINGS),
        default="nearest",
        show_default=True,
        help="How weights are rounded; adaround keeps layer outputs best (slower).",
    ),
    click.option(
        "--correct-biases",
        is_flag=True,
        help="Let biases take back the mean error of rounded weights.",
    ),
)


def _layer_bits(text: str) -> Callable[[_Command], _Command]:
    return click.option("--layer-bits", multiple=True, metavar="LAYER=WIDTHS", help=text)


_LAYER_BITS = _layer_bits(
    "Other widths of one layer's weights and of what it writes: conv1=w8a8, conv1=w4."
)
_START_BITS = _layer_bits(
    "Widths of one layer to start from, such as conv1=w4: the search may narrow them (see --pin)."
)
_PIN = click.option(
    "--pin",
    "pinned",
    multiple=True,
    metavar="LAYER=WIDTHS",
    help="Widths of one layer that the search keeps, of weights and of what it writes: conv1=w8a8.",
)


def group_choices(options: dict[str, Any]) -> dict[str, Any]:
    """Return the options with the request's fields for groups of weights.

    Raises
    ------
    ConfigError
        If a width of scales is given that nothing uses.
    """
    from accelsim.errors import ConfigError

    scale_bits = options.pop("scale_bits")
    if scale_bits is None:
        return options
    if options["group_size"] is None:
        raise ConfigError("--scale-bits: there are no groups; give --group-size, too")
    return options | {"scale_bits": scale_bits}


def quantization_options(command: _Command) -> _Command:
    """Add the options to a command; what they give, `quantization_choices` reads."""
    return _with((*_OPTIONS, _LAYER_BITS), command)


def search_options(command: _Command) -> _Command:
    """Add them to a search, which starts from widths of layers, or keeps them."""
    return _with((*_OPTIONS, _START_BITS, _PIN), command)


def scale_options(command: _Command) -> _Command:
    """Add those that say what has a scale of its own, and where zero lies."""
    return _with((_PER_TENSOR, _SYMMETRIC), command)


def study_options(command: _Command) -> _Command:
    """Add those that several methods share."""
    shared = (_PER_TENSOR, *_GROUP_OPTIONS, _SYMMETRIC, _ASYMMETRIC_WEIGHTS, _PERCENTILE)
    return _with(shared, command)


def _with(options: Sequence[Callable[[_Command], _Command]], command: _Command) -> _Command:
    for option in reversed(options):
        command = option(command)
    return command


def quantization_choices(options: dict[str, Any]) -> dict[str, Any]:
    """Return the options that are not about quantization, and the request's fields for the rest.

    Raises
    ------
    ConfigError
        If a percentile is given that nothing uses, or widths of a layer in another form.
    """
    from accelsim.errors import ConfigError
    from accelsim.quantize import LayerBits

    options = group_choices(options)
    percentile, per_tensor = options.pop("percentile"), options.pop("per_tensor")
    if percentile is not None:
        methods = (options["range_method"], options["weight_range_method"])
        if "percentile" not in methods:
            raise ConfigError("--percentile: needs --range or --weight-range percentile")
        options["percentile"] = percentile
    options["layer_bits"] = tuple(LayerBits.parse(text) for text in options["layer_bits"])
    return options | {"per_channel": not per_tensor}
