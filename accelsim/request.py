"""What a person asks for when a network is run, checked before anything is loaded."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from accelsim.energy import EnergyMode
from accelsim.frontend import Scaling, is_shapes
from accelsim.hardware import Hardware, PeKind
from accelsim.quantize import LayerBits, RangeMethod, WeightRounding
from accelsim.request_checks import check_request
from accelsim.units import format_hertz

__all__ = [
    "DEFAULT_POINTS",
    "EIGHT_BITS",
    "Points",
    "Progress",
    "RunRequest",
    "array_line",
    "point_name",
]

Progress = Callable[[str, int, int], None]
"""Told (what, steps done, steps in all) before each step."""

_QUANTIZATION = {
    "per_channel": "--per-tensor",
    "group_size": "--group-size",
    "scale_bits": "--scale-bits",
    "symmetric_activations": "--symmetric",
    "asymmetric_weights": "--asymmetric-weights",
    "range_method": "--range",
    "weight_range_method": "--weight-range",
    "percentile": "--percentile",
    "equalize": "--equalize",
    "smooth": "--smooth",
    "weight_rounding": "--rounding",
    "correct_biases": "--correct-biases",
    "layer_bits": "--layer-bits",
}
"""The options that set quantization fields other than from their standard values."""

Points = tuple[tuple[int, int], ...]
"""(weight bits, activation bits) of each point."""

DEFAULT_POINTS: Points = ((8, 8), (6, 6), (4, 4), (3, 3), (2, 2))
EIGHT_BITS: Points = ((8, 8),)


@dataclass(frozen=True)
class RunRequest:
    """What to run. Everything has a default: the digits CNN on a 16x16 array, int8 to int2.

    Attributes
    ----------
    network
        Name of a bundled network or topology, or path of an ONNX or TFLite file, a topology's
        YAML file or a SCALE-Sim topology CSV. A topology has shapes but no values: it has no
        accuracy.
    hardware, overrides
        Name of a preset, or path of a YAML file or of a SCALE-Sim .cfg (changes to the preset
        ``scalesim``); ``"array.rows=32"`` changes a field of it.
    points
        (weight bits, activation bits) of each point, 2 to 16. For each, PEs and scratchpads are
        built for these widths. None: those of the file, if it is quantized already (it takes no
        others); `DEFAULT_POINTS` for a float network, `EIGHT_BITS` for a topology
        or with ``layer_bits``.
    data
        Path of test images, labels and calibration images: an .npz, IDX files, CIFAR-10's binary
        version, or a folder of images with a CSV; None: the bundled digits, for a bundled network.
    input_scale, normalize
        How stored numbers become real ones, where the rule for it is not what is meant:
        ``"1/255"`` or ``"none"``, then ``"MEAN,STD"``. See `Scaling.parse`.
    engine
        How closely the array is simulated: register, cycle or tile.
    limit
        Images to simulate, at most; a random choice of the test images, by ``seed``.
    batch
        Images in one batch: they share the weights that are fetched.
    per_channel
        One weight scale for each output channel, instead of one for each layer.
    group_size, scale_bits
        Within an output channel's scale, an integer one of ``scale_bits`` for each so many weights
        along the depth; None: no groups. An array without multipliers for it gets them.
    symmetric_activations
        Zero in the middle of the activations' integers, instead of ranges fitted at both ends.
    asymmetric_weights
        Weights with zero points, on an array that is built to sum up rows of activations.
    range_method, weight_range_method, percentile
        How ranges of activations follow from calibration images, and those of weights from the
        weights: names of `RangeMethod`; ``percentile`` covers the central ``percentile`` percent.
    equalize, smooth, weight_rounding, correct_biases
        What is done for better integers of the same widths; see `QuantizationSpec`.
    layer_bits
        Other widths for single layers, beside the one point; PEs are built for the widest.
    random_data
        Seeded random images, one batch of them, in place of data: nothing is said of accuracy.
    noise
        Compare what each layer writes with the float network, over the simulated images.
    timeline
        Record what every unit does when, for the first point.
    ceil_outputs
        Round output sizes of a SCALE-Sim topology as SCALE-Sim does.
    energy
        What the array's operations cost: ``per_operation``, the mean of random operands, or
        ``switching``, the bits that change with the values that flow.
    check
        Run golden over all test images and compare; otherwise the integer accuracy is that of
        the simulated images.

    Raises
    ------
    ConfigError
        If a value is out of its range.
    """

    network: str = "digits_cnn"
    hardware: str = "edge_16x16"
    overrides: tuple[str, ...] = ()
    points: Points | None = None
    data: str | None = None
    input_scale: str = "auto"
    normalize: str | None = None
    engine: str = "cycle"
    limit: int = 64
    batch: int = 1
    per_channel: bool = True
    group_size: int | None = None
    scale_bits: int = 8
    symmetric_activations: bool = False
    asymmetric_weights: bool = False
    range_method: str = RangeMethod.MIN_MAX
    weight_range_method: str = RangeMethod.MIN_MAX
    percentile: float = 99.9
    equalize: bool = False
    smooth: float | None = None
    weight_rounding: str = WeightRounding.NEAREST
    correct_biases: bool = False
    layer_bits: tuple[LayerBits, ...] = ()
    check: bool = True
    seed: int = 0
    random_data: bool = False
    noise: bool = False
    timeline: bool = False
    ceil_outputs: bool = False
    energy: str = EnergyMode.PER_OPERATION

    def __post_init__(self) -> None:
        check_request(self)

    @property
    def built_scale_bits(self) -> int | None:
        """Width of the scales of groups of weights that arrays need multipliers for, if any."""
        return None if self.group_size is None else self.scale_bits

    @property
    def float_points(self) -> Points:
        """The points of a network that is not quantized yet: as asked for, or the standard ones."""
        if self.points is not None:
            return self.points
        return EIGHT_BITS if is_shapes(self.network) or self.layer_bits else DEFAULT_POINTS

    @property
    def command(self) -> str:
        """The command line that repeats this run."""
        standard = RunRequest()
        words = ["accelsim", "run", self.network, "--hardware", self.hardware]
        for override in self.overrides:
            words += ["--set", override]
        if self.points is not None:
            words += ["--bits", ",".join(point_name(*point) for point in self.points)]
        if self.data is not None:
            words += ["--data", self.data]
        if self.input_scale != standard.input_scale:
            words += ["--input-scale", self.input_scale]
        if self.normalize is not None:
            # One word: a mean below zero would look like an option.
            words += [f"--normalize={self.normalize}"]
        for name in ("engine", "limit", "batch", "seed", "energy"):
            if getattr(self, name) != getattr(standard, name):
                words += [f"--{name}", str(getattr(self, name))]
        for option, value in self.quantization_words:
            words += [option] if value is None else [option, value]
        words += [] if self.check else ["--no-check"]
        words += ["--random-data"] if self.random_data else []
        words += ["--noise"] if self.noise else []
        words += ["--timeline"] if self.timeline else []
        words += ["--scalesim-ofmap", "ceil"] if self.ceil_outputs else []
        return shlex.join(words)

    @property
    def scaling(self) -> Scaling:
        """How stored numbers become real ones."""
        return Scaling.parse(self.input_scale, self.normalize)

    @property
    def quantization(self) -> dict[str, Any]:
        """The choices of `QuantizationSpec` that are not the machine's."""
        return {name: getattr(self, name) for name in _QUANTIZATION} | {"seed": self.seed}

    @property
    def quantization_words(self) -> tuple[tuple[str, str | None], ...]:
        """Each quantization option that is not as the standard has it, with its value if any."""
        standard = RunRequest()
        words: list[tuple[str, str | None]] = []
        for name, option in _QUANTIZATION.items():
            value = getattr(self, name)
            if isinstance(value, tuple):
                words += [(option, str(entry)) for entry in value]
            elif name == "scale_bits" and self.group_size is None:
                continue
            elif value != getattr(standard, name) and name != "percentile":
                words.append((option, None if isinstance(value, bool) else f"{value}"))
        if RangeMethod.PERCENTILE in (self.range_method, self.weight_range_method):
            words.append(("--percentile", f"{self.percentile:g}"))
        return tuple(words)

    @property
    def ranges(self) -> str:
        """How activation ranges are taken, in words."""
        return self._in_words(self.range_method, "calibration value")

    @property
    def weight_ranges(self) -> str:
        """How weight ranges are taken, in words."""
        return self._in_words(self.weight_range_method, "weight")

    def _in_words(self, method: str, value: str) -> str:
        return {
            RangeMethod.MIN_MAX: f"smallest and largest {value}",
            RangeMethod.PERCENTILE: f"central {self.percentile:g} percent of {value}s",
            RangeMethod.MOVING_AVERAGE: "moving averages of each image's extremes",
            RangeMethod.MSE: "smallest squared error (grid search)",
            RangeMethod.KL: "smallest Kullback-Leibler divergence",
            RangeMethod.OCTAV: "OCTAV's clipping bound",
            RangeMethod.CROSS_ENTROPY: "class probabilities kept best; squared error elsewhere",
            RangeMethod.DYNAMIC: "smallest and largest value of each image, found at run time",
        }[RangeMethod(method)]


def point_name(weight_bits: int, activation_bits: int) -> str:
    """Name a point as ``--bits`` takes it: one width, or one for each operand.

    >>> point_name(8, 8), point_name(4, 8)
    ('8', 'w4a8')
    """
    same = weight_bits == activation_bits
    return str(weight_bits) if same else f"w{weight_bits}a{activation_bits}"


def array_line(hardware: Hardware, overrides: tuple[str, ...]) -> str:
    """Say in a line which array it is and what was changed in the machine."""
    array = hardware.array
    kind = "" if array.pe_kind is PeKind.FIXED else f"{array.pe_kind.replace('_', '-')} "
    size = f"{array.rows} x {array.columns} {kind}PEs"
    size += f" of {array.own_pe_bits} bits" if array.own_pe_bits else ""
    size += " and row sums" if array.row_sums else ""
    changed = f", with {', '.join(overrides)}" if overrides else ""
    return f"{size}, {array.flow.title}, {format_hertz(hardware.clock)}{changed}"
