"""Whole networks: ResNet-50's 54 matrix layers on the shipped machines."""

from __future__ import annotations

import pytest

from accelsim.compiler import compile_shapes
from accelsim.compiler.program import MatrixInstruction, Place, Program
from accelsim.compiler.shapes import LayerShape, NetworkShape, TensorShape, VectorShape
from accelsim.hardware import load_hardware
from accelsim.hardware.schema import Hardware
from accelsim.network.geometry import Window


class ResNet50:
    """He et al., "Deep Residual Learning for Image Recognition", table 1, 224 x 224 images."""

    def __init__(self, kit, batch: int) -> None:
        self.kit, self.batch = kit, batch
        self.layers: list[LayerShape] = []
        self.tensors = {"image": TensorShape((3, 224, 224), 8)}
        current = self.conv("stem", "image", 64, 7, 2)
        current = self.vector("pool", "max_pool", (current,), Window((3, 3), (2, 2), (1,) * 4))
        for stage, (blocks, width) in enumerate(((3, 64), (4, 128), (6, 256), (3, 512))):
            for block in range(blocks):
                stride = 2 if stage > 0 and block == 0 else 1
                current = self.block(f"s{stage}b{block}", current, width, stride, block == 0)
        current = self.vector("mean", "average_pool", (current,), Window((7, 7)))
        self.conv("head", current, 1000, 1, 1)

    def conv(self, name: str, source: str, channels: int, kernel: int, stride: int) -> str:
        shape = self.tensors[source].shape
        window = Window((kernel, kernel), (stride, stride), (kernel // 2,) * 4)
        work = self.kit.shape(shape, channels, window, batch=self.batch)
        return self.add(name, work, (source,), (channels, *work.output_size))

    def vector(self, name: str, kind: str, sources: tuple[str, ...], window: Window) -> str:
        channels, height, width = self.tensors[sources[0]].shape
        bits = (8,) * len(sources)
        work = VectorShape(kind, self.batch * channels, height, width, window, bits, 8)
        return self.add(name, work, sources, (channels, *window.output_size(height, width)))

    def block(self, name: str, source: str, width: int, stride: int, project: bool) -> str:
        inner = self.conv(f"{name}.1", source, width, 1, 1)
        inner = self.conv(f"{name}.2", inner, width, 3, stride)
        inner = self.conv(f"{name}.3", inner, 4 * width, 1, 1)
        if project:
            source = self.conv(f"{name}.shortcut", source, 4 * width, 1, stride)
        return self.vector(f"{name}.sum", "add", (inner, source), Window((1, 1)))

    def add(self, name: str, work, inputs: tuple[str, ...], shape: tuple[int, ...]) -> str:
        self.layers.append(LayerShape(name, work, inputs, name))
        self.tensors[name] = TensorShape(shape, 8)
        return name

    @property
    def network(self) -> NetworkShape:
        storage = {name: name for name in self.tensors}
        layers = tuple(self.layers)
        return NetworkShape("resnet50", self.batch, "image", "head", layers, self.tensors, storage)


def check_fits(program: Program, hardware: Hardware) -> None:
    pads = hardware.scratchpads
    for item in program.instructions:
        assert item.footprint.activation_bytes <= pads.activations.size
        assert item.footprint.weight_bytes <= pads.weights.size
        assert item.footprint.accumulator_bytes <= pads.accumulators.size


@pytest.mark.parametrize("dataflow", ["ws", "os", "is"])
@pytest.mark.parametrize("machine", ["edge_16x16", "tpu_v1"])
def test_resnet50_fits_in_every_layer(kit, machine: str, dataflow: str) -> None:
    hardware = load_hardware(machine, [f"array.dataflow={dataflow}"])
    program = compile_shapes(ResNet50(kit, batch=2).network, hardware)
    check_fits(program, hardware)
    plans = [item.plan for item in program.instructions if isinstance(item, MatrixInstruction)]
    assert len(plans) == 54
    assert sum(plan.gemm.macs for plan in plans) == 2 * 4_089_184_256
    assert program == compile_shapes(ResNet50(kit, batch=2).network, hardware)


def test_all_of_resnet50_stays_in_24_mib(kit) -> None:
    program = compile_shapes(ResNet50(kit, batch=2).network, load_hardware("tpu_v1"))
    in_dram = {name for name, place in program.places.items() if place is Place.DRAM}
    assert in_dram == {"image", "head"}
