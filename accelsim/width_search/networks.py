"""A float network with any widths of its layers: what it costs, and how right it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from accelsim.compiler import compile_network, fuse_pads
from accelsim.energy import EnergyTable, account, table_for
from accelsim.errors import ConfigError
from accelsim.frontend import ImportedModel, run_float
from accelsim.given_integers import with_operands_of
from accelsim.hardware import Hardware
from accelsim.network import IntegerNetwork
from accelsim.quantize import (
    LayerBits,
    NetworkWidths,
    QuantizationSpec,
    measure_noise,
    network_widths,
    observed_tensors,
    quantize_calibrated,
    quantize_input,
    scaled_network,
    without_bits,
)
from accelsim.request import RunRequest
from accelsim.simulator import simulate
from accelsim.start import accuracy_pct, calibration_notes, load_images, load_machine, load_network

__all__ = ["Costs", "Layers", "Networks", "Rightness"]

Layers = tuple[LayerBits, ...]
_Key = tuple[tuple[int, ...], tuple[int, ...]]


@dataclass(frozen=True)
class Costs:
    """Of one image on the machine that is built for the widest operands."""

    cycles: float
    energy_uj: float


@dataclass(frozen=True)
class Rightness:
    """Accuracy over all test images, and the mean squared error of the output against float."""

    accuracy_pct: float
    output_mse: float


class Networks:
    """One float network, one machine; every answer is found once.

    ``pinned_weights`` and ``pinned_activations`` name the layers whose weights, and the layers of
    which what they write, keep their widths. ``costed`` and ``measured`` count the networks that
    were compiled and timed, and those whose integers golden computed for all images.
    """

    def __init__(self, run: RunRequest, pinned: Layers = ()) -> None:
        """Load the network and its images. ``pinned``: operands whose widths are not to change.

        Raises
        ------
        AccelsimError
            If something that the user gave cannot be used.
        """
        model = load_network(run)
        if not isinstance(model, ImportedModel) or model.given is not None:
            raise ConfigError(f"{run.network}: is quantized already; give the float network")
        self._run, self._network = run, model.network
        widths = (*run.float_points[0], run.built_scale_bits)
        self._machine: Hardware = load_machine(run).with_operand_bits(*widths)
        self._table: EnergyTable = table_for(self._machine)
        self._spec = QuantizationSpec.for_machine(self._machine, **run.quantization)
        network_widths(self._network, self._spec)
        network_widths(self._network, replace(self._spec, layer_bits=pinned))
        self.pinned_weights = {e.layer for e in pinned if e.weight_bits is not None}
        self.pinned_activations = {e.layer for e in pinned if e.activation_bits is not None}
        self._data = load_images(model, run)
        self._activations: dict[str, NDArray[np.float32]] = run_float(
            model, self._data.calibration_images, observed_tensors(self._network)
        )
        self._costs: dict[_Key, Costs] = {}
        self._rightness: dict[_Key, Rightness] = {}

    @property
    def images(self) -> int:
        """Images that accuracy is measured with."""
        return len(self._data.images)

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader should know of the data."""
        return calibration_notes(self._data)

    @property
    def costed(self) -> int:
        """Networks that were compiled and timed."""
        return len(self._costs)

    @property
    def measured(self) -> int:
        """Networks whose accuracy was measured."""
        return len(self._rightness)

    def widths(self, layers: Layers) -> NetworkWidths:
        """Return the width of every operand."""
        return network_widths(self._network, replace(self._spec, layer_bits=layers))

    def layers(self, weights: Mapping[str, int], written: Mapping[str, int]) -> Layers:
        """Return the layers whose widths differ from those of the whole network.

        ``weights``: bits by layer; ``written``: bits of activations by the layer that writes them.
        """
        entries = [LayerBits(name, weights.get(name), bits) for name, bits in written.items()]
        return without_bits(entries, (self._spec.weight_bits, self._spec.activation_bits))

    def difference(self, before: Layers, after: Layers) -> str:
        """Return the widths that differ between two networks, as `LayerBits` writes them."""
        old, new = self.widths(before), self.widths(after)
        entries = []
        for name, tensor in new.written.items():
            own, bits = new.weights.get(name), new.activations[tensor]
            changed = (own != old.weights.get(name), bits != old.activations[tensor])
            if any(changed):
                entries.append(
                    LayerBits(name, own if changed[0] else None, bits if changed[1] else None)
                )
        return " ".join(map(str, entries))

    def costs(self, layers: Layers) -> Costs:
        """Compile a network, time it on the machine and account for it."""
        key = self._key(layers)
        if key not in self._costs:
            integer = self._integers(layers)
            machine, batch = with_operands_of(integer, self._machine), self._run.batch
            on_machine = fuse_pads(integer)
            program = compile_network(on_machine, machine, batch)
            inputs = quantize_input(integer, self._data.images[:1])
            ran = simulate(program, on_machine, machine, inputs, engine="tile")
            energy = account(ran, program, machine, self._table)
            cycles = ran.timing.cycles_total / batch
            self._costs[key] = Costs(cycles, energy.image_pj * 1e-6)
        return self._costs[key]

    def rightness(self, layers: Layers) -> Rightness:
        """Compute a network's integers for all images and compare with labels and with float."""
        key = self._key(layers)
        if key not in self._rightness:
            network = scaled_network(self._network, self._data.calibration_images, self._spec)
            measured = measure_noise(network, self._integers(layers), self._data.images)
            right = accuracy_pct(measured.outputs, self._data.labels)
            self._rightness[key] = Rightness(right, measured.output.mse)
        return self._rightness[key]

    def _integers(self, layers: Layers) -> IntegerNetwork:
        spec = replace(self._spec, layer_bits=layers)
        images = self._data.calibration_images
        return quantize_calibrated(self._network, images, self._activations, spec)

    def _key(self, layers: Layers) -> _Key:
        """Return what names the same widths in the same way, however they are written."""
        widths = self.widths(layers)
        return tuple(widths.weights.values()), tuple(widths.activations.values())
