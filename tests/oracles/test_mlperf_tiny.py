"""MLPerf Tiny's own int8 files on the machine: every tensor golden's, the cycles of their shapes.

The files are not shipped: `ACCELSIM_MLPERF_TINY` names the folder that has them, from
mlcommons/tiny, benchmark/training/*/trained_models.
"""

import os
from pathlib import Path

import numpy as np
import pytest

from accelsim.compiler import compile_network, fuse_pads
from accelsim.frontend import load_tflite
from accelsim.golden import execute
from accelsim.hardware import load_hardware
from accelsim.pipeline import RunRequest, run
from accelsim.simulator.execute import execute_batch

FOLDER = os.environ.get("ACCELSIM_MLPERF_TINY")
FILES = {
    "kws_ref_model.tflite": "mlperf_tiny_ds_cnn",
    "pretrainedResnet_quant.tflite": "mlperf_tiny_resnet8",
}

pytestmark = pytest.mark.skipif(
    FOLDER is None, reason="ACCELSIM_MLPERF_TINY does not name the folder of MLPerf Tiny's files"
)


@pytest.mark.parametrize("file", FILES)
@pytest.mark.parametrize("dataflow", ["ws", "os", "is"])
@pytest.mark.parametrize(("engine", "images"), [("tile", 10), ("cycle", 10), ("register", 2)])
def test_every_tensor_equals_golden(file, dataflow, engine, images):
    changes = ("rescale.mode=double_round", f"array.dataflow={dataflow}")
    hardware = load_hardware("edge_16x16", changes)
    network = fuse_pads(load_tflite(Path(FOLDER) / file).integer)
    shape = network.tensors[network.input].shape
    inputs = np.random.default_rng(3).integers(-128, 128, (images, *shape)).astype(np.int32)
    golden = execute(network, inputs)
    program = compile_network(network, hardware, images)
    batch = execute_batch(program, network, hardware, inputs, engine)
    differing = {
        name: int(np.count_nonzero(values != golden.tensors[name]))
        for name, values in batch.tensors.items()
    }
    assert differing == dict.fromkeys(golden.tensors, 0)


@pytest.mark.parametrize(("file", "topology"), FILES.items())
def test_cycles_are_those_of_the_shipped_shapes(file, topology):
    (integers,) = run(RunRequest(str(Path(FOLDER) / file), random_data=True)).points
    (shapes,) = run(RunRequest(topology)).points
    assert integers.golden_mismatches == 0
    assert integers.cycles_total == shapes.cycles_total
    assert [layer.cycles for layer in integers.layers if layer.macs] == [
        layer.cycles for layer in shapes.layers if layer.macs
    ]
    # The files round twice: one more adder in the rescale unit.
    assert integers.energy_uj_per_image == pytest.approx(shapes.energy_uj_per_image, rel=0.003)
    assert integers.energy_uj_per_image > shapes.energy_uj_per_image


@pytest.mark.parametrize("file", FILES)
def test_the_readme_has_the_figures_of_this_machine(file):
    (point,) = run(RunRequest(str(Path(FOLDER) / file), random_data=True)).points
    figures = (
        f"| `{file}` | {point.cycles_total:,} | {point.latency_us_per_image:.2f} "
        f"| {point.energy_uj_per_image:.2f} | {point.utilization_pct:.1f} |"
    )
    assert figures in (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
