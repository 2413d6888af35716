"""Random machines and random small programs."""

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accelsim.compiler.program import MatrixInstruction, Place
from accelsim.compiler.traffic import dram_traffic
from accelsim.hardware.schema import RowPolicy
from accelsim.simulator.machine import run_machine
from accelsim.simulator.prepare import prepare
from accelsim.simulator.run import Cause
from accelsim.simulator.timing import simulate_timing
from accelsim.simulator.work import MatrixWork
from tests.simulator.random_programs import compiled, machines, networks

PROPERTY = settings(max_examples=25, derandomize=True, deadline=None)


@PROPERTY
@given(machines(), networks())
def test_everything_is_accounted_for(hardware, network):
    program = compiled(network, hardware)
    timing = simulate_timing(program, hardware, spans=True)
    assert sum(run.cycles_total for run in timing.layers) == timing.cycles_total
    for run, instruction in zip(timing.layers, program.instructions, strict=True):
        assert run.name == instruction.layer
        assert sum(run.cycles.values()) == run.cycles_total
        if isinstance(instruction, MatrixInstruction):
            on_chip = program.places[instruction.output] is Place.SCRATCHPAD
            expected = dram_traffic(
                instruction.shape, instruction.plan, hardware.dram.burst, on_chip
            )
            assert run.array.macs == instruction.plan.gemm.macs
            assert run.traffic.dram_read_bytes == expected.weight_bytes + expected.activation_bytes
            assert run.traffic.dram_write_bytes == expected.output_bytes
            gemm = instruction.plan.gemm
            assert run.rescale_operations == gemm.groups * gemm.rows_m * gemm.columns_n
        else:
            assert run.cycles == ({Cause.IDLE: run.cycles_total} if run.cycles_total else {})
            assert run.vector_operations == instruction.operations
    for cycles in timing.units.values():
        assert sum(cycles.values()) == timing.cycles_total
        assert min(cycles.values(), default=1) > 0
    for unit in {span.unit for span in timing.spans}:
        pieces = sorted(
            (span.start_cycle, span.stop_cycle) for span in timing.spans if span.unit == unit
        )
        assert all(stop <= start for (_, stop), (start, _) in pairwise(pieces))
        assert pieces[-1][1] <= timing.cycles_total
    assert simulate_timing(program, hardware, spans=True) == timing


@PROPERTY
@given(machines(), networks())
def test_the_arrays_own_cycles_do_not_depend_on_the_memory(hardware, network):
    # Preload, fill and drain are what has to pass even with all data at hand, so they are the
    # same whatever DRAM does, as long as no scratchpad is too slow for the stream.
    wide = {"bandwidth": 4096}
    pads = hardware.scratchpads
    hardware = hardware.model_copy(
        update={
            "scratchpads": pads.model_copy(
                update={
                    name: getattr(pads, name).model_copy(update=wide)
                    for name in ("weights", "activations")
                }
            )
        }
    )
    program = compiled(network, hardware)
    slow = hardware.model_copy(
        update={"dram": hardware.dram.model_copy(update={"bandwidth": 3e8, "latency": 1e-7})}
    )
    own = (Cause.STREAM, Cause.PRELOAD, Cause.FILL, Cause.DRAIN)
    fast_runs, slow_runs = (simulate_timing(program, each).layers for each in (hardware, slow))
    for fast_run, slow_run in zip(fast_runs, slow_runs, strict=True):
        for cause in own:
            assert fast_run.cycles.get(cause, 0) == slow_run.cycles.get(cause, 0)


