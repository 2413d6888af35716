"""Number formats as rows of a table and as a document."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np

from accelsim.arithmetic.number_formats import AnyFormat, BlockFormat, NumberFormat

__all__ = ["FormatRow", "format_document", "format_row"]


@dataclass(frozen=True)
class FormatRow:
    """A format in a line.

    ``bits`` of one element, its share of a block's scale included. The range and the steps of a
    block format are those of its elements, at a scale of 1. ``step_pct``: the largest gap to the
    next value in the upper half of the range, in percent of the value; none for a format with
    one value there. ``specials``: codes that are not finite values, and the second zero.
    """

    name: str
    bits: float
    lowest: float
    highest: float
    smallest_positive: float
    values: int
    step_pct: float | None
    dynamic_range_db: float
    specials: tuple[str, ...]
    source: str
    block: int | None
    scale_bits: int | None


def format_row(format: AnyFormat) -> FormatRow:
    """Return what a table says of a format."""
    block = format if isinstance(format, BlockFormat) else None
    element = format.element if isinstance(format, BlockFormat) else format
    step = element.relative_step
    return FormatRow(
        name=format.name,
        bits=block.bits_per_element if block else element.bits,
        lowest=element.lowest,
        highest=element.highest,
        smallest_positive=element.smallest_positive,
        values=len(element.finite_values),
        step_pct=None if np.isnan(step) else 100.0 * step,
        dynamic_range_db=element.dynamic_range_db,
        specials=_specials(element),
        source=format.source,
        block=block.block if block else None,
        scale_bits=block.scale_bits if block else None,
    )


def format_document(format: AnyFormat) -> dict[str, object]:
    """Return the row with the value of every code: null where it is not finite."""
    element = format.element if isinstance(format, BlockFormat) else format
    values = [float(value) if np.isfinite(value) else None for value in element.code_values]
    return asdict(format_row(format)) | {"code_values": values}


def _specials(element: NumberFormat) -> tuple[str, ...]:
    has = (
        ("-0", element.has_negative_zero),
        ("inf", element.has_infinity),
        ("NaN", element.has_nan),
    )
    return tuple(name for name, there in has if there)
