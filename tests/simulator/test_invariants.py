"""Each check must fail on the one number that it guards."""

from dataclasses import replace
from functools import cache

import pytest

from accelsim.compiler import compile_network
from accelsim.errors import InternalError
from accelsim.hardware import load_hardware
from accelsim.simulator.execute import execute_batch
from accelsim.simulator.invariants import check_batch, check_timing
from accelsim.simulator.run import Cause
from accelsim.simulator.timing import simulate_timing


@cache
def machine(*overrides):
    return load_hardware("edge_16x16", overrides)


@pytest.fixture(scope="module")
def case(make_network, make_images):
    hardware = machine()
    integer = make_network()
    program = compile_network(integer, hardware, batch=2)
    timing = simulate_timing(program, hardware)
    batch = execute_batch(program, integer, hardware, make_images(2), "tile")
    check_timing(program, timing)
    check_batch(program, integer, machine(), timing, batch)
    return program, integer, timing, batch


def with_run(timing, name, **changes):
    layers = [replace(run, **changes) if run.name == name else run for run in timing.layers]
    return replace(timing, layers=tuple(layers))


def with_execution(batch, name, **changes):
    return replace(batch, layers=batch.layers | {name: replace(batch.layers[name], **changes)})


def run_of(timing, name):
    return next(run for run in timing.layers if run.name == name)


def test_layers_that_were_not_timed(case):
    program, _, timing, _ = case
    shorter = replace(timing, layers=timing.layers[:1])
    with pytest.raises(
        InternalError,
        match=r"^layers: \['stem'\] and \['stem', 'depthwise', 'add', 'max_pool', 'clamp', "
        r"'mean', 'head'\] must be equal$",
    ):
        check_timing(program, shorter)


def test_a_cycle_without_a_cause(case):
    program, _, timing, _ = case
    run = run_of(timing, "depthwise")
    total = run.cycles_total
    cycles = run.cycles | {Cause.STREAM: run.cycles[Cause.STREAM] - 1}
    with pytest.raises(
        InternalError,
        match=rf"^layer 'depthwise': cycles: {total - 1} and {total} must be equal$",
    ):
        check_timing(program, with_run(timing, "depthwise", cycles=cycles))


def test_cycles_between_layers(case):
    program, _, timing, _ = case
    total = timing.cycles_total
    with pytest.raises(
        InternalError, match=rf"^cycles of all layers: {total} and {total + 1} must be equal$"
    ):
        check_timing(program, replace(timing, cycles_total=total + 1))


def test_a_unit_that_lost_a_cycle(case):
    program, _, timing, _ = case
    unit = next(iter(timing.units))
    total = timing.cycles_total
    units = timing.units | {unit: {"busy": total - 1}}
    with pytest.raises(
        InternalError, match=rf"^unit '{unit}': cycles: {total - 1} and {total} must be equal$"
    ):
        check_timing(program, replace(timing, units=units))


def test_multiply_accumulates_of_the_network(case):
    program, integer, timing, batch = case
    # Two images, 5 outputs, 16 inputs.
    counters = replace(batch.layers["head"].counters, macs=159)
    with pytest.raises(InternalError, match=r"^layer 'head': MACs: 159 and 160 must be equal$"):
        check_batch(
            program, integer, machine(), timing, with_execution(batch, "head", counters=counters)
        )


@pytest.mark.parametrize(
    "name",
    [
        "passes",
        "stationary_writes",
        "activation_feeds",
        "weight_feeds",
        "bias_reads",
        "accumulator_reads",
        "accumulator_writes",
    ],
)
def test_counters_of_the_array(case, name):
    program, integer, timing, batch = case
    counters = batch.layers["stem"].counters
    wrong = replace(counters, **{name: getattr(counters, name) + 1})
    with pytest.raises(
        InternalError, match=r"^layer 'stem': array counters: ArrayCounters\(.*\) must be equal$"
    ):
        check_batch(
            program, integer, machine(), timing, with_execution(batch, "stem", counters=wrong)
        )


