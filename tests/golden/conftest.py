"""The definition of integer networks once more, element by element, in exact fractions."""

from fractions import Fraction
from math import floor

import numpy as np
import pytest

from accelsim.arithmetic import Overflow, RescaleMode
from accelsim.network.integer import (
    IntegerAdd,
    IntegerAveragePool,
    IntegerClamp,
    IntegerLookup,
    IntegerMatrix,
    IntegerMaxPool,
    IntegerPad,
    IntegerQuotientPool,
    IntegerRequantize,
    IntegerReshape,
)


def half_up(value):
    return floor(value + Fraction(1, 2))


def half_away(value):
    return half_up(value) if value >= 0 else -half_up(-value)


def rescale_one(acc, parameters, channel=0):
    """One accumulator through the rescale unit, in exact fractions."""
    channel = channel if len(parameters.mantissas) > 1 else 0
    if parameters.mode is RescaleMode.FLOAT32:
        return round(float(np.float32(acc) * np.float32(parameters.multipliers[channel])))
    top = parameters.mantissa_bits - 1
    mantissa, shift = int(parameters.mantissas[channel]), int(parameters.shifts[channel])
    exact = Fraction(acc * mantissa) * Fraction(2) ** (shift - top)
    if parameters.mode is RescaleMode.SINGLE_ROUND:
        result = half_up(exact)
    elif parameters.mode is RescaleMode.TRUNCATE:
        result = floor(exact)
    else:
        left, right = max(shift, 0), max(-shift, 0)
        high = half_up(Fraction(acc * 2**left * mantissa, 2**top))
        result = half_away(Fraction(high, 2**right))
    return min(max(result, -(2**31)), 2**31 - 1)


def overflow_one(exact, accumulator):
    """Return (what the accumulator holds, whether that is an overflow)."""
    span = 2**accumulator.bits
    low, high = -span // 2, span // 2 - 1
    if low <= exact <= high:
        return exact, 0
    if accumulator.overflow is Overflow.SATURATE:
        return (low if exact < low else high), 1
    while exact < low:
        exact += span
    while exact > high:
        exact -= span
    return exact, 1


def positions(window, height, width):
    """Yield (output row, output column, [(kernel row, kernel column, row, column), ...])."""
    out_height, out_width = window.output_size(height, width)
    for oy in range(out_height):
        for ox in range(out_width):
            yield (
                oy,
                ox,
                [
                    (
                        ky,
                        kx,
                        oy * window.strides[0] - window.pads[0] + ky * window.dilations[0],
                        ox * window.strides[1] - window.pads[1] + kx * window.dilations[1],
                    )
                    for ky in range(window.kernel[0])
                    for kx in range(window.kernel[1])
                ],
            )


def channels_last(image):
    """The elements one by one, the channel running fastest."""
    channels = image.shape[0]
    pixels = image.reshape(channels, -1)
    return [int(pixels[c, p]) for p in range(pixels.shape[1]) for c in range(channels)]


