"""Where the cycles of a unit went: contiguous intervals, each charged to one cause."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from accelsim.errors import InternalError

__all__ = ["IDLE", "Ledger", "split_gap"]

IDLE = "idle"
"""The cause of cycles in which a unit had nothing to do."""


def split_gap(start_cycle: int, limits: Iterable[tuple[str, int]]) -> Iterator[tuple[str, int]]:
    """Charge each cycle of a gap to the first cause that is not over yet.

    Parameters
    ----------
    start_cycle
        First cycle of the gap.
    limits
        (cause, until_cycle) in order of precedence: the cause holds in every cycle before
        ``until_cycle``. The gap ends at the last of them.

    Yields
    ------
    (cause, until_cycle): contiguous pieces of at least one cycle, the first from ``start_cycle``.

    Examples
    --------
    >>> list(split_gap(10, [("drain", 12), ("preload", 11), ("stall", 15)]))
    [('drain', 12), ('stall', 15)]
    """
    cursor = start_cycle
    for cause, until_cycle in limits:
        if until_cycle > cursor:
            cursor = until_cycle
            yield cause, cursor


class Ledger:
    """The account of one unit, from cycle 0 on.

    One cursor moves forward only, so intervals can neither overlap nor leave holes. Pages split
    the account by layer.
    """

    def __init__(self, unit: str) -> None:
        self.unit = unit
        self.cursor = 0
        self._page: dict[str, int] = {}
        self._page_start = 0
        self._pages: list[dict[str, int]] = []

    def advance(self, to_cycle: int, cause: str) -> None:
        """Charge the cycles from the cursor up to ``to_cycle`` to ``cause``.

        Raises
        ------
        InternalError
            Cycles that are accounted for already.
        """
        cycles = to_cycle - self.cursor
        if cycles < 0:
            raise InternalError(
                f"{self.unit}: {cause} until cycle {to_cycle}, but cycles up to {self.cursor}"
                " are accounted for"
            )
        if cycles:
            self._page[cause] = self._page.get(cause, 0) + cycles
            self.cursor = to_cycle

    def turn_page(self) -> dict[str, int]:
        """Close the page at the cursor and return its cycles by cause.

        Raises
        ------
        InternalError
            The causes do not sum to the page's cycles.
        """
        page = self._page
        if sum(page.values()) != self.cursor - self._page_start:
            raise InternalError(f"{self.unit}: causes {page} do not sum to the cycles passed")
        self._pages.append(page)
        self._page, self._page_start = {}, self.cursor
        return dict(page)

    def close(self, cycles_total: int) -> dict[str, int]:
        """Charge what is left to idle and return the whole account, causes in order.

        Raises
        ------
        InternalError
            The unit worked past ``cycles_total``, or its causes do not sum to it.
        """
        self.advance(cycles_total, IDLE)
        self.turn_page()
        account: dict[str, int] = {}
        for page in self._pages:
            for cause, cycles in page.items():
                account[str(cause)] = account.get(str(cause), 0) + cycles
        if sum(account.values()) != cycles_total:
            raise InternalError(f"{self.unit}: causes {account} do not sum to {cycles_total}")
        return dict(sorted(account.items()))
