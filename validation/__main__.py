"""Print every row of docs/validation.md and draw its figures: ``python -m validation``."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from accelsim.energy import load_table
from accelsim.energy.area import area
from accelsim.energy.operations import adder, multiplier, register
from accelsim.hardware import load_hardware
from accelsim.report.style import ACCENT, MUTED, in_style, to_png
from validation.bitfusion import (
    COMPOSABLE,
    KELLER_TOPS_PER_W,
    SYNTHESIZED,
    composable_product_pj,
    modelled,
    modelled_composable,
)
from validation.eyeriss import LAYERS, filter_read_pj, pe_pj
from validation.scenarios import made_up, of_layers
from validation.switching_study import (
    ADDER_MODELS,
    MULTIPLIER_MODELS,
    WITH_INPUTS,
    Measured,
    best_shares,
    from_random,
    measure,
    study,
    units,
)
from validation.tpu import APPLICATIONS, dense, fetch_cycles, roof_tops, square_matrix_us

IMAGES = Path("docs/images")


def main() -> None:
    """Print all tables; with ``--images`` draw the figures."""
    for line in (*_pes(), *_tpu(), *_eyeriss()):
        print(line)
    measured = _gates(8)
    for bits in (3, 4, 6, 12):
        _gates(bits)
    if "--images" in sys.argv:
        (IMAGES / "validation_switching.png").write_bytes(to_png(_scatter(measured)))
        (IMAGES / "validation_pes.png").write_bytes(to_png(_laws()))


def _pes() -> Iterator[str]:
    table = load_table("horowitz_45nm").values
    for array in SYNTHESIZED:
        pairs = zip(modelled(table, array.bits), (array.pe_pj, array.pe_um2, array.pe_uw))  # noqa: B905
        cells = (
            f"{model:.4g} | {real:.4g} | {100 * (model / real - 1):+.1f} %" for model, real in pairs
        )
        yield f"| {array.bits} | {' | '.join(cells)} |"
    ratio = modelled(table, 8)[0] / modelled(table, 4)[0]
    silicon = KELLER_TOPS_PER_W[4] / KELLER_TOPS_PER_W[8]
    yield f"8b:4b {ratio:.3f}, synthesized {SYNTHESIZED[2].pe_pj / SYNTHESIZED[1].pe_pj:.3f}"
    yield f"silicon, INT4:INT8 {silicon:.2f}"
    model = modelled_composable(table)
    for bits in (8, 4, 2):
        found, real = (composable_product_pj(pj, bits) for pj in (model[0], COMPOSABLE.pe_pj))
        fixed = next(array.pe_pj for array in SYNTHESIZED if array.bits == bits)
        share = f"{100 * (found / real - 1):+.1f} % | {real / fixed:.2f}"
        yield f"| composable, a product of {bits} bits | {found:.4f} | {real:.4f} | {share} |"
    for found, real, fixed in zip(
        model[1:],
        (COMPOSABLE.pe_um2, COMPOSABLE.pe_uw),
        (SYNTHESIZED[2].pe_um2, SYNTHESIZED[2].pe_uw),
        strict=True,
    ):
        share = f"{100 * (found / real - 1):+.1f} % | {real / fixed:.2f}"
        yield f"| composable, um2, then uW | {found:.4g} | {real:.4g} | {share} |"


def _tpu() -> Iterator[str]:
    machine = load_hardware("tpu_v1")
    table = load_table(machine.technology.table).values
    yield f"weight tile: {fetch_cycles(machine):.0f} cycles"
    for size in (256, 512):
        yield f"LSTM1 600x600 on {size}: {square_matrix_us(600, size):.1f} us"
    for one in APPLICATIONS:
        roof = roof_tops(machine, one.macs_per_weight_byte)
        share = one.published_tops / roof
        yield f"| {one.name} | {roof:.1f} | {one.published_tops} | {share:.2f} |"
    point = dense("mlp0", (2048,) * 6, 200, ())
    macs = sum(layer.macs for layer in point.layers)
    seconds = point.cycles_total / machine.clock
    yield f"MLP0, five 2048 x 2048: {2e-12 * macs / seconds:.1f} TOPS"
    logic = multiplier(table, 8, 8) + adder(table, 32) + register(table, 40)
    array_uj = sum(point.energy_split_uj[name] for name in ("multiplier", "adder", "registers"))
    yield f"28 nm: {logic.value:.3f} pJ a MAC ({logic.low:.2f} to {logic.high:.2f})"
    yield f"MLP0: {array_uj * 1e6 * 200 / macs:.3f} pJ a MAC in the PEs"
    size_mm2 = area(machine, table)
    yield f"area: {size_mm2.mm2['pe_array']:.1f}, {size_mm2.mm2['activation_sram']:.1f} mm2"


def _eyeriss() -> Iterator[str]:
    for layer in LAYERS:
        gated, plain = pe_pj(layer.zeros, gated=True), pe_pj(layer.zeros, gated=False)
        with_reads = [
            pj + filter_read_pj(layer.zeros, gated=gate)
            for pj, gate in ((gated, True), (plain, False))
        ]
        yield (
            f"| {layer.name} | {layer.zeros} | {layer.published_pj} | {gated:.3f} | {plain:.3f} | "
            f"{100 * abs(1 - gated / plain):.0f} % | {with_reads[0]:.3f} | {with_reads[1]:.3f} | "
            f"{100 * abs(1 - with_reads[0] / with_reads[1]):.0f} % |"
        )


def _gates(bits: int) -> list[Measured]:
    product, total = units(bits)
    scenarios = [*made_up(bits), *of_layers(bits)]
    measured = [measure(one, product, MULTIPLIER_MODELS, bits, adds=False) for one in scenarios]
    sums = [measure(one, total, ADDER_MODELS, bits, adds=True) for one in scenarios]
    for name, found in (("multiplier", measured), ("adder", sums)):
        result = study(found)
        print(f"{bits}-bit {name}, {len(found)} scenarios: held out; calibrated on random")
        for model, features in found[0].counts.items():
            line = f"| {model} | {result.mean_pct(model):.1f} | {result.largest_pct(model):.0f} |"
            if len(features) == 1:
                errors = np.abs(from_random(found, model))
                line += f" {100 * errors.mean():.1f} | {100 * errors.max():.0f} |"
            print(line)
    from_table, held_out = best_shares(measured)
    print(f"{bits}-bit multiplier, best share of inputs: {from_table} from the table, ", end="")
    print(f"{held_out} held out")
    return measured


@in_style
def _scatter(measured: list[Measured]) -> Figure:
    """Draw what is predicted against what the gates did, for the constant and for the activity."""
    figure = Figure(figsize=(7.0, 3.6))
    panels = figure.subplots(1, 2, sharex=True, sharey=True)
    gates = np.array([one.gates for one in measured])
    ends = [0, 1.2 * gates.max()]
    result = study(measured)
    for axes, model in zip(panels, ("constant for each MAC", WITH_INPUTS), strict=True):
        predicted = gates * (1 + np.array(result.errors[model]))
        axes.plot(ends, ends, color=MUTED, linewidth=1)
        for prefix, marker in (("ws", "o"), ("os", "s")):
            chosen = np.array([one.name.startswith(prefix) for one in measured])
            axes.scatter(
                gates[chosen],
                predicted[chosen],
                color=ACCENT if prefix == "ws" else "#d55e00",
                marker=marker,
                s=26,
                label={"ws": "weight stationary", "os": "output stationary"}[prefix],
            )
        axes.set_title(f"{model}:\n{result.mean_pct(model):.0f} % off on average")
        axes.set_xlabel("load that changed in the gates, each MAC")
        axes.set_xlim(*ends)
        axes.set_ylim(*ends)
    panels[0].set_ylabel("predicted, held out")
    panels[0].legend(loc="lower right")
    return figure


@in_style
def _laws() -> Figure:
    """Draw the laws of a whole PE through the synthesized arrays."""
    figure = Figure(figsize=(7.0, 2.9))
    table = load_table("horowitz_45nm").values
    widths = np.arange(2, 17)
    laws = np.array([modelled(table, int(bits)) for bits in widths])
    points = np.array([(one.pe_pj, one.pe_um2, one.pe_uw) for one in SYNTHESIZED])
    labels = ("pJ a cycle", "um²", "leakage, µW")
    for i, (axes, label) in enumerate(zip(figure.subplots(1, 3), labels, strict=True)):
        axes.plot(widths, laws[:, i], color=ACCENT, label="law")
        synthesized = [one.bits for one in SYNTHESIZED]
        axes.scatter(synthesized, points[:, i], color="#d55e00", zorder=3, label="synthesized")
        axes.set_title(label)
        axes.set_xlabel("bits of both operands")
        axes.set_xticks(synthesized)
        axes.set_ylim(bottom=0)
    figure.axes[0].legend(loc="upper left")
    return figure


if __name__ == "__main__":
    main()
