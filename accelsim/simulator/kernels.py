"""Compiled kernels that numba keeps from one process to the next, and the parts they consist of.

numba looks whether the file of a kernel is as it was; not at other files that the kernel is
compiled from. And before it looks, it reads what it has kept, which fails if a type that the kernel
took does not exist any more. So a kernel is kept under a name that changes with every text that it
is made of.
"""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Callable
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar, cast

from numba import njit, types
from numba.core import options as numba_options

__all__ = ["kernel", "part"]

Function = TypeVar("Function", bound=Callable[..., Any])

_KEPT = re.compile(r"(?P<kernel>.+)_(?P<digest>[0-9a-f]{16})-.*\.nb[ic]")
"""What numba calls the files of a kernel."""
_DAYS_KEPT = 30
"""For which a kernel of other texts is kept: of another branch, say."""
_SECONDS_A_DAY = 24 * 60 * 60

_MERGED = {
    "forceinline": True,
    "no_cpython_wrapper": True,
    "no_cfunc_wrapper": True,
    # No part divides by what may be zero, so none needs to say that it did.
    "error_model": "numpy",
}
_HAS_SWITCH = hasattr(getattr(numba_options, "DefaultOptions", None), "_nrt")
_UNCOUNTED = {"_nrt": False} if _HAS_SWITCH else {}
"""numba's own switch for code that counts no references; without it, code is slower."""


def kernel(
    *parts: ModuleType, counts_references: bool = True, **options: Any
) -> Callable[[Function], Function]:
    """Return what compiles a function, and keeps it until its file or one of ``parts`` changes.

    ``parts``: other modules whose functions are compiled into it; ``counts_references``: see
    `part`; ``options``: of numba's ``njit``.
    """

    def compiled(function: Function) -> Function:
        files = (function.__code__.co_filename, *(str(module.__file__) for module in parts))
        name, digest = function.__qualname__, _digest(files)
        function.__qualname__ += f"_{digest}"
        uncounted = {} if counts_references else _UNCOUNTED
        dispatcher = cast(Any, njit)(cache=True, **uncounted, **options)(function)
        _forget_old(Path(dispatcher.stats.cache_path), f"{Path(files[0]).stem}.{name}", digest)
        return cast(Function, dispatcher)

    return compiled


def part(*, counts_references: bool = False, **options: Any) -> Callable[[Function], Function]:
    """Return what compiles a function into the kernels that call it, and nothing to call it by.

    It is compiled once for all integers, not anew for every constant that it is given. Where it
    does not count references it must allocate nothing; its arrays are its callers'. In a kernel
    that passes arrays from part to part, counting takes half of the time.

    ``options``: of numba's ``njit``. ``inline="always"`` is for short parts with one caller: they
    are written into it before it is compiled, which saves time for few of them, not for many.
    """

    def compiled(function: Function) -> Function:
        uncounted = {} if counts_references else _UNCOUNTED
        dispatcher = cast(Any, njit)(**_MERGED, **uncounted, **options)(function)
        return cast(Function, _for_all_integers(dispatcher))

    return compiled


def _for_all_integers(dispatcher: Any) -> Any:
    """Let calls of a function from kernels see integers where they pass constants.

    numba has no option for this. If it stops to ask its dispatchers for templates, functions are
    compiled for each constant: to the same code, in more time.
    """
    template = getattr(dispatcher, "get_call_template", None)
    if template is None:
        return dispatcher

    def template_of_types(arguments: Any, named: Any) -> Any:
        return template(tuple(types.unliteral(argument) for argument in arguments), named)  # type: ignore[no-untyped-call]

    dispatcher.get_call_template = template_of_types
    return dispatcher


def _digest(files: tuple[str, ...]) -> str:
    """Return what names the texts of files, and how they are compiled: the text of this one."""
    texts = b"".join(Path(file).read_bytes() for file in (*files, __file__))
    return hashlib.sha256(texts).hexdigest()[:16]


def _forget_old(folder: Path, kernel_name: str, digest: str) -> None:
    """Remove what has been kept for long of a kernel that is about to be compiled anew.

    That is the kernel as it was then. Another process may be reading or removing the same files:
    numba compiles what it does not find, and a file that cannot be removed stays.
    """
    with suppress(OSError):
        kept = _kept_files(folder, folder.stat().st_mtime_ns).get(kernel_name, [])
        if any(match["digest"] == digest for match in kept):
            return
        oldest = time.time() - _DAYS_KEPT * _SECONDS_A_DAY
        for match in kept:
            with suppress(OSError):
                file = folder / match.string
                if file.stat().st_mtime < oldest:
                    file.unlink()


@lru_cache(maxsize=16)
def _kept_files(folder: Path, changed_ns: int) -> dict[str, list[re.Match[str]]]:  # noqa: ARG001
    """Return what numba has kept of each kernel; all kernels of a folder ask for the same."""
    found: dict[str, list[re.Match[str]]] = {}
    for file in folder.iterdir():
        if match := _KEPT.fullmatch(file.name):
            found.setdefault(match["kernel"], []).append(match)
    return found
