"""Formats whose elements share scales: MX blocks and two-level VS-Quant vectors.

A block is a run of elements along the last axis, which is the depth of a product. The last block
is shorter where the depth is no multiple of the block.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from accelsim.arithmetic.number_formats.base import NumberFormat
from accelsim.arithmetic.number_formats.minifloat import E8M0
from accelsim.errors import DataError

__all__ = ["BlockFormat", "BlockValues", "MxFormat", "VectorScaledFormat"]


@dataclass(frozen=True, eq=False)
class BlockValues:
    """A tensor in blocks.

    Attributes
    ----------
    codes
        int64[..., depth]: the element codes.
    block_scales
        float64[..., blocks]: what every element of a block is multiplied with.
    values
        float64[..., depth]: elements times scales.
    """

    codes: NDArray[np.int64]
    block_scales: NDArray[np.float64]
    values: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class BlockFormat(ABC):
    """Elements of one format under a scale for each run of ``block`` of them.

    Attributes
    ----------
    name
        As `parse_format` reads it.
    element
        Of the elements.
    block
        Elements that share a scale.
    scale_bits
        Stored for each block.
    source
        Where the format is defined.
    """

    name: str
    element: NumberFormat
    block: int
    scale_bits: int
    source: str

    @property
    def bits_per_element(self) -> float:
        """Bits of an element and its share of the block's scale."""
        return self.element.bits + self.scale_bits / self.block

    def encode(self, values: ArrayLike) -> BlockValues:
        """Return float[..., depth] in blocks along the last axis.

        Raises
        ------
        DataError
            If a value is not finite, or there is no axis.
        """
        wide = np.asarray(values, dtype=np.float64)
        if wide.ndim == 0 or not np.isfinite(wide).all():
            bad = int((~np.isfinite(wide)).sum())
            raise DataError(
                f"{self.name}: needs finite values along an axis, got shape {wide.shape} with "
                f"{bad} that are NaN or infinite"
            )
        depth = wide.shape[-1]
        blocks = -(-depth // self.block)
        padding = [(0, 0)] * (wide.ndim - 1) + [(0, blocks * self.block - depth)]
        cut = np.pad(wide, padding).reshape(*wide.shape[:-1], blocks, self.block)
        scales = self._scales(np.abs(cut).max(axis=-1, initial=0.0))
        codes = self.element.encode(cut / scales[..., np.newaxis])
        decoded = self.element.decode(codes) * scales[..., np.newaxis]

        def whole(array: NDArray[Any]) -> NDArray[Any]:
            return array.reshape(*wide.shape[:-1], blocks * self.block)[..., :depth]

        return BlockValues(whole(codes), scales, whole(decoded))

    def quantize(self, values: ArrayLike) -> NDArray[np.float64]:
        """Return the values that the format has for float[..., depth]."""
        return self.encode(values).values

    @abstractmethod
    def _scales(self, largest: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the scale of each block from its largest magnitude, float64[..., blocks]."""


@dataclass(frozen=True, eq=False)
class MxFormat(BlockFormat):
    """Microscaling: the block's scale is a power of two (E8M0).

    ``scale = 2^(floor(log2(largest magnitude)) - floor(log2(largest element)))``, kept within
    2^-127 to 2^127. Elements round half to even, and saturate: the rule lets the largest of them
    lie above the largest element (for E2M1 up to 8 where 6 is the largest). A block of zeros has
    the scale 2^-127.
    """

    def _scales(self, largest: NDArray[np.float64]) -> NDArray[np.float64]:
        # frexp gives m * 2^e with m in [0.5, 1): floor(log2) is e - 1, exactly.
        exponents = np.frexp(largest)[1] - np.frexp(self.element.highest)[1]
        exponents = np.where(largest == 0.0, -127, exponents)
        low, high = np.log2(E8M0.lowest), np.log2(E8M0.highest)
        return np.asarray(np.ldexp(1.0, np.clip(exponents, int(low), int(high))))


@dataclass(frozen=True, eq=False)
class VectorScaledFormat(BlockFormat):
    """VS-Quant: integers under an integer scale for each vector, times a real one for a channel.

    Dai et al., "VS-Quant: Per-vector Scaled Quantization for Accurate Low-Precision Neural
    Network Inference", MLSys 2021, equations 7 and 8: a vector's scale is its largest magnitude
    over the largest integer; a channel's largest vector scale becomes the largest scale integer.
    Elements are divided by the scale that the machine has, the quantized one of at least one
    step, and not by the real one before it. A channel is one index of all axes but the last.
    """

    def _scales(self, largest: NDArray[np.float64]) -> NDArray[np.float64]:
        integers, channel_scales = self.two_levels(largest)
        return integers * channel_scales

    def two_levels(
        self, largest: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return (scale integers [..., blocks], channel scales [..., 1]) from largest magnitudes.

        Scale integers are 1 to ``2^scale_bits - 1``.
        """
        steps = largest / self.element.highest
        most = (1 << self.scale_bits) - 1
        channel = steps.max(axis=-1, keepdims=True, initial=0.0) / most
        channel = np.where(channel == 0.0, 1.0, channel)
        return np.clip(np.rint(steps / channel), 1, most), channel
