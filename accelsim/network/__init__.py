"""What a network is: layers, tensors, shapes; float and integer. Data only."""

from accelsim.network.counts import (
    layer_macs,
    layer_parameters,
    network_macs,
    network_parameters,
)
from accelsim.network.geometry import Shape, Window
from accelsim.network.graph import (
    Add,
    AveragePool,
    Clamp,
    Convolution,
    Dense,
    Layer,
    MaxPool,
    Network,
    Operator,
    Reshape,
    Softmax,
)
from accelsim.network.integer import (
    IntegerAdd,
    IntegerAveragePool,
    IntegerClamp,
    IntegerLayer,
    IntegerMatrix,
    IntegerMaxPool,
    IntegerNetwork,
    IntegerOperator,
    IntegerReshape,
    QuantizedTensor,
)

__all__ = [
    "Add",
    "AveragePool",
    "Clamp",
    "Convolution",
    "Dense",
    "IntegerAdd",
    "IntegerAveragePool",
    "IntegerClamp",
    "IntegerLayer",
    "IntegerMatrix",
    "IntegerMaxPool",
    "IntegerNetwork",
    "IntegerOperator",
    "IntegerReshape",
    "Layer",
    "MaxPool",
    "Network",
    "Operator",
    "QuantizedTensor",
    "Reshape",
    "Shape",
    "Softmax",
    "Window",
    "layer_macs",
    "layer_parameters",
    "network_macs",
    "network_parameters",
]
