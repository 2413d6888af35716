from dataclasses import replace

import pytest

from accelsim.compiler import compile_network, compile_shapes
from accelsim.compiler.plan import LoopOrder, Residency
from accelsim.compiler.program import MatrixInstruction, Program
from accelsim.compiler.shapes import LayerShape, MatrixShape, NetworkShape, TensorShape, VectorShape
from accelsim.compiler.two_passes import two_passes
from accelsim.errors import InternalError
from accelsim.hardware import load_hardware
from accelsim.network.geometry import Window
from accelsim.simulator.recurrence import is_exact, recur
from accelsim.simulator.recurrence.nests import describe
from accelsim.simulator.recurrence.records import AT_BLOCK, AT_COLUMN, DONE
from accelsim.simulator.timing import simulate_timing


def one_product(input_shape, out_channels, window, batch=1):
    """A network of one convolution at 8 bits."""
    work = MatrixShape(input_shape, out_channels, window, 1, batch, 8, 8, 8, 32)
    output = TensorShape((out_channels, *work.output_size), 8)
    tensors = {"input": TensorShape(input_shape, 8), "output": output}
    storage = {name: name for name in tensors}
    layers = (LayerShape("product", work, ("input",), "output"),)
    return NetworkShape("product", batch, "input", "output", layers, tensors, storage)


@pytest.mark.parametrize("preset", ["edge_4x4", "edge_16x16", "mid_32x32"])
@pytest.mark.parametrize("dataflow", ["ws", "os", "is"])
@pytest.mark.parametrize(("batch", "zero_points"), [(1, False), (5, False), (5, True)])
def test_every_operator_takes_what_it_takes_by_events(
    make_network, preset, dataflow, batch, zero_points
):
    row_sums = f"array.row_sums={str(zero_points).lower()}"
    hardware = load_hardware(preset, [f"array.dataflow={dataflow}", row_sums])
    program = compile_network(make_network(zero_points=zero_points), hardware, batch)
    assert recur(program, hardware) == simulate_timing(program, hardware, method="events")


@pytest.mark.parametrize("change", ["weights.size=64B", "weights.double_buffered=true"])
@pytest.mark.parametrize("bandwidth", ["1GB/s", "100GB/s"])
def test_a_long_depth_is_cut_into_alike_passes(make_network, change, bandwidth):
    # 4 channels of 3 x 2 and more on a 1 x 1 array: runs of passes between first and last depth.
    overrides = [f"scratchpads.{change}", f"dram.bandwidth={bandwidth}"]
    hardware = load_hardware("edge_4x4", ["array.rows=1", "array.columns=1", *overrides])
    program = compile_network(make_network(), hardware, 2)
    assert recur(program, hardware) == simulate_timing(program, hardware, method="events")


@pytest.mark.parametrize(
    "rows",
    [
        [],
        # The 144 bytes of a column's weights begin a row every 16 columns.
        ["dram.burst=16B", "dram.row_size=256B", "dram.row_miss=30ns"],
        ["dram.burst=16B", "dram.row_size=256B", "dram.row_miss=30ns", "dram.row_policy=closed"],
    ],
)
@pytest.mark.parametrize("bandwidth", ["1GB/s", "100GB/s"])
def test_columns_alike_are_added_without_a_pass(bandwidth, rows):
    # 125 columns of 8 passes, each with a fetch.
    hardware = load_hardware("edge_4x4", [f"dram.bandwidth={bandwidth}", *rows])
    network = one_product((32, 3, 1), 500, Window((1, 1)))
    program = compile_shapes(network, hardware)
    nests = describe(program, hardware)
    assert nests.run() == DONE
    repeats = nests.machine["repeats"][0]
    assert repeats[AT_COLUMN] > 0 == repeats[AT_BLOCK]
    misses = recur(program, hardware).layers[0].traffic.dram_row_misses
    assert (misses > 0) == bool(rows)
    assert recur(program, hardware) == simulate_timing(program, hardware, method="events")


def test_rates_that_64_bits_cannot_hold_are_left_to_the_events(make_network):
    hardware = load_hardware("edge_4x4")
    odd = hardware.model_copy(
        update={"dram": hardware.dram.model_copy(update={"bandwidth": 1e9 / 3, "burst": 1})}
    )
    assert (is_exact(hardware), is_exact(odd)) == (True, False)
    program = compile_network(make_network(), odd)
    asked = simulate_timing(program, odd, method="compiled")
    assert asked == simulate_timing(program, odd, method="events")


@pytest.mark.parametrize("bandwidth", [1e6, 1e9 / 3, 1e14])
def test_odd_rates_that_64_bits_hold_are_exact(make_network, bandwidth):
    hardware = load_hardware("edge_4x4", ["clock=10GHz"])
    odd = hardware.model_copy(
        update={"dram": hardware.dram.model_copy(update={"bandwidth": bandwidth, "burst": 4096})}
    )
    assert is_exact(odd)
    program = compile_network(make_network(), odd)
    assert recur(program, odd) == simulate_timing(program, odd, method="events")


