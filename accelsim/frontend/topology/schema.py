"""What a topology file may say: the file itself, and one line for each kind of layer."""

from __future__ import annotations

from typing import Annotated, Any, Literal, cast

from pydantic import BeforeValidator, Field
from pydantic_core import PydanticCustomError

from accelsim.hardware.quantities import Part, Text, Word
from accelsim.units import shortened

__all__ = ["LAYER_KINDS", "LayerFields", "RepeatFields", "TopologyFields"]

_LARGEST = 1 << 20

Size = Annotated[int, Field(ge=1, le=_LARGEST)]


def _pair(value: object) -> tuple[int, int]:
    pair = [value, value] if isinstance(value, int) else value
    if not _whole(pair, 2, 1):
        raise _refusal("must be a whole number from 1 on, or two of them [height, width]", value)
    return cast("tuple[int, int]", tuple(cast("list[int]", pair)))


def _pads(value: object) -> tuple[int, int, int, int] | Literal["same"]:
    if value == "same":
        return "same"
    pads = [value] * 4 if isinstance(value, int) else value
    if not _whole(pads, 4, 0):
        raise _refusal("must be 'same', a whole number, or four [top, left, bottom, right]", value)
    return cast("tuple[int, int, int, int]", tuple(cast("list[int]", pads)))


def _tensor(value: object) -> tuple[int, int, int]:
    if not _whole(value, 3, 1):
        raise _refusal("must be three whole numbers [channels, height, width]", value)
    return cast("tuple[int, int, int]", tuple(cast("list[int]", value)))


def _whole(value: object, length: int, least: int) -> bool:
    return (
        isinstance(value, list)
        and len(value) == length
        and all(type(item) is int and least <= item <= _LARGEST for item in value)
    )


def _refusal(text: str, value: object) -> PydanticCustomError:
    return PydanticCustomError(
        "accelsim_unit", "{text}", {"text": f"{text}, got {shortened(value)}"}
    )


Pair = Annotated[tuple[int, int], BeforeValidator(_pair)]
Pads = Annotated[tuple[int, int, int, int] | Literal["same"], BeforeValidator(_pads)]
TensorSize = Annotated[tuple[int, int, int], BeforeValidator(_tensor)]
Name = Annotated[str, Field(min_length=1, max_length=60, pattern=r"^[A-Za-z0-9_]+$")]
Inputs = Annotated[list[Name], Field(min_length=1, max_length=256)]


class TopologyFields(Part):
    """The file. ``layers`` are checked one by one, each against its own kind."""

    schema_version: Literal["accelsim.topology/1"] = Field(alias="schema")
    name: Word
    description: Text = ""
    source: Text
    macs: Annotated[int, Field(ge=1)]
    counted: Text = ""
    input: TensorSize
    given: dict[Name, TensorSize] = Field(default_factory=dict)
    output: Annotated[list[Name], Field(min_length=1)] | None = None
    layers: Annotated[list[Any], Field(min_length=1, max_length=2000)]


class LayerFields(Part):
    """What every layer may say. ``of``: the tensors it reads; left out: the previous layer's.

    ``keep: dram``: its output is needed after the network has run (a cache).
    """

    op: Word
    name: Name
    of: Inputs | None = None
    keep: Literal["dram"] | None = None


class _Windowed(LayerFields):
    kernel: Pair
    stride: Pair = (1, 1)
    pad: Pads = (0, 0, 0, 0)


class Convolution(_Windowed):
    """``pad: same``: as many outputs as inputs by stride, the odd pad at the end."""

    channels: Size
    groups: Size = 1
    dilation: Pair = (1, 1)


class Depthwise(_Windowed):
    """A convolution with one filter for each channel."""


class Dense(LayerFields):
    """One matrix over the whole image (``dense``), or over every token (``token_dense``)."""

    features: Size


class Matmul(LayerFields):
    """Head by head: left times right, or left times the transposed right."""

    heads: Size
    transpose_right: bool = False


class Element(LayerFields):
    """Additions and multiplications."""


class Host(LayerFields):
    """A function of the host; ``output``: the shape, if it is another one."""

    function: Word
    output: TensorSize | None = None


class Lookup(LayerFields):
    """A function of one element, as a table."""

    function: Word


class Pool(LayerFields):
    """``kernel`` left out: over the whole image."""

    kernel: Pair | None = None
    stride: Pair = (1, 1)
    pad: Pads = (0, 0, 0, 0)


class Take(LayerFields):
    """The first tokens."""

    tokens: Size = 1


class Reshaped(LayerFields):
    """The same channels as an image of other sides; nothing moves."""

    output: TensorSize


class RepeatFields(Part):
    """Layers that come ``repeat`` times, named ``name0``, ``name1`` ... and their own names."""

    repeat: Annotated[int, Field(ge=1, le=1000)]
    name: Name
    layers: Annotated[list[Any], Field(min_length=1, max_length=200)]


LAYER_KINDS: dict[str, type[LayerFields]] = {
    "convolution": Convolution,
    "depthwise": Depthwise,
    "dense": Dense,
    "token_dense": Dense,
    "matmul": Matmul,
    "add": Element,
    "multiply": Element,
    "lookup": Lookup,
    "max_pool": Pool,
    "average_pool": Pool,
    "host": Host,
    "take": Take,
    "view": Reshaped,
}
"""The fields of a layer, by its ``op``."""
