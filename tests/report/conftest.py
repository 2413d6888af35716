"""A run made by hand: five bit-widths of a small CNN, numbers of a believable size."""

from __future__ import annotations

from dataclasses import replace

import pytest

from accelsim.report.plots import figures
from accelsim.report.results import CAUSES, LayerResult, PointResult, Provenance, RunResult
from accelsim.report.style import to_svg
from accelsim.simulator.run import Traffic

CYCLES = {
    "conv1": {"stream": 64, "preload": 16, "fill": 15, "drain": 15, "stall_weights": 70},
    "conv2": {"stream": 576, "preload": 16, "fill": 15, "drain": 15, "stall_weights": 210},
    "pool": {"idle": 36},
    "conv3": {"stream": 288, "preload": 32, "fill": 15, "drain": 15, "stall_output": 9},
    "dense": {"stream": 16, "preload": 230, "fill": 15, "drain": 15, "stall_weights": 120},
}
PRODUCTS = {
    "conv1": (64, 16, 9, 1),
    "conv2": (64, 32, 144, 1),
    "conv3": (16, 32, 288, 1),
    "dense": (1, 10, 512, 1),
}


def make_layer(name: str, bits: int, scale: float) -> LayerResult:
    given = CYCLES[name]
    m, n, k, groups = PRODUCTS.get(name, (0, 0, 0, 0))
    cycles = {str(cause): given.get(str(cause), 0) for cause in CAUSES}
    total = sum(cycles.values())
    macs = m * n * k * groups
    return LayerResult(
        name=name,
        op="maxpool" if name == "pool" else "dense" if name == "dense" else "conv",
        m=m,
        n=n,
        k=k,
        groups=groups,
        macs=macs,
        weight_bits=bits if macs else 0,
        input_bits=bits,
        output_bits=bits,
        cycles_total=total,
        cycles=cycles,
        utilization_pct=100 * macs / (256 * total),
        traffic=Traffic(activation_reads=macs // 16, weight_reads=n * k, dram_read_bytes=n * k),
        energy_pj={
            "multiplier": 0.2 * scale**2 * macs,
            "adder": 0.1 * macs,
            "registers": 0.12 * macs,
            "wires": 0.1 * macs,
            "clock_tree": 4.0 * total,
            "activation_sram": 0.11 * scale * macs,
            "weight_sram": 3.4 * scale * n * k,
            "accumulator_sram": 0.25 * macs,
            "rescale": 3.3 * m * n,
            "vector": 0.0 if macs else 230.0,
            "control": 0.4 * n * k,
            "dram": 60.0 * scale * n * k,
            "dram_background": 2.0 * total,
            "leakage": 9.0 * total,
        },
        clip_events=3 if bits == 2 else 0,
    )


def make_point(bits: int, accuracy_pct: float) -> PointResult:
    layers = tuple(make_layer(name, bits, bits / 8) for name in CYCLES)
    cycles_total = sum(layer.cycles_total for layer in layers)
    macs = sum(layer.macs for layer in layers)
    split = {
        name: sum(layer.energy_pj[name] for layer in layers) * 1e-6 for name in layers[0].energy_pj
    }
    energy_uj = sum(split.values())
    return PointResult(
        weight_bits=bits,
        activation_bits=bits,
        accuracy_float_pct=98.61,
        accuracy_integer_pct=accuracy_pct,
        images_golden=360,
        images_simulated=64,
        golden_mismatches=0,
        batch=1,
        cycles_total=cycles_total,
        cycles_per_image=float(cycles_total),
        latency_us_per_image=cycles_total / 1000,
        utilization_pct=100 * macs / (256 * cycles_total),
        energy_uj_per_image=energy_uj,
        energy_split_uj=split,
        average_power_mw=energy_uj / (cycles_total / 1000) * 1e3,
        tops_per_w=2 * macs / (energy_uj * 1e6),
        overflow_events=0,
        clip_events=sum(layer.clip_events for layer in layers),
        layers=layers,
        energy_low_uj_per_image=0.6 * energy_uj,
        energy_high_uj_per_image=2.0 * energy_uj,
        pj_per_mac=energy_uj * 1e6 / macs,
        peak_power_mw=900.0,
        energy_delay_product_uj_us=energy_uj * cycles_total / 1000,
        dram_pj_per_bit=9.5,
        area_split_mm2={"pe_array": 0.01 * bits, "weight_sram": 0.2},
        area_mm2=0.01 * bits + 0.2,
        peak_tops_per_mm2=0.512 / (0.01 * bits + 0.2),
    )


@pytest.fixture(scope="session")
def result() -> RunResult:
    accuracies = {8: 98.61, 6: 98.33, 4: 97.22, 3: 90.28, 2: 23.61}
    return RunResult(
        network="digits_cnn",
        hardware="edge_16x16",
        engine="cycle",
        dataset="digits",
        array="16 x 16 PEs, weight stationary, 1GHz",
        technology="45 nm, 0.9 V, table horowitz_45nm",
        points=tuple(make_point(bits, accuracy) for bits, accuracy in accuracies.items()),
        provenance=Provenance(
            command="accelsim run --output runs/demo",
            seed=0,
            versions={"accelsim": "0.1.0", "python": "3.11.2", "numpy": "2.4.6"},
            hashes={"network": "a1" * 32, "data": "b2" * 32, "energy table": "c3" * 32},
        ),
        configuration={
            "network": "digits_cnn",
            "points": ["w8a8", "w6a6", "w4a4", "w3a3", "w2a2"],
            "engine": "cycle",
        },
        machine="schema: accelsim.hardware/1\nname: edge_16x16\nclock: 1GHz\narray:\n  rows: 16\n",
        not_modelled=("clock tree and control logic", "wires between PEs", "host processor"),
        warnings=("w2a2: 12 accumulator overflows",),
    )


@pytest.fixture(scope="session")
def single_point(result: RunResult) -> RunResult:
    return replace(result, points=result.points[:1], warnings=())


@pytest.fixture(scope="session")
def given(single_point: RunResult) -> RunResult:
    """A network that was integers from the start: nothing to compare it with in float."""
    point = replace(single_point.points[0], accuracy_float_pct=None, images_simulated=1)
    return replace(
        single_point,
        points=(point,),
        is_given=True,
        configuration={"images": "int8 as the input's integers"},
        imported={
            "on the array": ["conv1", "conv2"],
            "on the vector unit": ["pool (max pool)"],
            "on the host": ["softmax_5"],
            "folded": ["relu <1> (RELU, into conv1)"],
        },
    )


@pytest.fixture(scope="session")
def drawings(result: RunResult) -> dict[str, str]:
    """Every figure of the run as SVG, drawn once: drawing is slow."""
    return {name: to_svg(figure, name) for name, figure in figures(result).items()}
