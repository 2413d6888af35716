"""The version of every number: the code that makes it, as one hash.

Nobody has to remember to raise it. A stored result is used again only by code that is the same,
to the byte, in every room that a number passes through.
"""

from __future__ import annotations

from functools import lru_cache
from hashlib import sha256
from pathlib import Path

import accelsim

__all__ = ["result_version"]

_ROOMS = (
    "units.py",
    "pipeline.py",
    "start.py",
    "given_integers.py",
    "arithmetic",
    "network",
    "hardware",
    "frontend",
    "quantize",
    "golden",
    "compiler",
    "simulator",
    "energy",
    "sweeps/evaluate.py",
    "sweeps/networks.py",
)


@lru_cache(maxsize=1)
def result_version() -> str:
    """Return 16 hexadecimal digits that differ whenever the code of the numbers does."""
    package = Path(accelsim.__file__).parent
    digest = sha256()
    for room in _ROOMS:
        place = package / room
        for file in [place] if place.is_file() else sorted(place.rglob("*")):
            if file.suffix in (".py", ".yaml"):
                digest.update(file.relative_to(package).as_posix().encode() + b"\0")
                digest.update(file.read_bytes())
    return digest.hexdigest()[:16]
