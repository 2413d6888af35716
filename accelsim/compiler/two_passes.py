"""A layer whose output range is found at run time: two passes over the output.

The first pass writes words of `WORD_BITS`, and comparators watch them; the second, on the vector
unit, reads them and writes the output's integers. Between them a divider makes a scale and a zero
point for each image.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from math import prod

from accelsim.compiler.shapes import (
    LayerShape,
    MatrixShape,
    NetworkShape,
    TensorShape,
    VectorShape,
)
from accelsim.errors import UnsupportedOperatorError
from accelsim.network.geometry import Window
from accelsim.network.run_time import step_name

__all__ = ["WORD_BITS", "all_in_two_passes", "two_passes", "words_name"]

WORD_BITS = 32
_PASSED_ON = ("max_pool", "clamp", "pad")
"""These choose or move integers: scale and zero point stay those of the input."""
_FOUND = ("add", "average_pool", "multiply")


def two_passes(
    layer: LayerShape, output: TensorShape, batch: int, words: str, step: str
) -> tuple[LayerShape, LayerShape]:
    """Return the layer as its first pass, and the second pass as a layer of the vector unit.

    Parameters
    ----------
    layer
        What would write the output's integers in one pass.
    output
        One image's output.
    words, step
        Names of the tensor between the passes and of the second pass.
    """
    first = replace(layer.work, output_bits=WORD_BITS, finds_range=True)
    second = VectorShape(
        kind="quantize",
        planes=batch * prod(output.shape),
        height=1,
        width=1,
        window=Window((1, 1)),
        input_bits=(WORD_BITS,),
        output_bits=output.bits,
        new_scales=batch,
    )
    return (
        replace(layer, work=first, output=words),
        LayerShape(step, second, (words,), layer.output),
    )


def words_name(output: str, taken: Collection[str]) -> str:
    """Return a name for the words that become a tensor, other than those of all tensors."""
    name = f"{output}:words"
    while name in taken:
        name += ":"
    return name


def all_in_two_passes(network: NetworkShape) -> NetworkShape:
    """Return a network of shapes in which every layer that computes finds its range at run time.

    Raises
    ------
    UnsupportedOperatorError
        If a layer has no form with ranges found at run time: a product of two tensors (neither
        has weights whose sums are known), or a table (it is of integers of one scale).
    """
    layers: list[LayerShape] = []
    tensors, storage = dict(network.tensors), dict(network.storage)
    names = {layer.name for layer in network.layers}
    for layer in network.layers:
        work = layer.work
        if isinstance(work, VectorShape) and work.kind in _PASSED_ON:
            layers.append(layer)
            continue
        kind = work.operator if isinstance(work, MatrixShape) else work.kind
        is_found = not work.right_is_tensor if isinstance(work, MatrixShape) else kind in _FOUND
        if not is_found:
            raise UnsupportedOperatorError(
                f"layer {layer.name!r}: {kind} with ranges found at run time is not supported; use "
                "another --range"
            )
        words, target = words_name(layer.output, tensors), tensors[layer.output]
        tensors[words], storage[words] = TensorShape(target.shape, WORD_BITS), words
        step = step_name(layer.name, names)
        layers += two_passes(layer, target, network.batch, words, step)
    return replace(network, layers=tuple(layers), tensors=tensors, storage=storage)
