"""Training with quantization in the loop: learned steps (LSQ), on PyTorch (extra ``torch``).

Nothing but this room imports PyTorch, and this room only when something is trained.
"""

from accelsim.training.recipe import TrainingRecipe, WeightLevels
from accelsim.training.train import TrainedNetwork, fake_quantized_scores, train_quantized

__all__ = [
    "TrainedNetwork",
    "TrainingRecipe",
    "WeightLevels",
    "fake_quantized_scores",
    "train_quantized",
]
