"""A file whose network is integers already: nothing is left to be quantized. Data only."""

from __future__ import annotations

from dataclasses import dataclass

from accelsim.frontend.import_report import ImportReport
from accelsim.network import IntegerNetwork

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
    """

    integer: IntegerNetwork
    sha256: str
    report: ImportReport
    channels_last: bool