def channels_first(elements, shape):
    """An image of ``shape`` from elements whose channel runs fastest."""
    image = np.empty(shape, dtype=np.int64).reshape(shape[0], -1)
    for place, element in enumerate(elements):
        image[place % shape[0], place // shape[0]] = element
    return image.reshape(shape)


class Reference:
    """Executes one image at a time; counts events."""

    def __init__(self, integer):
        self.integer = integer
        self.overflow_events = {}
        self.clip_events = {}

    def run(self, image):
        values = {self.integer.input: image}
        for layer in self.integer.layers:
            sources = [values[name] for name in layer.inputs]
            values[layer.output] = self.layer(layer, sources)
        return values

    def layer(self, layer, sources):
        operator = layer.operator
        formats = [self.integer.tensors[name] for name in layer.inputs]
        target = self.integer.tensors[layer.output]
        if isinstance(operator, IntegerReshape):
            if not operator.channels_last:
                return sources[0].reshape(target.shape)
            return channels_first(channels_last(sources[0]), target.shape)
        result = np.empty(target.shape, dtype=np.int64)
        if isinstance(operator, IntegerClamp):
            for index in np.ndindex(result.shape):
                value = int(sources[0][index])
                result[index] = min(max(value, operator.clamp_low), operator.clamp_high)
        elif isinstance(operator, IntegerMaxPool):
            _, height, width = sources[0].shape
            for oy, ox, taps in positions(operator.window, height, width):
                for channel in range(result.shape[0]):
                    result[channel, oy, ox] = max(
                        int(sources[0][channel, y, x])
                        for _, _, y, x in taps
                        if 0 <= y < height and 0 <= x < width
                    )
        elif isinstance(operator, IntegerQuotientPool):
            self.quotient_pool(operator, sources[0], result)
        elif isinstance(operator, IntegerRequantize):
            for index in np.ndindex(result.shape):
                above = int(sources[0][index]) - formats[0].zero_point
                result[index] = self.finish(layer, rescale_one(above, operator.rescale))
        elif isinstance(operator, IntegerLookup):
            for index in np.ndindex(result.shape):
                result[index] = operator.table[int(sources[0][index]) - formats[0].format.low]
        elif isinstance(operator, IntegerPad):
            for index in np.ndindex(result.shape):
                place = tuple(np.subtract(index, operator.before))
                inside = all(0 <= p < n for p, n in zip(place, sources[0].shape, strict=True))
                result[index] = sources[0][place] if inside else operator.fill
        elif isinstance(operator, IntegerMatrix):
            self.matrix(layer, sources[0], formats[0].zero_point, result)
        elif isinstance(operator, IntegerAdd):
            self.add(layer, sources, formats, result)
        elif isinstance(operator, IntegerAveragePool):
            self.average_pool(layer, sources[0], formats[0].zero_point, result)
        return result

    def quotient_pool(self, operator, source, result):
        _, height, width = source.shape
        for oy, ox, taps in positions(operator.window, height, width):
            inside = [(y, x) for _, _, y, x in taps if 0 <= y < height and 0 <= x < width]
            for channel in range(result.shape[0]):
                total = sum(int(source[channel, y, x]) for y, x in inside)
                rounded = half_away(Fraction(total, len(inside)))
                result[channel, oy, ox] = min(max(rounded, operator.clamp_low), operator.clamp_high)

    def finish(self, layer, rescaled):
        operator = layer.operator
        shifted = rescaled + self.integer.tensors[layer.output].zero_point
        clamped = min(max(shifted, operator.clamp_low), operator.clamp_high)
        self.clip_events.setdefault(layer.name, 0)
        self.clip_events[layer.name] += clamped != shifted
        return clamped

    def matrix(self, layer, source, zero_point, result):
        operator = layer.operator
        maps = source.reshape(source.shape if source.ndim == 3 else (-1, 1, 1))
        _, height, width = maps.shape
        out_channels, depth_channels = operator.weights.shape[:2]
        flat = result.reshape(out_channels, *operator.window.output_size(height, width))
        self.overflow_events.setdefault(layer.name, 0)
        for oy, ox, taps in positions(operator.window, height, width):
            for n in range(out_channels):
                first = n // (out_channels // operator.groups) * depth_channels
                acc = int(operator.bias[n])
                products = []
                for ky, kx, y, x in taps:
                    inside = 0 <= y < height and 0 <= x < width
                    for channel in range(depth_channels):
                        activation = int(maps[first + channel, y, x]) if inside else zero_point
                        products.append(activation * int(operator.weights[n, channel, ky, kx]))
                for step in self.steps(products, operator.vectors, n):
                    acc, event = overflow_one(acc + step, self.integer.accumulator)
                    self.overflow_events[layer.name] += event
                if operator.weight_zero_points is not None:
                    # Of the columns of a group, the first counts the row sum's overflows.
                    counts = n % (out_channels // operator.groups) == 0
                    row = 0
                    for _, _, y, x in taps:
                        inside = 0 <= y < height and 0 <= x < width
                        for channel in range(depth_channels):
                            value = int(maps[first + channel, y, x]) if inside else zero_point
                            row, event = overflow_one(row + value, self.integer.accumulator)
                            self.overflow_events[layer.name] += event * counts
                    exact = acc - int(operator.weight_zero_points[n]) * row
                    acc, event = overflow_one(exact, self.integer.accumulator)
                    self.overflow_events[layer.name] += event
                flat[n, oy, ox] = self.finish(layer, rescale_one(acc, operator.rescale, n))

    @staticmethod
    def steps(products, vectors, n):
        """What is added to the accumulator in one step: products, or scaled sums of vectors."""
        if vectors is None:
            return products
        cut = [products[i : i + vectors.size] for i in range(0, len(products), vectors.size)]
        assert len(cut) == len(vectors.scales)
        return [int(vectors.scales[v, n]) * sum(part) for v, part in enumerate(cut)]

    def add(self, layer, sources, formats, result):
        operator = layer.operator
        for index in np.ndindex(result.shape):
            left = int(sources[0][index]) - formats[0].zero_point
            right = int(sources[1][index]) - formats[1].zero_point
            if operator.rescale_sum.mode is RescaleMode.FLOAT32:
                factors = [
                    np.float32(rescale.multipliers[0])
                    for rescale in (operator.rescale_left, operator.rescale_right)
                ]
                total = np.float32(left) * factors[0] + np.float32(right) * factors[1]
                rescaled = round(float(total))
            else:
                scaled = 2**operator.left_shift
                common = rescale_one(left * scaled, operator.rescale_left) + rescale_one(
                    right * scaled, operator.rescale_right
                )
                rescaled = rescale_one(common, operator.rescale_sum)
            result[index] = self.finish(layer, rescaled)

    def average_pool(self, layer, source, zero_point, result):
        operator = layer.operator
        _, height, width = source.shape
        for oy, ox, taps in positions(operator.window, height, width):
            inside = [(y, x) for _, _, y, x in taps if 0 <= y < height and 0 <= x < width]
            count = len(taps) if operator.count_include_pad else len(inside)
            parameters = operator.rescales[operator.counts.index(count)]
            for channel in range(result.shape[0]):
                total = sum(int(source[channel, y, x]) - zero_point for y, x in inside)
                result[channel, oy, ox] = self.finish(layer, rescale_one(total, parameters))


@pytest.fixture(scope="session")
def reference():
    return Reference
