"""Compiled kernels that numba keeps from one process to the next.

numba looks whether the file of a kernel is as it was; not at other files that the kernel is
compiled from. And before it looks, it reads what it has kept, which fails if a type that the kernel
took does not exist any more. So a kernel is kept under a name that changes with every text that it
is made of.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar, cast

from numba import njit

__all__ = ["kernel"]

Function = TypeVar("Function", bound=Callable[..., Any])


def _digest(files: tuple[str, ...]) -> str:
    """Return what names the texts of files."""
    texts = b"".join(Path(file).read_bytes() for file in files)
    return hashlib.sha256(texts).hexdigest()[:16]


def kernel(*parts: ModuleType, **options: Any) -> Callable[[Function], Function]:
    """Return what compiles a function, and keeps it until its file or one of ``parts`` changes.

    ``parts``: other modules whose functions are compiled into it; ``options``: of numba's ``njit``.
    """

    def compiled(function: Function) -> Function:
        files = (function.__code__.co_filename, *(str(part.__file__) for part in parts))
        function.__qualname__ += f"_{_digest(files)}"
        return cast(Function, cast(Any, njit)(cache=True, **options)(function))

    return compiled
