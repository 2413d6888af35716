"""Whatever names a network: which reader looks into it."""

from __future__ import annotations

from pathlib import Path

from accelsim.errors import WorkloadError
from accelsim.frontend.inspection.onnx_file import inspect_onnx
from accelsim.frontend.inspection.record import Inspection
from accelsim.frontend.inspection.shapes_file import inspect_shapes
from accelsim.frontend.inspection.tflite_file import inspect_tflite
from accelsim.frontend.shapes import is_shapes
from accelsim.frontend.workloads import bundled_workloads, workload_path

__all__ = ["inspect_network", "is_network"]

_NETWORK_SUFFIXES = (".onnx", ".tflite")
_DATA_SUFFIXES = (".npz", ".bin", ".gz")


def is_network(name: str) -> bool:
    """Whether a name or path means a network, not data."""
    path = Path(name)
    known = [workload.name for workload in bundled_workloads()]
    if name in known or is_shapes(name) or path.suffix.lower() in _NETWORK_SUFFIXES:
        return True
    looks_like_data = path.is_dir() or path.suffix.lower() in _DATA_SUFFIXES
    return not looks_like_data and not (path.is_file() and "idx" in path.name)


def inspect_network(name: str) -> Inspection:
    """Look into a bundled network, an ONNX or TFLite file, a topology or a SCALE-Sim CSV.

    Raises
    ------
    WorkloadError
        If there is no such network, or the file cannot be read at all.
    """
    if is_shapes(name):
        return inspect_shapes(name)
    path = Path(name)
    if len(path.parts) == 1 and not path.suffix and not path.exists():
        path = workload_path(name).model
    if path.suffix.lower() == ".tflite":
        return inspect_tflite(path)
    try:
        return inspect_onnx(path)
    except WorkloadError as error:
        raise WorkloadError(f"{path}: {error}") from None
