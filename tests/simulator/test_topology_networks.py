"""A shipped network of shapes costs what a network of integers of the same shapes costs."""

from dataclasses import replace

import numpy as np
import pytest

from accelsim.arithmetic import Accumulator, IntegerFormat, RescaleMode, make_rescale
from accelsim.compiler import compile_network, compile_shapes, lower_topology
from accelsim.frontend import load_shapes
from accelsim.hardware import load_hardware
from accelsim.network.geometry import Window
from accelsim.network.integer import (
    IntegerAdd,
    IntegerLayer,
    IntegerMatrix,
    IntegerNetwork,
    IntegerQuotientPool,
    IntegerReshape,
    QuantizedTensor,
)
from accelsim.network.topology import ElementWise, FilterBank, PoolWindow, TokenMatrix
from accelsim.simulator.timing import simulate_timing

HALF = make_rescale(0.5, RescaleMode.DOUBLE_ROUND)


def matrix(out_channels, depth, window, groups=1):
    return IntegerMatrix(
        weights=np.ones((out_channels, depth, *window.kernel), np.int32),
        weight_format=IntegerFormat(8),
        weight_scales=np.ones(1),
        bias=np.zeros(out_channels, np.int64),
        window=window,
        groups=groups,
        rescale=HALF,
        clamp_low=-128,
        clamp_high=127,
    )


def integers_of(topology):
    """The network that a TFLite file of these layers gives: int8, its pools quotients."""
    shapes, layers = dict(topology.shapes), []
    for layer in topology.layers:
        source, operator = shapes[layer.inputs[0]], layer.operator
        inputs, output_shape = layer.inputs, shapes[layer.output]
        match operator:
            case FilterBank():
                depth = source[0] // operator.groups
                made = matrix(operator.out_channels, depth, operator.window, operator.groups)
            case TokenMatrix(flattens=True):
                flat = f"{layer.name}:flat"
                shapes[flat] = (int(np.prod(source)),)
                shapes[layer.output] = (operator.features,)
                layers.append(IntegerLayer(flat, IntegerReshape(True), inputs, flat))
                made, inputs = matrix(operator.features, shapes[flat][0], Window((1, 1))), (flat,)
            case PoolWindow(kind="average_pool"):
                made = IntegerQuotientPool(operator.window, -128, 127)
            case ElementWise(kind="add"):
                made = IntegerAdd(HALF, HALF, HALF, 20, -128, 127)
        assert output_shape[0] == shapes[layer.output][0]
        layers.append(IntegerLayer(layer.name, made, inputs, layer.output))
    return IntegerNetwork(
        name=topology.name,
        input=topology.given[0],
        output=topology.kept[0],
        layers=tuple(layers),
        tensors={
            name: QuantizedTensor(shape, IntegerFormat(8), 1.0, 0) for name, shape in shapes.items()
        },
        accumulator=Accumulator(),
    )


@pytest.mark.parametrize("name", ["mlperf_tiny_resnet8", "mlperf_tiny_ds_cnn"])
@pytest.mark.parametrize("batch", [1, 3])
def test_shapes_cost_what_integers_cost(name, batch):
    hardware = load_hardware("edge_16x16")
    topology = load_shapes(name).topology
    shapes = simulate_timing(
        compile_shapes(lower_topology(topology, batch, 8, 8, 32), hardware), hardware
    )
    integers = simulate_timing(compile_network(integers_of(topology), hardware, batch), hardware)
    named = [
        replace(layer, operator="quotient_pool") if layer.operator == "average_pool" else layer
        for layer in shapes.layers
    ]
    assert integers.layers == tuple(named)
    assert integers.units == shapes.units
