"""From ONNX's own messages to the Graph that the passes rewrite."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import numpy_helper

from accelsim.errors import UnsupportedOperatorError, WorkloadError
from accelsim.frontend.graph import Graph, Node, refuse
from accelsim.frontend.quantized import QUANTIZERS

__all__ = [
    "SUPPORTED_OPERATORS",
    "is_supported",
    "node_names",
    "parse_model",
    "require_text",
    "require_valid",
]

SUPPORTED_OPERATORS = (
    "Add",
    "AveragePool",
    "BatchNormalization",
    "Cast",
    "Clip",
    "Concat",
    "Constant",
    "Conv",
    "DequantizeLinear",
    "Div",
    "Dropout",
    "Flatten",
    "Gather",
    "Gemm",
    "GlobalAveragePool",
    "Identity",
    "MatMul",
    "Max",
    "MaxPool",
    "Min",
    "Mul",
    "Pad",
    "QGemm",
    "QLinearAdd",
    "QLinearAveragePool",
    "QLinearConv",
    "QLinearGlobalAveragePool",
    "QLinearMatMul",
    "QLinearSoftmax",
    "Quant",
    "QuantizeLinear",
    "ReduceMean",
    "ReduceProd",
    "Relu",
    "Reshape",
    "Shape",
    "Slice",
    "Softmax",
    "Squeeze",
    "Sub",
    "Sum",
    "Transpose",
    "Unsqueeze",
)
_MICROSOFT = (
    "DequantizeLinear",
    "QGemm",
    "QLinearAdd",
    "QLinearAveragePool",
    "QLinearGlobalAveragePool",
    "QLinearSoftmax",
    "QuantizeLinear",
)
_DOMAINS = {
    "": SUPPORTED_OPERATORS,
    "ai.onnx": SUPPORTED_OPERATORS,
    "com.microsoft": _MICROSOFT,
    "finn.custom_op.general": ("Quant",),
    "onnx.brevitas": ("Quant",),
    "qonnx.custom_op.general": ("Quant",),
}
OLDEST_OPSET = 7
MAXIMUM_NODES = 10_000
"""Far more than networks of this kind have; some passes take time that grows with its square."""


def parse_model(model: onnx.ModelProto) -> Graph:
    """Return the model's graph, every weight read and found finite.

    Raises
    ------
    UnsupportedOperatorError
        One line for each operator that is not supported, with all of its nodes.
    WorkloadError
        If the model is not valid ONNX, or has not one input and one output of float32.
    """
    if len(model.graph.node) > MAXIMUM_NODES:
        raise WorkloadError(f"{len(model.graph.node)} nodes; at most {MAXIMUM_NODES} are supported")
    require_text(model.graph)
    _require_supported(model.graph.node)
    opset = _opset(model)
    require_valid(model)
    constants = {tensor.name: _values(tensor) for tensor in model.graph.initializer}
    inputs = [value for value in model.graph.input if value.name not in constants]
    source = _only(inputs, "input")
    batch, shape = _input_shape(source)
    nodes = _nodes(model.graph)
    _require_finite(nodes, constants)
    return Graph(
        name=model.graph.name,
        nodes=nodes,
        constants=constants,
        input=source.name,
        input_shape=shape,
        output=_only(model.graph.output, "output").name,
        opset=opset,
        batch=batch,
    )


def require_text(graph: onnx.GraphProto) -> None:
    """Refuse a graph with names that are not text."""
    names = [value.name for value in (*graph.initializer, *graph.input, *graph.output)]
    for node in graph.node:
        names += [node.name, node.op_type, node.domain, *node.input, *node.output]
    # protobuf hands out bytes for what is not UTF-8.
    if not all(isinstance(name, str) for name in (graph.name, *names)):
        raise WorkloadError("is corrupt: it holds names that are not UTF-8")


def is_supported(node: onnx.NodeProto) -> bool:
    """Whether there is a rule for a node's operator; how it is used is another matter."""
    return node.op_type in _DOMAINS.get(node.domain, ())


def _require_supported(nodes: Iterable[onnx.NodeProto]) -> None:
    refused: dict[str, list[str]] = defaultdict(list)
    for index, node in enumerate(nodes):
        if not is_supported(node):
            operator = f"{node.domain}.{node.op_type}" if node.domain else node.op_type
            refused[operator].append(repr(_name(node, index)))
    if refused:
        lines = [
            f"operator {operator} is not supported: node{'s' if len(names) > 1 else ''} "
            + ", ".join(names)
            for operator, names in refused.items()
        ]
        lines.append("supported operators: " + ", ".join(SUPPORTED_OPERATORS))
        raise UnsupportedOperatorError("\n".join(lines))


