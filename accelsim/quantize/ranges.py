"""The range of real values that an activation tensor's integers have to cover."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from accelsim.errors import DataError
from accelsim.network.graph import Network
from accelsim.quantize.activations import activation_codes
from accelsim.quantize.fusion import plan_network
from accelsim.quantize.observers import OBSERVERS, Range, RangeMethod
from accelsim.quantize.spec import QuantizationSpec
from accelsim.quantize.widths import network_widths

__all__ = ["observe_ranges", "observed_tensors"]

FloatArray = NDArray[np.floating[Any]]


def observed_tensors(network: Network) -> tuple[str, ...]:
    """Return the names of the tensors whose range quantization needs, in execution order.

    Fewer than all: a layer's output that only goes into a clamp is never formed, and max pools,
    reshapes and clamps keep the scale of their input.
    """
    plan = plan_network(network)
    return tuple(tensor for tensor, owner in plan.scale_owners.items() if tensor == owner)


def observe_ranges(
    network: Network, activations: Mapping[str, FloatArray], spec: QuantizationSpec
) -> dict[str, Range]:
    """Take the range of every tensor of `observed_tensors` from calibration activations.

    With dynamic ranges that is the network's input alone.

    Parameters
    ----------
    network
        The float network.
    activations
        float[images, *shape] by tensor name; more tensors than needed do no harm.
    spec
        Says which range method, and how many bits a tensor has.

    Raises
    ------
    ConfigError
        If the spec has widths of a layer that there is not.
    DataError
        If a tensor's activations are missing, empty or not finite, or those of the input are all
        the same.
    """
    bits = network_widths(network, spec).activations
    classes = _class_tensor(network)
    ranges: dict[str, Range] = {}
    dynamic = spec.range_method is RangeMethod.DYNAMIC
    for tensor in (network.input,) if dynamic else observed_tensors(network):
        if tensor not in activations:
            raise DataError(f"calibration: no activations of tensor {tensor!r}")
        values = np.asarray(activations[tensor])
        if values.size == 0:
            raise DataError(f"calibration: tensor {tensor!r} has no values: at least one image")
        bad = int(np.count_nonzero(~np.isfinite(values)))
        if bad:
            raise DataError(
                f"calibration: tensor {tensor!r} has {bad} values that are NaN or infinite "
                f"of {values.size}"
            )
        if tensor == network.input and values.size > 1 and values.min() == values.max():
            raise DataError(
                f"calibration: all {values.size:,} values of the images are {values.min():g}: they "
                "say nothing of a range"
            )
        method = spec.range_method
        if method is RangeMethod.CROSS_ENTROPY and tensor != classes:
            method = RangeMethod.MSE
        codes = activation_codes(bits[tensor], spec)
        ranges[tensor] = OBSERVERS[method](values, codes, spec.percentile)
    return ranges


def _class_tensor(network: Network) -> str | None:
    """Return the tensor whose largest element is the answer: what the last softmax reads.

    Without one, the output if it is a vector.
    """
    plan = plan_network(network)
    owner = plan.scale_owners[plan.output]
    is_vector = len(network.shapes[plan.output]) == 1
    return owner if plan.host_layers or is_vector else None
