"""Widths for each layer: fewest joules or cycles for an accuracy, or most accuracy for a budget.

Greedy, with the simulator in the loop: from wide integers everywhere, the operand is narrowed next
that saves most on the machine for the noise that it adds to the network's output.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from accelsim.compiler import compile_network, fuse_pads
from accelsim.energy import EnergyTable, account, table_for
from accelsim.errors import ConfigError, InternalError
from accelsim.frontend import ImportedModel, is_shapes, run_float
from accelsim.given_integers import with_operands_of
from accelsim.hardware import Hardware
from accelsim.network import IntegerNetwork
from accelsim.pipeline import run as run_pipeline
from accelsim.quantize import (
    LayerBits,
    QuantizationSpec,
    measure_noise,
    network_widths,
    observed_tensors,
    quantize_calibrated,
    quantize_input,
    scaled_network,
    with_layer_bits,
)
from accelsim.report.mixed_widths import SearchResult, SearchStep
from accelsim.request import EIGHT_BITS, Progress, RunRequest, point_name
from accelsim.simulator import simulate
from accelsim.start import accuracy_pct, load_images, load_machine, load_network, silent

__all__ = ["NARROWER", "SearchRequest", "search_widths"]

NARROWER = (6, 4, 3, 2)
"""Widths that are tried, one after the other."""

_UNITS = {"energy": "uJ", "cycles": "cycles"}
Layers = tuple[LayerBits, ...]


@dataclass(frozen=True)
class SearchRequest:
    """What to search for.

    Attributes
    ----------
    run
        Network, data, machine and quantization; its one point (default: 8 bits) and ``layer_bits``
        are the start.
    cost
        ``energy`` or ``cycles``, of an image.
    keep_accuracy_pct
        Least accuracy; the cost is made as small as it allows. Or None, and
    budget
        the largest cost, microjoules or cycles; as little noise as possible is added to meet it.

    Raises
    ------
    ConfigError
        If there are not one point and one bound, or a value is out of range.
    """

    run: RunRequest
    cost: str = "energy"
    keep_accuracy_pct: float | None = None
    budget: float | None = None

    def __post_init__(self) -> None:
        if is_shapes(self.run.network):
            raise ConfigError(f"{self.run.network}: has shapes but no weights to be quantized")
        if self.run.random_data:
            raise ConfigError("--random-data: a search needs labels")
        if self.run.points is None:
            object.__setattr__(self, "run", replace(self.run, points=EIGHT_BITS))
        if len(self.run.float_points) != 1:
            raise ConfigError(f"--bits: give one width, got {len(self.run.float_points)}")
        if self.cost not in _UNITS:
            raise ConfigError(f"cost: must be one of energy, cycles, got {self.cost!r}")
        if (self.keep_accuracy_pct is None) == (self.budget is None):
            raise ConfigError("give either --keep-accuracy or --budget")
        if self.keep_accuracy_pct is not None and not 0.0 <= self.keep_accuracy_pct <= 100.0:
            raise ConfigError(
                f"--keep-accuracy: must be 0 to 100 percent, got {self.keep_accuracy_pct:g}"
            )
        if self.budget is not None and not 0.0 < self.budget < float("inf"):
            raise ConfigError(f"--budget: must be above 0, got {self.budget:g}")

    @property
    def goal(self) -> str:
        """What is searched for, in words."""
        if self.budget is not None:
            return f"least noise within {self.budget:g} {_UNITS[self.cost]} an image"
        return f"least {self.cost} at {self.keep_accuracy_pct:g} % accuracy or more"


def search_widths(request: SearchRequest, progress: Progress = silent) -> SearchResult:
    """Narrow one operand after the other as far as the accuracy, or until the budget, allows.

    Raises
    ------
    ConfigError
        If no network on the way meets the bound; the message has the nearest.
    AccelsimError
        If something else that the user gave cannot be used.
    """
    search = _Search(request)
    layers = request.run.layer_bits
    current = search.step("start", layers)
    steps = [current]
    if request.keep_accuracy_pct is not None and current.accuracy_pct < request.keep_accuracy_pct:
        raise ConfigError(
            f"--keep-accuracy {request.keep_accuracy_pct:g}: no network to start from; the "
            f"nearest, {point_name(*request.run.float_points[0])} bits, has "
            f"{current.accuracy_pct:.2f} percent"
        )
    refused: set[Layers] = set()
    while not search.is_enough(current):
        progress(f"{len(steps)} networks tried", 0, 1)
        change = search.best_change(layers, current, refused)
        if change is None:
            break
        changed = _changed(layers, change)
        step = search.step(_words(change), changed)
        if search.is_right(step):
            layers, current = changed, step
        else:
            # What harms too much now harms too much later, when more is narrow.
            refused.add(change)
            step = replace(step, kept=False)
        steps.append(step)
    if request.budget is not None and not search.is_enough(current):
        raise ConfigError(
            f"--budget {request.budget:g}: no network found needs so little; the nearest needs "
            f"{search.cost_of(current):.4g} {_UNITS[request.cost]} an image, at "
            f"{current.accuracy_pct:.2f} percent accuracy"
        )
    return search.result(layers, tuple(steps))


class _Search:
    """What stays the same during a search, and what has been measured on the way."""

    def __init__(self, request: SearchRequest) -> None:
        run = request.run
        model = load_network(run)
        if not isinstance(model, ImportedModel) or model.given is not None:
            raise ConfigError(f"{run.network}: is quantized already; give the float network")
        self._request, self._model = request, model
        self._machine: Hardware = load_machine(run).with_operand_bits(*run.float_points[0])
        self._table: EnergyTable = table_for(self._machine)
        self._spec = QuantizationSpec.for_machine(self._machine, **run.quantization)
        network_widths(model.network, self._spec)
        self._data = load_images(model, run)
        self._activations: dict[str, NDArray[np.float32]] = run_float(
            model, self._data.calibration_images, observed_tensors(model.network)
        )
        self._noise: dict[Layers, float] = {}

    def _integers(self, layers: Layers) -> IntegerNetwork:
        spec = replace(self._spec, layer_bits=layers)
        images = self._data.calibration_images
        return quantize_calibrated(self._model.network, images, self._activations, spec)

    def _costs(self, integer: IntegerNetwork) -> tuple[float, float]:
        """Return cycles and microjoules of an image on the machine."""
        machine, batch = with_operands_of(integer, self._machine), self._request.run.batch
        on_machine = fuse_pads(integer)
        program = compile_network(on_machine, machine, batch)
        inputs = quantize_input(integer, self._data.images[:1])
        ran = simulate(program, on_machine, machine, inputs, engine="tile")
        energy = account(ran, program, machine, self._table)
        return ran.timing.cycles_total / batch, energy.image_pj * 1e-6

    def _measure(self, integer: IntegerNetwork) -> tuple[float, float]:
        """Return accuracy in percent, and the mean squared error of the output."""
        network = scaled_network(self._model.network, self._data.calibration_images, self._spec)
        measured = measure_noise(network, integer, self._data.images)
        return accuracy_pct(measured.outputs, self._data.labels), measured.output.mse

    def step(self, change: str, layers: Layers) -> SearchStep:
        """Return what a network gives."""
        integer = self._integers(layers)
        right, self._noise[layers] = self._measure(integer)
        return SearchStep(change, right, *self._costs(integer), kept=True)

    def cost_of(self, step: SearchStep) -> float:
        """Return what is to be small."""
        if self._request.cost == "energy":
            return step.energy_uj_per_image
        return step.cycles_per_image

    def is_right(self, step: SearchStep) -> bool:
        """Whether a network is accurate enough."""
        least = self._request.keep_accuracy_pct
        return least is None or step.accuracy_pct >= least

    def is_enough(self, step: SearchStep) -> bool:
        """Whether nothing needs to be narrower."""
        return self._request.budget is not None and self.cost_of(step) <= self._request.budget

    def best_change(
        self, layers: Layers, current: SearchStep, refused: set[Layers]
    ) -> Layers | None:
        """Return the operands and widths that save most for their noise; None: nothing saves."""
        best, best_score = None, 0.0
        for change in self._changes(layers):
            if change in refused:
                continue
            cycles, energy_uj = self._costs(self._integers(_changed(layers, change)))
            costs = replace(current, cycles_per_image=cycles, energy_uj_per_image=energy_uj)
            saved = self.cost_of(current) - self.cost_of(costs)
            score = saved / self._harm(change) if saved > 0.0 else 0.0
            if score > best_score:
                best, best_score = change, score
        return best

    def _changes(self, layers: Layers) -> list[Layers]:
        """Return every operand with the next narrower width that it could have.

        PEs get narrower only when all of the widest operands do: so those of all layers together
        are a change, too.
        """
        widths = network_widths(self._model.network, replace(self._spec, layer_bits=layers))
        weights = {name: bits for name, bits in widths.weights.items() if bits > NARROWER[-1]}
        activations = {
            name: widths.activations[tensor]
            for name, tensor in widths.written.items()
            if widths.activations[tensor] > NARROWER[-1]
        }
        narrower_weights = {name: LayerBits(name, _below(bits)) for name, bits in weights.items()}
        narrower_activations = {
            name: LayerBits(name, None, _below(bits)) for name, bits in activations.items()
        }
        singles = [(e,) for e in (*narrower_weights.values(), *narrower_activations.values())]
        groups = [
            tuple(entries[name] for name, bits in found.items() if bits == max(found.values()))
            for found, entries in (
                (weights, narrower_weights),
                (activations, narrower_activations),
            )
            if found
        ]
        return [*singles, *(group for group in groups if len(group) > 1)]

    def _harm(self, change: Layers) -> float:
        """Return the noise of the output with these operands alone narrowed: their sensitivity."""
        alone = _changed(self._request.run.layer_bits, change)
        if alone not in self._noise:
            self._noise[alone] = self._measure(self._integers(alone))[1]
        return max(self._noise[alone], float(np.finfo(np.float64).tiny))

    def result(self, layers: Layers, steps: tuple[SearchStep, ...]) -> SearchResult:
        """Run the last network on the machine, by the engine that was asked for, and check it."""
        run = replace(self._request.run, layer_bits=layers, check=True)
        ran = run_pipeline(run)
        (point,) = ran.points
        final = SearchStep(
            "final",
            point.accuracy_integer_pct or 0.0,
            point.cycles_per_image,
            point.energy_uj_per_image,
            kept=True,
        )
        if point.golden_mismatches:
            raise InternalError(f"{point.golden_mismatches} outputs differ from golden's")
        return SearchResult(
            network=ran.network,
            hardware=ran.hardware,
            goal=self._request.goal,
            images=len(self._data.images),
            float_pct=point.accuracy_float_pct or 0.0,
            steps=steps,
            final=final,
            layer_bits=tuple(str(entry) for entry in layers),
            command=run.command,
        )


def _below(bits: int) -> int:
    """Return the widest of the widths that are tried below one."""
    return next(narrower for narrower in NARROWER if narrower < bits)


def _changed(layers: Layers, change: Layers) -> Layers:
    for entry in change:
        layers = with_layer_bits(layers, entry)
    return layers


def _words(change: Layers) -> str:
    return " ".join(str(entry) for entry in change)
