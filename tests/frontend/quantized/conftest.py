"""Small quantized models, given as nodes and constants."""

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from accelsim.frontend.load_onnx import load_onnx

DOMAINS = {
    "QGemm": "com.microsoft",
    "QLinearAdd": "com.microsoft",
    "QLinearAveragePool": "com.microsoft",
    "QLinearGlobalAveragePool": "com.microsoft",
    "Quant": "qonnx.custom_op.general",
}


def make_model(nodes, constants, shape, opset=21):
    """A model of nodes (operator, inputs, output, attributes), each named as its output."""
    protos = [
        helper.make_node(
            operator, inputs, [target], name=target, domain=DOMAINS.get(operator, ""), **attributes
        )
        for operator, inputs, target, *rest in nodes
        for attributes in [rest[0] if rest else {}]
    ]
    source = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", *shape])
    target = helper.make_tensor_value_info(nodes[-1][2], TensorProto.FLOAT, None)
    read = {name for node in nodes for name in node[1]}
    initializers = [
        value
        if isinstance(value, TensorProto)
        else numpy_helper.from_array(np.asarray(value), name)
        for name, value in constants.items()
        if name in read
    ]
    graph = helper.make_graph(protos, "test", [source], [target], initializers)
    imports = [("", opset), ("com.microsoft", 1), ("qonnx.custom_op.general", 1)]
    opsets = [helper.make_opsetid(*entry) for entry in imports]
    return helper.make_model(graph, opset_imports=opsets, ir_version=10)


@pytest.fixture(scope="session")
def quantized_model():
    return make_model


@pytest.fixture
def load(tmp_path):
    """The imported model of nodes, constants and a shape."""

    def read(*arguments, **options):
        path = tmp_path / "net.onnx"
        path.write_bytes(make_model(*arguments, **options).SerializeToString())
        return load_onnx(path)

    return read
