"""What quantization a file has, said in a line or two."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from accelsim.frontend.inspection.record import OperatorLine, Place, TensorLine, TensorQuantization

__all__ = ["quantization_lines"]


def quantization_lines(
    operators: Iterable[OperatorLine], inputs: Iterable[TensorLine]
) -> tuple[str, ...]:
    """Say what is quantized and how, tensors of a kind counted; nothing of a float network."""
    working = [line for line in operators if line.place is not Place.FOLDED]
    activations = [tensor.quantization for tensor in inputs] + [line.result for line in working]
    said = []
    for what, found in (
        ("weights", [line.weights for line in working]),
        ("activations", activations),
    ):
        kinds = Counter(_described(tensor) for tensor in found if tensor is not None)
        if kinds:
            counted = "; ".join(f"{kind} ({count})" for kind, count in kinds.most_common())
            said.append(f"{what}: {counted}")
    return tuple(said)


def _described(tensor: TensorQuantization) -> str:
    scales = "per channel" if tensor.scales > 1 else "per tensor"
    zero = "zero points" if tensor.has_zero_points else "zero point 0"
    return f"{tensor.format} {scales}, {zero}"
