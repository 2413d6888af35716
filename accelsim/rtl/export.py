"""From a design point to a folder of SystemVerilog that proves it: the story of `accelsim rtl`."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path

from accelsim.arithmetic.rescale import RescaleMode
from accelsim.errors import ConfigError
from accelsim.frontend import (
    LARGEST_SEED,
    Dataset,
    ImportedModel,
    is_shapes,
    load_data,
    load_onnx,
    random_data,
    run_float,
    workload_path,
)
from accelsim.hardware import Hardware, PeKind, dump_hardware, load_hardware
from accelsim.hardware.pe_kinds import TERNARY_BITS
from accelsim.output_folder import check_output_folder, output_folder
from accelsim.quantize import (
    QuantizationSpec,
    observe_ranges,
    observed_tensors,
    quantize_input,
    quantize_network,
)
from accelsim.rtl.bundle import BUNDLE, Bundle, Part, write_bundle
from accelsim.rtl.products import PlayedProduct, layer_product, random_product
from accelsim.rtl.rescale_vectors import rescale_vectors
from accelsim.rtl.vectors import array_vectors

__all__ = ["RtlRequest", "export_rtl"]

MOST_ROWS = 2**20
"""Far more than a testbench plays; what it does play depends on the array."""

_NO_FLOAT_LANE = (
    "the rescale unit is left out: its float32 mode has no RTL (--set rescale.mode=single_round, "
    "double_round or truncate)"
)


@dataclass(frozen=True)
class RtlRequest:
    """Which machine, and what its RTL is to play.

    Attributes
    ----------
    hardware, overrides
        Name of a preset or path of a YAML file; ``"array.rows=32"`` changes a field of it.
    network, layer, data
        A bundled network or an ONNX file and one of its layers on the array; data as an .npz
        (None: what is bundled, or random images). Without a network the vectors are random.
    weight_bits, activation_bits
        What the PEs are built for; None: what the hardware says.
    rows
        Rows m of the layer, at most; for random vectors, the length of a stream.
    seed
        Of whatever is random.

    Raises
    ------
    ConfigError
        If a value is out of its range, or one is missing.
    """

    hardware: str
    overrides: tuple[str, ...] = ()
    network: str | None = None
    layer: str | None = None
    data: str | None = None
    weight_bits: int | None = None
    activation_bits: int | None = None
    rows: int = 64
    seed: int = 0

    def __post_init__(self) -> None:
        if not 1 <= self.rows <= MOST_ROWS:
            raise ConfigError(f"--rows: must be 1 to {MOST_ROWS}, got {self.rows}")
        if not 0 <= self.seed <= LARGEST_SEED:
            raise ConfigError(f"--seed: must be 0 to {LARGEST_SEED}, got {self.seed}")
        if self.network is None and (self.layer is not None or self.data is not None):
            given = "--layer" if self.layer is not None else "--data"
            raise ConfigError(f"{given}: needs a network (--network)")
        if self.network is not None and is_shapes(self.network):
            raise ConfigError(
                f"--network: {self.network} has no weights; leave it out for random vectors"
            )

    @property
    def command(self) -> str:
        """The command line that repeats this export, but for its folder."""
        words = ["accelsim", "rtl", self.hardware]
        for override in self.overrides:
            words += ["--set", override]
        options = {
            "--network": self.network,
            "--layer": self.layer,
            "--data": self.data,
            "--weights": self.weight_bits,
            "--activations": self.activation_bits,
            "--rows": self.rows,
            "--seed": self.seed,
        }
        for option, value in options.items():
            words += [] if value is None else [option, str(value)]
        return shlex.join(words)


def export_rtl(request: RtlRequest, folder: Path) -> Bundle:
    """Write the machine's RTL with the vectors of a layer, all or nothing; return what it holds.

    Raises
    ------
    AccelsimError
        If something that the user gave cannot be used.
    """
    check_output_folder(folder, BUNDLE)
    machine = _machine(request)
    if request.network is None:
        product = random_product(machine, request.rows, request.seed)
    else:
        product = _layer(request, request.network, machine)
    bundle = _bundle(request, machine, product)
    with output_folder(folder, BUNDLE) as partial:
        write_bundle(partial, bundle)
    return bundle


def _machine(request: RtlRequest) -> Hardware:
    widths = {"weight_bits": request.weight_bits, "activation_bits": request.activation_bits}
    given = [f"array.{name}={bits}" for name, bits in widths.items() if bits is not None]
    machine = load_hardware(request.hardware, (*request.overrides, *given))
    _check_has_rtl(machine)
    return machine


def _check_has_rtl(machine: Hardware) -> None:
    """Refuse an array of parts that no module describes."""
    array = machine.array
    if array.row_sums:
        raise ConfigError(
            f"array.row_sums: {machine.name} sums up rows of activations, which has no RTL; "
            "--set array.row_sums=false"
        )
    if array.pe_rate(array.weight_bits, array.activation_bits).cycles > 1:
        raise ConfigError(
            "array.pe_kind: only PEs that take one cycle for an element have RTL; "
            f"{array.pe_kind} ones of {array.pe_weight_bits} bits take more for operands of "
            f"{array.weight_bits} and {array.activation_bits}"
        )
    if array.pe_kind is PeKind.TERNARY and array.weight_bits > TERNARY_BITS:
        raise ConfigError(
            f"array.pe_kind: ternary PEs take weights of 2 bits (--weights 2), got "
            f"{array.weight_bits}"
        )
    if array.scale_bits:
        raise ConfigError(
            f"array.scale_bits: {machine.name} multiplies sums of groups of weights by scales, "
            "which has no RTL; leave it out"
        )


def _layer(request: RtlRequest, name: str, machine: Hardware) -> PlayedProduct:
    model, data = _load(request, name)
    spec = QuantizationSpec.for_machine(machine)
    network = model.network
    seen = run_float(model, data.calibration_images, observed_tensors(network))
    integer = quantize_network(network, observe_ranges(network, seen, spec), spec)
    images = quantize_input(integer, data.images[: request.rows])
    return layer_product(integer, request.layer, images, machine, request.rows)


def _load(request: RtlRequest, name: str) -> tuple[ImportedModel, Dataset]:
    path = Path(name)
    if path.suffix.lower() == ".tflite":
        raise _is_quantized(name)
    if path.suffix == ".onnx" or len(path.parts) > 1 or path.is_file():
        model, data = load_onnx(path), request.data
    else:
        workload = workload_path(name)
        model, data = load_onnx(workload.model), request.data or str(workload.data)
    if model.given is not None:
        raise _is_quantized(name)
    if data is None:
        return model, random_data(model.network, request.rows, request.seed)
    return model, load_data(data, model.network)


def _is_quantized(name: str) -> ConfigError:
    return ConfigError(
        f"--network: {name} is quantized already; give a float network, or leave it out for "
        "random vectors"
    )


def _bundle(request: RtlRequest, machine: Hardware, product: PlayedProduct) -> Bundle:
    array = machine.array
    widths = f"w{array.weight_bits}a{array.activation_bits}"
    kind = "" if array.pe_kind is PeKind.FIXED else f"{array.pe_kind} "
    grid = f"{array.rows} x {array.columns} {kind}PEs, {array.flow.title}, {widths}"
    played = array_vectors(product.operands, product.plan, array, machine.accumulator.format)
    outputs, cycles = played.parameters["EXPECTED"], played.parameters["LAST_CYCLE"] + 1
    what = "sums" if array.flow.preloads else "results"
    compares = f"{outputs:,} {what} and the cycle of each, in {cycles:,} cycles"
    parts = [Part("array", played, compares)]
    has_lane = machine.rescale.mode is not RescaleMode.FLOAT32
    if has_lane:
        lane = rescale_vectors(
            product.accumulators,
            product.outputs,
            product.rescale,
            product.zero_point,
            product.clamp,
            product.output_bits,
        )
        count = lane.parameters["VECTORS"]
        parts.append(Part("rescale", lane, f"{count:,} accumulators and what each is rescaled to"))
    return Bundle(
        title=f"{product.title}, on {machine.name} ({grid})",
        command=request.command,
        machine=dump_hardware(machine),
        parts=tuple(parts),
        notes=() if has_lane else (_NO_FLOAT_LANE,),
    )
