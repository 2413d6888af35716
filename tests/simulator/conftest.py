from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from accelsim.arithmetic import (
    Accumulator,
    IntegerFormat,
    RescaleMode,
    make_rescale,
    softmax_parameters,
)
from accelsim.compiler.program import Gemm
from accelsim.hardware.schema import Hardware
from accelsim.network.geometry import Window
from accelsim.network.integer import (
    IntegerAdd,
    IntegerAveragePool,
    IntegerClamp,
    IntegerLayer,
    IntegerLookup,
    IntegerMatrix,
    IntegerMaxPool,
    IntegerNetwork,
    IntegerPad,
    IntegerQuotientPool,
    IntegerRequantize,
    IntegerReshape,
    IntegerSoftmax,
    QuantizedTensor,
)
from accelsim.simulator.run import ArrayCounters, Timing, Traffic
from accelsim.simulator.work import MatrixWork, PassWork


@pytest.fixture(scope="session")
def small_hardware() -> Callable[..., Hardware]:
    """A 2x2 machine: a transfer of one 4-byte burst takes 1 cycle on the channel, 3 more until
    it is complete; keywords like ``dram__burst=8`` change one field."""

    def make(**changes: Any) -> Hardware:
        pad = {"size": 64, "bandwidth": 64}
        fields: dict[str, Any] = {
            "schema": "accelsim.hardware/1",
            "name": "test",
            "clock": 1e9,
            "array": {"rows": 2, "columns": 2, "dataflow": "ws"},
            "accumulator": {},
            "scratchpads": {
                "activations": dict(pad),
                "weights": dict(pad),
                "accumulators": dict(pad),
            },
            "dma": {"bandwidth": 64, "setup": 1, "outstanding": 4},
            "dram": {"type": "test", "bandwidth": 4e9, "latency": 2e-9, "burst": 4},
            "rescale": {"lanes": 3, "pipeline": 1},
            "vector": {"lanes": 2},
            "technology": {"node": 45, "voltage": 0.9, "table": "test"},
        }
        for path, value in changes.items():
            *parents, name = path.split("__")
            part = fields
            for parent in parents:
                part = part[parent]
            part[name] = value
        return Hardware.model_validate(fields)

    return make


@pytest.fixture(scope="session")
def make_pass() -> Callable[..., PassWork]:
    """A whole tile of 3 vectors and 2 columns, with everything on chip."""

    def make(vectors: int = 3, **changes: Any) -> PassWork:
        fields: dict[str, Any] = {
            "stream_cycles": vectors,
            "activation_cycles": 0,
            "weight_cycles": 0,
            "preload_cycles": 2,
            "tile_stream_cycles": vectors,
            "first_depth": True,
            "last_depth": True,
            "fetch_weight_bytes": None,
            "fetch_activation_bytes": None,
            "releases_weights": False,
            "releases_activations": False,
            "results": 6,
            "accumulators": 6,
            "output_bytes": 0,
            "counters": ArrayCounters(passes=1, macs=12),
        }
        return PassWork(**(fields | changes))

    return make


@pytest.fixture(scope="session")
def make_layer() -> Callable[..., MatrixWork]:
    """A layer of the given passes."""

    def make(*passes: PassWork, name: str = "a", resident: int = 0, staging: int = 0) -> MatrixWork:
        return MatrixWork(
            name=name,
            operator="dense",
            gemm=Gemm(sum(part.counters.macs for part in passes), 1, 1),
            weight_bits=8,
            input_bits=8,
            output_bits=8,
            resident_bytes=resident,
            staging_bytes=staging,
            traffic=Traffic(),
            passes=passes,
        )

    return make


@pytest.fixture(scope="session")
def timeline() -> Callable[..., list[tuple[int, str]]]:
    """[(cycle, event)] of the given units: each piece of work starts and stops."""

    def read(timing: Timing, *units: str) -> list[tuple[int, str]]:
        events = []
        for span in timing.spans:
            if span.unit in units:
                events.append((span.start_cycle, f"{span.unit} starts"))
                events.append((span.stop_cycle, f"{span.unit} stops"))
        return sorted(events)

    return read


@pytest.fixture(scope="session")
def causes() -> Callable[..., dict[str, int]]:
    """Cycles by cause of one layer, under plain names."""

    def read(timing: Timing, layer: int = 0) -> dict[str, int]:
        return {cause.value: cycles for cause, cycles in timing.layers[layer].cycles.items()}

    return read


