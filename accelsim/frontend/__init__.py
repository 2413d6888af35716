"""Files from outside become a `Network` and data: ONNX, .npz, and the bundled workloads."""

from accelsim.frontend.graph import Fold
from accelsim.frontend.import_report import ImportReport
from accelsim.frontend.load_data import Dataset, load_data
from accelsim.frontend.load_onnx import ImportedModel, load_onnx
from accelsim.frontend.random_data import random_data
from accelsim.frontend.run_float import run_float
from accelsim.frontend.scalesim import scalesim_overrides
from accelsim.frontend.shapes import ImportedShapes, is_shapes, load_shapes
from accelsim.frontend.topology import topology_names
from accelsim.frontend.workloads import Workload, bundled_workloads, workload_path

__all__ = [
    "Dataset",
    "Fold",
    "ImportReport",
    "ImportedModel",
    "ImportedShapes",
    "Workload",
    "bundled_workloads",
    "is_shapes",
    "load_data",
    "load_onnx",
    "load_shapes",
    "random_data",
    "run_float",
    "scalesim_overrides",
    "topology_names",
    "workload_path",
]
