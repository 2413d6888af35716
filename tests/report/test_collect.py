import numpy as np
import pytest

from accelsim.compiler.program import Gemm
from accelsim.energy import Area, Component, EnergyMode, EnergyReport, LayerEnergy, Line
from accelsim.energy.amount import Amount
from accelsim.hardware import load_hardware
from accelsim.report.collect import Accuracy, collect_point
from accelsim.report.results import CAUSES
from accelsim.simulator.run import ArrayCounters, Cause, LayerRun, Run, Timing, Traffic


def layer_run(name, gemm, cycles):
    return LayerRun(
        name=name,
        operator="dense" if gemm else "max_pool",
        gemm=gemm,
        weight_bits=4 if gemm else 0,
        input_bits=8,
        output_bits=8,
        start_cycle=0,
        cycles_total=sum(cycles.values()),
        cycles=cycles,
        array=ArrayCounters(),
        traffic=Traffic(dram_read_bytes=64),
        rescale_operations=0,
        vector_operations=0,
    )


@pytest.fixture
def point():
    """Two layers on a 500 MHz 4x4 machine, two images a batch: 100 cycles, 800 pJ."""
    layers = (
        layer_run("dense", Gemm(2, 10, 20), {Cause.STREAM: 60, Cause.FILL: 20}),
        layer_run("pool", None, {Cause.IDLE: 20}),
    )

    def line(component, pj):
        return Line(component, "operations", 1, "operation", Amount(pj, pj / 2, pj * 3))

    dense = (line(Component.DRAM, 600.0), line(Component.ADDER, 100.0))
    energy = EnergyReport(
        batch=2,
        mode=EnergyMode.PER_OPERATION,
        layers=(
            LayerEnergy("dense", dense),
            LayerEnergy("pool", (line(Component.VECTOR, 100.0),)),
        ),
        area=Area({"pe_array": 0.1, "weight_sram": 0.3}, 0.4, 0.8),
        table_name="t",
        table_sha256="0" * 64,
        node_nm=45,
        voltage_v=0.9,
        not_modelled=(),
        warnings=(),
        sources={},
    )
    run = Run(
        images=6,
        batch=2,
        outputs=np.zeros((6, 10), np.int32),
        timing=Timing(cycles_total=100, layers=layers, units={}),
        overflow_events={"dense": 3},
        clip_events={"dense": 5},
    )
    hardware = load_hardware("edge_4x4", ["array.weight_bits=4"])
    return collect_point(run, energy, hardware, Accuracy(99.0, 98.0, 20, 0))


def test_figures_per_image_divide_by_the_batch(point):
    assert (point.batch, point.cycles_total, point.cycles_per_image) == (2, 100, 50.0)
    assert point.latency_us_per_image == pytest.approx(0.1)
    assert point.energy_uj_per_image == pytest.approx(400e-6)
    assert point.energy_split_uj["dram"] == pytest.approx(300e-6)
    assert list(point.energy_split_uj) == [name.value for name in Component]


def test_rates_are_of_the_whole_batch(point):
    assert point.utilization_pct == pytest.approx(100 * 400 / (16 * 100))
    assert point.tops_per_w == pytest.approx(2 * 400 / 800)
    assert point.average_power_mw == pytest.approx(800e-12 / 200e-9 * 1e3)


def test_events_and_widths_are_carried_over(point):
    assert (point.weight_bits, point.activation_bits) == (4, 8)
    assert (point.overflow_events, point.clip_events, point.images_simulated) == (3, 5, 6)
    assert (point.accuracy_float_pct, point.accuracy_integer_pct) == (99.0, 98.0)


def test_layers_have_every_cause_and_their_own_energy(point):
    dense, pool = point.layers
    assert list(dense.cycles) == list(CAUSES)
    assert (dense.cycles["stream"], dense.cycles["fill"], dense.cycles_total) == (60, 20, 80)
    assert (dense.m, dense.n, dense.k, dense.groups, dense.macs) == (2, 10, 20, 1, 400)
    assert (pool.m, pool.n, pool.k, pool.groups, pool.macs) == (0, 0, 0, 0, 0)
    assert pool.energy_pj["vector"] == 100.0
    assert dense.utilization_pct == pytest.approx(100 * 400 / (16 * 80))
    assert pool.utilization_pct == 0.0


def test_power_bounds_and_area(point):
    """500 MHz: 80 cycles of 700 pJ, 20 of 100; 128 bytes on the bus; 16 PEs on 0.4 mm2."""
    assert point.peak_power_mw == pytest.approx(700e-12 / 160e-9 * 1e3)
    assert point.energy_low_uj_per_image == pytest.approx(200e-6)
    assert point.energy_high_uj_per_image == pytest.approx(1200e-6)
    assert point.pj_per_mac == pytest.approx(800 / 400)
    assert point.energy_delay_product_uj_us == pytest.approx(400e-6 * 0.1)
    assert point.dram_pj_per_bit == pytest.approx(600 / 1024)
    assert point.area_split_mm2 == {"pe_array": 0.1, "weight_sram": 0.3}
    assert point.area_mm2 == pytest.approx(0.4)
    assert point.peak_tops_per_mm2 == pytest.approx(2 * 16 * 500e6 * 1e-12 / 0.4)
