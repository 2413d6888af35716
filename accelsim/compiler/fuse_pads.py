"""Padding layers become the padding of the windows that read them.

The address generator makes padding at the edge of the array, so a padded image need neither be
written nor read. Its padding is the input's zero point and only matrix layers read it so: a layer
that pads channels or with another integer, or whose output another layer reads too, stays a copy
by the vector unit.
"""

from __future__ import annotations

from dataclasses import replace

from accelsim.network.geometry import Window
from accelsim.network.integer import IntegerLayer, IntegerMatrix, IntegerNetwork, IntegerPad
from accelsim.network.run_time import RunTimeMatrix

__all__ = ["fuse_pads"]


def fuse_pads(network: IntegerNetwork) -> IntegerNetwork:
    """Return a network of the same outputs without the padding layers that windows can do."""
    pads: dict[str, tuple[IntegerPad, str]] = {}
    for layer in network.layers:
        if isinstance(layer.operator, IntegerPad) and _is_for_windows(
            layer, layer.operator.fill, network
        ):
            pads[layer.output] = (layer.operator, layer.inputs[0])
    if not pads:
        return network
    return replace(
        network,
        layers=tuple(
            _reads_unpadded(layer, pads) for layer in network.layers if layer.output not in pads
        ),
        tensors={name: tensor for name, tensor in network.tensors.items() if name not in pads},
    )


def _is_for_windows(layer: IntegerLayer, fill: int, network: IntegerNetwork) -> bool:
    """Whether a padding layer pads rows and columns, as zeros, for matrix layers alone."""
    source, padded = (network.tensors[name] for name in (layer.inputs[0], layer.output))
    readers = [other.operator for other in network.layers if layer.output in other.inputs]
    return (
        len(source.shape) == 3
        and source.shape[0] == padded.shape[0]
        and fill == source.zero_point
        and layer.output != network.output
        and all(isinstance(operator, IntegerMatrix | RunTimeMatrix) for operator in readers)
    )


def _reads_unpadded(layer: IntegerLayer, pads: dict[str, tuple[IntegerPad, str]]) -> IntegerLayer:
    """Return the layer with the padding of its input in its window."""
    operator = layer.operator
    if not isinstance(operator, IntegerMatrix | RunTimeMatrix) or layer.inputs[0] not in pads:
        return layer
    pad, source = pads[layer.inputs[0]]
    padded = replace(operator, window=_padded(operator.window, pad))
    return replace(layer, operator=padded, inputs=(source,))


def _padded(window: Window, pad: IntegerPad) -> Window:
    top, left, bottom, right = window.pads
    (_, above, before), (_, below, after) = pad.before, pad.after
    return replace(window, pads=(top + above, left + before, bottom + below, right + after))