def test_a_transfer_that_64_bits_cannot_hold_is_left_to_the_events():
    # 2^26 bursts of a byte, each of 512e9 / (2^39 + 1) cycles.
    changes = ["clock=8GHz", "dram.burst=1B", "dram.bandwidth=8589934592.015625B/s"]
    pads = ["scratchpads.activations.size=256MiB", "scratchpads.accumulators.size=1GiB"]
    assert is_exact(load_hardware("edge_4x4", changes))
    hardware = load_hardware("edge_4x4", [*changes, *pads])
    assert not is_exact(hardware)
    program = compile_shapes(one_product((4, 4096, 4096), 1, Window((1, 1))), hardware)
    asked = simulate_timing(program, hardware, method="compiled")
    assert asked == simulate_timing(program, hardware, method="events")


@pytest.mark.parametrize("order", LoopOrder)
def test_blocks_of_padding_alone_take_no_room(order):
    # Pixels at -1 and 1 of a 1 x 1 image. Many more blocks are fetched ahead than are used.
    hardware = load_hardware("edge_4x4", ["dma.setup=64", "dma.outstanding=64", "dram.latency=0ns"])
    network = one_product((3, 1, 1), 64, Window((1, 1), (2, 2), (1, 1, 1, 1)), batch=64)
    program = compile_shapes(network, hardware)
    (product,) = program.instructions
    assert not product.shape.block_elements([0], [256]).any()
    plan = replace(
        product.plan,
        tile_m=8,
        block_m=8,
        order=order,
        activations_residency=Residency.BLOCK,
    )
    cut = replace(program, instructions=(replace(product, plan=plan),))
    assert recur(cut, hardware) == simulate_timing(cut, hardware, method="events")


def test_an_empty_program_takes_no_time():
    hardware = load_hardware("edge_4x4")
    empty = Program("empty", 1, (), {}, {}, {})
    assert recur(empty, hardware) == simulate_timing(empty, hardware, method="events")


@pytest.mark.parametrize("finds_range", [False, True])
@pytest.mark.parametrize("bandwidth", ["1GB/s", "100GB/s"])
def test_a_program_may_be_for_the_vector_unit_alone(finds_range, bandwidth):
    hardware = load_hardware("edge_4x4", [f"dram.bandwidth={bandwidth}"])
    tensors = {name: TensorShape((8, 40, 20), 8) for name in ("input", "sum")}
    tensors |= {"words": TensorShape((8, 40, 20), 32), "output": TensorShape((8, 39, 19), 8)}
    add = VectorShape("add", 2 * 8 * 40 * 20, 1, 1, Window((1, 1)), (8, 8), 8)
    pool = VectorShape("max_pool", 2 * 8, 40, 20, Window((2, 2)), (8,), 8)
    sums = [LayerShape("add", add, ("input", "input"), "sum")]
    if finds_range:
        sums = two_passes(sums[0], tensors["sum"], 2, "words", "quantize")
    layers = (*sums, LayerShape("pool", pool, ("sum",), "output"))
    storage = {name: name for name in tensors}
    network = NetworkShape("vectors", 2, "input", "output", layers, tensors, storage)
    program = compile_shapes(network, hardware)
    timing = recur(program, hardware)
    assert timing.units["array"] == {"idle": timing.cycles_total}
    assert timing == simulate_timing(program, hardware, method="events")


def test_a_machine_too_small_for_its_program_stands_still(make_network):
    hardware = load_hardware("edge_4x4")
    program = compile_network(make_network(), hardware)
    pads = hardware.scratchpads
    tiny = pads.weights.model_copy(update={"size": 8})
    small = hardware.model_copy(update={"scratchpads": pads.model_copy(update={"weights": tiny})})
    with pytest.raises(
        InternalError,
        match=r"^layer 'stem': the machine stands still; method='events' tells more$",
    ):
        recur(program, small)


def test_resident_tensors_that_do_not_fit_are_found(make_network):
    hardware = load_hardware("edge_4x4")
    program = compile_network(make_network(), hardware)
    first, *rest = program.instructions
    claim = replace(first.footprint, tensor_bytes=1 << 30)
    broken = replace(program, instructions=(replace(first, footprint=claim), *rest))
    with pytest.raises(
        InternalError,
        match=r"^layer 'stem': the tensors on chip do not fit; method='events' tells more$",
    ):
        recur(broken, hardware)


@pytest.mark.parametrize(
    ("fewer", "loaded", "asked"),
    [(0, "not_loaded", "events"), (1, "not_loaded", "recurrence"), (0, "sys", "recurrence")],
)
def test_few_passes_do_not_wait_for_a_compiler(monkeypatch, make_network, fewer, loaded, asked):
    hardware = load_hardware("edge_4x4")
    program = compile_network(make_network(), hardware)
    products = [step for step in program.instructions if isinstance(step, MatrixInstruction)]
    passes = sum(product.plan.pass_count for product in products)
    monkeypatch.setattr("accelsim.simulator.timing._FEW_PASSES", passes - fewer)
    monkeypatch.setattr("accelsim.simulator.timing._RECURRENCE", loaded)
    monkeypatch.setattr("accelsim.simulator.timing.run_machine", lambda *_: "events")
    monkeypatch.setattr("accelsim.simulator.recurrence.recur", lambda *_: "recurrence")
    assert simulate_timing(program, hardware) == asked
