"""Which layer few bits harm most: one operand of one layer at a time, and noise layer by layer."""

from __future__ import annotations

import shlex
from dataclasses import dataclass, replace
from math import isfinite, prod

import numpy as np
from numpy.typing import NDArray

from accelsim.errors import ConfigError
from accelsim.frontend import Dataset, ImportedModel, is_shapes, run_float
from accelsim.hardware import Hardware
from accelsim.network import Convolution, Dense, Network
from accelsim.quantize import (
    LayerBits,
    MeasuredNoise,
    Noise,
    QuantizationSpec,
    measure_noise,
    network_widths,
    observed_tensors,
    quantize_calibrated,
    scaled_network,
    with_layer_bits,
)
from accelsim.quantize.layer_bits import NARROWEST_BITS, WIDEST_BITS
from accelsim.report.layer_sensitivity import LayerNoise, SensitivityRow, SensitivityStudy
from accelsim.request import EIGHT_BITS, Progress, RunRequest, point_name
from accelsim.start import (
    accuracy_pct,
    calibration_notes,
    choose_images,
    load_images,
    load_machine,
    load_network,
    silent,
)

__all__ = ["SensitivityRequest", "study_sensitivity"]


@dataclass(frozen=True)
class SensitivityRequest:
    """What to study.

    Attributes
    ----------
    run
        Network, data, machine arithmetic and quantization; its one point (default: 8 bits) and
        ``layer_bits`` are the widths of all that is not studied; ``limit`` images are measured.
    bits
        (weight bits, activation bits) of the operand that is studied.

    Raises
    ------
    ConfigError
        If there is not one point, or a width is out of range.
    """

    run: RunRequest
    bits: tuple[int, int] = (4, 4)

    def __post_init__(self) -> None:
        if is_shapes(self.run.network):
            raise ConfigError(f"{self.run.network}: has shapes but no weights to be quantized")
        if self.run.points is None:
            object.__setattr__(self, "run", replace(self.run, points=EIGHT_BITS))
        if len(self.run.float_points) != 1:
            raise ConfigError(f"--others: give one width, got {len(self.run.float_points)}")
        for name, bits in zip(("weight", "activation"), self.bits, strict=True):
            if not NARROWEST_BITS <= bits <= WIDEST_BITS:
                raise ConfigError(
                    f"--bits: {name} bits must be {NARROWEST_BITS} to {WIDEST_BITS}, got {bits}"
                )

    @property
    def command(self) -> str:
        """The command line that repeats this study."""
        run, (others,) = self.run, self.run.float_points
        words = ["accelsim", "sensitivity", run.network, "--hardware", run.hardware]
        words += ["--bits", point_name(*self.bits), "--others", point_name(*others)]
        words += [] if run.data is None else ["--data", run.data]
        words += ["--limit", str(run.limit)]
        for option, value in run.quantization_words:
            words += [option] if value is None else [option, value]
        words += ["--random-data"] if run.random_data else []
        words += [] if run.seed == 0 else ["--seed", str(run.seed)]
        return shlex.join(words)


@dataclass(frozen=True, eq=False)
class _Subject:
    """What every measurement shares; images and labels are those that are measured."""

    network: Network
    data: Dataset
    activations: dict[str, NDArray[np.float32]]
    images: NDArray[np.float32]
    labels: NDArray[np.integer] | None
    spec: QuantizationSpec

    def measure(self, spec: QuantizationSpec) -> tuple[MeasuredNoise, float | None]:
        """Return noise and accuracy of the network as a spec quantizes it."""
        calibration = self.data.calibration_images
        integer = quantize_calibrated(self.network, calibration, self.activations, spec)
        network = scaled_network(self.network, calibration, spec)
        noise = measure_noise(network, integer, self.images)
        right = None if self.labels is None else accuracy_pct(noise.outputs, self.labels)
        return noise, right


