"""An ONNX graph that grows node by node: unique names, constants, quantizers, clips."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray
from onnx import NodeProto, TensorProto, helper, numpy_helper

from accelsim.arithmetic import IntegerFormat
from accelsim.network import QuantizedTensor

__all__ = ["GraphWriter", "container"]

_NARROW, _WIDE = 8, 16
_DATA_TYPES = {
    IntegerFormat(8): TensorProto.INT8,
    IntegerFormat(8, signed=False): TensorProto.UINT8,
    IntegerFormat(16): TensorProto.INT16,
    IntegerFormat(16, signed=False): TensorProto.UINT16,
}


def container(format: IntegerFormat) -> IntegerFormat:
    """Return the integer of 8 or 16 bits that a file stores a format of up to 16 bits in."""
    return IntegerFormat(_NARROW if format.bits <= _NARROW else _WIDE, format.signed)


class GraphWriter:
    """Nodes and constants so far. Nothing is given a name of ``reserved`` but who asks for it."""

    def __init__(self, reserved: Iterable[str]) -> None:
        self.nodes: list[NodeProto] = []
        self.initializers: list[TensorProto] = []
        self._names = set(reserved)

    def unique(self, wish: str) -> str:
        """Return a name that nothing has yet."""
        name, count = wish, 1
        while name in self._names:
            count += 1
            name = f"{wish}#{count}"
        self._names.add(name)
        return name

    def node(
        self, kind: str, inputs: Sequence[str], output: str, name: str = "", **attributes: Any
    ) -> str:
        """Add a node, named ``name`` or after its output; return the output."""
        named = name or self.unique(f"{output}:{kind}")
        self.nodes.append(helper.make_node(kind, inputs, [output], named, **attributes))
        return output

    def constant(self, wish: str, values: ArrayLike, dtype: DTypeLike) -> str:
        """Add a constant; return its name."""
        name = self.unique(wish)
        self.initializers.append(numpy_helper.from_array(np.asarray(values, dtype), name))
        return name

    def four_bits(self, wish: str, values: NDArray[np.int32]) -> str:
        """Add an int4 constant, as int8 for the nodes that read it; return the int8's name."""
        name = self.unique(wish)
        # Two in a byte, the first in its low half; an odd one is followed by nothing, 0.
        halves = np.zeros(values.size + values.size % 2, np.uint8)
        halves[: values.size] = values.ravel() & 0xF
        packed = (halves[0::2] | halves[1::2] << 4).tobytes()
        tensor = helper.make_tensor(name, TensorProto.INT4, values.shape, packed, raw=True)
        self.initializers.append(tensor)
        # onnxruntime has integer kernels for int8 only, and casts the constant when it loads.
        return self.node("Cast", [name], self.unique(f"{wish}:int8"), to=TensorProto.INT8)

    def quantizer(self, tensor: str, described: QuantizedTensor) -> tuple[str, str]:
        """Add a tensor's scale and zero point; return their names."""
        dtype = str(container(described.format))
        return (
            self.constant(f"{tensor}:scale", described.scale, np.float32),
            self.constant(f"{tensor}:zero_point", described.zero_point, dtype),
        )

    def clipped(
        self,
        integers: str,
        stored: IntegerFormat,
        steps: Sequence[tuple[int, int, str]],
        name: str = "",
    ) -> str:
        """Clip integers to (low, high) under a name, one after the other; return the last name.

        ``name`` is that of the nodes, where it matters.
        onnxruntime clips int8 and int32, so 16 bits are int32 meanwhile.
        """
        if not steps:
            return integers
        wide = stored.bits > _NARROW
        dtype = "int32" if wide else str(stored)
        if wide:
            between = self.unique(f"{integers}:int32")
            integers = self.node("Cast", [integers], between, to=TensorProto.INT32)
        for low, high, output in steps:
            bounds = [
                self.constant(f"{output}:{role}", bound, dtype)
                for role, bound in (("low", low), ("high", high))
            ]
            integers = self.node("Clip", [integers, *bounds], output, name)
        if wide:
            back = self.unique(f"{integers}:{stored}")
            integers = self.node("Cast", [integers], back, to=_DATA_TYPES[stored])
        return integers
