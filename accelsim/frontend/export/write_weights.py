"""A matrix layer's weights and bias as integer constants and their dequantization."""

from __future__ import annotations

import numpy as np

from accelsim.errors import UnsupportedOperatorError
from accelsim.frontend.export.graph_writer import GraphWriter, container
from accelsim.network import IntegerMatrix, QuantizedTensor

__all__ = ["write_bias", "write_weights"]

_INT32 = np.iinfo(np.int32)


def write_weights(writer: GraphWriter, layer: str, operator: IntegerMatrix, is_dense: bool) -> str:
    """Write weights, [out, in] if dense, and return the name of their real numbers.

    Raises
    ------
    UnsupportedOperatorError
        If groups of them have scales of their own: they run over kernel positions, and ONNX's
        blocks do not.
    """
    if operator.vectors is not None:
        raise UnsupportedOperatorError(
            f"layer {layer!r}: weights with scales for groups of {operator.vectors.size} have no "
            "form in quantized ONNX; leave out --group-size"
        )
    form, stored = operator.weight_format, container(operator.weight_format)
    integers = operator.weights[:, :, 0, 0] if is_dense else operator.weights
    wish = f"{layer}:weights"
    if form.bits == 4:
        name = writer.four_bits(wish, integers)
        needs_clip = form.restricted
    else:
        name = writer.constant(wish, integers, str(stored))
        needs_clip = form != stored
    if needs_clip:
        ends = (form.low, form.high, writer.unique(f"{wish}:{form}"))
        name = writer.clipped(name, stored, [ends])
    scales, zeros = operator.weight_scales, np.zeros(operator.weight_scales.size, np.int64)
    if operator.weight_zero_points is not None:
        zeros = operator.weight_zero_points
        if (zeros == zeros[0]).all():
            zeros = zeros[: scales.size]
        scales = np.broadcast_to(scales, zeros.size)
    parameters = [
        writer.constant(f"{wish}:scale", scales if scales.size > 1 else scales[0], "float32"),
        writer.constant(f"{wish}:zero_point", zeros if scales.size > 1 else zeros[0], str(stored)),
    ]
    real = writer.unique(f"{wish}:real")
    return writer.node("DequantizeLinear", [name, *parameters], real, axis=0)


def write_bias(
    writer: GraphWriter, layer: str, operator: IntegerMatrix, source: QuantizedTensor
) -> str:
    """Write a bias without the input's zero point, and return the name of its real numbers.

    Raises
    ------
    UnsupportedOperatorError
        If it does not fit in 32 bits then.
    """
    flat = operator.weights.reshape(len(operator.bias), -1)
    sums = flat.sum(axis=1, dtype=np.int64)
    if operator.weight_zero_points is not None:
        sums -= flat.shape[1] * operator.weight_zero_points
    bias = operator.bias + source.zero_point * sums
    if bias.size and (bias.min() < _INT32.min or bias.max() > _INT32.max):
        raise UnsupportedOperatorError(
            f"layer {layer!r}: a bias from {bias.min()} to {bias.max()} without its zero point "
            "does not fit in ONNX's int32"
        )
    wish = f"{layer}:bias"
    scales = np.float32(source.scale) * operator.weight_scales.astype(np.float32)
    parameters = [
        writer.constant(f"{wish}:scale", scales if scales.size > 1 else scales[0], "float32"),
    ]
    name = writer.constant(wish, bias, "int32")
    real = writer.unique(f"{wish}:real")
    return writer.node("DequantizeLinear", [name, *parameters], real, axis=0)
