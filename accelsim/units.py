"""Quantities as text: "64KiB", "12.8GB/s", "1GHz", "60ns". Parsed and printed here only.

A number without a unit is refused, and so is a unit that could mean two things: ``kB`` is 1000
bytes, ``KiB`` is 1024, ``KB`` is an error that says so. Conversions are exact (decimal) until
the one cast at the end, so ``parse_x(format_x(value)) == value`` for every value.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Context, Decimal

from accelsim.errors import ConfigError

__all__ = [
    "format_bytes",
    "format_bytes_per_cycle",
    "format_bytes_per_second",
    "format_hertz",
    "format_nanometres",
    "format_picojoules",
    "format_seconds",
    "format_volts",
    "parse_bytes",
    "parse_bytes_per_cycle",
    "parse_bytes_per_second",
    "parse_hertz",
    "parse_nanometres",
    "parse_seconds",
    "parse_volts",
    "shortened",
]

_TEXT = re.compile(r"\s*(-?\d{1,40}(?:\.\d{1,40})?(?:[eE][+-]?\d{1,2})?)\s*([A-Za-zµ/]*)\s*")
_EXACT = Context(prec=120)

_BINARY = {"KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40}
_DECIMAL = {"kB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}


@dataclass(frozen=True)
class _Kind:
    """A physical quantity: its units and their sizes in the base unit."""

    title: str
    example: str
    units: Mapping[str, Decimal]

    def parse(self, text: object) -> Decimal:
        """Return the value in the base unit, exactly."""
        match = _TEXT.fullmatch(text) if isinstance(text, str) else None
        if match is None or not match[2]:
            raise ConfigError(self._refusal(text))
        number, unit = match.groups()
        if unit not in self.units:
            raise ConfigError(self._refusal(text) + self._unit_hint(unit))
        return _EXACT.multiply(Decimal(number), self.units[unit])

    def parse_whole(self, text: object) -> int:
        """Return the value in the base unit, which must be a whole number."""
        value = self.parse(text)
        if value != int(value):
            base = next(iter(self.units))
            raise ConfigError(f"must be a whole number of {base}, got {text!r} = {value:f}{base}")
        return int(value)

    def format(self, value: Decimal, units: Mapping[str, Decimal]) -> str:
        """Return the value in the largest of ``units`` that leaves at least 1."""
        sizes = sorted(units.items(), key=lambda item: item[1])
        fitting = [(name, size) for name, size in sizes if size <= abs(value)] or sizes[:1]
        name, size = fitting[-1]
        return f"{_plain(_EXACT.divide(value, size))}{name}"

    def _refusal(self, text: object) -> str:
        return (
            f"must be {self.title} with its unit, got {shortened(text)}, "
            f"allowed units {', '.join(self.units)} (for example {self.example!r})"
        )

    def _unit_hint(self, unit: str) -> str:
        close = [known for known in self.units if known.lower() == unit.lower()]
        thousand, binary = unit.replace("KB", "kB", 1), unit.replace("KB", "KiB", 1)
        if unit.startswith("KB") and thousand in self.units:
            return f" (did you mean {thousand!r}, powers of 1000, or {binary!r}, of 1024?)"
        return f" (did you mean {close[0]!r}?)" if close else ""


def shortened(value: object) -> str:
    """Return a value as messages show it: its repr, cut to 60 characters."""
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _plain(value: Decimal) -> str:
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _kind(title: str, example: str, **units: str | int) -> _Kind:
    return _Kind(title, example, {name: Decimal(size) for name, size in units.items()})


_BYTES = _Kind(
    "a number of bytes",
    "64KiB",
    {name: Decimal(size) for name, size in ({"B": 1} | _DECIMAL | _BINARY).items()},
)
_BYTES_PER_SECOND = _Kind(
    "a bandwidth in bytes a second",
    "12.8GB/s",
    {f"{name}/s": size for name, size in _BYTES.units.items()},
)
_BYTES_PER_CYCLE = _Kind("a width in bytes a cycle", "16B/cycle", {"B/cycle": Decimal(1)})
_HERTZ = _kind("a frequency", "1GHz", Hz=1, kHz="1e3", MHz="1e6", GHz="1e9")
_SECONDS = _kind("a time", "60ns", s=1, ms="1e-3", us="1e-6", ns="1e-9", ps="1e-12")
_VOLTS = _kind("a voltage", "0.9V", V=1, mV="1e-3")
_NANOMETRES = _kind("a feature size", "45nm", nm=1)
_PICOJOULES = _kind("an energy", "0.2pJ", J="1e12", mJ="1e9", uJ="1e6", nJ="1e3", pJ=1, fJ="1e-3")


def parse_bytes(text: object) -> int:
    """Return a whole number of bytes.

    Raises ConfigError for a missing, unknown or ambiguous unit and for a fraction of a byte.

    >>> parse_bytes("64KiB"), parse_bytes("64kB")
    (65536, 64000)
    """
    return _BYTES.parse_whole(text)


def format_bytes(value: int) -> str:
    """Return bytes in the largest binary unit that divides them.

    >>> format_bytes(65536), format_bytes(1000)
    ('64KiB', '1000B')
    """
    dividing = {
        name: Decimal(size) for name, size in ({"B": 1} | _BINARY).items() if value % size == 0
    }
    return _BYTES.format(Decimal(value), dividing)


def parse_bytes_per_second(text: object) -> float:
    """Return a bandwidth in bytes a second.

    >>> parse_bytes_per_second("12.8GB/s")
    12800000000.0
    """
    return float(_BYTES_PER_SECOND.parse(text))


def format_bytes_per_second(value: float) -> str:
    """Return a bandwidth in decimal units.

    >>> format_bytes_per_second(12.8e9)
    '12.8GB/s'
    """
    units = {f"{name}/s": Decimal(size) for name, size in ({"B": 1} | _DECIMAL).items()}
    return _BYTES_PER_SECOND.format(Decimal(repr(value)), units)


def parse_bytes_per_cycle(text: object) -> int:
    """Return a whole number of bytes a cycle.

    >>> parse_bytes_per_cycle("16B/cycle")
    16
    """
    return _BYTES_PER_CYCLE.parse_whole(text)


def format_bytes_per_cycle(value: int) -> str:
    """Return a width in bytes a cycle.

    >>> format_bytes_per_cycle(16)
    '16B/cycle'
    """
    return f"{value}B/cycle"


def parse_hertz(text: object) -> float:
    """Return a frequency in Hz.

    >>> parse_hertz("700MHz")
    700000000.0
    """
    return float(_HERTZ.parse(text))


def format_hertz(value: float) -> str:
    """Return a frequency with its unit.

    >>> format_hertz(7e8)
    '700MHz'
    """
    return _HERTZ.format(Decimal(repr(value)), _HERTZ.units)


def parse_seconds(text: object) -> float:
    """Return a time in seconds.

    >>> parse_seconds("60ns")
    6e-08
    """
    return float(_SECONDS.parse(text))


def format_seconds(value: float) -> str:
    """Return a time with its unit.

    >>> format_seconds(6e-8), format_seconds(0.0)
    ('60ns', '0ps')
    """
    return _SECONDS.format(Decimal(repr(value)), _SECONDS.units)


def parse_volts(text: object) -> float:
    """Return a voltage in V.

    >>> parse_volts("900mV")
    0.9
    """
    return float(_VOLTS.parse(text))


def format_volts(value: float) -> str:
    """Return a voltage in V.

    >>> format_volts(0.9)
    '0.9V'
    """
    return f"{_plain(Decimal(repr(value)))}V"


def parse_nanometres(text: object) -> int:
    """Return a feature size in whole nanometres.

    >>> parse_nanometres("45nm")
    45
    """
    return _NANOMETRES.parse_whole(text)


def format_nanometres(value: int) -> str:
    """Return a feature size in nanometres.

    >>> format_nanometres(45)
    '45nm'
    """
    return f"{value}nm"


def format_picojoules(value_pj: float, digits: int = 3) -> str:
    """Return an energy for people, in the unit that fits, rounded to ``digits`` digits.

    >>> format_picojoules(1234567.0), format_picojoules(0.0)
    ('1.23uJ', '0pJ')
    """
    if value_pj == 0:
        return "0pJ"
    return _PICOJOULES.format(Decimal(f"{value_pj:.{digits - 1}e}"), _PICOJOULES.units)
