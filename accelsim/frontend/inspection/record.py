"""What is found in a file that somebody asks about, whether or not it can be run. Data only."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from enum import StrEnum

__all__ = ["Inspection", "OperatorLine", "Place", "TensorLine", "TensorQuantization"]


class Place(StrEnum):
    """Where an operator's work is done."""

    ARRAY = "array"
    VECTOR_UNIT = "vector unit"
    HOST = "host"
    CLAMP = "clamp"
    """A bound on a result: part of the layer before it where that has one anyway."""
    FREE = "free"
    """Another shape for the same numbers: nothing moves."""
    FOLDED = "folded"
    """Done by another operator, or before the network runs."""
    UNSUPPORTED = "unsupported"


@dataclass(frozen=True)
class TensorQuantization:
    """How a tensor is quantized.

    ``format``: its integers, as ``int8``; ``scales``: 1, or one for each channel;
    ``scale`` and ``zero_point`` are those of a tensor with one, None where there are several or
    the file computes them. ``has_zero_points``: one of them is not 0.
    """

    format: str
    scales: int
    scale: float | None
    zero_point: int | None
    has_zero_points: bool

    def __str__(self) -> str:
        if self.scales > 1:
            return f"{self.format} per channel{', zero points' if self.has_zero_points else ''}"
        if self.scale is None:
            return self.format
        return f"{self.format} {self.scale:.4g} z {self.zero_point or 0}"


@dataclass(frozen=True)
class TensorLine:
    """A tensor at the network's ends: its shape as the file states it, unknown sizes as text."""

    name: str
    type: str
    shape: tuple[int | str, ...]
    quantization: TensorQuantization | None = None


@dataclass(frozen=True)
class OperatorLine:
    """One operator of the file.

    Attributes
    ----------
    name, operator
        As the file has them.
    place
        Where it runs, or would if the rest of the network could.
    output
        Shape of its first output in the file's order of axes; None if it is not known.
    macs, parameters
        Multiply-accumulates of one image (None: not known without shapes); weights and biases.
    weights, result
        Quantization of its weights and of its output, where the file has it.
    remark
        What it is folded into, or why it cannot be run.
    """

    name: str
    operator: str
    place: Place
    output: tuple[int | str, ...] | None
    macs: int | None = 0
    parameters: int = 0
    weights: TensorQuantization | None = None
    result: TensorQuantization | None = None
    remark: str = ""


@dataclass(frozen=True)
class Inspection:
    """A network in a file.

    Attributes
    ----------
    kind
        The format, its version and who wrote it, in words.
    channels_last
        Shapes are (height, width, channels).
    quantizable
        A file of this kind is quantized by accelsim if it is not yet.
    quantization
        What quantization was found, a line each; empty: none.
    problems
        Why the network cannot be run, a line each; empty: it can.
    advice
        What to do about the problems.
    notes
        What else a reader should know.
    """

    name: str
    kind: str
    file_bytes: int
    sha256: str
    inputs: tuple[TensorLine, ...]
    outputs: tuple[TensorLine, ...]
    operators: tuple[OperatorLine, ...]
    channels_last: bool = False
    quantizable: bool = False
    quantization: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    advice: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def runs(self) -> bool:
        """Whether `accelsim run` takes the file."""
        return not self.problems

    @property
    def macs(self) -> int | None:
        """Multiply-accumulates of one image, or None if those of an operator are not known."""
        known = [line.macs for line in self.operators if line.macs is not None]
        return sum(known) if len(known) == len(self.operators) else None

    @property
    def parameters(self) -> int:
        """Weights and biases."""
        return sum(line.parameters for line in self.operators)

    def places(self) -> dict[Place, Counter[str]]:
        """Count the operators of each place by kind."""
        counts: dict[Place, Counter[str]] = {place: Counter() for place in Place}
        for line in self.operators:
            counts[line.place][line.operator] += 1
        return counts
