"""Integer networks as ONNX files that onnxruntime computes to the same integers."""

from accelsim.frontend.export.write_model import quantized_bytes, quantized_model

__all__ = ["quantized_bytes", "quantized_model"]
