"""The networks that ship with accelsim: where their files are."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from accelsim.errors import InternalError, WorkloadError
from accelsim.frontend.topology import topology_names

__all__ = ["Workload", "bundled_workloads", "workload_path"]


@dataclass(frozen=True)
class Workload:
    """A bundled network: its ONNX file and the data to run it on."""

    name: str
    model: Path
    data: Path


_DATA = {
    "digits_cnn": "digits.npz",
    "digits_mlp": "digits.npz",
    "digits_resnet8": "digits_32x32.npz",
}


def bundled_workloads() -> tuple[Workload, ...]:
    """Return the networks that ship with accelsim, the default first.

    >>> [workload.name for workload in bundled_workloads()]
    ['digits_cnn', 'digits_mlp', 'digits_resnet8']
    """
    folder = _folder()
    return tuple(
        Workload(name, folder / f"{name}.onnx", folder / data) for name, data in _DATA.items()
    )


def workload_path(name: str) -> Workload:
    """Return the files of the bundled network ``name``.

    Raises
    ------
    WorkloadError
        If no bundled network has this name; a similar one is suggested.
    """
    for workload in bundled_workloads():
        if workload.name == name:
            return workload
    close = get_close_matches(name, (*_DATA, *topology_names()), n=1)
    hint = f" (did you mean {close[0]!r}?)" if close else ""
    raise WorkloadError(
        f"{name}: no bundled network of this name{hint}; there are {', '.join(_DATA)}, and "
        f"networks of shapes: {', '.join(topology_names())}"
    )


def _folder() -> Path:
    """Return the wheel's copy of workloads/, or that of the checkout."""
    package = Path(__file__).parents[1]
    for folder in (package / "_workloads", package.parent / "workloads"):
        if (folder / "digits.npz").is_file():
            return folder
    raise InternalError(f"the bundled workloads are missing beside {package}")
