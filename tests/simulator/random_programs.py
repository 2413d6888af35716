"""Random machines and random small programs, as strategies for hypothesis."""

from dataclasses import replace
from functools import cache

from hypothesis import assume
from hypothesis import strategies as st
from pydantic import ValidationError

from accelsim.compiler import compile_shapes
from accelsim.compiler.plan import LoopOrder, Residency
from accelsim.compiler.program import MatrixInstruction
from accelsim.compiler.shapes import (
    LayerShape,
    MatrixShape,
    NetworkShape,
    TensorShape,
    VectorShape,
)
from accelsim.compiler.two_passes import two_passes
from accelsim.errors import CapacityError, ConfigError
from accelsim.hardware import load_hardware
from accelsim.hardware.schema import Hardware
from accelsim.network.geometry import Window


@cache
def base():
    return load_hardware("edge_4x4")


def machine(**fields):
    """The 4x4 machine with other values; its file is read once, not for each example."""
    values = base().model_dump(by_alias=True)
    for path, value in fields.items():
        *parents, name = path.split("__")
        part = values
        for parent in parents:
            part = part[parent]
        part[name] = value
    return Hardware.model_validate(values)


@st.composite
def machines(draw, **fixed):
    def flag():
        return draw(st.booleans())

    rows, columns = draw(st.integers(1, 5)), draw(st.integers(1, 5))
    kind = draw(st.sampled_from(["fixed", "fixed", "composable", "bit_serial"]))
    fields = {
        "array__rows": rows,
        "array__columns": columns,
        "array__dataflow": draw(st.sampled_from(["ws", "os", "is"])),
        "array__weight_double_buffering": flag(),
        "array__tile_overlap": flag(),
        "array__drain": draw(st.sampled_from(["exposed", "hidden", "free"])),
        "array__pe_kind": kind,
        "array__row_sums": kind == "fixed" and flag(),
        "scratchpads__weights__double_buffered": flag(),
        "scratchpads__weights__size": draw(st.sampled_from([128, 512, 4096])),
        "scratchpads__weights__bandwidth": draw(st.sampled_from([1, 4, 64])),
        "scratchpads__activations__double_buffered": flag(),
        "scratchpads__activations__size": draw(st.sampled_from([64, 256, 4096])),
        "scratchpads__activations__bandwidth": draw(st.sampled_from([1, 4, 64])),
        "scratchpads__accumulators__double_buffered": flag(),
        "scratchpads__accumulators__size": draw(st.sampled_from([256, 4096])),
        "dma__outstanding": draw(st.integers(1, 4)),
        "dma__setup": draw(st.integers(0, 4)),
        "dram__bandwidth": draw(st.sampled_from([1e9, 7e9, 12.8e9, 16e9])),
        "dram__latency": draw(st.integers(0, 40)) * 1e-9,
        "dram__burst": draw(st.sampled_from([1, 16, 32, 64])),
        "dram__row_size": draw(st.sampled_from([None, None, 64, 256, 1024])),
        "rescale__lanes": draw(st.integers(1, 8)),
        "rescale__pipeline": draw(st.integers(0, 4)),
        "clock": 1e9,
        "array__scale_bits": 16,
    }
    if fields["dram__row_size"]:
        fields["dram__row_miss"] = draw(st.sampled_from([0, 5, 17, 300])) * 1e-9
        fields["dram__row_policy"] = draw(st.sampled_from(["open", "closed"]))
        fields["dram__banks"] = draw(st.sampled_from([1, 2, 8]))
    try:
        return machine(**(fields | fixed))
    except (ConfigError, ValidationError):
        assume(False)


def in_vectors(draw, work):
    """The layer, now and then with scales of vectors of its weights."""
    depth = work.gemm.depth_k
    vector = draw(st.sampled_from([0, 0, 1, 2, 3, 4, 7, depth]))
    if not vector:
        return work
    return replace(work, vector_depth=min(vector, depth), scale_bits=draw(st.sampled_from([4, 9])))


