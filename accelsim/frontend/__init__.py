"""Files from outside become networks and data: ONNX, TensorFlow Lite, data, bundled workloads."""

from accelsim.frontend.data import LARGEST_SEED, Dataset, Scaling, load_data, random_data
from accelsim.frontend.graph import Fold
from accelsim.frontend.import_report import ImportReport
from accelsim.frontend.integer_model import IntegerModel
from accelsim.frontend.load_onnx import ImportedModel, load_onnx
from accelsim.frontend.run_float import run_float
from accelsim.frontend.scalesim import ScaleSimMachine, read_scalesim_machine
from accelsim.frontend.shapes import ImportedShapes, is_shapes, load_shapes
from accelsim.frontend.tflite import load_tflite
from accelsim.frontend.topology import topology_names
from accelsim.frontend.workloads import Workload, bundled_workloads, workload_path

__all__ = [
    "LARGEST_SEED",
    "Dataset",
    "Fold",
    "ImportReport",
    "ImportedModel",
    "ImportedShapes",
    "IntegerModel",
    "ScaleSimMachine",
    "Scaling",
    "Workload",
    "bundled_workloads",
    "is_shapes",
    "load_data",
    "load_onnx",
    "load_shapes",
    "load_tflite",
    "random_data",
    "read_scalesim_machine",
    "run_float",
    "topology_names",
    "workload_path",
]
