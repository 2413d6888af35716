"""Random networks of every operator: the Network computes what onnxruntime computes."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accelsim.frontend import run_float
from accelsim.frontend.import_report import import_report
from accelsim.frontend.load_onnx import ImportedModel
from accelsim.frontend.lower import lower
from accelsim.frontend.parse_model import parse_model
from accelsim.frontend.passes import simplify


@settings(max_examples=150, deadline=None, derandomize=True)
@given(data=st.data())
def test_every_tensor_equals_onnxruntime(random_networks, model_of, evaluate, data):
    drawn = data.draw(random_networks)
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
