"""The result of a run as plain records: what every writer of this room reads.

Counts and cycles of a layer are for one batch; figures "per image" divide by the batch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from accelsim.energy import EnergyReport
from accelsim.simulator.run import Cause, Span, Traffic

__all__ = [
    "CAUSES",
    "ON_HOST",
    "LayerResult",
    "PointResult",
    "Provenance",
    "RunResult",
    "SwitchingResult",
]

CAUSES: tuple[str, ...] = tuple(
    cause.value
    for cause in (
        Cause.STREAM,
        Cause.PRELOAD,
        Cause.FILL,
        Cause.DRAIN,
        Cause.STALL_WEIGHTS,
        Cause.STALL_ACTIVATIONS,
        Cause.STALL_RESCALE,
        Cause.STALL_OUTPUT,
        Cause.IDLE,
    )
)
"""Every cause of a cycle, in the order in which tables and plots show them."""

ON_HOST = "on the host"
"""The place in `RunResult.imported` of what the host does, which costs no cycle."""


@dataclass(frozen=True)
class LayerResult:
    """One layer at one bit-width, for one batch.

    Attributes
    ----------
    m, n, k, groups
        Sizes of the matrix product, ``macs = m * n * k * groups``; all 0 for a layer that is
        not a matrix product.
    weight_bits, input_bits, output_bits
        Widths of the layer's tensors (``weight_bits`` is 0 without weights).
    cycles
        Every cause of `CAUSES`, summing to ``cycles_total``.
    utilization_pct
        MACs done as a share of what all PEs could do in the cycles, one each a cycle if fixed.
    energy_pj
        By component; the components' names are those of the energy report.
    energy_low_pj, energy_high_pj
        Bounds of their sum, by the ranges of the tables' entries.
    overflow_events, clip_events
        Over all simulated images.
    sqnr_db, mse
        Of what the layer writes against the float network, over all simulated images: decibel (None
        where there is no noise, too) and the unit of the tensor squared. None if not asked for.
    """

    name: str
    op: str
    m: int
    n: int
    k: int
    groups: int
    macs: int
    weight_bits: int
    input_bits: int
    output_bits: int
    cycles_total: int
    cycles: Mapping[str, int]
    utilization_pct: float
    traffic: Traffic
    energy_pj: Mapping[str, float]
    energy_low_pj: float = 0.0
    energy_high_pj: float = 0.0
    overflow_events: int = 0
    clip_events: int = 0
    sqnr_db: float | None = None
    mse: float | None = None


@dataclass(frozen=True)
class SwitchingResult:
    """What changed in the array, and what the same operations cost by the mean of random operands.

    The ``*_per_mac`` are means over the MACs of the simulated images; ``random_*`` is what
    random operands, new ones in every cycle, would change. ``zero_products_pct``: products with a
    zero operand, those of unused PEs included. ``changed_register_bits_pct``: of the register bits
    that were clocked (random: 50). ``switching_uj`` and ``per_operation_uj``: array components of
    an image in both modes. ``pe_energy_pj``: multiplier and adder of each PE, for one image.
    """

    partial_products_per_mac: float
    random_partial_products: float
    product_inputs_per_mac: float
    random_product_inputs: float
    product_bits_per_mac: float
    sum_bits_per_mac: float
    random_adder_bits: float
    zero_products_pct: float
    changed_register_bits_pct: float
    switching_uj: Mapping[str, float]
    per_operation_uj: Mapping[str, float]
    pe_energy_pj: Sequence[Sequence[float]]


@dataclass(frozen=True)
class PointResult:
    """One bit-width of a run: accuracy, cycles and energy.

    ``images_golden`` is 0 and ``golden_mismatches`` None when golden was not asked;
    ``accuracy_integer_pct`` is then that of the simulated images. ``golden_mismatches`` counts
    output integers that differ. Both accuracies are None where labels mean nothing, the float one
    where the network was integers from the start. A network of shapes has no values: no images
    are simulated. ``peak_macs_per_cycle`` and ``dram_bytes_per_cycle`` are the machine's two
    roofs, the first at the widths of its fastest layer. ``energy_low_uj_per_image`` and
    ``energy_high_uj_per_image`` bound the energy: every entry of the tables at the end of its
    range. ``peak_power_mw`` is that of the hungriest layer, ``area_split_mm2`` by part of the
    machine. ``switching`` is there if it was what energy followed from.
    """

    weight_bits: int
    activation_bits: int
    accuracy_float_pct: float | None
    accuracy_integer_pct: float | None
    images_golden: int
    images_simulated: int
    golden_mismatches: int | None
    batch: int
    cycles_total: int
    cycles_per_image: float
    latency_us_per_image: float
    utilization_pct: float
    energy_uj_per_image: float
    energy_split_uj: Mapping[str, float]
    average_power_mw: float
    tops_per_w: float
    overflow_events: int
    clip_events: int
    layers: tuple[LayerResult, ...]
    peak_macs_per_cycle: float = 0
    dram_bytes_per_cycle: float = 0.0
    energy_low_uj_per_image: float = 0.0
    energy_high_uj_per_image: float = 0.0
    pj_per_mac: float = 0.0
    peak_power_mw: float = 0.0
    energy_delay_product_uj_us: float = 0.0
    dram_pj_per_bit: float = 0.0
    area_split_mm2: Mapping[str, float] = field(default_factory=dict)
    area_mm2: float = 0.0
    peak_tops_per_mm2: float = 0.0
    switching: SwitchingResult | None = None

    @property
    def label(self) -> str:
        """Weight and activation bits in the usual short form: ``w4a8``."""
        return f"w{self.weight_bits}a{self.activation_bits}"

    @property
    def widths(self) -> tuple[str, str]:
        """Bits of the weights and of the activations in products: ``("4-8", "8")``."""
        products = [layer for layer in self.layers if layer.weight_bits]
        weights = [layer.weight_bits for layer in products] or [self.weight_bits]
        activations = [layer.input_bits for layer in products] or [self.activation_bits]
        return _from_to(weights), _from_to(activations)


def _from_to(bits: Sequence[int]) -> str:
    low, high = min(bits), max(bits)
    return str(low) if low == high else f"{low}-{high}"


@dataclass(frozen=True)
class Provenance:
    """What is needed to trust a run and to repeat it.

    ``hashes`` are sha256 of the network, the data and the energy table; ``versions`` are those
    of accelsim, Python and the libraries whose numbers are in the result.
    """

    command: str
    seed: int
    versions: Mapping[str, str]
    hashes: Mapping[str, str]


@dataclass(frozen=True)
class RunResult:
    """A network on a machine at several bit-widths.

    ``configuration`` holds the resolved choices (network, data, points, options) as plain
    numbers, text and lists; ``machine`` is the resolved hardware description as YAML, units in
    its values. One line each: ``array`` (size, dataflow, clock, what was changed in the named
    hardware) and ``technology`` (node, voltage, energy table). ``energy_mode``: what the array's
    operations were taken to cost; ``pe_bits``: the width of PEs that are not built for each point.
    ``timeline`` and ``energies``, the account of each point line by
    line, are stored in files of their own.
    ``imported`` says what became of the operators of the network's file, by where they run.
    ``is_given``: the file was quantized already, and its integers were run as they are.
    """

    network: str
    hardware: str
    engine: str
    dataset: str
    array: str
    technology: str
    points: tuple[PointResult, ...]
    provenance: Provenance
    configuration: Mapping[str, object]
    machine: str
    not_modelled: tuple[str, ...] = ()
    warnings: tuple[str, ...] = field(default=())
    imported: Mapping[str, Sequence[str]] = field(default_factory=dict)
    is_given: bool = False
    timeline: tuple[Span, ...] = field(default=(), repr=False, compare=False)
    energy_mode: str = "per_operation"
    pe_bits: int | None = None
    energies: tuple[EnergyReport, ...] = field(default=(), repr=False, compare=False)

    @property
    def has_values(self) -> bool:
        """Whether integers were computed, or only their cycles."""
        return any(point.images_simulated for point in self.points)

    @property
    def has_accuracy(self) -> bool:
        """Whether the images had labels that mean something."""
        return all(point.accuracy_integer_pct is not None for point in self.points)

    @property
    def has_float_accuracy(self) -> bool:
        """Whether there was a float network to compare with."""
        return all(point.accuracy_float_pct is not None for point in self.points)

    @property
    def components(self) -> tuple[str, ...]:
        """Energy components of the run, in the order of the energy report."""
        return tuple(dict.fromkeys(name for point in self.points for name in point.energy_split_uj))