@PROPERTY
@given(machines(dram__row_size=None, dram__row_miss=0.0), networks(), st.booleans())
def test_rows_cost_what_opening_them_takes(hardware, network, stay_open):
    """At no cost they change nothing but their count; the dearer and the more, the slower."""
    program = compiled(network, hardware)

    def with_rows(policy, miss):
        rows = {"row_size": 256, "row_policy": RowPolicy(policy), "row_miss": miss * 1e-9}
        return simulate_timing(
            program, hardware.model_copy(update={"dram": hardware.dram.model_copy(update=rows)})
        )

    without = simulate_timing(program, hardware)
    free, dear = (with_rows("open" if stay_open else "closed", miss) for miss in (0, 90))
    assert free.units == without.units
    for old, new in zip(without.layers, free.layers, strict=True):
        misses = new.traffic.dram_row_misses
        moved = new.traffic.dram_read_bytes + new.traffic.dram_write_bytes
        assert -(-moved // 256) <= misses
        assert old == replace(new, traffic=replace(new.traffic, dram_row_misses=0))
    misses = [run.traffic.dram_row_misses for run in free.layers]
    assert misses == [run.traffic.dram_row_misses for run in dear.layers]
    assert dear.cycles_total >= without.cycles_total
    closed = with_rows("closed", 90)
    assert closed.cycles_total >= dear.cycles_total
    for one, other in zip(dear.layers, closed.layers, strict=True):
        assert one.traffic.dram_row_misses <= other.traffic.dram_row_misses


@PROPERTY
@given(machines(), networks(), st.sampled_from(["bandwidth", "latency"]), st.integers(2, 5))
def test_a_slower_dram_never_makes_it_faster(hardware, network, what, factor):
    program = compiled(network, hardware)
    dram = hardware.dram
    changes = {
        "bandwidth": {"bandwidth": dram.bandwidth / factor},
        "latency": {"latency": dram.latency + factor * 1e-9},
    }[what]
    slower = hardware.model_copy(update={"dram": dram.model_copy(update=changes)})
    fast, slow = (simulate_timing(program, each).cycles_total for each in (hardware, slower))
    assert slow >= fast


def everything_at_hand(layer, rows, preloads):
    """The layer with all operands on chip, wide scratchpads and its output on chip."""
    passes = tuple(
        replace(
            part,
            activation_cycles=0,
            weight_cycles=0,
            preload_cycles=rows if preloads else 0,
            fetch_weight_bytes=None,
            fetch_activation_bytes=None,
            releases_weights=False,
            releases_activations=False,
            output_bytes=0,
        )
        for part in layer.passes
    )
    return replace(layer, passes=passes, resident_bytes=0, staging_bytes=0)


def table_cycles(plan, array, buffers, row_sums):
    """A layer's cycles from the table "pass after pass" of docs/timing.md.

    All operands at hand; a rescale unit that reads any tile in one cycle and writes at once. A
    tile that needs a buffer waits until the tile ``buffers`` before it has been read.
    """
    rows, columns = array.rows, array.columns
    wave = rows + columns - 2
    if array.row_sums and array.dataflow != "is":
        wave += 1
    parts = list(plan.passes())
    read = []
    if array.dataflow == "os":
        depth = -(-plan.gemm.depth_k // plan.pe_rate.depth) * plan.pe_rate.cycles
        start = 0
        if plan.vector_depth:
            # Behind the last element of each vector comes its scale.
            depth += -(-depth // plan.vector_depth)
        for tile in range(sum(part.last_depth for part in parts)):
            if tile:
                if array.tile_overlap:
                    gaps = {"hidden": max(depth, rows), "free": depth}
                    start += gaps.get(array.drain, depth + rows - 1)
                else:
                    start += depth + wave + (rows if array.drain == "exposed" else 0)
            start = max([start, *read[-buffers:][: len(read) >= buffers]])
            drain = 0 if array.drain == "free" else rows
            read.append(max([start + depth + wave + drain, *read[-1:]]) + 1)
        return read[-1]
    # A sum is scaled in the cycle after it has left the array.
    wave += plan.vector_depth > 0
    start, length = rows, None
    for part in parts:
        if length is not None:
            if array.tile_overlap:
                start += max(length, rows) if array.weight_double_buffering else length + rows
            else:
                start += length + wave + (0 if array.weight_double_buffering else rows)
        if part.first_depth and len(read) >= buffers:
            start = max(start, read[-buffers])
        vectors = part.m_size if array.dataflow == "ws" else part.n_size + row_sums
        length = vectors * plan.pe_rate.cycles
        if part.last_depth:
            read.append(max([start + length + wave, *read[-1:]]) + 1)
    return read[-1]


@PROPERTY
@given(machines(rescale__lanes=4096, rescale__pipeline=0), networks())
def test_with_all_data_at_hand_it_is_the_table_of_the_timing_model(hardware, network):
    program = compiled(network, hardware)
    buffers = 2 if hardware.scratchpads.accumulators.double_buffered else 1
    for layer, instruction in zip(prepare(program, hardware), program.instructions, strict=True):
        if isinstance(layer, MatrixWork):
            preloads = hardware.array.dataflow != "os"
            ideal = everything_at_hand(layer, hardware.array.rows, preloads)
            timing = run_machine([ideal], hardware)
            expected = table_cycles(instruction.plan, hardware.array, buffers, layer.row_sums)
            # The one stage of the rescale unit: the subtraction of row sums.
            assert timing.cycles_total == expected + hardware.array.row_sums
            assert not set(timing.layers[0].cycles) & {
                Cause.STALL_WEIGHTS,
                Cause.STALL_ACTIVATIONS,
                Cause.STALL_OUTPUT,
                Cause.IDLE,
            }


@pytest.mark.parametrize("vectors", [1, 2, 5, 9])
@pytest.mark.parametrize("passes", [1, 2, 7])
def test_identical_passes_cost_the_closed_form(
    small_hardware, make_pass, make_layer, vectors, passes
):
    # R + (passes - 1) * max(t, R) + t + R + C - 2, and one cycle each to read and to write.
    hardware = small_hardware(rescale__lanes=4096)
    first = [make_pass(vectors, last_depth=False)]
    middle = [make_pass(vectors, first_depth=False, last_depth=False)] * (passes - 2)
    parts = [*first, *middle, make_pass(vectors, first_depth=False)]
    if passes == 1:
        parts = [make_pass(vectors)]
    timing = run_machine([make_layer(*parts)], hardware)
    assert timing.cycles_total == 2 + (passes - 1) * max(vectors, 2) + vectors + 2 + 2
