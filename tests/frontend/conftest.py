"""Small ONNX models, the graphs that passes rewrite, and the Network executed in numpy."""

import numpy as np
import onnx
import onnxruntime
import pytest
from numpy.lib.stride_tricks import sliding_window_view
from onnx import TensorProto, helper, numpy_helper

from accelsim.frontend.parse_model import parse_model
from accelsim.network import (
    Add,
    AveragePool,
    Clamp,
    Convolution,
    Dense,
    MaxPool,
    Reshape,
)


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


def patches(maps, window, fill):
    """float[images, channels, rows, columns, kernel rows, kernel columns]."""
    top, left, bottom, right = window.pads
    padded = np.pad(maps, ((0, 0), (0, 0), (top, bottom), (left, right)), constant_values=fill)
    extents = [(k - 1) * d + 1 for k, d in zip(window.kernel, window.dilations, strict=True)]
    views = sliding_window_view(padded, extents, axis=(2, 3))
    (sy, sx), (dy, dx) = window.strides, window.dilations
    return views[:, :, ::sy, ::sx, ::dy, ::dx]


def evaluate_layer(operator, first, *others):
    match operator:
        case Convolution(weights, bias, window, groups):
            parts = [
                np.einsum("icyxhw,ochw->ioyx", taps, w, dtype=np.float64)
                for taps, w in zip(
                    np.split(patches(first, window, 0.0), groups, axis=1),
                    np.split(weights, groups),
                    strict=True,
                )
            ]
            return np.concatenate(parts, axis=1) + bias[:, None, None]
        case Dense(weights, bias):
            return first @ weights.T.astype(np.float64) + bias
        case Add():
            return first + others[0]
        case MaxPool(window):
            return patches(first, window, -np.inf).max(axis=(4, 5))
        case AveragePool(window, counted):
            inside = patches(np.ones_like(first), window, float(counted))
            return patches(first, window, 0.0).sum(axis=(4, 5)) / inside.sum(axis=(4, 5))
        case Clamp(low, high):
            return np.clip(first, low, high)
        case Reshape(shape):
            return first.reshape(len(first), *shape)
        case _:
            exponents = np.exp(first - first.max(axis=1, keepdims=True))
            return exponents / exponents.sum(axis=1, keepdims=True)


def evaluate_network(network, images):
    """Every tensor of the network, in float64."""
    tensors = {network.input: images.astype(np.float64)}
    for layer in network.layers:
        sources = [tensors[name] for name in layer.inputs]
        tensors[layer.output] = evaluate_layer(layer.operator, *sources)
        assert tensors[layer.output].shape[1:] == network.shapes[layer.output]
    return tensors


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