INT8 = IntegerFormat(8)


class NetworkBuilder:
    """Layers with random integers, one after the other; scales only have to be plausible."""

    def __init__(self, seed, mode, mantissa_bits, accumulator):
        self.random = np.random.default_rng(seed)
        self.mode, self.mantissa_bits, self.accumulator = mode, mantissa_bits, accumulator
        self.layers, self.tensors = [], {}

    def tensor(self, name, shape, zero_point=None):
        zero_point = int(self.random.integers(-20, 20)) if zero_point is None else zero_point
        self.tensors[name] = QuantizedTensor(shape, INT8, 0.05, zero_point)

    def rescale(self, multipliers):
        return make_rescale(multipliers, self.mode, self.mantissa_bits)

    def layer(self, name, operator, inputs, shape, zero_point=None):
        self.layers.append(IntegerLayer(name, operator, inputs, name))
        self.tensor(name, shape, zero_point)

    def matrix(self, name, source, out_channels, window, groups=1):
        shape = self.tensors[source].shape
        maps = shape if len(shape) == 3 else (*shape, 1, 1)
        weights = self.random.integers(
            -127, 128, (out_channels, maps[0] // groups, *window.kernel)
        ).astype(np.int32)
        operator = IntegerMatrix(
            weights=weights,
            weight_format=IntegerFormat(8, restricted=True),
            weight_scales=np.full(out_channels, 0.01),
            bias=self.random.integers(-1000, 1000, out_channels),
            window=window,
            groups=groups,
            rescale=self.rescale(self.random.uniform(0.001, 0.01, out_channels)),
            clamp_low=-100,
            clamp_high=100,
        )
        size = window.output_size(*maps[1:])
        self.layer(
            name, operator, (source,), (out_channels, *size) if len(shape) == 3 else (out_channels,)
        )

    def widen(self, name, multipliers):
        """Give a layer 9-bit weights, the largest biases and multipliers of the far ends."""
        index = next(i for i, layer in enumerate(self.layers) if layer.name == name)
        operator = self.layers[index].operator
        weights = self.random.integers(-255, 256, operator.weights.shape).astype(np.int32)
        weights.flat[:2] = -255, 255
        wide = replace(
            operator,
            weights=weights,
            weight_format=IntegerFormat(9, restricted=True),
            bias=np.array([2**30, -(2**30), 3, 2**30], np.int64),
            rescale=self.rescale(multipliers),
        )
        self.layers[index] = replace(self.layers[index], operator=wide)

    def move_weights(self):
        """Give every product's weights zero points, both ends among them."""
        for index, layer in enumerate(self.layers):
            if isinstance(layer.operator, IntegerMatrix):
                zero_points = self.random.integers(-128, 128, len(layer.operator.weights))
                zero_points[:2] = -128, 127
                operator = replace(
                    layer.operator, weight_format=INT8, weight_zero_points=zero_points
                )
                self.layers[index] = replace(layer, operator=operator)

    def build(self, source, output):
        return IntegerNetwork(
            "random", source, output, tuple(self.layers), self.tensors, self.accumulator
        )


@pytest.fixture(scope="session")
def make_network():
    """Every operator once: a residual block, both pools, a clamp, a reshape, a dense head."""

    def make(
        seed=0,
        mode=RescaleMode.SINGLE_ROUND,
        mantissa_bits=32,
        accumulator=None,
        zero_points=False,
    ):
        builder = NetworkBuilder(seed, mode, mantissa_bits, accumulator or Accumulator())
        builder.tensor("image", (2, 6, 5))
        builder.matrix("stem", "image", 4, Window((3, 3), pads=(1, 1, 1, 1)))
        builder.matrix(
            "depthwise", "stem", 4, Window((3, 2), pads=(2, 0, 2, 1), dilations=(2, 1)), groups=4
        )
        float32 = mode is RescaleMode.FLOAT32
        factors = (0.7, 0.6, 1.0) if float32 else (0.5, 0.4, 1.4 * 2.0**-20)
        add = IntegerAdd(*map(builder.rescale, factors), 0 if float32 else 20, -128, 127)
        builder.layer("add", add, ("stem", "depthwise"), (4, 6, 5))
        zero_point = builder.tensors["add"].zero_point
        pool = IntegerMaxPool(Window((3, 3), strides=(2, 2), pads=(1, 1, 1, 1)))
        builder.layer("max_pool", pool, ("add",), (4, 3, 3), zero_point)
        builder.layer("clamp", IntegerClamp(-50, 60), ("max_pool",), (4, 3, 3), zero_point)
        counts = (1, 2, 4)
        mean = IntegerAveragePool(
            window=Window((2, 2), strides=(2, 2), pads=(1, 1, 0, 0)),
            count_include_pad=False,
            counts=counts,
            rescales=tuple(builder.rescale(1.2 / count) for count in counts),
            clamp_low=-60,
            clamp_high=60,
        )
        builder.layer("mean", mean, ("clamp",), (4, 2, 2))
        zero_point = builder.tensors["mean"].zero_point
        builder.layer("flat", IntegerReshape(), ("mean",), (16,), zero_point)
        builder.matrix("head", "flat", 5, Window((1, 1)))
        if zero_points:
            builder.move_weights()
        return builder.build("image", "head")

    return make


@pytest.fixture(scope="session")
def make_file_network():
    """The operators of quantized files: padding of both kinds, requantization, tables, softmax.

    ``wide``: 9-bit weights, multipliers of 0, of 2^-32 and of 8, biases of 2^30.
    """

    def make(seed=0, wide=False, mode=RescaleMode.DOUBLE_ROUND, accumulator=None):
        builder = NetworkBuilder(seed, mode, 32, accumulator or Accumulator())
        builder.tensor("image", (2, 6, 5))
        zero_point = builder.tensors["image"].zero_point
        same_padding = IntegerPad((0, 0, 1), (0, 1, 1), zero_point)
        builder.layer("pad", same_padding, ("image",), (2, 7, 7), zero_point)
        builder.matrix("strided", "pad", 4, Window((3, 3), strides=(2, 2)))
        if wide:
            builder.widen("strided", [0.0, 2.0**-32, 8.0, 0.003])
        scale = IntegerRequantize(builder.rescale(0.8), -120, 120)
        builder.layer("scale", scale, ("strided",), (4, 3, 3))
        zero_point = builder.tensors["scale"].zero_point
        builder.layer("margin", IntegerPad((1, 0, 1), (0, 1, 2), 17), ("scale",), (5, 4, 6))
        table = builder.random.permutation(np.arange(-128, 128)).astype(np.int32)
        builder.layer("table", IntegerLookup(table), ("margin",), (5, 4, 6))
        zero_point = builder.tensors["table"].zero_point
        pool = IntegerQuotientPool(Window((3, 2), (2, 2), (1, 0, 0, 0)), -110, 110)
        builder.layer("pool", pool, ("table",), (5, 2, 3), zero_point)
        builder.layer("flat", IntegerReshape(channels_last=True), ("pool",), (30,), zero_point)
        builder.matrix("head", "flat", 6, Window((1, 1)))
        step = softmax_parameters(0.05, 1.0)
        softmax = IntegerSoftmax(step.mantissa, step.left_shift, step.largest_difference)
        builder.layer("softmax", softmax, ("head",), (6,), -128)
        return builder.build("image", "softmax")

    return make


@pytest.fixture(scope="session")
def make_attentive_network():
    """A softmax over the channels of a map, which the host does, between two convolutions."""

    def make(seed=0):
        builder = NetworkBuilder(seed, RescaleMode.DOUBLE_ROUND, 32, Accumulator())
        builder.tensor("image", (2, 6, 5))
        builder.matrix("before", "image", 4, Window((3, 3), pads=(1, 1, 1, 1)))
        step = softmax_parameters(0.05, 1.0)
        softmax = IntegerSoftmax(step.mantissa, step.left_shift, step.largest_difference)
        builder.layer("softmax", softmax, ("before",), (4, 6, 5), -128)
        builder.matrix("after", "softmax", 3, Window((3, 3), strides=(2, 2)))
        return builder.build("image", "after")

    return make


@pytest.fixture(scope="session")
def make_images():
    def make(count, seed=0):
        random = np.random.default_rng(seed)
        return random.integers(-128, 128, (count, 2, 6, 5)).astype(np.int32)

    return make
