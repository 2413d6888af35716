"""Floating-point formats of 4 to 16 bits: those of ml_dtypes, and two of lecture notes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import ml_dtypes
import numpy as np
from numpy.typing import NDArray

from accelsim.arithmetic.number_formats.base import NumberFormat
from accelsim.arithmetic.number_formats.table import TableFormat

__all__ = ["E8M0", "MINIFLOATS", "LibraryFloat", "float_table"]

OCP_FP8 = "Open Compute Project, 8-bit Floating Point Specification (OFP8) 1.0, 2023"
OCP_MX = "Open Compute Project, Microscaling Formats (MX) Specification 1.0, 2023"


@dataclass(frozen=True, eq=False)
class LibraryFloat(NumberFormat):
    """A floating-point format that ml_dtypes or NumPy converts, to nearest, ties to even."""

    dtype: Any = None

    @property
    def _codes(self) -> np.dtype[Any]:
        return np.dtype(np.uint16 if self.bits > 8 else np.uint8)

    def decode(self, codes: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return the values of codes, int64[...] in [0, code_count)."""
        with np.errstate(invalid="ignore"):
            values = np.asarray(codes, self._codes).view(self.dtype).astype(np.float64)
        return np.asarray(values)

    def _nearest(self, values: NDArray[np.float64]) -> NDArray[np.int64]:
        # The range was cut to finite values before: conversions to these types differ in what
        # they make of an overflow. NumPy's own conversion to float16 is from float64 directly;
        # ml_dtypes goes through float32, which would round twice.
        rounded = values if self.dtype is np.float16 else _to_odd_float32(values)
        with np.errstate(invalid="ignore"):
            return rounded.astype(self.dtype).view(self._codes).astype(np.int64)


def _to_odd_float32(values: NDArray[np.float64]) -> NDArray[np.float32]:
    """Return float32 rounded to odd, so that rounding once more to fewer bits is exact.

    Boldo and Melquiond, "Emulation of a FMA and Correctly Rounded Sums: Proved Algorithms Using
    Rounding to Odd", 2008: the last bit says that something was cut off.
    """
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        near = np.asarray(values, dtype=np.float32)
        past = np.abs(near.astype(np.float64)) > np.abs(values)
        towards_zero = np.where(past, np.nextafter(near, np.float32(0.0)), near)
        inexact = towards_zero.astype(np.float64) != values
    odd = towards_zero.view(np.uint32) | (inexact & ~np.isnan(values)).astype(np.uint32)
    return np.asarray(odd.view(np.float32))


def float_table(exponent_bits: int, mantissa_bits: int) -> NDArray[np.float64]:
    """Return the value of each code of a format without infinities and NaN.

    ``(-1)^s * 2^(max(e, 1) - bias) * (m / 2^M + [e > 0])`` with bias ``2^(E-1) - 1``.

    >>> float_table(2, 1)[:8].tolist()
    [0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0]
    """
    codes = np.arange(1 << (1 + exponent_bits + mantissa_bits))
    mantissas = codes & ((1 << mantissa_bits) - 1)
    exponents = (codes >> mantissa_bits) & ((1 << exponent_bits) - 1)
    signs = np.where(codes >> (exponent_bits + mantissa_bits), -1.0, 1.0)
    bias = (1 << (exponent_bits - 1)) - 1
    significands = mantissas / (1 << mantissa_bits) + (exponents > 0)
    return np.asarray(signs * significands * 2.0 ** (np.maximum(exponents, 1) - bias))


def _library(name: str, bits: int, dtype: Any, source: str) -> LibraryFloat:
    return LibraryFloat(name, bits, source, dtype)


_LECTURE = "same rule as FP4 E2M1 with other field widths; taught, not standardised"

MINIFLOATS: tuple[NumberFormat, ...] = (
    _library("fp16", 16, np.float16, "IEEE 754-2019 binary16"),
    _library("bf16", 16, ml_dtypes.bfloat16, "bfloat16: the upper half of IEEE 754 binary32"),
    _library("fp8_e4m3", 8, ml_dtypes.float8_e4m3fn, OCP_FP8),
    _library("fp8_e5m2", 8, ml_dtypes.float8_e5m2, OCP_FP8),
    _library(
        "fp8_e3m4", 8, ml_dtypes.float8_e3m4, "IEEE 754 rules with 3 exponent and 4 mantissa bits"
    ),
    _library("fp6_e2m3", 6, ml_dtypes.float6_e2m3fn, OCP_MX),
    _library("fp6_e3m2", 6, ml_dtypes.float6_e3m2fn, OCP_MX),
    _library("fp4_e2m1", 4, ml_dtypes.float4_e2m1fn, OCP_MX),
    TableFormat("fp4_e1m2", 4, _LECTURE, float_table(1, 2)),
    TableFormat("fp4_e3m0", 4, _LECTURE, float_table(3, 0)),
)

E8M0 = TableFormat("e8m0", 8, OCP_MX, np.append(2.0 ** np.arange(-127.0, 128.0), np.nan))
"""The scale of an MX block: a power of two from 2^-127 to 2^127, or NaN."""
