"""ONNX operators by what they are to a machine. All others are left to the host."""

from __future__ import annotations

__all__ = ["CLAMPS", "FUNCTIONS", "POOLS", "PRODUCTS", "READ", "SAME", "TWO", "VECTOR"]

SAME = frozenset(
    {"Cast", "DequantizeLinear", "Dropout", "Flatten", "Identity", "QuantizeLinear", "Reshape"}
    | {"Squeeze", "Transpose", "Unsqueeze"}
)
"""They compute nothing, and move nothing where channels stay channels."""
CLAMPS = frozenset({"Clip", "Relu"})
FUNCTIONS = frozenset(
    {"Abs", "Celu", "Elu", "Erf", "Exp", "Floor", "Gelu", "HardSigmoid", "HardSwish", "LeakyRelu"}
    | {"Log", "Mish", "Neg", "PRelu", "Reciprocal", "Round", "Selu", "Sigmoid", "Softplus"}
    | {"Softsign", "Sqrt", "Tanh", "ThresholdedRelu"}
)
TWO = frozenset({"Add", "Div", "Max", "Min", "Mul", "Pow", "Sub", "Sum"})
VECTOR = {"Add": "add", "Sub": "add", "Sum": "add", "Mul": "multiply"}
PRODUCTS = frozenset(
    {"Attention", "Conv", "ConvInteger", "ConvTranspose", "DeformConv", "Einsum", "GRU", "Gemm"}
    | {"If", "LSTM", "Loop", "MatMul", "MatMulInteger", "QLinearConv", "QLinearMatMul", "RNN"}
    | {"Scan"}
)
READ = frozenset({"Conv", "Gemm", "MatMul"})
POOLS = {"MaxPool": "max_pool", "AveragePool": "average_pool"}
