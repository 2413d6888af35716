"""The field types of user files: each with its unit and its range, stated once."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from accelsim import units
from accelsim.hardware.validation import Quantity

__all__ = [
    "BurstBytes",
    "Bytes",
    "BytesPerCycle",
    "BytesPerSecond",
    "Count",
    "Cycles",
    "Hertz",
    "Nanometres",
    "Part",
    "Seconds",
    "Text",
    "Volts",
    "Word",
]

Bytes = Annotated[int, Field(ge=1, le=1 << 30), Quantity(units.parse_bytes, units.format_bytes)]
BytesPerCycle = Annotated[
    int,
    Field(ge=1, le=1 << 16),
    Quantity(units.parse_bytes_per_cycle, units.format_bytes_per_cycle),
]
BytesPerSecond = Annotated[
    float,
    Field(ge=1e6, le=1e14),
    Quantity(units.parse_bytes_per_second, units.format_bytes_per_second),
]
Hertz = Annotated[float, Field(ge=1e6, le=1e10), Quantity(units.parse_hertz, units.format_hertz)]
Seconds = Annotated[
    float, Field(ge=0, le=1e-3), Quantity(units.parse_seconds, units.format_seconds)
]
Volts = Annotated[float, Field(ge=0.3, le=2), Quantity(units.parse_volts, units.format_volts)]
Nanometres = Annotated[
    int, Field(ge=1, le=250), Quantity(units.parse_nanometres, units.format_nanometres)
]
Cycles = Annotated[int, Field(ge=0, le=1 << 16)]
Count = Annotated[int, Field(ge=1, le=1 << 16)]
Word = Annotated[str, Field(min_length=1, max_length=100)]
Text = Annotated[str, Field(max_length=2000)]
BurstBytes = Annotated[int, Field(ge=1, le=4096), Quantity(units.parse_bytes, units.format_bytes)]


class Part(BaseModel):
    """A frozen group of fields; unknown fields, guessed types and nan are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)
