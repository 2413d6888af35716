"""A network whose weights and tensors pass through their integers, in PyTorch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from accelsim.arithmetic import IntegerFormat
from accelsim.network import (
    Clamp,
    Convolution,
    Dense,
    GivenQuantization,
    Network,
    QuantizedTensor,
    QuantizedWeights,
)
from accelsim.quantize.fusion import LayerPlan, plan_network
from accelsim.training.float_layers import clamped, matrix_layer, moving_layer
from accelsim.training.learned_step import (
    binarized,
    fake_quantized,
    initial_step,
    rounded_to_step,
    step_gradient_factor,
)

__all__ = ["FakeQuantizedModel", "Parameters", "first_activation_step", "first_weight_steps"]

_SMALLEST_SHARE = 2.0**-10
"""Of its initial value, that a step never falls below: a step must stay positive."""
_LARGEST_BIAS = 2.0**30
"""Steps of the accumulator that a bias takes at most, which leaves room for the zero point."""


@dataclass(frozen=True, eq=False)
class Parameters:
    """What is learned: weights, biases and weight steps by layer, activation steps by tensor.

    Weights float32[out, ...], biases float32[out], weight steps float32[out or 1], activation
    steps float32[1].
    """

    weights: dict[str, torch.Tensor]
    biases: dict[str, torch.Tensor]
    weight_steps: dict[str, torch.Tensor]
    activation_steps: dict[str, torch.Tensor]

    @property
    def steps(self) -> list[torch.Tensor]:
        """All steps."""
        return [*self.weight_steps.values(), *self.activation_steps.values()]


class FakeQuantizedModel:
    """A network and the integers that its weights and tensors pass through.

    Parameters
    ----------
    network
        The float network; its operators' weights and biases are where training begins.
    tensors
        Format, zero point and first step of every tensor with a scale of its own.
    weight_formats
        Format of each matrix layer's weights.
    weight_steps
        float32[out or 1], by layer.
    is_binary
        Weights are -1 and +1 steps.
    """

    def __init__(
        self,
        network: Network,
        tensors: Mapping[str, QuantizedTensor],
        weight_formats: Mapping[str, IntegerFormat],
        weight_steps: Mapping[str, NDArray[np.floating[Any]]],
        *,
        is_binary: bool = False,
    ) -> None:
        self._network = network
        self._plan = plan_network(network)
        self._tensors = dict(tensors)
        self._weight_formats = dict(weight_formats)
        self._is_binary = is_binary
        operators = {
            layer.name: layer.operator
            for layer in network.layers
            if isinstance(layer.operator, Convolution | Dense)
        }
        self.parameters = Parameters(
            {name: _tensor(operator.weights) for name, operator in operators.items()},
            {name: _tensor(operator.bias) for name, operator in operators.items()},
            {name: _tensor(weight_steps[name]) for name in operators},
            {name: _tensor(np.array([tensor.scale])) for name, tensor in tensors.items()},
        )
        self._floors = [_SMALLEST_SHARE * step for step in self.parameters.steps]

    def scores(self, images: torch.Tensor) -> torch.Tensor:
        """Return the network's output before a softmax, float32[images, classes]."""
        values = {self._network.input: self._stored(self._network.input, images)}
        for plan in self._plan.layers:
            layer = plan.layer
            made = clamped(self._layer(plan, values), plan.clamp)
            is_own = self._plan.scale_owners[layer.output] == layer.output
            # A clamp may cut between two integers of its input: what it leaves are integers, too.
            if is_own or isinstance(layer.operator, Clamp):
                made = self._stored(layer.output, made)
            values[layer.output] = made
        return values[self._plan.output].flatten(1)

    def keep_steps_positive(self) -> None:
        """Raise steps that have fallen too low."""
        with torch.no_grad():
            for step, floor in zip(self.parameters.steps, self._floors, strict=True):
                torch.maximum(step, floor, out=step)

    def trained(self) -> tuple[Network, GivenQuantization]:
        """Return the network with its weights and biases as they are now, and its integers."""
        parameters = self.parameters
        layers = tuple(
            replace(
                layer,
                operator=replace(
                    layer.operator,
                    weights=_array(parameters.weights[layer.name]),
                    bias=_array(parameters.biases[layer.name]),
                ),
            )
            if isinstance(layer.operator, Convolution | Dense)
            else layer
            for layer in self._network.layers
        )
        tensors = {
            name: replace(tensor, scale=float(parameters.activation_steps[name].item()))
            for name, tensor in self._tensors.items()
        }
        weights = {name: self._quantized_weights(name) for name in parameters.weights}
        return replace(self._network, layers=layers), GivenQuantization(tensors, weights)

    def _layer(self, plan: LayerPlan, values: Mapping[str, torch.Tensor]) -> torch.Tensor:
        layer = plan.layer
        operator = layer.operator
        sources = [values[name] for name in layer.inputs]
        if not isinstance(operator, Convolution | Dense):
            return moving_layer(operator, *sources)
        parameters = self.parameters
        source = self._plan.scale_owners[layer.inputs[0]]
        accumulator_steps = (
            parameters.weight_steps[layer.name] * parameters.activation_steps[source]
        )
        bias = rounded_to_step(parameters.biases[layer.name], accumulator_steps)
        return matrix_layer(operator, sources[0], self._stepped_weights(layer.name), bias)

    def _stepped_weights(self, layer: str) -> torch.Tensor:
        weights, steps = self.parameters.weights[layer], self.parameters.weight_steps[layer]
        form = self._weight_formats[layer]
        factor = step_gradient_factor(weights.numel() // steps.numel(), form.low, form.high)
        steps = steps.reshape(-1, *[1] * (weights.dim() - 1))
        if self._is_binary:
            return binarized(weights, steps, factor)
        return fake_quantized(weights, steps, form.low, form.high, factor)

    def _stored(self, name: str, values: torch.Tensor) -> torch.Tensor:
        """Return a tensor as its integers leave it."""
        owner = self._plan.scale_owners[name]
        tensor = self._tensors[owner]
        low, high = _multiples(tensor)
        factor = step_gradient_factor(values[0].numel(), low, high)
        return fake_quantized(values, self.parameters.activation_steps[owner], low, high, factor)

    def _quantized_weights(self, layer: str) -> QuantizedWeights:
        steps = self.parameters.weight_steps[layer].detach()
        with torch.no_grad():
            per_value = steps.reshape(-1, *[1] * (self.parameters.weights[layer].dim() - 1))
            integers = torch.round(self._stepped_weights(layer) / per_value)
        return QuantizedWeights(
            integers.numpy().astype(np.int32),
            self._weight_formats[layer],
            steps.numpy().astype(np.float64),
        )


def _multiples(tensor: QuantizedTensor) -> tuple[int, int]:
    """Return the smallest and the largest multiple of its step that a tensor holds."""
    return tensor.format.low - tensor.zero_point, tensor.format.high - tensor.zero_point


def first_activation_step(
    values: NDArray[np.floating[Any]], tensor: QuantizedTensor
) -> QuantizedTensor:
    """Return a calibrated tensor with LSQ's first step for some values of it.

    Parameters
    ----------
    values
        float[...]; zeros alone leave the step as it was calibrated.
    tensor
        Its zero point is kept.
    """
    step = float(initial_step(_tensor(values).reshape(1, -1), *_multiples(tensor)).item())
    return replace(tensor, scale=step) if step > 0.0 else tensor


def first_weight_steps(
    operator: Convolution | Dense,
    form: IntegerFormat,
    source_step: float,
    *,
    per_channel: bool,
    is_binary: bool,
) -> NDArray[np.float32]:
    """Return LSQ's first steps of a matrix layer's weights, float32[out_channels] or [1].

    A channel of zeros has the step of the whole layer, or 1. Where a bias would not fit in 32 bits,
    the step is larger. Binary weights begin with the mean magnitude (XNOR-Net, equation 6).
    """
    weights = _tensor(operator.weights)
    rows = weights.reshape(len(weights) if per_channel else 1, -1)
    steps = rows.abs().mean(dim=1) if is_binary else initial_step(rows, form.low, form.high)
    whole = steps.max()
    steps = torch.where(steps > 0.0, steps, whole if whole > 0.0 else torch.ones(()))
    smallest = _tensor(operator.bias).abs() / (source_step * _LARGEST_BIAS)
    return _array(torch.maximum(steps, smallest if per_channel else smallest.max()))


def _tensor(values: NDArray[np.floating[Any]]) -> torch.Tensor:
    """Return a copy, float32."""
    return torch.tensor(np.asarray(values, dtype=np.float32))


def _array(values: torch.Tensor) -> NDArray[np.float32]:
    """Return a copy."""
    return np.array(values.detach().numpy(), dtype=np.float32)
