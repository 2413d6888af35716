import pytest
from hypothesis import given
from hypothesis import strategies as st

from accelsim.errors import InternalError
from accelsim.simulator.ledger import Ledger, split_gap


def test_a_gap_goes_to_the_first_cause_that_is_not_over() -> None:
    limits = [("fill", 3), ("drain", 5), ("preload", 4), ("stall", 9), ("late", 9)]
    assert list(split_gap(2, limits)) == [("fill", 3), ("drain", 5), ("stall", 9)]


def test_limits_in_the_past_cost_nothing() -> None:
    assert list(split_gap(7, [("fill", 7), ("drain", 0)])) == []


@given(
    start=st.integers(0, 20),
    limits=st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 40)), max_size=6),
)
def test_every_cycle_of_a_gap_has_the_cause_that_precedence_gives(
    start: int, limits: list[tuple[str, int]]
) -> None:
    stop = max([start, *(until for _, until in limits)])
    by_cycle = [
        next(cause for cause, until in limits if cycle < until) for cycle in range(start, stop)
    ]
    pieces, cursor = [], start
    for cause, until in split_gap(start, limits):
        assert until > cursor
        pieces += [cause] * (until - cursor)
        cursor = until
    assert pieces == by_cycle


def test_pages_split_the_account_and_idle_closes_it() -> None:
    ledger = Ledger("unit")
    ledger.advance(3, "busy")
    ledger.advance(3, "stall")
    ledger.advance(5, "busy")
    assert ledger.turn_page() == {"busy": 5}
    ledger.advance(6, "stall")
    assert ledger.turn_page() == {"stall": 1}
    assert ledger.close(10) == {"busy": 5, "idle": 4, "stall": 1}


def test_a_cycle_is_charged_once() -> None:
    ledger = Ledger("unit")
    ledger.advance(3, "busy")
    with pytest.raises(
        InternalError,
        match=r"^unit: stall until cycle 2, but cycles up to 3 are accounted for$",
    ):
        ledger.advance(2, "stall")


def test_no_unit_works_after_the_end() -> None:
    ledger = Ledger("unit")
    ledger.advance(3, "busy")
    with pytest.raises(
        InternalError, match=r"^unit: idle until cycle 2, but cycles up to 3 are accounted for$"
    ):
        ledger.close(2)