def study_sensitivity(request: SensitivityRequest, progress: Progress = silent) -> SensitivityStudy:
    """Quantize one operand of one layer at a time to few bits and measure what it does.

    All else has the others' widths: every row is a network that a machine with PEs for the widest
    operand runs.

    Raises
    ------
    AccelsimError
        If something that the user gave cannot be used.
    """
    run = request.run
    model = load_network(run)
    if not isinstance(model, ImportedModel) or model.given is not None:
        raise ConfigError(f"{run.network}: is quantized already; give the float network")
    subject = _subject(model, load_machine(run), run)
    network, spec = subject.network, subject.spec
    trials = _trials(network, spec, request.bits)
    few = replace(spec, weight_bits=request.bits[0], activation_bits=request.bits[1], layer_bits=())
    steps = len(trials) + 2
    progress("all others", 0, steps)
    many_noise = _all_layers(subject, spec, point_name(*run.float_points[0]))
    progress("all at few bits", 1, steps)
    few_noise = _all_layers(subject, few, point_name(*request.bits))
    rows = []
    for done, (entry, elements) in enumerate(trials, start=2):
        progress(str(entry), done, steps)
        changed = replace(spec, layer_bits=with_layer_bits(spec.layer_bits, entry))
        noise, right = subject.measure(changed)
        rows.append(_row(entry, elements, noise, right))
    scores = run_float(model, subject.images, [network.output])[network.output]
    labels = subject.labels
    return SensitivityStudy(
        network=network.name,
        dataset=subject.data.name,
        images=len(subject.images),
        float_pct=None if labels is None else accuracy_pct(scores, labels),
        rows=tuple(sorted(rows, key=lambda row: -row.harm)),
        others=many_noise,
        few=few_noise,
        command=request.command,
        notes=calibration_notes(subject.data),
    )


def _subject(model: ImportedModel, hardware: Hardware, run: RunRequest) -> _Subject:
    machine = hardware.with_operand_bits(*run.float_points[0], run.built_scale_bits)
    spec = QuantizationSpec.for_machine(machine, **run.quantization)
    network_widths(model.network, spec)
    data = load_images(model, run)
    chosen = choose_images(len(data.images), run)
    return _Subject(
        model.network,
        data,
        run_float(model, data.calibration_images, observed_tensors(model.network)),
        data.images[chosen],
        None if run.random_data else data.labels[chosen],
        spec,
    )


def _trials(
    network: Network, spec: QuantizationSpec, bits: tuple[int, int]
) -> list[tuple[LayerBits, int]]:
    """Return each operand with its width, and its elements, in execution order."""
    widths = network_widths(network, spec)
    elements = {
        layer.name: layer.operator.weights.size
        for layer in network.layers
        if isinstance(layer.operator, Convolution | Dense)
    }
    trials = []
    for name, tensor in widths.written.items():
        if name in widths.weights:
            trials.append((LayerBits(name, bits[0]), elements[name]))
        trials.append((LayerBits(name, None, bits[1]), prod(network.shapes[tensor])))
    return trials


def _row(
    entry: LayerBits, elements: int, measured: MeasuredNoise, right: float | None
) -> SensitivityRow:
    own = measured.layers.get(entry.layer, measured.input)
    return SensitivityRow(
        layer=entry.layer,
        operand="activations" if entry.weight_bits is None else "weights",
        bits=entry.weight_bits or entry.activation_bits or 0,
        elements=elements,
        accuracy_pct=right,
        output_sqnr_db=_finite(measured.output),
        output_mse=measured.output.mse,
        layer_sqnr_db=_finite(own),
        layer_mse=own.mse,
    )


def _all_layers(subject: _Subject, spec: QuantizationSpec, widths: str) -> LayerNoise:
    measured, right = subject.measure(spec)
    by_layer = {subject.network.input: measured.input} | measured.layers
    return LayerNoise(
        widths,
        right,
        tuple((name, _finite(noise)) for name, noise in by_layer.items()),
        tuple((name, noise.mse) for name, noise in by_layer.items()),
    )


def _finite(noise: Noise) -> float | None:
    return noise.sqnr_db if isfinite(noise.sqnr_db) else None