@st.composite
def networks(draw):
    """A chain of one to four layers: convolutions, dense layers at 1x1, additions, pools, pads.

    Some find their range at run time, and write words that a second pass reads.
    """
    shape = draw(st.tuples(st.integers(1, 4), st.integers(1, 6), st.integers(1, 6)))
    bits = draw(st.sampled_from([2, 3, 8]))
    batch = draw(st.integers(1, 2))
    tensors, layers = {"t0": TensorShape(shape, bits)}, []
    for index in range(draw(st.integers(1, 4))):
        source, output = f"t{index}", f"t{index + 1}"
        channels, height, width = shape
        kind = draw(st.sampled_from(["conv", "conv", "depthwise", "add", "max_pool", "pad"]))
        inputs = (source,)
        if kind in ("conv", "depthwise"):
            size = draw(st.integers(1, 3))
            window = Window((size, size), (draw(st.integers(1, 2)),) * 2, (size // 2,) * 4)
            out = channels if kind == "depthwise" else draw(st.integers(1, 7))
            groups = channels if kind == "depthwise" else 1
            work = MatrixShape(shape, out, window, groups, batch, bits, bits, bits, 32)
            work = in_vectors(draw, work)
            out_size = window.output_size(height, width)
            assume(min(out_size) > 0)
            shape = (out, *out_size)
        elif kind == "add":
            inputs = (source, f"t{draw(st.integers(0, index))}")
            assume(tensors[inputs[1]].shape == shape)
            count = batch * channels * height * width
            work = VectorShape("add", count, 1, 1, Window((1, 1)), (bits, bits), bits)
        elif kind == "pad":
            top, bottom, right = (draw(st.integers(0, 2)) for _ in range(3))
            window = Window((1, 1), pads=(top, 0, bottom, right * channels))
            work = VectorShape("pad", batch, height, channels * width, window, (bits,), bits)
            shape = (channels, height + top + bottom, width + right)
        else:
            window = Window((2, 2), (1, 1), (1, 1, 0, 0))
            work = VectorShape("max_pool", batch * channels, height, width, window, (bits,), bits)
        tensors[output] = TensorShape(shape, bits)
        layer = LayerShape(f"layer{index}", work, inputs, output)
        if kind in ("pad", "max_pool") or draw(st.booleans()):
            layers.append(layer)
            continue
        words = f"words{index}"
        tensors[words] = TensorShape(shape, 32)
        layers += two_passes(layer, tensors[output], batch, words, f"step{index}")
    storage = {name: name for name in tensors}
    return NetworkShape("chain", batch, "t0", output, tuple(layers), tensors, storage)


@st.composite
def wide_networks(draw):
    """A chain of one to three 1x1 convolutions with many more outputs than an array has columns."""
    channels, height = draw(st.integers(1, 24)), draw(st.integers(1, 4))
    width, batch = draw(st.integers(1, 3)), draw(st.integers(1, 2))
    bits = draw(st.sampled_from([4, 8]))
    tensors, layers = {"t0": TensorShape((channels, height, width), bits)}, []
    for index in range(draw(st.integers(1, 3))):
        out = draw(st.integers(8, 80))
        shape = (channels, height, width)
        work = MatrixShape(shape, out, Window((1, 1)), 1, batch, bits, bits, bits, 32)
        channels, output = out, f"t{index + 1}"
        tensors[output] = TensorShape((channels, height, width), bits)
        layers.append(LayerShape(f"layer{index}", work, (f"t{index}",), output))
    storage = {name: name for name in tensors}
    return NetworkShape("chain", batch, "t0", output, tuple(layers), tensors, storage)


@st.composite
def long_networks(draw):
    """One to three layers whose loops are long at one level or another."""
    channels = draw(st.sampled_from([1, 12, 24, 40]))
    height, width = draw(st.sampled_from([1, 2, 9, 24])), draw(st.sampled_from([1, 2, 4]))
    bits, batch = draw(st.sampled_from([4, 8])), draw(st.integers(1, 2))
    tensors, layers = {"t0": TensorShape((channels, height, width), bits)}, []
    for index in range(draw(st.integers(1, 3))):
        shape = (channels, height, width)
        depthwise = draw(st.booleans())
        size = draw(st.sampled_from([1, 1, 3]))
        window = Window((size, size), (1, 1), (size // 2,) * 4)
        out = channels if depthwise else draw(st.sampled_from([1, 3, 12, 40]))
        groups = channels if depthwise else 1
        work = MatrixShape(shape, out, window, groups, batch, bits, bits, bits, 32)
        work = in_vectors(draw, work)
        channels, output = out, f"t{index + 1}"
        tensors[output] = TensorShape((channels, height, width), bits)
        layers.append(LayerShape(f"layer{index}", work, (f"t{index}",), output))
    storage = {name: name for name in tensors}
    return NetworkShape("chain", batch, "t0", output, tuple(layers), tensors, storage)


def compiled(network, hardware):
    """Compile; every second product has weights with zero points where the array can have them."""
    layers = tuple(
        replace(layer, work=replace(layer.work, row_sums=index % 2 == 0))
        if isinstance(layer.work, MatrixShape) and hardware.array.row_sums
        else layer
        for index, layer in enumerate(network.layers)
    )
    try:
        return compile_shapes(replace(network, layers=layers), hardware)
    except CapacityError:
        assume(False)


@st.composite
def attention_networks(draw):
    """Two projections and the product of both, by heads; then what reads the product."""
    heads, depth, tokens = (draw(st.integers(1, most)) for most in (3, 9, 12))
    batch = draw(st.integers(1, 2))
    rows, scores = (heads * depth, tokens, 1), (heads * tokens, tokens, 1)
    point = Window((1, 1))
    tensors = {
        **{name: TensorShape(rows, 8) for name in ("input", "left", "right")},
        **{name: TensorShape(scores, 8) for name in ("scores", "output")},
    }

    def product(shape, channels):
        return MatrixShape(shape, channels, point, 1, batch, 8, 8, 8, 32)

    by_heads = replace(
        product((batch * heads * depth, tokens, 1), batch * heads * tokens),
        groups=batch * heads,
        batch=1,
        right_is_tensor=True,
    )
    count = batch * heads * tokens * tokens
    add = VectorShape("add", count, 1, 1, point, (8, 8), 8)
    reader, read = draw(
        st.sampled_from(
            [(product(scores, scores[0]), ("scores",)), (add, ("scores", "scores"))],
        )
    )
    layers = (
        LayerShape("project left", product(rows, rows[0]), ("input",), "left"),
        LayerShape("project right", product(rows, rows[0]), ("input",), "right"),
        LayerShape("score", by_heads, ("left", "right"), "scores"),
        LayerShape("read", reader, read, "output"),
    )
    kept = frozenset(draw(st.sets(st.sampled_from(["left", "right", "scores"]))))
    storage = {name: name for name in tensors}
    return NetworkShape("attention", batch, "input", "output", layers, tensors, storage, kept)


@st.composite
def cut_otherwise(draw, program):
    """The program with other tiles, loop orders and residencies: whatever a plan may be.

    But for depths in parts, which have a test of their own: `test_depth_in_parts.py`.
    It may be more than the scratchpads hold.
    """
    return replace(
        program,
        instructions=tuple(
            _cut_otherwise(draw, step) if isinstance(step, MatrixInstruction) else step
            for step in program.instructions
        ),
    )


def _cut_otherwise(draw, product):
    plan = product.plan
    tile_m = draw(st.integers(1, plan.tile_m))
    fields = {
        "tile_m": tile_m,
        "tile_n": draw(st.integers(1, plan.tile_n)),
        "block_m": draw(st.integers(tile_m, max(tile_m, plan.gemm.rows_m))),
        "order": draw(st.sampled_from(LoopOrder)),
        "block_n": 0,
        "block_k": 0,
    }
    if not plan.vector_depth and plan.pe_rate.depth == 1:
        fields["tile_k"] = draw(st.integers(1, plan.tile_k))
    if plan.weights_residency is not Residency.ON_CHIP:
        fields["weights_residency"] = draw(
            st.sampled_from([Residency.LAYER, Residency.BLOCK, Residency.PASS])
        )
    if plan.activations_residency is not Residency.ON_CHIP:
        fields["activations_residency"] = draw(st.sampled_from([Residency.LAYER, Residency.BLOCK]))
    return replace(product, plan=replace(plan, **fields))
