"""The integer network: integers and rescale parameters only, complete enough to execute.

What an accelerator computes for it is defined here to the last bit; `accelsim.golden` and
`accelsim.simulator` are two separate executions of this definition.

**Matrix layers.** For output row *m* (an image's output pixel) and column *n* (output channel)

    acc = bias[n];  for k in 0 .. K-1:  acc = overflow(acc + activation[m, k] * weight[k, n])
    out = clamp(rescale(acc, n) + zero_point_out, clamp_low, clamp_high)

The depth *k* runs over the kernel's rows, then its columns, then the group's input channels
(channel fastest): with an overflowing accumulator the order is part of the result. Padding
enters as the input's zero point. ``bias`` already holds ``- zero_point_in * sum_k weight``.

**Asymmetric weights**, ``real = scale * (weight - weight_zero_point[n])``: the products stay those
of the stored integers, and each row's activations are summed up beside them, in an accumulator of
the same width and policy that starts from 0 and meets the depth in the same order:

    row = 0;        for k in 0 .. K-1:  row = overflow(row + activation[m, k])
    acc = overflow(acc - weight_zero_point[n] * row)

The subtraction is one step more of ``acc``; its product is exact. A group has a row sum of its own
for each row *m*, padding included; overflow events of its steps count once, not for each column.
``bias`` then holds ``- zero_point_in * sum_k (weight - weight_zero_point)``, so that no
constant is left over. Without weight zero points there are no row sums.

**Vectors of weights.** Where a matrix layer has ``vectors``, its depth is cut into vectors of
``size`` elements, the last one shorter if ``size`` does not divide it, each with an unsigned
integer scale for each output channel (VS-Quant, Dai et al., MLSys 2021; the real weight is
``weight * scale * weight_scales``)

    acc = bias[n];  for v in 0 .. V-1:
        part = sum of activation[m, k] * weight[k, n] over the k of vector v, from 0
        acc = overflow(acc + scale[v, n] * part)

A part is exact: layers whose parts could leave the accumulator's range are refused. The product
with the scale is as wide as it is, and the overflow policy applies once, to each sum with it. (An
array that has to cut a vector adds its parts one by one. Accumulators that wrap end in the same
integers, though other sums may overflow on the way; where they saturate, that is refused unless
nothing can overflow.) ``bias`` then holds ``- zero_point_in * sum_k scale * weight``. Weights have
zero points or vectors, not both.

**Ranges found at run time.** Operators of `accelsim.network.run_time` give each image a scale and
zero point of its own; what follows them computes with those.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from accelsim.arithmetic.formats import Accumulator, IntegerFormat
from accelsim.arithmetic.rescale import Rescale
from accelsim.arithmetic.rounding import Rounding
from accelsim.errors import InternalError
from accelsim.network.geometry import Shape, Window
from accelsim.network.run_time import (
    RunTimeAdd,
    RunTimeAveragePool,
    RunTimeClamp,
    RunTimeMatrix,
)
from accelsim.network.vectors import WeightVectors

__all__ = [
    "IntegerAdd",
    "IntegerAveragePool",
    "IntegerClamp",
    "IntegerLayer",
    "IntegerLookup",
    "IntegerMatrix",
    "IntegerMaxPool",
    "IntegerNetwork",
    "IntegerOperator",
    "IntegerPad",
    "IntegerQuotientPool",
    "IntegerRequantize",
    "IntegerReshape",
    "IntegerSoftmax",
    "QuantizedTensor",
]


@dataclass(frozen=True)
class QuantizedTensor:
    """A tensor's integer meaning: ``real = scale * (integer - zero_point)``.

    ``at_run_time``: each image has a scale and zero point of its own, found when it is computed;
    then ``scale`` and ``zero_point`` are 0 and mean nothing.
    """

    shape: Shape
    format: IntegerFormat
    scale: float
    zero_point: int
    at_run_time: bool = False


@dataclass(frozen=True, eq=False)
class IntegerMatrix:
    """A convolution or dense layer on the array (dense: a 1x1 window over (features, 1, 1)).

    weights: int32[out_channels, in_channels / groups, kernel_y, kernel_x], values in
    ``weight_format``; bias: int64[out_channels], values within the accumulator; rescale holds
    one multiplier, or one for each output channel. weight_zero_points: int64[out_channels], values
    of ``weight_format``, not all of them 0; None: symmetric weights. ``vectors`` are integer scales
    within the channels' own (``weight_scales``), or none.
    """

    weights: NDArray[np.int32]
    weight_format: IntegerFormat
    weight_scales: NDArray[np.float64]
    bias: NDArray[np.int64]
    window: Window
    groups: int
    rescale: Rescale
    clamp_low: int
    clamp_high: int
    weight_zero_points: NDArray[np.int64] | None = None
    vectors: WeightVectors | None = None

    def __post_init__(self) -> None:
        if self.weight_zero_points is not None and self.vectors is not None:
            raise InternalError("weights have zero points or vectors, not both")

    @property
    def has_row_sums(self) -> bool:
        """Whether its outputs need the sums of their rows' activations."""
        return self.weight_zero_points is not None


