"""What is wrong with a request, before anything is loaded: one line, with the option's name."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from accelsim.energy import EnergyMode
from accelsim.errors import ConfigError
from accelsim.frontend import LARGEST_SEED, Scaling, is_shapes
from accelsim.quantize import WEIGHT_METHODS, RangeMethod, WeightRounding
from accelsim.quantize.layer_bits import NARROWEST_BITS, WIDEST_BITS, check_layer_bits
from accelsim.quantize.weight_groups import check_groups

if TYPE_CHECKING:
    from accelsim.request import Points, RunRequest

__all__ = ["check_request"]

_BUILT_FOR_POINTS = ("array.weight_bits", "array.activation_bits")
_LARGEST_BATCH = 2**20
"""Counts of what so many images do stay far inside of 64 bits."""
_ENGINES = ("register", "cycle", "tile")
_OTHER_FILES = {
    ".npz": "holds arrays and no network; give it as --data, and the network first",
    ".pt": "is PyTorch's own form; export the network to ONNX (torch.onnx.export)",
    ".pth": "is PyTorch's own form; export the network to ONNX (torch.onnx.export)",
    ".h5": "is Keras' own form; convert the network to an int8 .tflite file, or to ONNX",
    ".keras": "is Keras' own form; convert the network to an int8 .tflite file, or to ONNX",
}
"""What people have that is no network, or not yet one that can be read, by its ending."""


def check_request(request: RunRequest) -> None:
    """Raise ConfigError if a value is out of its range, or two do not go together."""
    other = _OTHER_FILES.get(Path(request.network).suffix.lower())
    if other is not None:
        raise ConfigError(f"{request.network}: {other}")
    if request.points is not None:
        _check_points(request.points)
    if request.engine not in _ENGINES:
        allowed = ", ".join(_ENGINES)
        raise ConfigError(f"engine: must be one of {allowed}, got {request.engine!r}")
    if request.energy not in list(EnergyMode):
        allowed = ", ".join(EnergyMode)
        raise ConfigError(f"energy: must be one of {allowed}, got {request.energy!r}")
    if request.energy == EnergyMode.SWITCHING and request.engine == "tile":
        raise ConfigError(
            "--energy switching: the tile engine keeps no registers; use --engine cycle"
        )
    if request.energy == EnergyMode.SWITCHING and is_shapes(request.network):
        raise ConfigError(f"--energy switching: {request.network} has no values that could switch")
    for name, methods in (
        ("range_method", tuple(RangeMethod)),
        ("weight_range_method", WEIGHT_METHODS),
        ("weight_rounding", tuple(WeightRounding)),
    ):
        if getattr(request, name) not in methods:
            allowed = ", ".join(methods)
            raise ConfigError(f"{name}: must be one of {allowed}, got {getattr(request, name)!r}")
    if not 0 < request.percentile <= 100:
        raise ConfigError(
            f"percentile: must be above 0 and at most 100 percent, got {request.percentile:g}"
        )
    check_groups(
        request.group_size, request.scale_bits, request.per_channel, request.asymmetric_weights
    )
    if is_shapes(request.network):
        _refuse_quantization_of_shapes(request)
        _refuse_what_needs_values(request)
    if request.layer_bits:
        _check_layer_bits(request)
    if request.group_size is not None:
        _check_groups(request)
    for name in ("limit", "batch"):
        if getattr(request, name) < 1:
            raise ConfigError(f"{name}: must be at least 1 image, got {getattr(request, name)}")
    if request.batch > _LARGEST_BATCH:
        raise ConfigError(f"batch: must be at most {_LARGEST_BATCH} images, got {request.batch}")
    for override in request.overrides:
        if override.partition("=")[0].strip() in _BUILT_FOR_POINTS:
            raise ConfigError(
                f"--set {override}: PEs are built for the widths that are run; give these "
                "by --bits, or --weights and --activations"
            )
    _check_data(request)
    if not 0 <= request.seed <= LARGEST_SEED:
        raise ConfigError(f"seed: must be 0 to {LARGEST_SEED}, got {request.seed}")


def _check_data(request: RunRequest) -> None:
    if request.data is not None and (request.random_data or is_shapes(request.network)):
        other = (
            "--random-data" if request.random_data else f"{request.network}, which has no values"
        )
        raise ConfigError(f"--data: cannot be used with {other}")
    changed = {
        "--input-scale": request.input_scale != "auto",
        "--normalize": bool(request.normalize),
    }
    for option in (name for name, given in changed.items() if given):
        if request.random_data or is_shapes(request.network):
            raise ConfigError(f"{option}: there are no data to scale")
    if request.ceil_outputs and Path(request.network).suffix.lower() != ".csv":
        raise ConfigError("--scalesim-ofmap ceil: is for SCALE-Sim topologies (.csv) only")
    if request.noise and is_shapes(request.network):
        raise ConfigError(f"--noise: {request.network} has no values that could be noisy")
    if request.random_data and is_shapes(request.network):
        raise ConfigError(f"--random-data: {request.network} has no weights to run it with")
    Scaling.parse(request.input_scale, request.normalize)


def _refuse_quantization_of_shapes(request: RunRequest) -> None:
    """Refuse what would change nothing. Ranges found at run time cost cycles, whatever they are."""
    for option, value in request.quantization_words:
        if (option, value) != ("--range", RangeMethod.DYNAMIC):
            raise ConfigError(f"{option}: {request.network} has no values to be quantized")


def _refuse_what_needs_values(request: RunRequest) -> None:
    what = f"{request.network} has no values"
    if request.engine == "register":
        raise ConfigError(
            f"--engine register: {what} to be stepped; its cycles are those of every engine"
        )
    if not request.check:
        raise ConfigError(f"--no-check: {what} that golden could check")
    if request.limit != type(request).limit:
        raise ConfigError(f"--limit: {what}, so there are no images to simulate")


def _check_groups(request: RunRequest) -> None:
    if request.engine == "register":
        raise ConfigError(
            "--group-size: the register engine has no scales of groups; use --engine cycle"
        )
    if request.energy == EnergyMode.SWITCHING:
        raise ConfigError(
            "--group-size: --energy switching does not count scales of groups; leave it out"
        )


def _check_layer_bits(request: RunRequest) -> None:
    check_layer_bits(request.layer_bits)
    if request.points is not None and len(request.points) > 1:
        raise ConfigError(
            f"--layer-bits: needs one width of all other layers, got {len(request.points)}"
        )


def _check_points(points: Points) -> None:
    if not points:
        raise ConfigError("points: at least one pair of bit-widths is needed")
    for point in points:
        for name, bits in zip(("weight bits", "activation bits"), point, strict=True):
            if not NARROWEST_BITS <= bits <= WIDEST_BITS:
                raise ConfigError(f"{name}: must be {NARROWEST_BITS} to {WIDEST_BITS}, got {bits}")
        if points.count(point) > 1:
            raise ConfigError(f"points: w{point[0]}a{point[1]} is given twice")