def require_valid(model: onnx.ModelProto) -> None:
    """Ask onnx's checker; raises WorkloadError with the first line of what it says."""
    for output in model.graph.output:
        # The checker asks for a shape, onnxruntime does not, and nothing here reads it.
        output.type.tensor_type.shape.SetInParent()
    try:
        onnx.checker.check_model(model)
    except onnx.checker.ValidationError as error:
        raise WorkloadError(f"is not valid ONNX: {str(error).splitlines()[0]}") from None


def _opset(model: onnx.ModelProto) -> int:
    versions = [o.version for o in model.opset_import if o.domain in ("", "ai.onnx")]
    opset = max(versions, default=0)
    if opset < OLDEST_OPSET:
        raise WorkloadError(
            f"opset {opset}: at least {OLDEST_OPSET} is supported; "
            "convert the model with onnx.version_converter"
        )
    return opset


def _only(values: Iterable[onnx.ValueInfoProto], role: str) -> onnx.ValueInfoProto:
    found = list(values)
    if len(found) != 1:
        names = ", ".join(repr(value.name) for value in found)
        raise WorkloadError(f"must have one {role}, has {len(found)}: {names}")
    return found[0]


def _input_shape(source: onnx.ValueInfoProto) -> tuple[int | None, tuple[int, ...]]:
    tensor = source.type.tensor_type
    if tensor.elem_type != onnx.TensorProto.FLOAT:
        names = {number: name.lower() for name, number in onnx.TensorProto.DataType.items()}
        kind = names.get(tensor.elem_type, f"of type {tensor.elem_type}")
        raise WorkloadError(f"input {source.name!r}: must be float (32 bits), is {kind}")
    dimensions = [d.dim_value or d.dim_param or "?" for d in tensor.shape.dim]
    shown = f"input {source.name!r} has shape [{', '.join(map(str, dimensions))}]"
    if len(dimensions) < 2:
        raise WorkloadError(f"{shown}; the first dimension must be the batch, with others after it")
    batch, *rest = dimensions
    sizes = [size for size in rest if isinstance(size, int)]
    if len(sizes) < len(rest) or min(sizes) < 1:
        raise WorkloadError(
            f"{shown}; all but the first must be fixed numbers: "
            "use python -m onnxruntime.tools.make_dynamic_shape_fixed"
        )
    return (batch if isinstance(batch, int) else None), tuple(sizes)


def _values(tensor: onnx.TensorProto) -> NDArray[Any]:
    try:
        return np.asarray(numpy_helper.to_array(tensor))
    except KeyError:
        raise WorkloadError(f"constant {tensor.name!r} is corrupt: of no known type") from None
    except (ValueError, TypeError) as error:
        raise WorkloadError(f"constant {tensor.name!r} is corrupt: {error}") from None


def _name(node: onnx.NodeProto, index: int) -> str:
    return node.name or f"{node.op_type}_{index}"


def node_names(graph: onnx.GraphProto) -> tuple[str, ...]:
    """Return the nodes' names. ONNX does not ask for unique ones; a report does."""
    seen: Counter[str] = Counter()
    names = []
    for index, proto in enumerate(graph.node):
        name = _name(proto, index)
        seen[name] += 1
        names.append(name if seen[name] == 1 else f"{name}#{seen[name]}")
    return tuple(names)


def _nodes(graph: onnx.GraphProto) -> tuple[Node, ...]:
    read = {name for node in graph.node for name in node.input} | {o.name for o in graph.output}
    nodes = []
    for name, proto in zip(node_names(graph), graph.node, strict=True):
        attributes = {attribute.name: _attribute(attribute) for attribute in proto.attribute}
        node = Node(proto.op_type, name, tuple(proto.input), proto.output[0], attributes)
        if any(output in read for output in proto.output[1:] if output):
            raise refuse(node, "only its first output can be used")
        nodes.append(node)
    return tuple(nodes)


def _attribute(attribute: onnx.AttributeProto) -> Any:
    value = onnx.helper.get_attribute_value(attribute)
    if isinstance(value, onnx.TensorProto):
        return _values(value)
    return value.decode(errors="replace") if isinstance(value, bytes) else value


def _require_finite(nodes: Iterable[Node], constants: dict[str, NDArray[Any]]) -> None:
    for node in nodes:
        # The bounds of a Clip may be infinite; scales are checked where they are used.
        for name in () if node.operator in ("Clip", *QUANTIZERS) else node.inputs:
            values = constants.get(name)
            if values is not None and values.dtype.kind == "f":
                broken = int(np.count_nonzero(~np.isfinite(values)))
                if broken:
                    raise WorkloadError(
                        f"{node}: {broken} of the {values.size} values of {name!r} "
                        "are NaN or infinite"
                    )
