"""What somebody who waits wants to hear: said by whoever takes long, shown by who has a screen."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

__all__ = ["listening", "tell"]

_listeners: list[Callable[[str], None]] = []


def tell(text: str) -> None:
    """Say something to all who listen; nobody may."""
    for listener in _listeners:
        listener(text)


@contextmanager
def listening(listener: Callable[[str], None]) -> Iterator[None]:
    """Give every notice to ``listener`` meanwhile."""
    _listeners.append(listener)
    try:
        yield
    finally:
        _listeners.remove(listener)
