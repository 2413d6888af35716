"""What is in a file, runnable or not: `inspect_network` and `inspect_data`."""

from accelsim.frontend.inspection.data_files import DataInspection, inspect_data
from accelsim.frontend.inspection.inspect import inspect_network, is_network
from accelsim.frontend.inspection.record import (
    Inspection,
    OperatorLine,
    Place,
    TensorLine,
    TensorQuantization,
)

__all__ = [
    "DataInspection",
    "Inspection",
    "OperatorLine",
    "Place",
    "TensorLine",
    "TensorQuantization",
    "inspect_data",
    "inspect_network",
    "is_network",
]
