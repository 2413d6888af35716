"""ResNet-18 with all its values in a process of its own; prints its times as JSON."""

from __future__ import annotations

import json
import sys
import tempfile
import time
from pathlib import Path

from accelsim.compiler import compile_network
from accelsim.frontend import load_onnx, random_data, run_float
from accelsim.hardware import load_hardware
from accelsim.quantize import (
    QuantizationSpec,
    observe_ranges,
    observed_tensors,
    quantize_input,
    quantize_network,
)
from accelsim.simulator import simulate
from benchmarks.resnet18_onnx import write


def main(repeats: int) -> None:
    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "resnet18.onnx")
        write(path)
        model = load_onnx(path)
    hardware = load_hardware("mid_32x32")
    data = random_data(model.network, 1, 0)
    activations = run_float(model, data.calibration_images, observed_tensors(model.network))
    spec = QuantizationSpec(
        8, 8, rescale_mode=hardware.rescale.mode, accumulator=hardware.accumulator.format
    )
    integer = quantize_network(
        model.network, observe_ranges(model.network, activations, spec), spec
    )
    inputs = quantize_input(integer, data.images[:1])
    program = compile_network(integer, hardware, 1)
    prepared = time.perf_counter() - started
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        run = simulate(program, integer, hardware, inputs, engine="cycle", switching=True)
        seconds.append(time.perf_counter() - start)
    macs = sum(layer.array.macs for layer in run.timing.layers)
    print(
        json.dumps(
            {
                "prepared_seconds": prepared,
                "seconds": seconds,
                "macs": macs,
                "cycles": run.timing.cycles_total,
            }
        )
    )


if __name__ == "__main__":
    main(int(sys.argv[1]))
