"""Files from outside become a `Network` and data: ONNX, .npz, and the bundled workloads."""

from accelsim.frontend.graph import Fold
from accelsim.frontend.import_report import ImportReport
from accelsim.frontend.load_data import Dataset, load_data
from accelsim.frontend.load_onnx import ImportedModel, load_onnx
from accelsim.frontend.run_float import run_float
from accelsim.frontend.workloads import Workload, bundled_workloads, workload_path

__all__ = [
    "Dataset",
    "Fold",
    "ImportReport",
    "ImportedModel",
    "Workload",
    "bundled_workloads",
    "load_data",
    "load_onnx",
    "run_float",
    "workload_path",
]
