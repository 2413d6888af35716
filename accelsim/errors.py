"""The two families of failure: the user's (one clear line) and ours (please report)."""

from __future__ import annotations

__all__ = [
    "AccelsimError",
    "CapacityError",
    "ConfigError",
    "DataError",
    "InternalError",
    "UnsupportedOperatorError",
    "WorkloadError",
]


class AccelsimError(Exception):
    """A mistake in what the user gave: shown as its message alone, exit code 2.

    The message is one line for each problem: place, field, value got, what is allowed, hint.
    """


class ConfigError(AccelsimError):
    """A hardware description, technology table or option is wrong."""


class WorkloadError(AccelsimError):
    """A network file cannot be read or holds values that cannot be used."""


class UnsupportedOperatorError(WorkloadError):
    """A network holds an operator that accelsim does not run; ``nodes`` says where it is known."""

    def __init__(self, message: str, nodes: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.nodes = nodes


class DataError(AccelsimError):
    """Input data does not fit the network: shape, range, labels or emptiness."""


class CapacityError(AccelsimError):
    """A layer does not fit in the scratchpads; the message says by how much."""


class InternalError(Exception):
    """A broken invariant of accelsim itself: exit code 1, with a traceback to report."""
