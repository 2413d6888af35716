"""Small ONNX models, the graphs that passes rewrite, and the Network executed in numpy."""

from types import SimpleNamespace

import numpy as np
import onnx
import onnxruntime
import pytest
from hypothesis import assume
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

from accelsim.frontend.parse_model import parse_model
from accelsim.quantize.float_forward import float_forward


def make_model(nodes, constants, shape, *, output=None, opset=17, batch="batch"):
    """A model of nodes (operator, inputs, output, attributes), each named as its output."""
    protos = [
        helper.make_node(operator, inputs, [target], name=target, **dict(*attributes))
        for operator, inputs, target, *attributes in nodes
    ]
    source = helper.make_tensor_value_info("x", TensorProto.FLOAT, [batch, *shape])
    target = helper.make_tensor_value_info(output or nodes[-1][2], TensorProto.FLOAT, None)
    initializers = [numpy_helper.from_array(np.asarray(v), k) for k, v in constants.items()]
    graph = helper.make_graph(protos, "test", [source], [target], initializers)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)


def run_model(model, images, tensor=None):
    model = onnx.ModelProto.FromString(model.SerializeToString())
    name = tensor or model.graph.output[0].name
    del model.graph.output[:]
    model.graph.output.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, None))
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    return session.run([name], {"x": images})[0]


def export_graph(graph):
    """A graph as an ONNX model: Dense as Gemm, a scale and shift as a batch norm."""
    nodes, constants = [], dict(graph.constants)
    for node in graph.nodes:
        operator, inputs, attributes = node.operator, list(node.inputs), dict(node.attributes)
        if operator == "Dense":
            operator, attributes = "Gemm", {"transB": 1}
        if operator == "ScaleShift":
            operator, attributes = "BatchNormalization", {"epsilon": 0.0}
            constants |= {"zeros": constants[inputs[1]] * 0, "ones": constants[inputs[1]] * 0 + 1}
            inputs += ["zeros", "ones"]
        if operator == "Constant":
            attributes = {"value": numpy_helper.from_array(attributes["value"])}
        nodes.append((operator, inputs, node.output, attributes))
    model = make_model(nodes, constants, graph.input_shape, output=graph.output, opset=graph.opset)
    # What onnxruntime would call unused, and refuse when warnings are errors.
    used = {name for node in model.graph.node for name in node.input}
    kept = [tensor for tensor in model.graph.initializer if tensor.name in used]
    del model.graph.initializer[:]
    model.graph.initializer.extend(kept)
    return model


def evaluate_network(network, images):
    """Every tensor of the network, in float64, each of the shape that the network states."""
    tensors = float_forward(network, images)
    for name, values in tensors.items():
        assert values.shape[1:] == network.shapes[name]
    return tensors


class Builder:
    """Nodes and constants so far; ``shape`` is that of the last tensor, ``last``."""

    def __init__(self, draw, shape, random, exact=False):
        self.draw, self.random, self.exact = draw, random, exact
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
        kinds = ["MaxPool"] if self.exact else ["MaxPool", "AveragePool"]
        operator = self.draw(st.sampled_from(kinds))
        if operator == "AveragePool":
            attributes["count_include_pad"] = int(not attributes["ceil_mode"] and self.flag())
        self.node(operator, shape=(self.shape[0], *sizes), **attributes)

    def pad(self):
        """Zeros around height and width: left alone, or taken by the Conv behind it."""
        name = f"c{len(self.constants)}"
        top, left, bottom, right = (self.integer(0, 2) for _ in range(4))
        self.constants[name] = np.array([0, 0, top, left, 0, 0, bottom, right])
        channels, height, width = self.shape
        self.node("Pad", name, shape=(channels, height + top + bottom, width + left + right))

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
        if self.exact:
            del anywhere["residual"]
        maps = {"conv": self.conv, "pool": self.pool, "pad": self.pad}
        mapped = maps if len(self.shape) == 3 else {"dense": self.dense}
        (anywhere | mapped)[self.draw(st.sampled_from([*mapped, *mapped, *anywhere]))]()


@st.composite
def networks(draw, exact=False):
    """Feature maps first, then vectors, then perhaps a softmax.

    ``exact``: a convolution first, and only operators whose integers are specified to the last
    bit.
    """
    shape = tuple(draw(st.integers(1, limit)) for limit in (4, 7, 7))
    builder = Builder(draw, shape, np.random.default_rng(draw(st.integers(0, 2**32))), exact)
    if exact:
        builder.conv()
    for _ in range(draw(st.integers(0, 6))):
        builder.step()
    if draw(st.booleans()):
        if not exact and draw(st.booleans()):
            builder.node("GlobalAveragePool", shape=(builder.shape[0], 1, 1))
        builder.node("Flatten", shape=(int(np.prod(builder.shape)),))
        for _ in range(draw(st.integers(0, 5))):
            builder.step()
        if draw(st.booleans()):
            builder.node("Softmax")
    builder.node("Relu") if not builder.nodes else None
    return SimpleNamespace(**vars(builder), input_shape=shape)


@pytest.fixture(scope="session")
def model_of():
    return make_model


@pytest.fixture(scope="session")
def run():
    return run_model


@pytest.fixture(scope="session")
def export():
    return export_graph


@pytest.fixture(scope="session")
def evaluate():
    return evaluate_network


@pytest.fixture
def graph_of(model_of):
    """The graph of a model given as for ``model_of``."""
    return lambda *args, **options: parse_model(model_of(*args, **options))


@pytest.fixture
def check_pass(run, export):
    """Run a pass and check that what the graph computes stays the same."""

    def check(rewrite, graph, tolerance=1e-5):
        images = np.random.default_rng(7).standard_normal((3, *graph.input_shape), np.float32)
        before = run(export(graph), images)
        rewritten = rewrite(graph)
        after = run(export(rewritten), images)
        np.testing.assert_allclose(after, before, rtol=tolerance, atol=tolerance)
        return rewritten

    return check


@pytest.fixture
def save(tmp_path, model_of):
    """Write a model given as for ``model_of`` to a file and return its path."""

    def write(*args, name="net.onnx", **options):
        path = tmp_path / name
        path.write_bytes(model_of(*args, **options).SerializeToString())
        return path

    return write


@pytest.fixture(scope="session")
def random_networks():
    """Strategy: nodes, constants and input shape of a random network of every operator."""
    return networks()


@pytest.fixture(scope="session")
def exact_networks():
    """Strategy: the same without sums of tensors and averages."""
    return networks(exact=True)
