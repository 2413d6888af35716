"""What a person chooses about quantization: widths, granularity, ranges, rescale arithmetic."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, Protocol

from accelsim.arithmetic import Accumulator, IntegerFormat, RescaleMode
from accelsim.errors import ConfigError
from accelsim.hardware import Hardware
from accelsim.quantize.layer_bits import (
    NARROWEST_BITS,
    WIDEST_BITS,
    LayerBits,
    check_layer_bits,
)
from accelsim.quantize.observers import WEIGHT_METHODS, RangeMethod
from accelsim.quantize.weight_groups import check_groups

__all__ = ["Arithmetic", "MachineArithmetic", "QuantizationSpec", "WeightRounding"]


class WeightRounding(StrEnum):
    """Which of its two neighbouring integers a weight becomes."""

    NEAREST = "nearest"
    """The nearer one."""
    STOCHASTIC = "stochastic"
    """The upper one with the probability of the fraction; draws follow from a seed."""
    ADAROUND = "adaround"
    """The one that keeps the layer's output on calibration images best (Nagel 2020)."""


class Arithmetic(Protocol):
    """What a machine does with sums: its rescale unit and its accumulators."""

    @property
    def rescale_mode(self) -> RescaleMode:
        """How sums are rescaled."""

    @property
    def mantissa_bits(self) -> int:
        """Width of the rescale mantissas, 16 or 32."""

    @property
    def accumulator(self) -> Accumulator:
        """Width and overflow policy."""

    @property
    def row_sums(self) -> bool:
        """Whether rows of activations are summed up, as weights with zero points need."""


@dataclass(frozen=True)
class MachineArithmetic:
    """The arithmetic alone, for networks that bring their integers with them."""

    rescale_mode: RescaleMode = RescaleMode.FLOAT32
    mantissa_bits: int = 32
    accumulator: Accumulator = field(default_factory=Accumulator)
    row_sums: bool = False

    @classmethod
    def for_machine(cls, hardware: Hardware) -> MachineArithmetic:
        """Return the arithmetic of a machine."""
        return cls(
            hardware.rescale.mode,
            hardware.rescale.mantissa_bits,
            hardware.accumulator.format,
            hardware.array.row_sums,
        )


@dataclass(frozen=True)
class QuantizationSpec:
    """How a float network becomes integers.

    Attributes
    ----------
    weight_bits, activation_bits
        2 to 16, independently.
    layer_bits
        Other widths for single layers.
    per_channel
        One weight scale for each output channel instead of one for the layer.
    group_size, scale_bits
        Within an output channel's scale, an integer one of ``scale_bits`` (2 to 16) for each so
        many weights along the depth; None: no groups.
    symmetric_activations
        Real zero in the middle of the integer range, instead of a range fitted at both ends.
    signed_activations
        Two's complement activations; false: unsigned.
    asymmetric_weights
        Weights with zero points: both ends of the integers, of which none is left unused, stand
        for the ends of the weights' range. The machine has to sum up rows of activations.
    range_method, weight_range_method, percentile
        How the ranges of activations, and of the weights (of each channel or of the layer), are
        taken; ``percentile`` in (0, 100], percent, is used by ``percentile`` only.
    equalize
        Equalize weight ranges of neighbouring layers first (Nagel 2019).
    smooth
        Move outliers of activation channels into the weights first, with this strength from 0 to
        1 (SmoothQuant); None: not.
    weight_rounding, seed
        How weights are rounded; ``seed`` is for stochastic rounding.
    correct_biases
        Let biases take back the mean error of rounded weights (Nagel 2019).
    rescale_mode, mantissa_bits
        The rescale unit's arithmetic.
    restricted_weights
        Leave the most negative code of symmetric weights unused: [-(2^(b-1) - 1), 2^(b-1) - 1].
    accumulator
        Width and overflow policy of the accumulators that hold the bias.

    Raises
    ------
    ConfigError
        If a width, the percentile or ``smooth`` is out of range, a method or mode is unknown, a
        layer is given widths twice, or ranges are dynamic and the rescale unit is not float32.
    """

    weight_bits: int
    activation_bits: int
    per_channel: bool = True
    group_size: int | None = None
    scale_bits: int = 8
    symmetric_activations: bool = False
    signed_activations: bool = True
    asymmetric_weights: bool = False
    range_method: RangeMethod = RangeMethod.MIN_MAX
    weight_range_method: RangeMethod = RangeMethod.MIN_MAX
    percentile: float = 99.9
    equalize: bool = False
    smooth: float | None = None
    weight_rounding: WeightRounding = WeightRounding.NEAREST
    correct_biases: bool = False
    seed: int = 0
    rescale_mode: RescaleMode = RescaleMode.SINGLE_ROUND
    mantissa_bits: int = 32
    restricted_weights: bool = True
    accumulator: Accumulator = field(default_factory=Accumulator)
    layer_bits: tuple[LayerBits, ...] = ()

    @classmethod
    def for_machine(cls, hardware: Hardware, **choices: Any) -> QuantizationSpec:
        """Return the integers that a machine computes: its widths, rescale unit, accumulators.

        ``choices`` are the other fields.
        """
        machine = cls(
            weight_bits=hardware.array.weight_bits,
            activation_bits=hardware.array.activation_bits,
            rescale_mode=hardware.rescale.mode,
            mantissa_bits=hardware.rescale.mantissa_bits,
            accumulator=hardware.accumulator.format,
        )
        return replace(machine, **choices)

    def weight_format(self, bits: int) -> IntegerFormat:
        """Return the integers that weights of a width are."""
        restricted = self.restricted_weights and not self.asymmetric_weights
        return IntegerFormat(bits, restricted=restricted)

    @property
    def row_sums(self) -> bool:
        """Whether weights may keep zero points."""
        return self.asymmetric_weights

    def __post_init__(self) -> None:
        for name in ("weight_bits", "activation_bits"):
            bits = getattr(self, name)
            if not NARROWEST_BITS <= bits <= WIDEST_BITS:
                raise ConfigError(f"{name}: must be {NARROWEST_BITS} to {WIDEST_BITS}, got {bits}")
        check_layer_bits(self.layer_bits)
        check_groups(self.group_size, self.scale_bits, self.per_channel, self.asymmetric_weights)
        if not 0.0 < self.percentile <= 100.0:
            raise ConfigError(
                f"percentile: must be above 0 and at most 100 percent, got {self.percentile:g}"
            )
        for name, members in (
            ("range_method", tuple(RangeMethod)),
            ("weight_range_method", WEIGHT_METHODS),
            ("weight_rounding", tuple(WeightRounding)),
            ("rescale_mode", tuple(RescaleMode)),
        ):
            value = getattr(self, name)
            if value not in members:
                allowed = ", ".join(members)
                raise ConfigError(f"{name}: must be one of {allowed}, got {value!r}")
            # A plain string of the right spelling becomes the member that it names.
            object.__setattr__(self, name, members[members.index(value)])
        if self.range_method is RangeMethod.DYNAMIC and self.rescale_mode != RescaleMode.FLOAT32:
            raise ConfigError(
                "range_method: dynamic needs a rescale unit that computes in float32, got mode "
                f"{self.rescale_mode}; set rescale.mode=float32"
            )
        if self.smooth is not None and not 0.0 <= self.smooth <= 1.0:
            raise ConfigError(f"smooth: must be 0 to 1, got {self.smooth:g}")
        if self.mantissa_bits not in (16, 32):
            raise ConfigError(f"mantissa_bits: must be 16 or 32, got {self.mantissa_bits}")
