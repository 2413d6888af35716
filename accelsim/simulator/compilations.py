"""Says that a kernel is compiled, which takes seconds where others are read from numba's cache."""

from __future__ import annotations

from functools import cache

from numba.core import event

from accelsim.notices import tell

__all__ = ["Compilations", "tell_of_compilations"]


class Compilations(event.Listener):
    """Tells of the first kernel that is compiled, and of no other."""

    def __init__(self) -> None:
        self._told = False

    def on_start(self, event: event.Event) -> None:  # noqa: ARG002
        """Hear that numba begins with a function that it has not kept."""
        if not self._told:
            self._told = True
            tell("compiling for this machine; what is compiled is kept, later runs start at once")

    def on_end(self, event: event.Event) -> None:
        """Hear that it is done."""


@cache
def tell_of_compilations() -> None:
    """Tell of compilations in this process from now on."""
    event.register("numba:compile", Compilations())  # type: ignore[no-untyped-call]
