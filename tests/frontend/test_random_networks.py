"""Random networks of every operator: the Network computes what onnxruntime computes."""

from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from accelsim.frontend import run_float
from accelsim.frontend.import_report import import_report
from accelsim.frontend.load_onnx import ImportedModel
from accelsim.frontend.lower import lower
from accelsim.frontend.parse_model import parse_model
from accelsim.frontend.passes import simplify


class Builder:
    """Nodes and constants so far; ``shape`` is that of the last tensor, ``last``."""

    def __init__(self, draw, shape, random):
        self.draw, self.random = draw, random
        self.nodes, self.constants = [], {}
        self.last, self.shape, self.tensors = "x", shape, {"x": shape}

    def floats(self, *shape, positive=False):
        values = self.random.standard_normal(shape).astype(np.float32)
        name = f"c{len(self.constants)}"
        self.constants[name] = np.abs(values) + 0.5 if positive else values
        return name

    def node(self, operator, *inputs, shape=None, **attributes):
        name = f"t{len(self.nodes)}"
        self.nodes.append((operator, [self.last, *inputs], name, attributes))
        self.last, self.shape = name, shape or self.shape
        self.tensors[name] = self.shape

    def integer(self, low, high):
        return self.draw(st.integers(low, high))

    def flag(self):
        return self.draw(st.booleans())

    def window(self, pool):
        """Attributes of a window that fits, and the output's height and width."""
        kernel, strides, dilations, pads, sizes = [], [], [], [[], []], []
        ceil = pool and self.flag()
        automatic = (
            None
            if ceil
            else self.draw(st.sampled_from([None, "VALID", "SAME_UPPER", "SAME_LOWER"]))
        )
        for size in self.shape[1:]:
            k = self.integer(1, min(3, size))
            # onnxruntime runs SAME neither with dilations nor with strides beyond the kernel.
            same = automatic in ("SAME_UPPER", "SAME_LOWER")
            d = self.integer(1, 2) if not (pool or same) and 2 * (k - 1) < size else 1
            s = self.integer(1, min(k, 3) if same else 3)
            before, after = (self.integer(0, k - 1 if pool else 2) for _ in range(2))
            kernel.append(k)
            dilations.append(d)
            strides.append(s)
            pads[0].append(before)
            pads[1].append(after)
            extent = (k - 1) * d + 1
            total = size + before + after - extent
            up = -(-total // s) if ceil else total // s
            # onnxruntime's own shape inference forgets that such a window is left out.
            assume(up * s < size + before)
            out = {None: up + 1, "VALID": (size - extent) // s + 1}
            sizes.append(out.get(automatic, -(-size // s)))
        attributes = {"kernel_shape": kernel, "strides": strides}
        attributes |= {"ceil_mode": int(ceil)} if pool else {"dilations": dilations}
        attributes |= {"auto_pad": automatic} if automatic else {"pads": pads[0] + pads[1]}
        return attributes, tuple(sizes)

    def conv(self):
        groups = self.draw(st.sampled_from([g for g in (1, 2, 3) if self.shape[0] % g == 0]))
        outputs = groups * self.integer(1, 3)
        attributes, sizes = self.window(pool=False)
        weights = self.floats(outputs, self.shape[0] // groups, *attributes["kernel_shape"])
        bias = [self.floats(outputs)] if self.flag() else []
        self.node("Conv", weights, *bias, shape=(outputs, *sizes), group=groups, **attributes)

    def dense(self):
        outputs, (inputs,) = self.integer(1, 6), self.shape
        if self.flag():
            self.node("MatMul", self.floats(inputs, outputs), shape=(outputs,))
            self.node("Add", self.floats(outputs))
        else:
            self.node(
                "Gemm",
                self.floats(outputs, inputs),
                self.floats(outputs),
                shape=(outputs,),
                transB=1,
                alpha=0.5,
                beta=2.0,
            )

    def norm(self):
        channels = self.shape[0]
        parts = [self.floats(channels) for _ in range(3)]
        self.node("BatchNormalization", *parts, self.floats(channels, positive=True))

    def pool(self):
        attributes, sizes = self.window(pool=True)
        operator = self.draw(st.sampled_from(["MaxPool", "AveragePool"]))
        if operator == "AveragePool":
            attributes["count_include_pad"] = int(not attributes["ceil_mode"] and self.flag())
        self.node(operator, shape=(self.shape[0], *sizes), **attributes)

    def offset(self):
        spatial = [1] * (len(self.shape) - 1)
        self.node("Add", self.floats(self.shape[0], *spatial))

    def residual(self):
        same = [name for name, shape in self.tensors.items() if shape == self.shape]
        self.node("Add", self.draw(st.sampled_from(same)))

    def clip(self):
        self.constants |= {"low": np.float32(-0.5), "high": np.float32(1.5)}
        self.node("Clip", *self.draw(st.sampled_from([["low"], ["low", "high"], ["", "high"]])))

    def step(self):
        anywhere = {
            "norm": self.norm,
            "offset": self.offset,
            "residual": self.residual,
            "clip": self.clip,
            "relu": lambda: self.node("Relu"),
            "identity": lambda: self.node(self.draw(st.sampled_from(["Identity", "Dropout"]))),
        }
        mapped = {"conv": self.conv, "pool": self.pool} if len(self.shape) == 3 else {}
        mapped = mapped or {"dense": self.dense}
        (anywhere | mapped)[self.draw(st.sampled_from([*mapped, *mapped, *anywhere]))]()


@st.composite
def networks(draw):
    """Feature maps first, then vectors, then perhaps a softmax."""
    shape = tuple(draw(st.integers(1, limit)) for limit in (4, 7, 7))
    builder = Builder(draw, shape, np.random.default_rng(draw(st.integers(0, 2**32))))
    for _ in range(draw(st.integers(0, 6))):
        builder.step()
    if draw(st.booleans()):
        if draw(st.booleans()):
            builder.node("GlobalAveragePool", shape=(builder.shape[0], 1, 1))
        builder.node("Flatten", shape=(int(np.prod(builder.shape)),))
        for _ in range(draw(st.integers(0, 5))):
            builder.step()
        if draw(st.booleans()):
            builder.node("Softmax")
    builder.node("Relu") if not builder.nodes else None
    return SimpleNamespace(**vars(builder), input_shape=shape)


@settings(max_examples=150, deadline=None, derandomize=True)
@given(networks())
def test_every_tensor_equals_onnxruntime(model_of, evaluate, drawn):
    opset = 17
    model = model_of(drawn.nodes, drawn.constants, drawn.input_shape, opset=opset)
    parsed = parse_model(model)
    simplified = simplify(parsed)
    if not simplified.nodes:
        pytest.skip("nothing but identities")
    network = lower(simplified)
    report = import_report(parsed, simplified, network)
    imported = ImportedModel(network, model.SerializeToString(), "", report)
    images = np.random.default_rng(0).standard_normal((2, *drawn.input_shape), np.float32)
    found = run_float(imported, images, list(network.shapes))
    for tensor, expected in evaluate(network, images).items():
        size = float(np.abs(expected).max(initial=1.0))
        np.testing.assert_allclose(found[tensor] / size, expected / size, atol=2e-5)
    gone = len(report.folded)
    lists = (report.on_array, report.on_vector_unit, report.clamps, report.on_host)
    named = {name.split(":")[0] for names in (*lists, report.free) for name in names}
    assert len(named) + gone == report.nodes
