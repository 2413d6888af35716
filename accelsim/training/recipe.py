"""What a person chooses about training: how long, how fast, from which seed."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

from accelsim.errors import ConfigError

__all__ = ["TrainingRecipe", "WeightLevels"]

_LARGEST_SEED = 2**63 - 1


class WeightLevels(StrEnum):
    """Which integers a weight may become."""

    ALL = "all"
    """Those of its format."""
    BINARY = "binary"
    """-1 and +1, stored in 2 bits; 0 is +1."""


@dataclass(frozen=True)
class TrainingRecipe:
    """Gradient descent with momentum; the learning rate falls to zero along a cosine.

    Attributes
    ----------
    epochs
        Passes over the images.
    batch
        Images in a step; a last batch may be smaller.
    learning_rate, momentum, weight_decay
        As in PyTorch's SGD; weights alone decay, not biases and steps.
    seed
        Of the order of the images.
    weight_levels
        Which integers weights may become.

    Raises
    ------
    ConfigError
        If a number is out of range.
    """

    epochs: int = 20
    batch: int = 64
    learning_rate: float = 0.03
    momentum: float = 0.9
    weight_decay: float = 1e-4
    seed: int = 0
    weight_levels: WeightLevels = WeightLevels.ALL

    def __post_init__(self) -> None:
        for name in ("epochs", "batch"):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name}: must be at least 1, got {getattr(self, name)}")
        if not (math.isfinite(self.learning_rate) and self.learning_rate > 0.0):
            raise ConfigError(
                f"learning_rate: must be positive and finite, got {self.learning_rate:g}"
            )
        if not 0.0 <= self.momentum < 1.0:
            raise ConfigError(f"momentum: must be at least 0 and below 1, got {self.momentum:g}")
        if not (math.isfinite(self.weight_decay) and self.weight_decay >= 0.0):
            raise ConfigError(
                f"weight_decay: must be at least 0 and finite, got {self.weight_decay:g}"
            )
        if not 0 <= self.seed <= _LARGEST_SEED:
            raise ConfigError(f"seed: must be 0 to {_LARGEST_SEED}, got {self.seed}")
        if self.weight_levels not in tuple(WeightLevels):
            allowed = ", ".join(WeightLevels)
            raise ConfigError(
                f"weight_levels: must be one of {allowed}, got {self.weight_levels!r}"
            )
        # A plain string of the right spelling becomes the member that it names.
        object.__setattr__(self, "weight_levels", WeightLevels(self.weight_levels))
