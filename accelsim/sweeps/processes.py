"""Names of processes: whether the one that claimed something is still there."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["process_name", "process_number"]


def process_name(pid: int) -> str:
    """Return a name of a process that no later process of the same number has.

    Where the system does not tell when a process began, the number alone.
    """
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return f"{pid} {fields[19]}" if fields[0] != "Z" else f"{pid} gone"
    except OSError:
        pass
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return f"{pid} gone"
    except OSError:
        pass
    return str(pid)


def process_number(process: str) -> int:
    """Return the number that a name begins with."""
    return int(process.partition(" ")[0])