@dataclass(frozen=True)
class IntegerAdd:
    """``out = clamp(round(((a - z_a) * M_a + (b - z_b) * M_b)) + z_out)``.

    In the integer rescale modes the two operands are first brought to a common scale as TFLite's
    reference ADD does (shift left by ``left_shift``, rescale each, add, rescale the sum). In
    ``float32`` mode ``rescale_left`` and ``rescale_right`` hold s_a/s_out and s_b/s_out and
    ``rescale_sum`` is not used: the float32 sum is rounded once, half to even.
    """

    rescale_left: Rescale
    rescale_right: Rescale
    rescale_sum: Rescale
    left_shift: int
    clamp_low: int
    clamp_high: int


@dataclass(frozen=True)
class IntegerMaxPool:
    """Maximum of the integers in the window; input and output share scale and zero point."""

    window: Window


@dataclass(frozen=True, eq=False)
class IntegerAveragePool:
    """``out = clamp(rescale(sum over the window of (q - z_in), count) + z_out)``.

    ``rescales[i]`` belongs to windows that average ``counts[i]`` elements (windows at the edge
    average fewer when padding is not counted); its multiplier is ``s_in / (s_out * count)``, of
    TFLite's MEAN with the mantissa of `accelsim.arithmetic.mean_rescale`.
    """

    window: Window
    count_include_pad: bool
    counts: tuple[int, ...]
    rescales: tuple[Rescale, ...]
    clamp_low: int
    clamp_high: int


@dataclass(frozen=True)
class IntegerQuotientPool:
    """``out = clamp((sum over the window of q) / count)``, halves away from zero.

    TFLite's average pool: ``count`` is the window's elements outside padding, and nothing is
    rescaled, as input and output share scale and zero point.
    """

    window: Window
    clamp_low: int
    clamp_high: int


@dataclass(frozen=True)
class IntegerClamp:
    """``out = min(max(q, low), high)``; input and output share scale and zero point."""

    clamp_low: int
    clamp_high: int


@dataclass(frozen=True)
class IntegerRequantize:
    """``out = clamp(rescale(q - z_in) + z_out)``: the same reals on another scale."""

    rescale: Rescale
    clamp_low: int
    clamp_high: int


@dataclass(frozen=True, eq=False)
class IntegerLookup:
    """A function of one element: ``out = table[q - low]``, low the input format's smallest integer.

    table: int32[2^bits of the input], integers of the output's format.
    """

    table: NDArray[np.int32]


@dataclass(frozen=True)
class IntegerPad:
    """``before`` and ``after`` elements of the integer ``fill`` on each axis of an image.

    Input and output share scale and zero point; a padding of reals 0 has the zero point as fill.
    """

    before: tuple[int, ...]
    after: tuple[int, ...]
    fill: int


@dataclass(frozen=True)
class IntegerSoftmax:
    """Softmax over the channels (axis 0 of an image) in fixed point, by the host.

    The input's scale, times beta, is ``mantissa * 2^(left_shift - 31)`` in Q5.26; elements more
    than ``largest_difference`` below the largest give the output's smallest integer. TFLite's
    int8 softmax: the output has scale 1/256 and zero point -128. What is computed from these
    numbers is `accelsim.arithmetic.softmax_integers`.
    """

    mantissa: int
    left_shift: int
    largest_difference: int


@dataclass(frozen=True)
class IntegerReshape:
    """Another shape for the same integers: nothing moves.

    Elements are taken in row-major order of the image as it is stated here, channels first, or
    (``channels_last``) as if input and output were stated with their channels as the last axis.
    """

    channels_last: bool = False


IntegerOperator = (
    IntegerMatrix
    | IntegerAdd
    | IntegerMaxPool
    | IntegerAveragePool
    | IntegerQuotientPool
    | IntegerClamp
    | IntegerRequantize
    | IntegerLookup
    | IntegerPad
    | IntegerSoftmax
    | IntegerReshape
    | RunTimeMatrix
    | RunTimeAdd
    | RunTimeAveragePool
    | RunTimeClamp
)


@dataclass(frozen=True, eq=False)
class IntegerLayer:
    """One integer operator with the names of the tensors it reads and the tensor it writes."""

    name: str
    operator: IntegerOperator
    inputs: tuple[str, ...]
    output: str


@dataclass(frozen=True, eq=False)
class IntegerNetwork:
    """Integer layers in execution order.

    ``tensors`` has every tensor's format; ``host_layers`` names the float layers that run on
    the host after the integer output is dequantized (softmax); ``input_rounding`` is how the
    host makes the input's integers from real numbers.
    """

    name: str
    input: str
    output: str
    layers: tuple[IntegerLayer, ...]
    tensors: dict[str, QuantizedTensor]
    accumulator: Accumulator
    host_layers: tuple[str, ...] = ()
    input_rounding: Rounding = Rounding.HALF_EVEN
