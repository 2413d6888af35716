"""Small TensorFlow Lite models by hand."""

import numpy as np
import pytest


@pytest.fixture
def image_classifier(tflite_file):
    """Real input; convolution, depthwise, sum, pool, reshape, dense layer, softmax; real output."""
    generator = np.random.default_rng(0)
    file = tflite_file()

    def constant(shape, scale, axis=0, type="INT8"):
        return file.tensor(shape, type, scale, axis=axis, data=generator.integers(-90, 90, shape))

    real = file.tensor((1, 6, 5, 2), "FLOAT32", name="real")
    x = file.tensor((1, 6, 5, 2), scale=0.5, zero_point=-3, name="image")
    file.operator("QUANTIZE", [real], [x], "QuantizeOptions")
    weights = constant((4, 3, 3, 2), [0.01, 0.02, 0.03, 0.04])
    bias = constant((4,), [0.005, 0.01, 0.015, 0.02], type="INT32")
    y = file.tensor((1, 3, 3, 4), scale=0.25, zero_point=-128, name="features")
    strides = {"StrideH": 2, "StrideW": 2, "FusedActivationFunction": 1}
    file.operator("CONV_2D", [x, weights, bias], [y], "Conv2DOptions", Padding=0, **strides)
    weights = constant((1, 3, 3, 4), [0.01] * 4, axis=3)
    bias = constant((4,), [0.0025] * 4, type="INT32")
    z = file.tensor((1, 3, 3, 4), scale=0.125, zero_point=5, name="filtered")
    options = {"Padding": 0, "StrideH": 1, "StrideW": 1, "DepthMultiplier": 1}
    file.operator("DEPTHWISE_CONV_2D", [y, weights, bias], [z], "DepthwiseConv2DOptions", **options)
    total = file.tensor((1, 3, 3, 4), scale=0.3, zero_point=1, name="sum")
    file.operator("ADD", [y, z], [total], "AddOptions")
    pooled = file.tensor((1, 1, 1, 4), scale=0.3, zero_point=1, name="pooled")
    options = {"Padding": 1, "FilterHeight": 3, "FilterWidth": 3, "StrideH": 3, "StrideW": 3}
    file.operator("AVERAGE_POOL_2D", [total], [pooled], "Pool2DOptions", **options)
    shape = file.tensor((2,), "INT32", data=[1, 4])
    flat = file.tensor((1, 4), scale=0.3, zero_point=1, name="flat")
    file.operator("RESHAPE", [pooled, shape], [flat], "ReshapeOptions")
    scores = file.tensor((1, 3), scale=0.2, zero_point=0, name="scores")
    file.operator(
        "FULLY_CONNECTED",
        [flat, constant((3, 4), 0.1), constant((3,), 0.03, type="INT32")],
        [scores],
        "FullyConnectedOptions",
    )
    shares = file.tensor((1, 3), scale=1 / 256, zero_point=-128, name="shares")
    file.operator("SOFTMAX", [scores], [shares], "SoftmaxOptions", Beta=1.0)
    result = file.tensor((1, 3), "FLOAT32", name="result")
    file.operator("DEQUANTIZE", [shares], [result])
    return file.content([real], [result])


@pytest.fixture
def signal_chain(tflite_file):
    """Padding, ReLU, mean, a dense layer without bias, logistic; a tensor nobody reads."""
    file = tflite_file()
    x = file.tensor((1, 4, 6, 2), scale=0.5, zero_point=4, name="signal")
    margins = file.tensor((4, 2), "INT32", data=[[0, 0], [1, 0], [2, 1], [0, 0]])
    padded = file.tensor((1, 5, 9, 2), scale=0.5, zero_point=4, name="padded")
    file.operator("PAD", [x, margins], [padded], "PadOptions")
    positive = file.tensor((1, 5, 9, 2), scale=0.4, zero_point=-128, name="positive")
    file.operator("RELU", [padded], [positive])
    unread = file.tensor((1, 5, 9, 2), scale=0.4, zero_point=-128, name="unread")
    file.operator("RELU6", [positive], [unread])
    axes = file.tensor((2,), "INT32", data=[1, 2])
    mean = file.tensor((1, 2), scale=0.1, zero_point=-20, name="mean")
    file.operator("MEAN", [positive, axes], [mean], "ReducerOptions", KeepDims=False)
    weights = file.tensor((3, 2), "INT8", 0.05, data=[[1, 2], [-3, 4], [0, 0]])
    scores = file.tensor((1, 3), scale=0.02, zero_point=0, name="scores")
    file.operator("FULLY_CONNECTED", [mean, weights], [scores], "FullyConnectedOptions")
    result = file.tensor((1, 3), scale=1 / 256, zero_point=-128, name="result")
    file.operator("LOGISTIC", [scores], [result])
    return file.content([x], [result])
