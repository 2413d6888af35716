"""What the host does around the accelerator: real numbers in, real numbers out."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from accelsim.arithmetic import RunTimeCodes, dequantize, quantize
from accelsim.errors import DataError
from accelsim.network.integer import IntegerNetwork

__all__ = ["dequantize_output", "quantize_input", "softmax"]


def quantize_input(integer: IntegerNetwork, images: NDArray[np.float32]) -> NDArray[np.int32]:
    """Return float32[images, *shape] as the network's input integers, int32[images, *shape].

    Values outside the calibrated range take the nearest end of it. Ties are rounded as the
    network says (``input_rounding``).

    Raises
    ------
    DataError
        If the images have another shape than the network's input, or are not finite.
    """
    tensor = integer.tensors[integer.input]
    if images.shape[1:] != tensor.shape:
        raise DataError(
            f"images: shape of one image must be {tensor.shape} for network {integer.name!r}, "
            f"got {images.shape[1:]}"
        )
    if not np.isfinite(images).all():
        raise DataError("images: values are NaN or infinite")
    return quantize(images, tensor.scale, tensor.zero_point, tensor.format, integer.input_rounding)


def dequantize_output(
    integer: IntegerNetwork, outputs: NDArray[np.int32], codes: RunTimeCodes | None = None
) -> NDArray[np.float32]:
    """Return the network's real output, float32[images, *shape], host layers (softmax) included.

    ``codes``: each image's scale and zero point, if the output's are found at run time.

    Raises
    ------
    DataError
        If they are found at run time and not given.
    """
    tensor = integer.tensors[integer.output]
    if not tensor.at_run_time:
        codes = RunTimeCodes.same(tensor.scale, tensor.zero_point, len(outputs))
    if codes is None:
        raise DataError(f"output of {integer.name!r}: scales are found at run time: give codes")
    values = dequantize(outputs, codes.scales, codes.zero_points, axis=0)
    return softmax(values) if integer.host_layers else values


def softmax(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return exp(x) / sum(exp(x)) along the last axis, float32."""
    exponentials = np.exp(values - values.max(axis=-1, keepdims=True))
    return np.asarray(exponentials / exponentials.sum(axis=-1, keepdims=True), dtype=np.float32)
