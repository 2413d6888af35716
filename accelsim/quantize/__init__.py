"""Post-training quantization: a float network and calibration data to an integer network."""

from accelsim.quantize.host import dequantize_output, quantize_input
from accelsim.quantize.network import quantize_network
from accelsim.quantize.ranges import Range, observe_ranges, observed_tensors
from accelsim.quantize.spec import QuantizationSpec, RangeMethod

__all__ = [
    "QuantizationSpec",
    "Range",
    "RangeMethod",
    "dequantize_output",
    "observe_ranges",
    "observed_tensors",
    "quantize_input",
    "quantize_network",
]
