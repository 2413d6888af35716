"""Training a float network so that it is good as integers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from accelsim.arithmetic import IntegerFormat, dequantize
from accelsim.errors import ConfigError, DataError, WorkloadError
from accelsim.network import Convolution, Dense, GivenQuantization, Network, QuantizedTensor
from accelsim.quantize import QuantizationSpec, RangeMethod, observe_ranges
from accelsim.quantize.activations import quantized_tensor
from accelsim.quantize.float_forward import float_forward
from accelsim.quantize.fusion import plan_network
from accelsim.quantize.widths import network_widths
from accelsim.training.recipe import TrainingRecipe, WeightLevels

if TYPE_CHECKING:
    from accelsim.training.model import FakeQuantizedModel

__all__ = ["TrainedNetwork", "fake_quantized_scores", "train_quantized"]

_BINARY_BITS = 2
_NOT_TRAINED = (
    "group_size",
    "asymmetric_weights",
    "weight_range_method",
    "equalize",
    "smooth",
    "weight_rounding",
    "correct_biases",
)
_IMAGES_AT_ONCE = 256

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, eq=False)
class TrainedNetwork:
    """A network with its trained weights, its integers with learned scales, and how it went.

    ``losses`` has each epoch's mean cross-entropy, in nats. `quantize_as_given` makes the integer
    network of ``network`` and ``given``.
    """

    network: Network
    given: GivenQuantization
    losses: tuple[float, ...]


def train_quantized(
    network: Network,
    images: NDArray[np.floating[Any]],
    labels: NDArray[np.integer[Any]],
    calibration_images: NDArray[np.floating[Any]],
    spec: QuantizationSpec,
    recipe: TrainingRecipe | None = None,
    progress: Progress | None = None,
) -> TrainedNetwork:
    """Train a network through its integers (LSQ: Esser et al., ICLR 2020).

    Weights, biases and the steps of weights and activations are learned; zero points are those of
    calibration. Rounding passes gradients straight through. Biases are rounded to the
    accumulator's steps, as on the array.

    Parameters
    ----------
    network
        A trained float network whose output, or its softmax's input, scores classes.
    images, labels
        float[count, *input shape]; int[count], from 0.
    calibration_images
        float[count', *input shape]: zero points and first steps follow from them.
    spec
        Widths, granularity, signedness, range method of the zero points. Restricted weights of
        2 bits are ternary.
    recipe
        How to train; None: `TrainingRecipe` as it stands.
    progress
        Told ("training", epochs done, epochs in all).

    Raises
    ------
    ConfigError
        If PyTorch is missing, the spec asks for what training replaces, or the loss is not
        finite.
    DataError
        If images or labels do not fit the network.
    WorkloadError
        If weights are not finite.
    """
    recipe = recipe or TrainingRecipe()
    torch = _torch()
    _check_spec(spec, recipe)
    _check_images(network, images, "images")
    _check_images(network, calibration_images, "calibration images")
    _check_labels(network, labels, len(images))
    with _one_thread(torch):
        model = _first_model(network, calibration_images, spec, recipe)
        losses = _descend(model, images, labels, recipe, progress)
    return TrainedNetwork(*model.trained(), losses)


def fake_quantized_scores(
    trained: TrainedNetwork, images: NDArray[np.floating[Any]]
) -> NDArray[np.float32]:
    """Return PyTorch's scores of a trained network, float32[images, classes], softmax left out.

    Real numbers that are multiples of their steps: a witness of what the integers compute.

    Raises
    ------
    ConfigError
        If PyTorch is missing.
    DataError
        If the images do not fit the network.
    """
    torch = _torch()
    from accelsim.training.model import FakeQuantizedModel

    given = trained.given
    _check_images(trained.network, images, "images")
    model = FakeQuantizedModel(
        _with_weights_of(trained.network, given),
        given.tensors,
        {name: weights.format for name, weights in given.weights.items()},
        {name: weights.scales for name, weights in given.weights.items()},
    )
    inputs = torch.tensor(np.asarray(images, np.float32))
    with torch.no_grad():
        parts = [model.scores(part).numpy() for part in inputs.split(_IMAGES_AT_ONCE)]
    return np.concatenate(parts)


def _descend(
    model: FakeQuantizedModel,
    images: NDArray[np.floating[Any]],
    labels: NDArray[np.integer[Any]],
    recipe: TrainingRecipe,
    progress: Progress | None,
) -> tuple[float, ...]:
    """Change the model's parameters; return each epoch's loss."""
    torch = _torch()
    optimizer = _optimizer(model, recipe)
    batches = -(-len(images) // recipe.batch)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, recipe.epochs * batches)
    order = torch.Generator().manual_seed(recipe.seed)
    inputs = torch.tensor(np.asarray(images, np.float32))
    targets = torch.tensor(np.asarray(labels, np.int64))
    losses: list[float] = []
    for epoch in range(recipe.epochs):
        if progress is not None:
            progress("training", epoch, recipe.epochs)
        total = 0.0
        for chosen in torch.randperm(len(inputs), generator=order).split(recipe.batch):
            optimizer.zero_grad()
            loss = torch.nn.functional.cross_entropy(model.scores(inputs[chosen]), targets[chosen])
            loss.backward()
            optimizer.step()
            schedule.step()
            model.keep_steps_positive()
            total += loss.item() * len(chosen)
        losses.append(total / len(inputs))
        if not np.isfinite(losses[-1]):
            raise ConfigError(
                f"training: the loss is {losses[-1]:g} in epoch {epoch + 1}; use a smaller "
                f"learning rate than {recipe.learning_rate:g}"
            )
    return tuple(losses)


def _optimizer(model: FakeQuantizedModel, recipe: TrainingRecipe) -> Any:
    learned = model.parameters
    for tensor in (*learned.weights.values(), *learned.biases.values(), *learned.steps):
        tensor.requires_grad_()
    groups = [
        {"params": list(learned.weights.values()), "weight_decay": recipe.weight_decay},
        {"params": [*learned.biases.values(), *learned.steps]},
    ]
    return _torch().optim.SGD(groups, lr=recipe.learning_rate, momentum=recipe.momentum)


def _with_weights_of(network: Network, given: GivenQuantization) -> Network:
    """Return the network with the real numbers that its integer weights stand for."""
    layers = []
    for layer in network.layers:
        operator = layer.operator
        if isinstance(operator, Convolution | Dense):
            weights = given.weights[layer.name]
            real = dequantize(weights.integers, weights.scales, 0, axis=0)
            layer = replace(layer, operator=replace(operator, weights=real))
        layers.append(layer)
    return replace(network, layers=tuple(layers))


def _first_model(
    network: Network,
    calibration_images: NDArray[np.floating[Any]],
    spec: QuantizationSpec,
    recipe: TrainingRecipe,
) -> FakeQuantizedModel:
    from accelsim.training.model import (
        FakeQuantizedModel,
        first_activation_step,
        first_weight_steps,
    )

    widths = network_widths(network, spec)
    operators = _matrix_operators(network)
    is_binary = recipe.weight_levels is WeightLevels.BINARY
    activations = float_forward(network, calibration_images)
    ranges = observe_ranges(network, activations, spec)
    tensors: dict[str, QuantizedTensor] = {}
    for name, seen in ranges.items():
        calibrated = quantized_tensor(network.shapes[name], seen, widths.activations[name], spec)
        tensors[name] = first_activation_step(activations[name], calibrated)
    owners = plan_network(network).scale_owners
    formats = {
        name: IntegerFormat(widths.weights[name], restricted=spec.restricted_weights)
        for name in operators
    }
    steps = {
        layer.name: first_weight_steps(
            operators[layer.name],
            formats[layer.name],
            tensors[owners[layer.inputs[0]]].scale,
            per_channel=spec.per_channel,
            is_binary=is_binary,
        )
        for layer in network.layers
        if layer.name in operators
    }
    return FakeQuantizedModel(network, tensors, formats, steps, is_binary=is_binary)


def _matrix_operators(network: Network) -> dict[str, Convolution | Dense]:
    operators = {}
    for layer in network.layers:
        operator = layer.operator
        if isinstance(operator, Convolution | Dense):
            if not (np.isfinite(operator.weights).all() and np.isfinite(operator.bias).all()):
                raise WorkloadError(f"layer {layer.name!r}: weights or bias are NaN or infinite")
            operators[layer.name] = operator
    if not operators:
        raise WorkloadError(f"{network.name}: has no weights to train")
    return operators


def _torch() -> Any:
    try:
        import torch
    except ImportError:
        raise ConfigError("training: needs PyTorch: pip install 'accelsim[torch]'") from None
    return torch


@contextmanager
def _one_thread(torch: Any) -> Iterator[None]:
    """Sums in one order, whatever the number of cores; and small layers are quicker so."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def _check_spec(spec: QuantizationSpec, recipe: TrainingRecipe) -> None:
    standard = {field.name: field.default for field in fields(spec)}
    for name in _NOT_TRAINED:
        if getattr(spec, name) != standard[name]:
            raise ConfigError(f"training: leave out {name}: weights and their steps are learned")
    if spec.range_method is RangeMethod.DYNAMIC:
        raise ConfigError("training: leave out dynamic ranges: steps of activations are learned")
    if recipe.weight_levels is WeightLevels.BINARY:
        widths = {spec.weight_bits} | {
            entry.weight_bits for entry in spec.layer_bits if entry.weight_bits is not None
        }
        if widths != {_BINARY_BITS}:
            raise ConfigError("training: binary weights are stored in 2 bits; give 2 weight bits")
        if not spec.restricted_weights:
            raise ConfigError("training: binary weights are -1 and +1; leave out the full range")


def _check_images(network: Network, images: NDArray[np.floating[Any]], what: str) -> None:
    shape = network.shapes[network.input]
    if images.shape[1:] != shape or not len(images):
        wanted = ", ".join(map(str, ("count", *shape)))
        raise DataError(f"{what}: must be [{wanted}], got {list(images.shape)}")
    if not np.isfinite(images).all():
        raise DataError(f"{what}: values are NaN or infinite")


def _check_labels(network: Network, labels: NDArray[np.integer[Any]], count: int) -> None:
    if labels.shape != (count,) or labels.dtype.kind not in "iu":
        raise DataError(
            f"labels: must be {count} whole numbers, one for each image, "
            f"got {labels.dtype}{list(labels.shape)}"
        )
    classes = int(np.prod(network.shapes[network.output]))
    low, high = int(labels.min()), int(labels.max())
    if low < 0 or high >= classes:
        raise DataError(f"labels: must be 0 to {classes - 1}, got {low} to {high}")
