"""Fake quantization with a learned step: LSQ (Esser et al., ICLR 2020), straight-through rounding.

``s`` is the step, ``low`` and ``high`` are the ends of ``round(v / s)`` (a format's ends less the
zero point), ``N`` the number of values that share the step, ``Q_P = max(high, -low)``.
"""

from __future__ import annotations

import math

import torch

__all__ = [
    "binarized",
    "fake_quantized",
    "initial_step",
    "rounded_to_step",
    "step_gradient_factor",
]


def fake_quantized(
    values: torch.Tensor, step: torch.Tensor, low: int, high: int, factor: float
) -> torch.Tensor:
    """Return ``round(clamp(values / step, low, high)) * step`` (equations 1 and 2).

    Its gradient by ``values`` is 1 within the ends and 0 outside (equation 5). By the step it is
    ``round(v/s) - v/s`` within and the end itself outside (equation 3), summed over the values
    that share the step, times ``factor`` (section 2.2).

    Parameters
    ----------
    values
        float32[...].
    step
        float32, broadcastable to ``values``; positive.
    low, high
        Smallest and largest multiple of the step.
    factor
        `step_gradient_factor`.
    """
    step = _with_scaled_gradient(step, factor)
    inside = _clamped(values / step, low, high)
    return _straight_through(inside, torch.round(inside)) * step


def binarized(values: torch.Tensor, step: torch.Tensor, factor: float) -> torch.Tensor:
    """Return ``step`` with the sign of ``values`` (0 is positive).

    Gradients are those of `fake_quantized` from -1 to 1, with the sign in place of the rounding.
    """
    step = _with_scaled_gradient(step, factor)
    inside = _clamped(values / step, -1, 1)
    signs = torch.where(values < 0, -1.0, 1.0)
    return _straight_through(inside, signs) * step


def rounded_to_step(values: torch.Tensor, step: torch.Tensor) -> torch.Tensor:
    """Return multiples of a step whose gradient is that of the values: the step learns nothing."""
    fixed = step.detach()
    return _straight_through(values, torch.round(values / fixed) * fixed)


def step_gradient_factor(count: int, low: int, high: int) -> float:
    """Return ``1 / sqrt(N Q_P)``, for ``count`` values that share a step (section 2.2)."""
    return 1.0 / math.sqrt(count * max(high, -low))


def initial_step(values: torch.Tensor, low: int, high: int) -> torch.Tensor:
    """Return ``2 mean(|v|) / sqrt(Q_P)`` of each row of float32[rows, values] (section 2.1)."""
    return 2.0 * values.abs().mean(dim=1) / math.sqrt(max(high, -low))


def _clamped(values: torch.Tensor, low: int, high: int) -> torch.Tensor:
    """Return the values within the ends, whose gradient at the ends themselves is 1.

    That of ``torch.clamp`` there depends on the release.
    """
    below = torch.where(values < low, float(low), values)
    return torch.where(below > high, float(high), below)


def _straight_through(values: torch.Tensor, replaced: torch.Tensor) -> torch.Tensor:
    """Return ``replaced``, with the gradient of ``values``."""
    return values + (replaced - values).detach()


def _with_scaled_gradient(step: torch.Tensor, factor: float) -> torch.Tensor:
    """Return the same numbers to the last bit, with a gradient ``factor`` times as large."""
    if not step.requires_grad:
        return step
    scaled = step.view_as(step)
    scaled.register_hook(lambda gradient: gradient * factor)
    return scaled
