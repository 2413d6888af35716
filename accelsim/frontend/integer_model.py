"""A file whose network is integers already: nothing is left to be quantized. Data only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from accelsim.frontend.import_report import ImportReport
from accelsim.network import IntegerNetwork, Shape

__all__ = ["IntegerModel"]


@dataclass(frozen=True, eq=False)
class IntegerModel:
    """An integer network as its file gives it: weights, scales and rescale arithmetic.

    Attributes
    ----------
    integer
        The network; its tensors are stated with their channels first.
    sha256
        Hash of the file.
    report
        What became of the file's operators.
    channels_last
        The file states its images as (height, width, channels).
    file_shapes
        By name, the shape of a tensor in the file, where it is stated otherwise than here; with
        ``channels_last``, its elements are in the order of the channels running fastest.
    """

    integer: IntegerNetwork
    sha256: str
    report: ImportReport
    channels_last: bool
    file_shapes: Mapping[str, Shape] = field(default_factory=dict)
