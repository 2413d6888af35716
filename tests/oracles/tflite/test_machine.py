"""Random TensorFlow Lite models on the machine: every tensor of every engine is golden's."""

import numpy as np
import pytest

from accelsim.compiler import compile_network, fuse_pads
from accelsim.errors import WorkloadError
from accelsim.frontend.tflite import load_tflite
from accelsim.given_integers import given_integers
from accelsim.golden import execute
from accelsim.hardware import load_hardware
from accelsim.request import RunRequest
from accelsim.simulator import simulate
from accelsim.simulator.execute import execute_batch

KINDS = (
    "add",
    "convolution",
    "depthwise",
    "fully_connected",
    "logistic",
    "mean",
    "network",
    "pad",
    "pool",
    "quantize",
    "relu6",
    "requantized_add",
    "reshape",
    "softmax",
)
MODELS_OF_A_KIND = 12
ENGINES = ("tile", "cycle", "register")
DATAFLOWS = ("ws", "os", "is")


def random_model(kind, seed, tflite_file, random_models, tmp_path):
    generator = np.random.default_rng([seed, KINDS.index(kind), 77])
    file = tflite_file()
    source, target = getattr(random_models(file, generator), kind)()
    path = tmp_path / "model.tflite"
    path.write_bytes(file.content([source], [target]))
    model = load_tflite(path)
    tensor = model.integer.tensors[model.integer.input]
    low, high = tensor.format.low, tensor.format.high
    images = generator.integers(low, high, (3, *tensor.shape), np.int32, endpoint=True)
    return model, images


@pytest.mark.parametrize("kind", KINDS)
def test_every_tensor_equals_golden(kind, tflite_file, random_models, tmp_path):
    for seed in range(MODELS_OF_A_KIND):
        model, images = random_model(kind, seed, tflite_file, random_models, tmp_path)
        dataflow, engine = DATAFLOWS[seed % 3], ENGINES[seed // 2 % 3]
        hardware = load_hardware("edge_4x4", (f"array.dataflow={dataflow}",))
        given = given_integers(model, hardware, RunRequest("model.tflite"))
        network = fuse_pads(given.integer)
        golden = execute(model.integer, images)
        try:
            program = compile_network(network, given.machine, 2)
        except WorkloadError:
            # All of it is the host's.
            assert kind in ("reshape", "softmax", "quantize")
            continue
        batch = execute_batch(program, network, given.machine, images[:2], engine)
        for name, values in batch.tensors.items():
            assert np.array_equal(values, golden.tensors[name][:2]), (kind, seed, name)
        run = simulate(program, network, given.machine, images, engine)
        assert np.array_equal(run.outputs, golden.outputs), (kind, seed)
        assert run.clip_events == golden.clip_events
