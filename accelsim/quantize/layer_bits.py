"""Widths of single layers, where they differ from those of the whole network."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from accelsim.errors import ConfigError

__all__ = [
    "NARROWEST_BITS",
    "WIDEST_BITS",
    "LayerBits",
    "check_layer_bits",
    "with_layer_bits",
    "without_bits",
]

NARROWEST_BITS = 2
WIDEST_BITS = 16


@dataclass(frozen=True)
class LayerBits:
    """Widths of one layer.

    Attributes
    ----------
    layer
        Name of a layer, or of the network's input, which has activations only.
    weight_bits
        Width of the layer's weights, 2 to 16; None: as the network's.
    activation_bits
        Width of the activations that the layer writes, 2 to 16; None: as the network's. What only
        moves integers (max pool, reshape, pad) has the width of what it reads.

    Raises
    ------
    ConfigError
        If a width is out of range, or none is given.
    """

    layer: str
    weight_bits: int | None = None
    activation_bits: int | None = None

    def __post_init__(self) -> None:
        if self.weight_bits is None and self.activation_bits is None:
            raise ConfigError(f"layer bits of {self.layer!r}: give a width")
        for name in ("weight_bits", "activation_bits"):
            bits = getattr(self, name)
            if bits is not None and not NARROWEST_BITS <= bits <= WIDEST_BITS:
                raise ConfigError(
                    f"layer bits of {self.layer!r}: {name} must be {NARROWEST_BITS} to "
                    f"{WIDEST_BITS}, got {bits}"
                )

    @classmethod
    def parse(cls, text: str) -> LayerBits:
        """Read ``LAYER=WIDTHS``: ``conv1=w4a8``, ``conv1=w4``, ``conv1=a8``; ``conv1=8`` is both.

        >>> print(LayerBits.parse("conv1=8"), LayerBits.parse("logits=w4"))
        conv1=w8a8 logits=w4

        Raises
        ------
        ConfigError
            If the text has another form, or a width is out of range.
        """
        layer, _, widths = text.rpartition("=")
        both = re.fullmatch(r"\s*(\d{1,9})\s*", widths, re.ASCII)
        either = re.fullmatch(r"\s*(?:w(\d{1,9}))?(?:a(\d{1,9}))?\s*", widths, re.ASCII)
        if not layer.strip() or not widths.strip() or not (both or either):
            raise ConfigError(
                f"layer bits: must be LAYER=WIDTHS, such as conv1=w4a8, conv1=w4 or conv1=a8, "
                f"got {text!r}"
            )
        found = both.group(1, 1) if both else either.groups() if either else ()
        weight_bits, activation_bits = (None if bits is None else int(bits) for bits in found)
        return cls(layer.strip(), weight_bits, activation_bits)

    def __str__(self) -> str:
        weights = "" if self.weight_bits is None else f"w{self.weight_bits}"
        activations = "" if self.activation_bits is None else f"a{self.activation_bits}"
        return f"{self.layer}={weights}{activations}"


def with_layer_bits(layers: Sequence[LayerBits], entry: LayerBits) -> tuple[LayerBits, ...]:
    """Return the widths with those of an entry in place of the same layer's, others kept."""
    merged = {before.layer: before for before in layers}
    before = merged.get(entry.layer, entry)
    merged[entry.layer] = LayerBits(
        entry.layer,
        before.weight_bits if entry.weight_bits is None else entry.weight_bits,
        before.activation_bits if entry.activation_bits is None else entry.activation_bits,
    )
    return tuple(merged.values())


def without_bits(layers: Sequence[LayerBits], bits: tuple[int, int]) -> tuple[LayerBits, ...]:
    """Return the widths that differ from those of the whole network, weights and activations.

    >>> layers = (LayerBits("conv1", 8, 4), LayerBits("logits", 8))
    >>> [str(entry) for entry in without_bits(layers, (8, 8))]
    ['conv1=a4']
    """
    kept = []
    for entry in layers:
        weights = None if entry.weight_bits == bits[0] else entry.weight_bits
        activations = None if entry.activation_bits == bits[1] else entry.activation_bits
        if (weights, activations) != (None, None):
            kept.append(LayerBits(entry.layer, weights, activations))
    return tuple(kept)


def check_layer_bits(layers: Sequence[LayerBits]) -> None:
    """Refuse a layer that is named twice.

    Raises
    ------
    ConfigError
        If there is one.
    """
    names = [entry.layer for entry in layers]
    for name in names:
        if names.count(name) > 1:
            raise ConfigError(f"layer bits of {name!r}: given twice")
