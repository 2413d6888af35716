"""A number with bounds, and the table entries that it was made of."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Amount"]


@dataclass(frozen=True)
class Amount:
    """The price of an event in pJ, an area or a leakage: whoever returns it says which.

    ``low`` and ``high`` are what it would be if every entry were at the end of its range;
    ``entries`` names the entries of the tables, in the order in which they were used.

    >>> add = Amount(0.1, 0.05, 0.2, ("add",))
    >>> (add * 2 + add).low, (add + add).entries
    (0.15000000000000002, ('add',))
    """

    value: float = 0.0
    low: float = 0.0
    high: float = 0.0
    entries: tuple[str, ...] = ()

    def __add__(self, other: Amount) -> Amount:
        return Amount(
            self.value + other.value,
            self.low + other.low,
            self.high + other.high,
            tuple(dict.fromkeys((*self.entries, *other.entries))),
        )

    def at_ratio(self, ratio: float, entry: str) -> Amount:
        """Return the amount times a ratio that another entry states."""
        scaled = self * ratio
        return Amount(scaled.value, scaled.low, scaled.high, (*scaled.entries, entry))

    def __mul__(self, factor: float) -> Amount:
        return Amount(self.value * factor, self.low * factor, self.high * factor, self.entries)
