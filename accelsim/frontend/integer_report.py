"""The import report of a file that is an integer network already."""

from __future__ import annotations

from collections.abc import Iterable
from math import prod

from accelsim.frontend.graph import Fold
from accelsim.frontend.import_report import FoundQuantization, ImportReport
from accelsim.network import (
    IntegerAdd,
    IntegerAveragePool,
    IntegerClamp,
    IntegerLookup,
    IntegerMatrix,
    IntegerMaxPool,
    IntegerNetwork,
    IntegerPad,
    IntegerQuotientPool,
    IntegerRequantize,
    IntegerReshape,
    IntegerSoftmax,
)

__all__ = ["integer_import_report"]


def integer_import_report(
    nodes: int, folds: Iterable[Fold], network: IntegerNetwork, on_host: Iterable[str] = ()
) -> ImportReport:
    """Return the report on a file of ``nodes`` nodes that is an integer network.

    Parameters
    ----------
    nodes
        Operators in the file.
    folds
        Those that no layer runs.
    network
        The network.
    on_host
        Nodes beside the network's own layers that the host does (quantize, dequantize).
    """

    def named(*kinds: type) -> tuple[str, ...]:
        return tuple(layer.name for layer in network.layers if isinstance(layer.operator, kinds))

    matrices = {
        layer.name: (layer.operator, network.tensors[layer.output].shape)
        for layer in network.layers
        if isinstance(layer.operator, IntegerMatrix)
    }
    return ImportReport(
        nodes=nodes,
        folded=tuple(folds),
        on_array=tuple(matrices),
        on_vector_unit=named(
            IntegerAdd,
            IntegerAveragePool,
            IntegerLookup,
            IntegerMaxPool,
            IntegerPad,
            IntegerQuotientPool,
            IntegerRequantize,
        ),
        clamps=named(IntegerClamp),
        free=named(IntegerReshape),
        on_host=(*on_host, *named(IntegerSoftmax)),
        macs_per_image=sum(
            int(matrix.weights.size) * prod(shape[1:]) for matrix, shape in matrices.values()
        ),
        parameters=sum(
            int(matrix.weights.size + matrix.bias.size) for matrix, _ in matrices.values()
        ),
        quantization=FoundQuantization(
            operators=(),
            weights={name: matrix.weight_format for name, (matrix, _) in matrices.items()},
            activations={name: tensor.format for name, tensor in network.tensors.items()},
            per_channel=tuple(
                name for name, (matrix, _) in matrices.items() if matrix.weight_scales.size > 1
            ),
            zero_points=(),
            widened={},
        ),
    )
