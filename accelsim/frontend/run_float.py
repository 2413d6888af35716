"""The float network, run by onnxruntime: the accuracy to compare with, and the calibration."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray

from accelsim.errors import DataError, InternalError, WorkloadError
from accelsim.frontend.load_onnx import ImportedModel
from accelsim.network import Network, Reshape

__all__ = ["run_float"]

NEWEST_IR_VERSION = 10
"""onnx writes newer models than an older onnxruntime reads; the operators are the same."""

IMAGES_AT_ONCE = 64

_Floats = NDArray[np.float32]


def run_float(model: ImportedModel, images: _Floats, tensors: Sequence[str]) -> dict[str, _Floats]:
    """Run the original ONNX model and return the named tensors.

    Parameters
    ----------
    model
        What `load_onnx` returned.
    images
        float32[count, *input shape], count at least 1.
    tensors
        Names of tensors of ``model.network``, in any order.

    Returns
    -------
    dict
        float32[count, *shape] for each name.

    Raises
    ------
    DataError
        If the images do not have the network's input shape.
    WorkloadError
        If onnxruntime cannot run the model.
    """
    network = model.network
    expected = network.shapes[network.input]
    if images.shape[1:] != expected or not len(images):
        wanted = ", ".join(map(str, ("count", *expected)))
        raise DataError(f"images: must be [{wanted}], got {list(images.shape)}")
    images = np.ascontiguousarray(images, np.float32)
    sources = _sources(model, tensors)
    wanted_names = sorted({name for name in sources.values() if name != network.input})
    computed: dict[str, _Floats] = {network.input: images}
    if wanted_names:
        chunks = _run_chunks(model, images, wanted_names)
        columns = zip(*chunks, strict=True)
        for name, parts in zip(wanted_names, columns, strict=True):
            computed[name] = _in_network_order(name, np.concatenate(parts), model)
    return {
        name: computed[source].reshape(len(images), *network.shapes[name])
        for name, source in sources.items()
    }


def _in_network_order(name: str, values: _Floats, model: ImportedModel) -> _Floats:
    """Turn a tensor from the file's order of axes, or of elements, to the network's."""
    if name in model.orders:
        return values.transpose(np.argsort(model.orders[name]))
    if name in model.element_orders:
        return values[:, np.argsort(model.element_orders[name])]
    return values


def _sources(model: ImportedModel, tensors: Sequence[str]) -> dict[str, str]:
    """Return the ONNX tensor that holds the values of each tensor.

    Importing can add reshapes, whose tensors the file does not have; but a reshape's input and
    output hold the same values.
    """
    graph = onnx.load_model_from_string(model.model_bytes).graph
    known = {name for node in graph.node for name in node.output} | {model.network.input}
    same = _same_values(model.network)
    sources = {}
    for tensor in tensors:
        found = next((name for name in same.get(tensor, (tensor,)) if name in known), None)
        if found is None or tensor not in model.network.shapes:
            raise InternalError(f"tensor {tensor!r} is not a tensor of {model.network.name!r}")
        sources[tensor] = found
    return sources


def _same_values(network: Network) -> Mapping[str, tuple[str, ...]]:
    groups: dict[str, tuple[str, ...]] = {}
    for layer in network.layers:
        if isinstance(layer.operator, Reshape):
            group = (*groups.get(layer.inputs[0], layer.inputs), layer.output)
            groups.update(dict.fromkeys(group, group))
    # A tensor's own name comes first.
    return {name: (name, *group) for name, group in groups.items()}


def _run_chunks(model: ImportedModel, images: _Floats, tensors: list[str]) -> list[list[_Floats]]:
    session = _session(model, tensors)
    if model.channels_last:
        images = np.ascontiguousarray(images.transpose(0, 2, 3, 1))
    size = model.batch or IMAGES_AT_ONCE
    chunks = []
    for start in range(0, len(images), size):
        chunk = images[start : start + size]
        count = len(chunk)
        if model.batch:
            # The model takes exactly this many images: the last one fills up.
            chunk = np.concatenate([chunk, np.repeat(chunk[-1:], size - count, axis=0)])
        try:
            results: list[Any] = session.run(tensors, {model.network.input: chunk})
        except Exception as error:
            raise _cannot_run(model, error) from None
        chunks.append([result[:count] for result in results])
    return chunks


def _session(model: ImportedModel, tensors: list[str]) -> onnxruntime.InferenceSession:
    proto = onnx.load_model_from_string(model.model_bytes)
    proto.ir_version = min(proto.ir_version, NEWEST_IR_VERSION)
    present = {output.name for output in proto.graph.output}
    proto.graph.output.extend(
        onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None)
        for name in tensors
        if name not in present
    )
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = 1
    try:
        return onnxruntime.InferenceSession(
            proto.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )
    except Exception as error:
        raise _cannot_run(model, error) from None


def _cannot_run(model: ImportedModel, error: Exception) -> WorkloadError:
    reason = str(error).strip().splitlines()[0]
    return WorkloadError(f"{model.network.name}: onnxruntime cannot run it: {reason}")
