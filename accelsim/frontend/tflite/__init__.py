"""TensorFlow Lite files of 8-bit integers, with the arithmetic of its reference kernels."""

from accelsim.frontend.tflite.graph import TfliteGraph, TfliteOperator, TfliteTensor
from accelsim.frontend.tflite.layout import from_file_layout, in_file_layout
from accelsim.frontend.tflite.load import load_tflite, read_tflite
from accelsim.frontend.tflite.lower import Outcome, outcomes

__all__ = [
    "Outcome",
    "TfliteGraph",
    "TfliteOperator",
    "TfliteTensor",
    "from_file_layout",
    "in_file_layout",
    "load_tflite",
    "outcomes",
    "read_tflite",
]