def test_overflows_are_not_the_machines_to_count(case):
    program, integer, timing, batch = case
    counters = replace(batch.layers["stem"].counters, overflow_events=7)
    check_batch(
        program, integer, machine(), timing, with_execution(batch, "stem", counters=counters)
    )


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("rescaled", 239, "layer 'stem': rescaled results: 239 and 240 must be equal"),
        # 60 pixels under 3x3 taps lose what lies in padding: (3*6-2) * (3*5-2) * 2 channels * 2.
        (
            "padding_free_elements",
            831,
            "layer 'stem': activations read: 831 and 832 must be equal",
        ),
    ],
)
def test_results_and_reads(case, field, value, message):
    program, integer, timing, batch = case
    with pytest.raises(InternalError, match=f"^{message}$"):
        check_batch(
            program, integer, machine(), timing, with_execution(batch, "stem", **{field: value})
        )


@pytest.mark.parametrize("cause", [Cause.STREAM, Cause.PRELOAD, Cause.FILL, Cause.DRAIN])
def test_cycles_of_a_layer_without_late_operands(case, cause):
    program, integer, timing, batch = case
    cycles = batch.layers["depthwise"].cycles
    wrong = cycles | {cause: cycles[cause] + 1}
    with pytest.raises(
        InternalError,
        match=rf"^layer 'depthwise': {cause} cycles: {wrong[cause]} and {cycles[cause]} "
        r"must be equal$",
    ):
        check_batch(
            program, integer, machine(), timing, with_execution(batch, "depthwise", cycles=wrong)
        )


def test_late_operands_leave_the_arrays_own_cycles_alone(case):
    program, integer, timing, batch = case
    cycles = batch.layers["stem"].cycles
    assert run_of(timing, "stem").cycles[Cause.STALL_WEIGHTS] > 0
    wrong = cycles | {Cause.PRELOAD: 0}
    with pytest.raises(
        InternalError,
        match=rf"^layer 'stem': preload cycles: 0 and {cycles[Cause.PRELOAD]} must be equal$",
    ):
        check_batch(
            program, integer, machine(), timing, with_execution(batch, "stem", cycles=wrong)
        )


def test_of_slow_scratchpads_only_streams_are_compared(case):
    # 18 rows of 8 bits need 16 bytes a cycle on 16 rows; 8 are not enough.
    program, integer, timing, batch = case
    slow = machine("scratchpads.activations.bandwidth=8B/cycle")
    cycles = batch.layers["stem"].cycles
    preload = cycles | {Cause.PRELOAD: 0}
    check_batch(program, integer, slow, timing, with_execution(batch, "stem", cycles=preload))
    stream = cycles | {Cause.STREAM: 0}
    with pytest.raises(
        InternalError,
        match=rf"^layer 'stem': stream cycles: 0 and {cycles[Cause.STREAM]} must be equal$",
    ):
        check_batch(program, integer, slow, timing, with_execution(batch, "stem", cycles=stream))


def test_operations_of_the_vector_unit(case):
    program, integer, timing, batch = case
    with pytest.raises(
        InternalError, match=r"^layer 'add': vector operations: 239 and 240 must be equal$"
    ):
        check_batch(
            program, integer, machine(), timing, with_execution(batch, "add", operations=239)
        )


def test_a_smaller_last_batch_is_held_to_the_network_only(case, make_images):
    program, integer, timing, _ = case
    one = execute_batch(program, integer, machine(), make_images(1), "tile")
    check_batch(program, integer, machine(), timing, one)
    wrong = replace(one.layers["head"].counters, macs=160)
    with pytest.raises(InternalError, match=r"^layer 'head': MACs: 160 and 80 must be equal$"):
        check_batch(
            program, integer, machine(), timing, with_execution(one, "head", counters=wrong)
        )
