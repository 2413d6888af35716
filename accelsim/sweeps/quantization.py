"""How float networks of a space become integers: its section, and the axes that vary it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from accelsim.quantize import LayerBits, with_layer_bits
from accelsim.sweeps.expressions import Value

__all__ = ["LAYER_BITS", "NOTHING", "QUANTIZATION", "Quantization", "chosen", "layer_choice"]

QUANTIZATION = "quantization."
"""What axes that vary a choice of `Quantization` begin with."""

LAYER_BITS = f"{QUANTIZATION}layer_bits."
"""What axes that vary one layer's widths begin with."""

NOTHING = "none"
"""The value of ``quantization.smooth`` that does not smooth, of ``quantization.group_size`` without
groups, and of a layer as all others are."""


@dataclass(frozen=True)
class Quantization:
    """How float networks of the space become integers; see `accelsim.request.RunRequest`.

    ``layer_bits`` are texts that `LayerBits.parse` reads.
    """

    per_channel: bool = True
    group_size: int | None = None
    scale_bits: int = 8
    symmetric_activations: bool = False
    asymmetric_weights: bool = False
    range_method: str = "min_max"
    weight_range_method: str = "min_max"
    percentile: float = 99.9
    equalize: bool = False
    smooth: float | None = None
    weight_rounding: str = "nearest"
    correct_biases: bool = False
    layer_bits: tuple[str, ...] = ()
    seed: int = 0

    def __post_init__(self) -> None:
        # Files and stores have lists.
        object.__setattr__(self, "layer_bits", tuple(self.layer_bits))

    @property
    def layers(self) -> tuple[LayerBits, ...]:
        """The widths of single layers."""
        return tuple(map(LayerBits.parse, self.layer_bits))

    @property
    def choices(self) -> dict[str, Any]:
        """The fields as `RunRequest` takes them."""
        return vars(self) | {"layer_bits": self.layers}


def chosen(section: Quantization, settings: Mapping[str, Value]) -> Quantization:
    """Return how a network of a design becomes integers, of the values of its axes."""
    changes: dict[str, Any] = {}
    layers = section.layers
    for name, value in settings.items():
        if name.startswith(LAYER_BITS):
            if value != NOTHING:
                layers = with_layer_bits(layers, layer_choice(name, value))
        elif name.startswith(QUANTIZATION):
            changes[name.removeprefix(QUANTIZATION)] = None if value == NOTHING else value
    if layers != section.layers:
        changes["layer_bits"] = tuple(map(str, layers))
    return replace(section, **changes) if changes else section


def layer_choice(name: str, value: Value) -> LayerBits:
    """Return the widths of a layer that a value of its axis stands for; raises ConfigError."""
    return LayerBits.parse(f"{name.removeprefix(LAYER_BITS)}={value}")
