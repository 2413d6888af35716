"""Formats with few bits that are not floating point: integers, fixed point, powers of two."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from accelsim.arithmetic.formats import IntegerFormat
from accelsim.arithmetic.number_formats.base import NumberFormat
from accelsim.arithmetic.number_formats.table import TableFormat
from accelsim.errors import DataError

__all__ = [
    "binary",
    "codebook",
    "fixed_point",
    "integer",
    "power_of_two",
    "sign_magnitude",
    "ternary",
]

_TWOS_COMPLEMENT = "two's complement"


def integer(format: IntegerFormat) -> NumberFormat:
    """Return an integer format of 2 to 16 bits as a number format; codes are its bit patterns."""
    count = 1 << format.bits
    codes = np.arange(count)
    values = np.where(codes > format.high, codes - count, codes) if format.signed else codes
    source = _TWOS_COMPLEMENT if format.signed else "binary"
    table = values.astype(np.float64)
    unwritten = (count // 2,) if format.restricted else ()
    return TableFormat(str(format), format.bits, source, table, unwritten=unwritten)


def fixed_point(width: int, fraction: int) -> NumberFormat:
    """Return ``fixed<width, fraction>``: two's complement with ``fraction`` bits after the point.

    >>> fixed_point(4, 2).finite_values.tolist()[:3]
    [-2.0, -1.75, -1.5]
    """
    whole = integer(IntegerFormat(width)).code_values
    return TableFormat(
        f"fixed<{width},{fraction}>", width, _TWOS_COMPLEMENT, np.ldexp(whole, -fraction)
    )


def sign_magnitude(bits: int) -> NumberFormat:
    """Return integers as a sign and a magnitude of ``bits - 1`` bits: zero has two codes."""
    magnitudes = np.arange(1 << (bits - 1), dtype=np.float64)
    return TableFormat(
        f"sm{bits}", bits, "a sign bit and a binary magnitude", np.append(magnitudes, -magnitudes)
    )


def binary() -> NumberFormat:
    """Return {-1, +1} in one bit; 0 is +1."""
    return TableFormat(
        "binary",
        1,
        "Courbariaux et al., Binarized Neural Networks, NIPS 2016, equation 1",
        np.array([1.0, -1.0]),
    )


def ternary() -> NumberFormat:
    """Return {-1, 0, +1} in two bits of two's complement, whose -2 is not written."""
    return TableFormat(
        "ternary",
        2,
        "Li et al., Ternary Weight Networks, 2016",
        np.array([0.0, 1.0, -2.0, -1.0]),
        unwritten=(2,),
    )


def power_of_two(bits: int) -> NumberFormat:
    """Return 0 and +/- 2^e for the ``2^(bits - 1) - 1`` exponents up to 0; rounds the logarithm.

    A multiplication by it is a shift. Code 0 of the magnitude is zero, and a magnitude below
    half of the smallest power goes there.

    >>> power_of_two(3).finite_values.tolist()
    [-1.0, -0.5, -0.25, 0.0, 0.25, 0.5, 1.0]
    """
    exponents = np.arange(1, 1 << (bits - 1)) - ((1 << (bits - 1)) - 1)
    magnitudes = np.append(0.0, 2.0**exponents)
    return TableFormat(
        f"pow2_{bits}",
        bits,
        "Miyashita et al., Convolutional Neural Networks using Logarithmic Data "
        "Representation, 2016",
        np.append(magnitudes, -magnitudes),
        geometric=True,
    )


def codebook(values: ArrayLike, bits: int, iterations: int = 100) -> NumberFormat:
    """Return the 2^bits values that k-means finds for a sample: a non-uniform codebook.

    Lloyd's algorithm from equally spaced centres, which is how Deep Compression starts (Han et
    al., 2016, section 3.2: it keeps the rare large weights). A centre that nothing is near to
    stays where it is. The squared error never rises from one step to the next.

    Parameters
    ----------
    values
        float[...], finite, at least one.
    bits
        1 to 8.
    iterations
        Steps at most; it stops when no centre moves.

    Raises
    ------
    DataError
        If there is no value, or one is not finite.
    """
    sample = np.sort(np.asarray(values, dtype=np.float64).ravel())
    if not sample.size or not np.isfinite(sample).all():
        raise DataError(
            f"codebook: needs finite values, got {sample.size} with "
            f"{int((~np.isfinite(sample)).sum())} that are NaN or infinite"
        )
    centres = np.linspace(sample[0], sample[-1], 1 << bits)
    sums = np.append(0.0, np.cumsum(sample))
    for _ in range(iterations):
        moved = _centres_of_gravity(sample, sums, centres)
        if np.array_equal(moved, centres):
            break
        centres = moved
    return TableFormat(
        f"codebook_{bits}", bits, "Han et al., Deep Compression, ICLR 2016, section 3", centres
    )


def _centres_of_gravity(
    sample: NDArray[np.float64], sums: NDArray[np.float64], centres: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the mean of the values nearest to each centre; ``sums`` are those of sorted values."""
    edges = np.searchsorted(sample, (centres[:-1] + centres[1:]) / 2)
    starts, ends = np.append(0, edges), np.append(edges, sample.size)
    counts = ends - starts
    means = (sums[ends] - sums[starts]) / np.maximum(counts, 1)
    return np.where(counts > 0, means, centres)
