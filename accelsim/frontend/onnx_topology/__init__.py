"""The shapes of any ONNX file as a topology file: what accelsim has no values for can be timed."""

from accelsim.frontend.onnx_topology.convert import OnnxTopology, onnx_topology

__all__ = ["OnnxTopology", "onnx_topology"]
