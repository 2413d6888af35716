"""What to do about operators that are not supported, family by family."""

from __future__ import annotations

from collections.abc import Iterable

__all__ = ["advice_on"]

_SHAPES_ALONE = (
    "for cycles and energy alone, describe the network's shapes in a topology file (.yaml), as "
    "`accelsim networks` lists them"
)
_FAMILIES: tuple[tuple[frozenset[str], str], ...] = (
    (
        frozenset({"If", "Loop", "Scan", "IF", "WHILE", "CALL_ONCE"}),
        "control flow: export the network with its conditions fixed",
    ),
    (
        frozenset({"Shape", "Range", "NonZero", "ConstantOfShape", "Expand", "SHAPE", "FILL"}),
        "computed shapes: fix the input's shape when exporting, and fold constants (onnxsim)",
    ),
    (
        frozenset({"DynamicQuantizeLinear", "DynamicQuantizeLSTM"}),
        "scales that depend on the data: quantize statically "
        "(onnxruntime.quantization.quantize_static)",
    ),
    (
        frozenset(
            {"Elu", "Erf", "Gelu", "HardSigmoid", "HardSwish", "LeakyRelu", "PRelu", "Selu"}
            | {"Sigmoid", "Softplus", "Swish", "Tanh", "ELU", "GELU", "HARD_SWISH"}
            | {"LEAKY_RELU", "PRELU", "TANH"}
        ),
        "activation functions: train or fine-tune with Relu or Relu6 in their place",
    ),
    (
        frozenset(
            {"GRU", "LSTM", "RNN", "LayerNormalization", "SkipLayerNormalization", "Attention"}
            | {"MultiHeadAttention", "BATCH_MATMUL", "UNIDIRECTIONAL_SEQUENCE_LSTM"}
        ),
        f"recurrence and attention: {_SHAPES_ALONE}",
    ),
)
_OTHERS = (
    "leave them out of the network: cut it before or after them (onnx.utils.extract_model) and do "
    "their work outside, or replace them and export again"
)


def advice_on(operators: Iterable[str]) -> tuple[str, ...]:
    """Return a line for each family among ``operators``, and one for the rest."""
    names = tuple(dict.fromkeys(operators))
    lines = []
    for family, line in _FAMILIES:
        found = [name for name in names if name in family]
        if found:
            lines.append(f"{', '.join(found)}: {line}")
    others = [name for name in names if not any(name in family for family, _ in _FAMILIES)]
    if others:
        lines.append(f"{', '.join(others)}: {_OTHERS}")
    return tuple(lines)
