"""tflite-micro as a witness, and random models of one operator and of many for it."""

import numpy as np
import pytest

from accelsim.frontend.tflite import in_file_layout, load_tflite, read_tflite
from accelsim.golden import execute

SAME, VALID = 0, 1
ACTIVATIONS = {"NONE": 0, "RELU": 1, "RELU_N1_TO_1": 2, "RELU6": 3}


class Models:
    """Draws models; every method adds an operator to ``file`` and returns its output tensor."""

    def __init__(self, file, generator):
        self.file = file
        self.generator = generator

    def integer(self, low, high):
        return int(self.generator.integers(low, high, endpoint=True))

    def chance(self, probability):
        return self.generator.random() < probability

    def scale(self, low=-8.0, high=0.0):
        return float(np.float32(2.0 ** self.generator.uniform(low, high)))

    def zero_point(self):
        ends = [-128, 127] if self.chance(0.3) else [0, self.integer(-128, 127)]
        return int(self.generator.choice(ends))

    def activation(self):
        if self.chance(0.5):
            return ACTIVATIONS["NONE"]
        return ACTIVATIONS[str(self.generator.choice(list(ACTIVATIONS)))]

    def computed(self, shape, scale=None, zero_point=None, type="INT8"):
        """A tensor that the network computes, or its input."""
        if zero_point is None:
            zero_point = self.zero_point() + (128 if type == "UINT8" else 0)
        return self.file.tensor(shape, type, scale or self.scale(), zero_point)

    def like(self, tensor, shape):
        stated = self.file.tensors[tensor]
        return self.file.tensor(shape, "INT8", stated["scale"], stated["zero_point"])

    def shape(self, tensor):
        return self.file.tensors[tensor]["shape"]

    def image(self, largest=7, channels=None):
        shape = (
            1,
            self.integer(1, largest),
            self.integer(1, largest),
            channels or self.integer(1, 5),
        )
        return self.computed(shape)

    # Layers of the array

    def multipliers(self, count, depth, largest_bias):
        """Rescale multipliers for sums of ``depth`` products, no left shift beyond 32 bits."""
        sums = min(depth * 127 * 255 + largest_bias, 2**31 - 2)
        most = 31 - np.log2(sums + 1)
        kind = self.generator.choice([*["usual"] * 6, "zero", "least", "left", "any"])
        if kind == "usual":
            # A sum of random products is far smaller than the largest; most results then lie
            # inside their clamps, where a rounding shows.
            likely = 5000 * np.sqrt(depth) + largest_bias / 2
            exponents = np.log2(50 / likely) + self.generator.uniform(-2, 2, count)
        elif kind == "zero":
            exponents = self.generator.uniform(-40, -32.1, count)
        elif kind == "least":
            exponents = self.generator.uniform(-32, -31, count)
        elif kind == "left":
            exponents = self.generator.uniform(0, max(most - 1, 0), count)
        else:
            exponents = self.generator.uniform(-34, 0, count)
        return 2.0 ** np.minimum(exponents, most - 1)

    def weights(self, shape, axis):
        kind = self.generator.choice(["any", "any", "ends", "few"])
        if kind == "ends":
            values = self.generator.choice([-127, 127], shape)
        elif kind == "few":
            values = self.generator.integers(-2, 3, shape)
        else:
            values = self.generator.integers(-127, 128, shape)
        if self.chance(0.2):  # a dead channel
            index = [slice(None)] * len(shape)
            index[axis] = self.integer(0, shape[axis] - 1)
            values[tuple(index)] = 0
        return values

    def parameters(self, source, shape, axis, depth, per_channel, with_bias=True):
        """Weights, bias and the output's scale for layers of the array."""
        # The last leaves room for the products, and shows what multipliers near 2^-32 make of it.
        largest_bias = int(self.generator.choice([0, 100, 10_000, 2**30, 2**31 - 2**24]))
        outputs = shape[axis]
        multipliers = self.multipliers(outputs if per_channel else 1, depth, largest_bias)
        source_scale = float(self.file.tensors[source]["scale"][0])
        target_scale = self.scale(-6, 2)
        scales = (multipliers * target_scale / source_scale).astype(np.float32)
        weights = self.file.tensor(shape, "INT8", scales, 0, axis, data=self.weights(shape, axis))
        if not with_bias:
            return [source, weights], target_scale
        values = self.generator.integers(-largest_bias, largest_bias, outputs, endpoint=True)
        if self.chance(0.3):
            values = self.generator.choice([-largest_bias, largest_bias], outputs)
        bias = self.file.tensor(
            (outputs,), "INT32", scales * np.float32(source_scale), 0, 0, data=values
        )
        return [source, weights, bias], target_scale

    def padded_size(self, size, kernel, stride, dilation, padding):
        extent = (kernel - 1) * dilation + 1
        return -(-size // stride) if padding == SAME else (size - extent) // stride + 1

    def geometry(self, source):
        """Kernel, strides, dilations, padding that fit an image."""
        _, height, width, _ = self.shape(source)
        padding = self.integer(SAME, VALID)
        kernel = [self.integer(1, 4), self.integer(1, 4)]
        strides = [self.integer(1, 3), self.integer(1, 3)]
        dilations = [self.integer(1, 2), self.integer(1, 2)] if self.chance(0.3) else [1, 1]
        for axis, size in enumerate((height, width)):
            if padding == VALID and (kernel[axis] - 1) * dilations[axis] + 1 > size:
                kernel[axis], dilations[axis] = self.integer(1, size), 1
        sizes = [
            self.padded_size(size, *numbers, padding)
            for size, *numbers in zip((height, width), kernel, strides, dilations, strict=True)
        ]
        return kernel, strides, dilations, padding, sizes

    def convolution(self, source=None):
        groups = self.integer(1, 3) if source is None else 1
        if source is None:
            source = self.image(channels=groups * self.integer(1, 3))
        channels = self.shape(source)[3]
        outputs = groups * self.integer(1, 3)
        kernel, strides, dilations, padding, sizes = self.geometry(source)
        shape = (outputs, *kernel, channels // groups)
        depth = channels // groups * kernel[0] * kernel[1]
        inputs, scale = self.parameters(source, shape, 0, depth, self.chance(0.8), self.chance(0.9))
        target = self.computed((1, *sizes, outputs), scale)
        self.file.operator(
            "CONV_2D",
            inputs,
            [target],
            "Conv2DOptions",
            Padding=padding,
            StrideH=strides[0],
            StrideW=strides[1],
            DilationHFactor=dilations[0],
            DilationWFactor=dilations[1],
            FusedActivationFunction=self.activation(),
        )
        return source, target

    def depthwise(self, source=None):
        source = self.image() if source is None else source
        channels, multiplier = self.shape(source)[3], self.integer(1, 3)
        outputs = channels * multiplier
        kernel, strides, dilations, padding, sizes = self.geometry(source)
        inputs, scale = self.parameters(
            source, (1, *kernel, outputs), 3, kernel[0] * kernel[1], self.chance(0.8)
        )
        target = self.computed((1, *sizes, outputs), scale)
        self.file.operator(
            "DEPTHWISE_CONV_2D",
            inputs,
            [target],
            "DepthwiseConv2DOptions",
            Padding=padding,
            StrideH=strides[0],
            StrideW=strides[1],
            DepthMultiplier=multiplier,
            DilationHFactor=dilations[0],
            DilationWFactor=dilations[1],
            FusedActivationFunction=self.activation(),
        )
        return source, target

    def fully_connected(self, source=None):
        if source is None:
            depth = self.integer(1, 40)
            leading = [(1,), (self.integer(1, 4),), (1, 3), (2, 2), (1, 2, 2)]
            shape = (*leading[self.integer(0, 4)], depth)
            source = self.computed(shape)
        else:
            shape = (1, int(np.prod(self.shape(source))))
            depth = shape[-1]
        outputs = self.integer(1, 8)
        keep = bool(self.chance(0.5)) and self.shape(source)[-1] == depth
        rows = int(np.prod(shape)) // depth
        inputs, scale = self.parameters(
            source, (outputs, depth), 0, depth, self.chance(0.4), self.chance(0.7)
        )
        if len(inputs) == 2 and self.chance(0.5):
            inputs.append(-1)
        target_shape = (*self.shape(source)[:-1], outputs) if keep else (rows, outputs)
        target = self.computed(target_shape, scale)
        self.file.operator(
            "FULLY_CONNECTED",
            inputs,
            [target],
            "FullyConnectedOptions",
            FusedActivationFunction=self.activation(),
            KeepNumDims=keep,
        )
        return source, target

    # Layers of the vector unit

    def add(self, left=None, right=None):
        """The sum of a tensor and itself, or of two tensors."""
        if left is None:
            left = self.image()
        source = left
        if right is None:
            right = left
        scales = [float(self.file.tensors[tensor]["scale"][0]) for tensor in (left, right)]
        target = self.computed(self.shape(left), max(scales) * self.scale(-4, 3))
        self.file.operator(
            "ADD",
            [left, right],
            [target],
            "AddOptions",
            FusedActivationFunction=self.activation(),
        )
        return source, target

    def requantized_add(self):
        """A sum of a tensor with its own copy on another scale."""
        source, right = self.quantize(self.computed((1, 3, 3, 2)))
        return source, self.add(source, right)[1]

    def pool(self, source=None):
        source = self.image() if source is None else source
        kernel, strides, _, padding, sizes = self.geometry(source)
        if padding == VALID:
            kernel = [min(k, n) for k, n in zip(kernel, self.shape(source)[1:3], strict=True)]
        sizes = [
            self.padded_size(size, k, stride, 1, padding)
            for size, k, stride in zip(self.shape(source)[1:3], kernel, strides, strict=True)
        ]
        target = self.like(source, (1, *sizes, self.shape(source)[3]))
        self.file.operator(
            str(self.generator.choice(["AVERAGE_POOL_2D", "MAX_POOL_2D"])),
            [source],
            [target],
            "Pool2DOptions",
            Padding=padding,
            StrideH=strides[0],
            StrideW=strides[1],
            FilterHeight=kernel[0],
            FilterWidth=kernel[1],
            FusedActivationFunction=self.activation(),
        )
        return source, target

    def mean(self, source=None):
        shapes = [(1, self.integer(1, 9), self.integer(1, 9), 3), (1, self.integer(2, 9), 4)]
        source = self.computed(shapes[self.integer(0, 1)]) if source is None else source
        shape = self.shape(source)
        choices = [[1, 2], [2, 1], [-3, -2], [1], [2], [-1], [2, 3], [0, 1]]
        if len(shape) == 3:
            choices = [[1], [-2], [2], [1, 2], [0]]
        axes = choices[self.integer(0, len(choices) - 1)]
        resolved = {axis % len(shape) for axis in axes}
        keep = bool(self.chance(0.5))
        target_shape = tuple(
            1 if axis in resolved else size
            for axis, size in enumerate(shape)
            if keep or axis not in resolved
        )
        same = self.chance(0.3)
        target = self.like(source, target_shape) if same else self.computed(target_shape)
        constant = self.file.tensor((len(axes),), "INT32", data=axes)
        self.file.operator("MEAN", [source, constant], [target], "ReducerOptions", KeepDims=keep)
        return source, target

    def quantize(self, source=None):
        types = [("INT8", "INT8"), ("UINT8", "INT8"), ("INT8", "UINT8")]
        before, after = types[self.integer(0, 2)] if source is None else types[0]
        shape = (1, 3, 4, 2)
        source = self.computed(shape, type=before) if source is None else source
        target = self.computed(self.shape(source), type=after)
        self.file.operator("QUANTIZE", [source], [target], "QuantizeOptions")
        return source, target

    def relu(self, source=None):
        source = self.image() if source is None else source
        target = self.computed(self.shape(source))
        self.file.operator("RELU", [source], [target])
        return source, target

    def relu6(self, source=None):
        source = self.image() if source is None else source
        target = self.like(source, self.shape(source))
        self.file.operator("RELU6", [source], [target])
        return source, target

    def logistic(self, source=None):
        if source is None:
            source = self.computed((1, self.integer(1, 300)), self.scale(-12, 4))
        target = self.computed(self.shape(source), 1 / 256, -128)
        self.file.operator("LOGISTIC", [source], [target])
        return source, target

    # Shapes, and the host's

    def softmax(self, source=None):
        if source is None:
            depth = self.integer(1, 40)
            shape = [(1, depth), (3, depth), (2, 3, depth), (1, 2, 3, depth)][self.integer(0, 3)]
            source = self.computed(shape, self.scale(-12, 4))
        beta = float(self.generator.choice([1.0, 1.0, 0.25, 3.7]))
        target = self.computed(self.shape(source), 1 / 256, -128)
        self.file.operator("SOFTMAX", [source], [target], "SoftmaxOptions", Beta=beta)
        return source, target

    def reshape(self, source=None):
        """RESHAPE, SQUEEZE or EXPAND_DIMS."""
        source = self.image() if source is None else source
        shape = self.shape(source)
        kind = str(self.generator.choice(["RESHAPE", "RESHAPE", "SQUEEZE", "EXPAND_DIMS"]))
        if kind == "SQUEEZE":
            target = self.like(source, [size for size in shape if size != 1] or [1])
            if 1 not in shape:
                kind = "RESHAPE"
        if kind == "SQUEEZE":
            self.file.operator("SQUEEZE", [source], [target], "SqueezeOptions")
            return source, target
        if kind == "EXPAND_DIMS" and len(shape) < 4:
            target = self.like(source, (1, *shape))
            axis = self.file.tensor((1,), "INT32", data=[0])
            self.file.operator("EXPAND_DIMS", [source, axis], [target], "ExpandDimsOptions")
            return source, target
        elements = int(np.prod(shape))
        choices = [(1, elements), (1, shape[-1], elements // shape[-1]), (1, elements, 1, 1)]
        choices += [(elements // shape[-1], shape[-1]), tuple(reversed(shape))]
        wanted = choices[self.integer(0, len(choices) - 1)]
        target = self.like(source, wanted)
        constant = self.file.tensor((len(wanted),), "INT32", data=wanted)
        self.file.operator("RESHAPE", [source, constant], [target], "ReshapeOptions")
        return source, target

    def dynamic_reshape(self, source=None):
        """A flatten as converters write it where the batch was not fixed."""
        source = self.image() if source is None else source
        shape = self.shape(source)

        def constant(values):
            return self.file.tensor(np.shape(values), "INT32", data=values)

        stated = self.file.tensor((len(shape),), "INT32")
        self.file.operator("SHAPE", [source], [stated], "ShapeOptions", OutType=2)
        batch = self.file.tensor((), "INT32")
        ends = [constant([0]), constant([1]), constant([1])]
        self.file.operator(
            "STRIDED_SLICE", [stated, *ends], [batch], "StridedSliceOptions", ShrinkAxisMask=1
        )
        elements = int(np.prod(shape))
        wanted = self.file.tensor((2,), "INT32")
        self.file.operator(
            "PACK", [batch, constant(elements)], [wanted], "PackOptions", ValuesCount=2
        )
        target = self.like(source, (1, elements))
        self.file.operator("RESHAPE", [source, wanted], [target], "ReshapeOptions")
        return source, target

    def pad(self, source=None):
        source = self.image() if source is None else source
        shape = self.shape(source)
        margins = [[self.integer(0, 2), self.integer(0, 2)] for _ in shape]
        margins[0] = [0, 0]
        padded = tuple(n + sum(margin) for n, margin in zip(shape, margins, strict=True))
        constant = self.file.tensor((len(shape), 2), "INT32", data=margins)
        target = self.like(source, padded)
        inputs = [source, constant]
        kind = "PAD"
        if self.chance(0.5):
            kind = "PADV2"
            stated = self.file.tensors[source]
            fill = self.integer(-128, 127)
            inputs.append(
                self.file.tensor((1,), "INT8", stated["scale"], stated["zero_point"], data=[fill])
            )
        self.file.operator(
            kind, inputs, [target], f"{'PadV2' if kind == 'PADV2' else 'Pad'}Options"
        )
        return source, target

    # Networks

    def network(self):
        """Convolutions with residual sums, pads and pools, then a classifier."""
        source = current = self.image(8)
        for _ in range(self.integer(1, 4)):
            step = self.generator.choice(
                [self.convolution, self.depthwise, self.pool, self.pad, self.relu, self.relu6]
            )
            before, current = current, step(current)[1]
            if self.shape(before) == self.shape(current) and self.chance(0.8):
                current = self.add(before, current)[1]
        if self.chance(0.5):
            current = self.mean(current)[1]
        elif self.chance(0.5):
            reshape = self.dynamic_reshape if self.chance(0.3) else self.reshape
            current = reshape(current)[1]
        current = self.fully_connected(current)[1]
        if self.chance(0.3):
            current = self.quantize(current)[1]
        last = self.generator.choice([self.softmax, self.logistic, self.relu])
        return source, last(current)[1]


class Witness:
    """tflite-micro with every tensor kept."""

    def __init__(self, content, arena_bytes=2**18):
        runtime = pytest.importorskip("tflite_micro").runtime
        keep = runtime.InterpreterConfig.kPreserveAllTensors
        self.interpreter = runtime.Interpreter(content, [], arena_bytes, keep)

    def run(self, image):
        self.interpreter.set_input(image, 0)
        self.interpreter.invoke()

    def tensor(self, index):
        return self.interpreter.GetTensor(index, 0)["tensor_data"]


@pytest.fixture(scope="session")
def random_models():
    """The class `Models`."""
    return Models


@pytest.fixture(scope="session")
def witness():
    """The class `Witness`."""
    return Witness


@pytest.fixture
def compare(tmp_path):
    """Golden and the witness on the same images: how many elements of which tensors differ."""

    def compared(content, images, arena_bytes=2**18):
        path = tmp_path / "model.tflite"
        path.write_bytes(content)
        model = load_tflite(path)
        places = {tensor.name: tensor.index for tensor in read_tflite(path).tensors}
        integer = model.integer
        stated = integer.tensors[integer.input]
        run = execute(integer, images(stated))
        micro = Witness(content, arena_bytes)
        given = in_file_layout(run.tensors[integer.input], model.file_shapes[integer.input])
        differing, elements = {}, 0
        for index, image in enumerate(given):
            micro.run(image.astype(np.int8 if stated.format.signed else np.uint8))
            for name, shape in model.file_shapes.items():
                ours = in_file_layout(run.tensors[name][index : index + 1], shape)[0]
                elements += ours.size
                count = int((micro.tensor(places[name]).reshape(shape) != ours).sum())
                if count:
                    differing[name] = differing.get(name, 0) + count
        return differing, elements

    return compared
