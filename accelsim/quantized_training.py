"""A network trained through its integers, from files to an integer network."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from accelsim.arithmetic import RescaleMode
from accelsim.errors import ConfigError, WorkloadError
from accelsim.frontend import IntegerModel, Scaling, is_shapes
from accelsim.frontend.data import load_training_data
from accelsim.frontend.workloads import bundled_workloads
from accelsim.network import IntegerNetwork
from accelsim.quantize import MachineArithmetic, QuantizationSpec, quantize_as_given
from accelsim.request import RunRequest
from accelsim.start import load_network
from accelsim.training import TrainingRecipe, train_quantized

__all__ = ["TrainedIntegers", "TrainingRequest", "train_network"]


@dataclass(frozen=True)
class TrainingRequest:
    """What to train.

    Attributes
    ----------
    network
        Name of a bundled network, or path of a float ONNX file.
    spec, recipe
        Which integers, and how to train for them.
    data
        Path of an .npz file with images and labels to train on; None: the bundled digits, for a
        bundled network.
    scaling
        How stored numbers become real ones.
    """

    network: str
    spec: QuantizationSpec
    recipe: TrainingRecipe = field(default_factory=TrainingRecipe)
    data: str | None = None
    scaling: Scaling = field(default_factory=Scaling)


@dataclass(frozen=True, eq=False)
class TrainedIntegers:
    """The integers, and each epoch's mean cross-entropy on the training images, in nats."""

    integer: IntegerNetwork
    losses: tuple[float, ...]


def train_network(
    request: TrainingRequest, progress: Callable[[str, int, int], None] | None = None
) -> TrainedIntegers:
    """Train a network and return its integers, for a rescale unit of mode float32.

    Raises
    ------
    AccelsimError
        If something that the user gave cannot be used, or PyTorch is missing.
    """
    if is_shapes(request.network):
        raise ConfigError(f"{request.network}: has shapes but no weights to be trained")
    model = load_network(RunRequest(request.network))
    if isinstance(model, IntegerModel) or model.given is not None:
        raise WorkloadError(f"{request.network}: is quantized already; train the float network")
    data = load_training_data(_data_path(request), model.network, request.scaling)
    trained = train_quantized(
        model.network,
        data.images,
        data.labels,
        data.calibration_images,
        request.spec,
        request.recipe,
        progress,
    )
    arithmetic = MachineArithmetic(RescaleMode.FLOAT32)
    integer = quantize_as_given(trained.network, trained.given, arithmetic)
    return TrainedIntegers(integer, trained.losses)


def _data_path(request: TrainingRequest) -> str | Path:
    if request.data is not None:
        return request.data
    for workload in bundled_workloads():
        if workload.name == request.network:
            return workload.data
    raise ConfigError(f"--train-data: {request.network} needs images and labels: an .npz file")
