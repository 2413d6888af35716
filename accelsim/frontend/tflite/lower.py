"""From a file's operators to an integer network, and what becomes of each operator."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from accelsim.arithmetic import Accumulator, Rounding
from accelsim.errors import AccelsimError, UnsupportedOperatorError, WorkloadError
from accelsim.frontend.graph import Fold
from accelsim.frontend.tflite.graph import (
    TfliteGraph,
    TfliteOperator,
    TfliteTensor,
    brief,
    refuse,
    short_name,
)
from accelsim.frontend.tflite.lower_matrix import (
    lower_convolution,
    lower_depthwise,
    lower_fully_connected,
)
from accelsim.frontend.tflite.lower_mean import lower_mean
from accelsim.frontend.tflite.lower_shape import lower_pad, lower_reshape, lower_softmax
from accelsim.frontend.tflite.lower_vector import (
    lower_add,
    lower_average_pool,
    lower_logistic,
    lower_max_pool,
    lower_quantize,
    lower_relu,
    lower_relu6,
)
from accelsim.frontend.tflite.scope import FORMATS, Lowered, Scope
from accelsim.network import IntegerLayer, IntegerNetwork, QuantizedTensor

__all__ = ["LOWERINGS", "Outcome", "TfliteLowering", "lower", "outcomes"]

LOWERINGS: dict[str, Callable[[TfliteOperator, Scope], Lowered]] = {
    "ADD": lower_add,
    "AVERAGE_POOL_2D": lower_average_pool,
    "CONV_2D": lower_convolution,
    "DEPTHWISE_CONV_2D": lower_depthwise,
    "EXPAND_DIMS": lower_reshape,
    "FULLY_CONNECTED": lower_fully_connected,
    "LOGISTIC": lower_logistic,
    "MAX_POOL_2D": lower_max_pool,
    "MEAN": lower_mean,
    "PAD": lower_pad,
    "PADV2": lower_pad,
    "QUANTIZE": lower_quantize,
    "RELU": lower_relu,
    "RELU6": lower_relu6,
    "RESHAPE": lower_reshape,
    "SOFTMAX": lower_softmax,
    "SQUEEZE": lower_reshape,
}

SUPPORTED = ", ".join(sorted([*LOWERINGS, "DEQUANTIZE"]))
ADVICE = "replace others before conversion, or cut the network before them"

MAXIMUM_LINES = 100
"""Of one error: a damaged file may have thousands of problems."""


@dataclass(frozen=True, eq=False)
class Outcome:
    """What becomes of an operator: layers, nothing (the host does it), or the reason why not.

    An operator that only computes shapes becomes no layers.
    """

    operator: TfliteOperator
    lowered: Lowered | None = None
    on_host: bool = False
    refusal: AccelsimError | None = None

    @property
    def only_shapes(self) -> bool:
        """Whether the operator's results follow from the file's fixed shapes alone."""
        return self.lowered is not None and not self.lowered.layers


@dataclass(frozen=True, eq=False)
class TfliteLowering:
    """An integer network, the operators that no layer runs, and those that the host does."""

    network: IntegerNetwork
    folds: tuple[Fold, ...]
    on_host: tuple[str, ...]


def outcomes(graph: TfliteGraph) -> tuple[Outcome, ...]:
    """Return what becomes of each operator, whether or not the network as a whole can run."""
    first, last = _ends(graph)
    hosted = {operator.index for operator in (first, last) if operator is not None}
    scope = Scope(graph)
    return tuple(
        Outcome(operator, on_host=True) if operator.index in hosted else _outcome(operator, scope)
        for operator in graph.operators
    )


def lower(graph: TfliteGraph) -> TfliteLowering:
    """Return the integer network of a graph.

    QUANTIZE of a real input and DEQUANTIZE to a real output are the host's. Operators whose
    results nobody reads are left out.

    Raises
    ------
    UnsupportedOperatorError
        If operators cannot be run: a line for each.
    WorkloadError
        If the file is not quantized to 8 bits throughout, has several inputs or outputs, or
        contradicts itself: a line for each problem.
    """
    _require_one_of_each(graph)
    first, last = _ends(graph)
    source = graph.tensors[first.outputs[0] if first else graph.inputs[0]]
    target = graph.tensors[last.inputs[0] if last else graph.outputs[0]]
    results = outcomes(graph)
    _raise_problems(graph, results)
    _require_order(source, target, results)
    lowered = [result.lowered for result in results if result.lowered is not None]
    layers = _needed([layer for part in lowered for layer in part.layers], target.name)
    if not layers:
        raise WorkloadError("has no operators between its input and its output")
    scope = Scope(graph)
    between = {name: tensor for part in lowered for name, tensor in part.tensors.items()}
    stated = {tensor.name: tensor for tensor in graph.tensors}
    names = dict.fromkeys([source.name, *(layer.output for layer in layers)])
    tensors: dict[str, QuantizedTensor] = {
        name: between[name] if name in between else scope.quantized(stated[name]) for name in names
    }
    network = IntegerNetwork(
        name=graph.name,
        input=source.name,
        output=target.name,
        layers=tuple(layers),
        tensors=tensors,
        accumulator=Accumulator(),
        input_rounding=Rounding.HALF_AWAY,
    )
    kept = {layer.name for layer in layers}
    folds = [
        Fold(result.operator.name, result.operator.kind)
        for result in results
        if result.lowered is not None and not kept & {layer.name for layer in result.lowered.layers}
    ]
    hosted = tuple(result.operator.name for result in results if result.on_host)
    return TfliteLowering(network, tuple(folds), hosted)


def _outcome(operator: TfliteOperator, scope: Scope) -> Outcome:
    if operator.index in scope.shape_operators:
        return Outcome(operator, lowered=Lowered(()))
    try:
        if operator.kind not in LOWERINGS:
            raise refuse(operator, "not supported")
        return Outcome(operator, lowered=LOWERINGS[operator.kind](operator, scope))
    except WorkloadError as error:
        return Outcome(operator, refusal=error)
    except AccelsimError as error:
        return Outcome(operator, refusal=WorkloadError(f"{operator}: {error}"))


def _ends(graph: TfliteGraph) -> tuple[TfliteOperator | None, TfliteOperator | None]:
    """Return the operators at the ends that only turn reals to integers and back."""
    first = last = None
    if len(graph.inputs) == 1 and graph.inputs[0] >= 0:
        readers = [operator for operator in graph.operators if graph.inputs[0] in operator.inputs]
        if len(readers) == 1 and _converts(graph, readers[0], "QUANTIZE"):
            first = readers[0]
    if len(graph.outputs) == 1 and graph.outputs[0] >= 0:
        writers = [operator for operator in graph.operators if graph.outputs[0] in operator.outputs]
        if len(writers) == 1 and _converts(graph, writers[0], "DEQUANTIZE"):
            last = writers[0]
    return first, last


def _converts(graph: TfliteGraph, operator: TfliteOperator, kind: str) -> bool:
    """Return whether an operator is a conversion between float32 and 8-bit integers."""
    if operator.kind != kind or len(operator.inputs) != 1 or len(operator.outputs) != 1:
        return False
    if min(*operator.inputs, *operator.outputs) < 0:
        return False
    source, target = (graph.tensors[i] for i in (operator.inputs[0], operator.outputs[0]))
    real, integer = (source, target) if kind == "QUANTIZE" else (target, source)
    same = source.shape == target.shape
    return same and not source.constant and real.type == "FLOAT32" and integer.type in FORMATS


def _require_one_of_each(graph: TfliteGraph) -> None:
    for what, indices in (("input", graph.inputs), ("output", graph.outputs)):
        if len(indices) != 1 or indices[0] < 0:
            names = [graph.tensors[index].name[:60] for index in indices if index >= 0]
            raise WorkloadError(
                f"has {len(indices)} {what}s {brief(names)}; networks of 1 {what} are supported"
            )


def _raise_problems(graph: TfliteGraph, results: Sequence[Outcome]) -> None:
    """Raise everything that stands against the network, each problem once."""
    unknown = [result.refusal for result in results if result.operator.kind not in LOWERINGS]
    refusals = [error for error in unknown if error is not None]
    if not (lines := _unquantized(graph, results)):
        refusals = [result.refusal for result in results if result.refusal is not None]
    messages = list(dict.fromkeys([*lines, *map(str, refusals)]))
    if not messages:
        return
    if any(error is not None for error in unknown):
        messages.append(f"supported are: {SUPPORTED}; {ADVICE}")
    only_unsupported = all(isinstance(error, UnsupportedOperatorError) for error in refusals)
    family = UnsupportedOperatorError if refusals and only_unsupported else WorkloadError
    if len(messages) > MAXIMUM_LINES:
        more = len(messages) - MAXIMUM_LINES
        messages[MAXIMUM_LINES:] = [f"... and {more} problems more"]
    raise family("\n".join(messages))


def _unquantized(graph: TfliteGraph, results: Sequence[Outcome]) -> list[str]:
    """Return a line for each type of activations that make the whole file unfit."""
    indices = dict.fromkeys(
        index
        for result in results
        if not result.on_host and not result.only_shapes
        for index in (*result.operator.inputs, *result.operator.outputs)
        if index >= 0 and not graph.tensors[index].constant
    )
    counts = Counter(graph.tensors[index].type for index in indices)
    advice = {
        "FLOAT32": "convert the model with full integer quantization",
        "FLOAT16": "convert the model with full integer quantization",
        "INT16": "convert the model with 8-bit activations",
    }
    if counts["UINT8"] and not counts["INT8"]:
        return ["is quantized to uint8, the older scheme; convert the model with int8 activations"]
    return [
        f"is not quantized to 8 bits throughout: {count} of {len(indices)} computed tensors are "
        f"{form.lower()}; {advice[form]}"
        for form, count in counts.items()
        if form in advice
    ]


def _require_order(source: TfliteTensor, target: TfliteTensor, results: Sequence[Outcome]) -> None:
    """Require that a tensor is written once, and before it is read."""
    written = {source.name}
    for result in results:
        for layer in result.lowered.layers if result.lowered else ():
            for name in layer.inputs:
                if name not in written:
                    raise WorkloadError(
                        f"{result.operator}: reads tensor {short_name(name)}, which no operator "
                        "before it writes"
                    )
            if layer.output in written:
                raise WorkloadError(
                    f"{result.operator}: writes tensor {short_name(layer.output)}, which is "
                    "written already"
                )
            written.add(layer.output)
    if target.name not in written:
        raise WorkloadError(f"no operator writes the network's output {target.label}")


def _needed(layers: Sequence[IntegerLayer], output: str) -> list[IntegerLayer]:
    """Return the layers that the output depends on, in order."""
    wanted = {output}
    kept = []
    for layer in reversed(layers):
        if layer.output in wanted:
            wanted.update(layer.inputs)
            kept.append(layer)
    return kept[::-1]
