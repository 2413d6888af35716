"""The PEs of the register engine: from present registers to the next ones.

A PE is described in two parts: what it decides (`decide_stationary`, `decide_output`), from the
token that comes from its left neighbour (or the left edge), its column's wires, and whether it is
armed or holds a result; and what it does (`pe_stationary`, `pe_output`) with its words and sums and
those that come from its left and from above. `register_step` evaluates both for many PEs at once or
for one after the other.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from accelsim.simulator.array.cells import choose, differs, inlined, keep, wide

__all__ = [
    "Draining",
    "Loading",
    "Output",
    "Stationary",
    "Token",
    "Wires",
    "decide_output",
    "decide_stationary",
    "pe_output",
    "pe_stationary",
]


class Token(NamedTuple):
    """What comes with an operand from the left: conditions."""

    valid: Any
    first: Any
    last: Any


class Wires(NamedTuple):
    """What a column hears, conditions: load or drain, and with it load_last or drain_first."""

    on: Any
    mark: Any


class Stationary(NamedTuple):
    """Registers of a PE that keeps an operand."""

    moving: Any
    sum: Any
    stationary: Any
    shadow: Any


class Output(NamedTuple):
    """Registers of a PE that keeps its sum."""

    moving: Any
    down: Any
    sum: Any
    bias: Any
    result: Any


class Loading(NamedTuple):
    """What a PE that keeps an operand decides; ``reloads``: what it multiplies with, at once."""

    valid: Any
    takes_over: Any
    reloads: Any
    loads: Any


class Draining(NamedTuple):
    """What a PE that keeps its sum decides: to let results pass by, and to give its own."""

    valid: Any
    first: Any
    passes_in_sum: Any
    passes: Any
    gives: Any


@inlined
def decide_stationary(token, wires, armed, double):  # type: ignore[no-untyped-def]
    """Return what the PE does, and whether it will be armed."""
    takes_over = token.first & double
    loads = (armed | takes_over) & wires.on
    arms = takes_over | (token.last & ~double)
    decided = Loading(token.valid, takes_over, loads & ~double, loads & double)
    return decided, (armed | arms) & ~wires.mark


@inlined
def decide_output(token, wires, held, hidden):  # type: ignore[no-untyped-def]
    """Return what the PE does, and whether it will hold a result that must wait."""
    passes = (~held & wires.on) | wires.mark
    # The next tile may arrive in the very cycle in which the old result moves on: it wins.
    takes = token.last | (token.valid & ~hidden)
    decided = Draining(token.valid, token.first, passes & ~hidden, passes & hidden, takes & hidden)
    return decided, takes | (held & ~wires.mark)


@inlined
def pe_stationary(decided, entering, above, own, policy):  # type: ignore[no-untyped-def]
    """Return the PE's next registers, and whether its sum overflows.

    ``above``: the sum and the word of a preload that come from above.
    """
    partial, word = above
    resident = choose(decided.takes_over, own.shadow, own.stationary)
    exact = partial + wide(entering) * wide(resident)
    kept = keep(exact, policy)
    after = Stationary(
        moving=choose(decided.valid, entering, own.moving),
        sum=choose(decided.valid, kept, own.sum),
        stationary=choose(decided.reloads, word, resident),
        shadow=choose(decided.loads, word, own.shadow),
    )
    return after, decided.valid & differs(kept, exact)


@inlined
def pe_output(decided, entering, above, own, policy):  # type: ignore[no-untyped-def]
    """Return the PE's next registers, and whether its sum overflows.

    ``above``: the operand, the bias and the result that come from above.
    """
    factor, over, leaving = above
    exact = choose(decided.first, over, own.sum) + wide(entering) * wide(factor)
    kept = keep(exact, policy)
    after = Output(
        moving=choose(decided.valid, entering, own.moving),
        down=choose(decided.valid, factor, own.down),
        sum=choose(decided.valid, kept, choose(decided.passes_in_sum, leaving, own.sum)),
        bias=choose(decided.first, over, own.bias),
        result=choose(decided.gives, kept, choose(decided.passes, leaving, own.result)),
    )
    return after, decided.valid & differs(kept, exact)
