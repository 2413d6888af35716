"""What a TensorFlow Lite file says, before anything is made of it: operators over tensors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from accelsim.errors import UnsupportedOperatorError, WorkloadError
from accelsim.network import Shape

__all__ = [
    "TfliteGraph",
    "TfliteOperator",
    "TfliteTensor",
    "brief",
    "corrupt",
    "refuse",
    "short_name",
]

LONGEST_LIST = 8
LONGEST_NAME = 60


@dataclass(frozen=True, eq=False)
class TfliteTensor:
    """A tensor as the file states it.

    Attributes
    ----------
    index
        Its place in the file's list.
    name
        The file's name for it; one that is empty or taken is made unique.
    shape
        With the batch, and the channels last.
    type
        The schema's name: INT8, FLOAT32, ...
    scales, zero_points
        float64 and int64, one for the tensor or one for each index along ``axis``; empty if
        the tensor is not quantized.
    constant
        The file holds its values.
    values
        The values of a constant in ``shape``, if their type is one that accelsim reads.
    unsupported
        Why the tensor cannot be used, if so.
    """

    index: int
    name: str
    shape: Shape
    type: str
    scales: NDArray[np.float64]
    zero_points: NDArray[np.int64]
    axis: int
    constant: bool
    values: NDArray[Any] | None
    unsupported: str = ""

    @property
    def label(self) -> str:
        """The name as messages say it: quoted, and shortened where a damaged file made it long."""
        return short_name(self.name)

    @property
    def described_type(self) -> str:
        """The type as messages say it."""
        return self.type.lower()


@dataclass(frozen=True, eq=False)
class TfliteOperator:
    """An operator; tensors by index, -1 for an optional input that is left out.

    ``kind`` is the schema's name, such as CONV_2D. ``options`` has those that accelsim knows.
    """

    index: int
    kind: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The name of the layer that the operator becomes."""
        return f"{self.kind.lower()}_{self.index}"

    def __str__(self) -> str:
        return f"operator {self.index} ({self.kind})"


@dataclass(frozen=True, eq=False)
class TfliteGraph:
    """A file's one subgraph; operators in execution order."""

    name: str
    tensors: tuple[TfliteTensor, ...]
    operators: tuple[TfliteOperator, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    file_bytes: int


def brief(values: Sequence[Any]) -> str:
    """Return a list as messages show it: of a damaged file it may be long.

    >>> brief([1, 2]), brief(range(20))
    ('[1, 2]', '[0, 1, 2, 3, 4, 5, 6, 7, ... (20 in all)]')
    """
    if len(values) <= LONGEST_LIST:
        return str(list(values))
    shown = ", ".join(repr(value) for value in values[:LONGEST_LIST])
    return f"[{shown}, ... ({len(values)} in all)]"


def short_name(name: str) -> str:
    """Return a name in quotes, its middle left out if it is long.

    >>> print(short_name("a" * 40 + "b" * 40), short_name("it's"))
    'aaaaaaaaaaaaaaaaaaaaaaaaaaaa...bbbbbbbbbbbbbbbbbbbbbbbbbbbb' "it's"
    """
    if len(name) <= LONGEST_NAME:
        return repr(name)
    half = LONGEST_NAME // 2 - 2
    return repr(f"{name[:half]}...{name[-half:]}")


def refuse(operator: TfliteOperator, reason: str) -> UnsupportedOperatorError:
    """Return the error for an operator that cannot be run, for the caller to raise."""
    return UnsupportedOperatorError(f"{operator}: {reason}")


def corrupt(operator: TfliteOperator, reason: str) -> WorkloadError:
    """Return the error for an operator whose data contradict each other."""
    return WorkloadError(f"{operator}: {reason}")
