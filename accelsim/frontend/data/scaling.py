"""From stored numbers to the real numbers that a network takes: one stated rule, two options."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from accelsim.errors import ConfigError, DataError
from accelsim.frontend.data.dataset import InputNeeds
from accelsim.network import QuantizedTensor

__all__ = ["Preparation", "Scaling"]

_PIXEL = np.dtype(np.uint8)
# factor, offset, and how it is said: what 0..255 becomes by each usual convention.
_PIXEL_RULES = (
    (1 / 255, 0.0, "/ 255"),
    (1 / 127.5, -1.0, "/ 127.5 - 1"),
    (1.0, 0.0, "as they are"),
)
_RANGE_TOLERANCE = 0.02
_FAR_OUTSIDE = 8.0


@dataclass(frozen=True)
class Scaling:
    """What a person says about stored numbers: ``real = (stored * factor - mean) / deviation``.

    ``factor`` None: by the rule of `Scaling.preparation`. ``mean`` and ``deviation`` hold one
    number, or one for each channel; both are empty where nothing is to be normalized.
    """

    factor: float | None = None
    mean: tuple[float, ...] = ()
    deviation: tuple[float, ...] = ()

    @classmethod
    def parse(cls, input_scale: str = "auto", normalize: str | None = None) -> Scaling:
        """Read the options: ``auto``, ``none``, ``1/255`` or ``0.0039``; ``MEAN,STD``.

        ``normalize`` takes two numbers, or the means of all channels and then their deviations.

        Raises
        ------
        ConfigError
            If a number cannot be read, is not finite, or a factor or deviation is not positive.

        Examples
        --------
        >>> Scaling.parse("1/4", "0.5,0.25")
        Scaling(factor=0.25, mean=(0.5,), deviation=(0.25,))
        """
        return cls(_factor(input_scale), *_mean_and_deviation(normalize))

    def preparation(self, name: str, kind: np.dtype[Any], needs: InputNeeds | None) -> Preparation:
        """Return what is done to stored numbers of a type.

        Integers of the type of an integer network's input are that input. uint8 are pixels: they
        become 0 to 1, or what the input of an integer network ranges over. Everything else is
        real numbers already.

        Raises
        ------
        DataError
            If nothing tells what the numbers mean, or there are not as many means as channels.
        """
        channels = needs.shape[0] if needs is not None and len(needs.shape) == 3 else 1
        if self.mean and needs is not None and len(self.mean) not in (1, channels):
            raise DataError(
                f"--normalize: must be 2 numbers or {2 * channels} (means, then deviations of "
                f"{channels} channels), got {2 * len(self.mean)}"
            )
        numbers = "real numbers" if kind.kind == "f" else f"{kind} values"
        if self.factor is not None:
            by = "as they are" if self.factor == 1 else f"* {self.factor:.6g}"
            return self._normalized(self.factor, f"{numbers} {by}")
        tensor = needs.integers if needs is not None else None
        if tensor is not None and not self.mean and kind.kind in "iu":
            return _for_integers(name, kind, tensor)
        if kind == _PIXEL:
            return self._normalized(1 / 255, "uint8 pixels / 255")
        return self._normalized(1.0, f"{numbers} as they are")

    def _normalized(self, factor: float, words: str) -> Preparation:
        if self.mean:
            mean, deviation = (
                ", ".join(f"{value:g}" for value in values)
                for values in (self.mean, self.deviation)
            )
            words = f"{words}, then (x - [{mean}]) / [{deviation}]"
        return Preparation(words, factor, 0.0, self.mean, self.deviation)


@dataclass(frozen=True)
class Preparation:
    """``real = (stored * factor + offset - mean) / deviation``, and the same in words.

    ``integers``: instead, stored numbers are this tensor's integers.
    """

    words: str
    factor: float
    offset: float = 0.0
    mean: tuple[float, ...] = ()
    deviation: tuple[float, ...] = ()
    integers: QuantizedTensor | None = None

    def apply(self, name: str, stored: NDArray[Any]) -> NDArray[np.float32]:
        """Return real numbers of stored[count, *shape], channels first: float32 of that shape.

        The integers of an integer network become the reals that they stand for, which that
        network's own quantization brings back exactly.

        Raises
        ------
        DataError
            If a value is not finite in float32, or is outside of the input's integers.
        """
        with np.errstate(over="ignore", invalid="ignore"):
            if self.integers is not None:
                reals = _reals(name, stored, self.integers)
            else:
                reals = np.array(stored, np.float32, order="C")
                if self.factor != 1:
                    reals *= np.float32(self.factor)
                if self.offset:
                    reals += np.float32(self.offset)
            if self.mean:
                axes = (len(self.mean), *[1] * (reals.ndim - 2))
                reals -= np.array(self.mean, np.float32).reshape(axes)
                reals /= np.array(self.deviation, np.float32).reshape(axes)
        broken = int(np.count_nonzero(~np.isfinite(reals)))
        if broken:
            raise DataError(
                f"{name}: {broken} of the {reals.size} values are NaN or infinite in float32"
            )
        return reals


def require_range(name: str, reals: NDArray[np.float32], needs: InputNeeds | None) -> None:
    """Refuse what is far outside of an integer network's input: numbers of another scale."""
    if needs is None or needs.integers is None:
        return
    low, high = _real_range(needs.integers)
    least, most = float(reals.min()), float(reals.max())
    if max(-least, most) > _FAR_OUTSIDE * max(-low, high):
        raise DataError(
            f"{name}: values {least:g} to {most:g}, but the network's input holds {low:.4g} to "
            f"{high:.4g}; give --input-scale (such as 1/255) or --normalize"
        )


