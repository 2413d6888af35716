"""Better integers for the same widths: changes of a network or its weights before quantization."""

from accelsim.quantize.improve.adaptive_rounding import adaround
from accelsim.quantize.improve.bias_correction import correct_biases
from accelsim.quantize.improve.channel_scaling import equalize, scaled_pairs, smooth

__all__ = ["adaround", "correct_biases", "equalize", "scaled_pairs", "smooth"]
