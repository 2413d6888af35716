"""A layer whose output range is found at run time: two passes over the output.

The first pass writes words of `WORD_BITS`, and comparators watch them; the second, on the vector
unit, reads them and writes the output's integers. Between them a divider makes a scale and a zero
point for each image.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from math import prod

from accelsim.compiler.shapes import LayerShape, TensorShape, VectorShape
from accelsim.network.geometry import Window

__all__ = ["WORD_BITS", "two_passes", "words_name"]

WORD_BITS = 32


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
