"""Post-training quantization: a float network and calibration data to an integer network."""

from accelsim.quantize.calibrated import quantize_calibrated, scaled_network
from accelsim.quantize.given import quantize_as_given
from accelsim.quantize.host import dequantize_output, quantize_input
from accelsim.quantize.layer_bits import LayerBits, with_layer_bits, without_bits
from accelsim.quantize.network import quantize_network
from accelsim.quantize.noise import MeasuredNoise, Noise, measure_noise
from accelsim.quantize.observers import WEIGHT_METHODS, Range, RangeMethod
from accelsim.quantize.ranges import observe_ranges, observed_tensors
from accelsim.quantize.spec import Arithmetic, MachineArithmetic, QuantizationSpec, WeightRounding
from accelsim.quantize.study import FormatStudy, study_formats
from accelsim.quantize.widths import (
    NetworkOperands,
    NetworkWidths,
    network_operands,
    network_widths,
    operand_widths,
)

__all__ = [
    "WEIGHT_METHODS",
    "Arithmetic",
    "FormatStudy",
    "LayerBits",
    "MachineArithmetic",
    "MeasuredNoise",
    "NetworkOperands",
    "NetworkWidths",
    "Noise",
    "QuantizationSpec",
    "Range",
    "RangeMethod",
    "WeightRounding",
    "dequantize_output",
    "measure_noise",
    "network_operands",
    "network_widths",
    "observe_ranges",
    "observed_tensors",
    "operand_widths",
    "quantize_as_given",
    "quantize_calibrated",
    "quantize_input",
    "quantize_network",
    "scaled_network",
    "study_formats",
    "with_layer_bits",
    "without_bits",
]
