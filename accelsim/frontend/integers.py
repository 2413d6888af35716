"""Integers behind the float tensors and constants of a graph. Data, and what keeps it true."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from accelsim.arithmetic import IntegerFormat, holding

__all__ = ["Affine", "IntegerConstant", "scaled"]


@dataclass(frozen=True)
class Affine:
    """What the integers of a tensor mean: ``real = scale * (integer - zero_point)``."""

    format: IntegerFormat
    scale: float
    zero_point: int


@dataclass(frozen=True, eq=False)
class IntegerConstant:
    """Weights or a bias as the file stores them, zero points already subtracted.

    Attributes
    ----------
    integers
        int64[...]: ``real = scale * integer``.
    format
        A signed format that holds them: that of the file where it does.
    scales
        float64[1], or one for each index along ``axis``; float32 numbers.
    axis
        Along which the scales vary; None: one scale for all.
    stored
        The format that the file has.
    zero_points
        int64[1] or one for each scale, as the file has them; None: all 0.
    """

    integers: NDArray[np.int64]
    format: IntegerFormat
    scales: NDArray[np.float64]
    axis: int | None
    stored: IntegerFormat
    zero_points: NDArray[np.int64] | None = None

    @property
    def has_zero_point(self) -> bool:
        """Whether any zero point was not 0."""
        return self.zero_points is not None and bool(self.zero_points.any())

    def real(self) -> NDArray[np.float32]:
        """Return the float32 constant that it stands for."""
        scales: NDArray[np.float32] = self.scales.astype(np.float32)
        if self.axis is not None:
            shape = [1] * self.integers.ndim
            shape[self.axis] = -1
            scales = scales.reshape(shape)
        return np.asarray(self.integers.astype(np.float32) * scales, np.float32)

    def transposed(self, order: tuple[int, ...]) -> IntegerConstant:
        """Return the constant with its axes in another order."""
        axis = None if self.axis is None else order.index(self.axis)
        return replace(self, integers=self.integers.transpose(order), axis=axis)


def scaled(constant: IntegerConstant, factors: NDArray[np.float64]) -> IntegerConstant | None:
    """Return weights whose output channels (axis 0) are multiplied by real factors.

    The integers stay, but for their sign; a factor of zero makes them zero. None if the scales do
    not belong to output channels.
    """
    if constant.axis not in (None, 0):
        return None
    signs = np.sign(factors).astype(np.int64).reshape(-1, *[1] * (constant.integers.ndim - 1))
    sizes = np.where(factors == 0, 1.0, np.abs(factors))
    scales = (constant.scales * sizes).astype(np.float32).astype(np.float64)
    integers = constant.integers * signs
    zero_points = constant.zero_points
    if zero_points is not None and constant.has_zero_point:
        # The stored integers are turned around the middle of their range, and stay within it.
        turned = constant.stored.low + constant.stored.high - zero_points
        zero_points = np.where(signs.reshape(-1) < 0, turned, zero_points)
    return replace(
        constant,
        zero_points=zero_points,
        integers=integers,
        format=holding(integers, constant.format),
        scales=scales,
        axis=0,
    )
