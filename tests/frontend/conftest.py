"""Small ONNX models, the graphs that passes rewrite, and the Network executed in numpy."""

import numpy as np
import onnx
import onnxruntime
import pytest
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
