"""What is in an ONNX file: every operator, whether or not the network can be run."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from math import prod
from pathlib import Path

import onnx

from accelsim.errors import UnsupportedOperatorError, WorkloadError
from accelsim.frontend.import_report import ImportReport
from accelsim.frontend.inspection.advice import advice_on
from accelsim.frontend.inspection.onnx_tensors import OnnxTensors, Sizes, sizes_of, type_name
from accelsim.frontend.inspection.quantization_lines import quantization_lines
from accelsim.frontend.inspection.record import (
    Inspection,
    OperatorLine,
    Place,
    TensorLine,
    TensorQuantization,
)
from accelsim.frontend.load_onnx import ImportedModel, import_onnx
from accelsim.frontend.parse_model import is_supported, node_names, require_text
from accelsim.frontend.read_model import read_model
from accelsim.network import layer_macs, layer_parameters

__all__ = ["inspect_onnx"]

_WEIGHT_INPUT = {
    "Conv": 1,
    "ConvInteger": 1,
    "ConvTranspose": 1,
    "Gemm": 1,
    "MatMul": 1,
    "MatMulInteger": 1,
    "QGemm": 3,
    "QLinearConv": 3,
    "QLinearMatMul": 3,
}
_BIAS_INPUT = {"Conv": 2, "ConvTranspose": 2, "Gemm": 2, "QLinearConv": 8, "QGemm": 6}
_HOST = frozenset({"QLinearSoftmax", "Softmax"})
_FREE = frozenset({"Flatten", "Reshape", "Squeeze", "Unsqueeze"})
_FOLDED = frozenset(
    {"BatchNormalization", "Cast", "Concat", "Constant", "DequantizeLinear", "Dropout", "Gather"}
    | {"Div", "Identity", "Mul", "Pad", "Quant", "QuantizeLinear", "ReduceProd", "Shape", "Slice"}
    | {"Sub", "Transpose"}
)
_CLAMPS = frozenset({"Clip", "Max", "Min", "Relu"})


def inspect_onnx(path: Path) -> Inspection:
    """Read a file's graph, and try to import it.

    Raises
    ------
    WorkloadError
        If the file cannot be read as ONNX at all; the message does not name the file.
    """
    model, content = read_model(path)
    require_text(model.graph)
    tensors = OnnxTensors.of(model)
    attempt = _attempt(path, model)
    lines = _Lines(model, tensors, attempt.model, attempt.refused).lines()
    constants = tensors.constants
    inputs = tuple(_end(v, tensors) for v in model.graph.input if v.name not in constants)
    return Inspection(
        name=path.name,
        kind=_kind(model),
        file_bytes=len(content),
        sha256=sha256(content).hexdigest(),
        inputs=inputs,
        outputs=tuple(_end(v, tensors) for v in model.graph.output),
        operators=lines,
        quantizable=True,
        quantization=quantization_lines(lines, inputs),
        problems=attempt.problems,
        advice=attempt.advice,
    )


@dataclass(frozen=True, eq=False)
class _Attempt:
    """The network, or why there is none, what to do, and the nodes that are to blame."""

    model: ImportedModel | None = None
    problems: tuple[str, ...] = ()
    advice: tuple[str, ...] = ()
    refused: frozenset[str] = frozenset()


def _attempt(path: Path, model: onnx.ModelProto) -> _Attempt:
    try:
        return _Attempt(import_onnx(path))
    except UnsupportedOperatorError as error:
        lines = str(error).splitlines()
        problems = tuple(line for line in lines if not line.startswith("supported "))
        nodes = zip(node_names(model.graph), model.graph.node, strict=True)
        blamed = [
            node.op_type
            for name, node in nodes
            if name in error.nodes or not (error.nodes or is_supported(node))
        ]
        return _Attempt(None, problems, advice_on(blamed), frozenset(error.nodes))
    except WorkloadError as error:
        return _Attempt(None, tuple(str(error).splitlines()))


def _kind(model: onnx.ModelProto) -> str:
    used = {node.domain or "ai.onnx" for node in model.graph.node} | {"ai.onnx"}
    stated = {entry.domain or "ai.onnx": entry.version for entry in model.opset_import}
    opsets = {domain: version for domain, version in stated.items() if domain in used}
    standard = opsets.pop("ai.onnx", None)
    words = ["ONNX", f"opset {standard}" if standard else "no standard opset"]
    words += [f"{domain} {version}" for domain, version in sorted(opsets.items())]
    producer = f"{model.producer_name} {model.producer_version}".strip()
    return ", ".join([*words, *([f"written by {producer}"] if producer else [])])


def _end(value: onnx.ValueInfoProto, tensors: OnnxTensors) -> TensorLine:
    shape = tensors.shapes.get(value.name, sizes_of(value))
    kind = type_name(value.type.tensor_type.elem_type)
    return TensorLine(value.name, kind, shape, tensors.quantization.get(value.name))


class _Lines:
    """One line for each node, from the network where it could be imported."""

    def __init__(
        self,
        model: onnx.ModelProto,
        tensors: OnnxTensors,
        imported: ImportedModel | None,
        refused: frozenset[str],
    ) -> None:
        self._graph = model.graph
        self._tensors = tensors
        self._refused = refused
        self._producers = {name: node for node in model.graph.node for name in node.output}
        self._counted: dict[str, tuple[int, int]] = {}
        self._shapes: dict[str, Sizes] = {}
        self._given: dict[str, TensorQuantization] = {}
        self._places: dict[str, tuple[Place, str]] = {}
        if imported is not None:
            network = imported.network
            self._places = _places(imported.report)
            self._counted = {
                layer.name: (layer_macs(layer, network), layer_parameters(layer))
                for layer in network.layers
            }
            self._given = _given_weights(imported)
            tensors.quantization.update(_given_tensors(imported))
            self._shapes = {
                layer.name: ("batch", *network.shapes[layer.output]) for layer in network.layers
            }

    def lines(self) -> tuple[OperatorLine, ...]:
        names = node_names(self._graph)
        return tuple(self._line(*pair) for pair in zip(names, self._graph.node, strict=True))

    def _line(self, name: str, node: onnx.NodeProto) -> OperatorLine:
        place, remark = self._place(name, node)
        weights = self._weights(node)
        output = node.output[0] if node.output else ""
        shape = self._tensors.shapes.get(output, self._shapes.get(name))
        if self._places:
            macs: int | None
            macs, parameters = self._counted.get(name, (0, 0))
        else:
            macs, parameters = self._macs(node, shape), self._parameters(node)
        found = self._tensors.quantization
        return OperatorLine(
            name=name,
            operator=f"{node.domain}.{node.op_type}" if node.domain else node.op_type,
            place=place,
            output=shape,
            macs=macs,
            parameters=parameters,
            weights=self._given.get(name, found.get(weights)),
            result=found.get(output) if node.op_type != "DequantizeLinear" else None,
            remark=remark,
        )

    def _place(self, name: str, node: onnx.NodeProto) -> tuple[Place, str]:
        if not is_supported(node) or name in self._refused:
            return Place.UNSUPPORTED, ""
        if self._places:
            return self._places.get(name, (Place.FOLDED, ""))
        if node.op_type in _WEIGHT_INPUT:
            return Place.ARRAY, ""
        for place, kinds in (
            (Place.HOST, _HOST),
            (Place.FREE, _FREE),
            (Place.FOLDED, _FOLDED),
            (Place.CLAMP, _CLAMPS),
        ):
            if node.op_type in kinds:
                return place, ""
        return Place.VECTOR_UNIT, ""

    def _weights(self, node: onnx.NodeProto) -> str:
        position = _WEIGHT_INPUT.get(node.op_type, len(node.input))
        return node.input[position] if position < len(node.input) else ""

    def _source(self, name: str) -> str:
        """Return the constant behind a tensor, through what only changes its form."""
        for _ in range(8):
            if name in self._tensors.constants:
                return name
            node = self._producers.get(name)
            if node is None or not node.input:
                break
            name = node.input[0]
        return name

    def _macs(self, node: onnx.NodeProto, output: Sizes | None) -> int | None:
        """Count those of one image: the first axis of a result is the batch."""
        if node.op_type not in _WEIGHT_INPUT:
            return 0
        weights = self._tensors.shapes.get(self._weights(node))
        if output is None or weights is None or len(output) < 2 or not weights:
            return None
        if "Conv" in node.op_type:
            depth = weights[1:]
        else:
            depth = weights[-1:] if _transposed(node) else weights[-2:][:1]
        sizes = [size for size in (*output[1:], *depth) if isinstance(size, int)]
        known = len(sizes) == len(output) - 1 + len(depth)
        return prod(sizes) if known else None

    def _parameters(self, node: onnx.NodeProto) -> int:
        names = [self._weights(node)]
        bias = _BIAS_INPUT.get(node.op_type, len(node.input))
        names += [node.input[bias]] if bias < len(node.input) else []
        return sum(self._tensors.elements(self._source(name)) or 0 for name in names if name)


def _transposed(node: onnx.NodeProto) -> bool:
    return any(attribute.name == "transB" and attribute.i for attribute in node.attribute)


def _places(report: ImportReport) -> dict[str, tuple[Place, str]]:
    places = {
        fold.name: (Place.FOLDED, f"into {fold.into}" if fold.into else "")
        for fold in report.folded
    }
    for place, names in (
        (Place.ARRAY, report.on_array),
        (Place.VECTOR_UNIT, report.on_vector_unit),
        (Place.CLAMP, report.clamps),
        (Place.FREE, report.free),
        (Place.HOST, report.on_host),
    ):
        places |= dict.fromkeys(names, (place, ""))
    return places


def _given_weights(imported: ImportedModel) -> dict[str, TensorQuantization]:
    """Return the weights of layers as their integers are: narrower than their container, maybe."""
    if imported.given is None:
        return {}
    found = imported.report.quantization
    offset = found.zero_points if found is not None else ()
    return {
        name: TensorQuantization(
            format=str(weights.format),
            scales=int(weights.scales.size),
            scale=float(weights.scales[0]) if weights.scales.size == 1 else None,
            zero_point=None,
            has_zero_points=name in offset,
        )
        for name, weights in imported.given.weights.items()
    }


def _given_tensors(imported: ImportedModel) -> dict[str, TensorQuantization]:
    given = imported.given.tensors if imported.given is not None else {}
    return {
        name: TensorQuantization(
            str(tensor.format), 1, tensor.scale, tensor.zero_point, tensor.zero_point != 0
        )
        for name, tensor in given.items()
    }
