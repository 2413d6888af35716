"""Kullback-Leibler calibration: which part of a histogram few levels represent best.

After Migacz, "8-bit Inference with TensorRT", GTC 2017, with two differences that few bits need:
zeros are left out, and the counterpart is not scaled up to the values that it has lost. Without
them the first spike of a histogram alone can look perfect.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["divergence", "least_divergent_bound", "quantized_histogram"]

BINS = 2048
SMALLEST_SHARE = 1e-4
"""What a bin that is empty on one side only counts for (smoothing), of one value."""


def least_divergent_bound(magnitudes: NDArray[np.float64], levels: int) -> float:
    """Return the bound on magnitudes that costs the least information.

    For each candidate bound, at the upper edge of one of 2048 bins: the reference is the
    histogram below it, what lies above added to its last bin; its counterpart is the histogram
    below it without that, merged into ``levels`` equal runs and spread evenly over the bins of
    each run that are not empty. The bound of the smallest divergence of reference from
    counterpart is taken; of equal ones the largest. Zeros count for nothing: they have an
    integer of their own, and the many of them after a ReLU would decide alone.

    Parameters
    ----------
    magnitudes
        float64[values], not negative.
    levels
        Integers on one side of zero.
    """
    largest = float(magnitudes.max())
    if levels >= BINS or largest == 0.0:
        return largest
    counts, edges = np.histogram(magnitudes[magnitudes > 0.0], BINS, range=(0.0, largest))
    counts = counts.astype(np.float64)
    best_bins, least = BINS, np.inf
    for bins in range(BINS, levels - 1, -1):
        reference = counts[:bins].copy()
        reference[-1] += counts[bins:].sum()
        found = divergence(reference, quantized_histogram(counts[:bins], levels))
        if found < least:
            best_bins, least = bins, found
    return float(edges[best_bins])


def quantized_histogram(counts: NDArray[np.float64], levels: int) -> NDArray[np.float64]:
    """Return the histogram as ``levels`` runs of bins see it, spread over bins not empty.

    >>> quantized_histogram(np.array([1.0, 3.0, 0.0, 4.0]), 2).tolist()
    [2.0, 2.0, 0.0, 4.0]
    """
    runs = np.arange(counts.size) * levels // counts.size
    filled = counts > 0.0
    sums = np.bincount(runs, weights=counts, minlength=levels)
    bins = np.bincount(runs, weights=filled, minlength=levels)
    return np.where(filled, (sums / np.maximum(bins, 1.0))[runs], 0.0)


def divergence(reference: NDArray[np.float64], counterpart: NDArray[np.float64]) -> float:
    """Return ``sum(p * log(p / q))`` of two histograms, in shares of the reference's values.

    Bins that are empty in both count for nothing; one that is empty in one of them is given a
    ten-thousandth of a value there, so that the sum is finite.
    """
    either = (reference > 0.0) | (counterpart > 0.0)
    p = np.maximum(reference[either], SMALLEST_SHARE)
    q = np.maximum(counterpart[either], SMALLEST_SHARE)
    p, q = p / p.sum(), q / p.sum()
    return float((p * np.log(p / q)).sum())