def _for_integers(name: str, kind: np.dtype[Any], tensor: QuantizedTensor) -> Preparation:
    """Stored integers for a network that is integers already."""
    format = tensor.format
    container = 1 if format.bits <= 8 else 2
    if kind.itemsize == container and (kind.kind == "i") == format.signed:
        words = f"{kind} as the input's integers (scale {tensor.scale:.6g}, "
        return Preparation(f"{words}zero point {tensor.zero_point})", 1.0, integers=tensor)
    low, high = _real_range(tensor)
    if kind == _PIXEL:
        for factor, offset, words in _PIXEL_RULES:
            near = _RANGE_TOLERANCE * 255 * factor
            if abs(low - offset) <= near and abs(high - 255 * factor - offset) <= near:
                return Preparation(f"uint8 pixels {words}", factor, offset)
    raise DataError(
        f"{name}: {kind} values, but the network's input is {format} for {low:.4g} to {high:.4g}, "
        f"and nothing says how one becomes the other; give {format} values, or --input-scale "
        "(none: they are real numbers) or --normalize"
    )


def _real_range(tensor: QuantizedTensor) -> tuple[float, float]:
    ends = (tensor.format.low, tensor.format.high)
    low, high = (tensor.scale * (end - tensor.zero_point) for end in ends)
    return low, high


def _reals(name: str, stored: NDArray[Any], tensor: QuantizedTensor) -> NDArray[np.float32]:
    low, high = int(stored.min()), int(stored.max())
    if low < tensor.format.low or high > tensor.format.high:
        raise DataError(
            f"{name}: must be {tensor.format.low} to {tensor.format.high}, the integers of the "
            f"network's input ({tensor.format}), got {low} to {high}"
        )
    return np.float32(tensor.scale) * (stored.astype(np.float32) - np.float32(tensor.zero_point))


def _factor(text: str) -> float | None:
    if text == "auto":
        return None
    if text == "none":
        return 1.0
    numerator, _, denominator = text.partition("/")
    try:
        value = float(numerator) / float(denominator or 1)
    except (ValueError, ZeroDivisionError):
        value = math.nan
    if not (0 < value < math.inf):
        raise ConfigError(
            f"--input-scale: must be auto, none, or a positive number such as 1/255, got {text!r}"
        )
    return value


def _mean_and_deviation(text: str | None) -> tuple[tuple[float, ...], tuple[float, ...]]:
    if text is None:
        return (), ()
    try:
        values = tuple(float(part) for part in text.split(","))
    except ValueError:
        values = ()
    half = len(values) // 2
    mean, deviation = values[:half], values[half:]
    readable = values and len(values) % 2 == 0 and all(map(math.isfinite, values))
    if not readable or min(deviation) <= 0:
        raise ConfigError(
            "--normalize: must be MEAN,STD, or the means and then the deviations of all channels "
            f"(deviations positive), got {text!r}"
        )
    return mean, deviation
