"""What tests of several rooms share: a writer of TensorFlow Lite files, a few of the digits."""

import signal

import flatbuffers
import numpy as np
import pytest
import tflite
from hypothesis import settings

from accelsim.frontend import workload_path

# How long one example takes depends on the machine and on what is compiled first.
settings.register_profile("accelsim", deadline=None)
settings.load_profile("accelsim")

# A shell that runs the tests in the background lets them ignore Ctrl-C, and whatever they start
# inherits that: what happens on Ctrl-C could not be tested.
signal.signal(signal.SIGINT, signal.default_int_handler)

DTYPES = {
    "FLOAT32": "<f4",
    "INT8": "<i1",
    "UINT8": "<u1",
    "INT16": "<i2",
    "INT32": "<i4",
    "INT64": "<i8",
    "INT4": "<u1",
}


class TfliteFile:
    """A model of one subgraph, written with the schema's own builder.

    >>> file = TfliteFile()
    >>> x = file.tensor((1, 4), scale=0.5)
    >>> y = file.tensor((1, 4), scale=0.5, zero_point=-1)
    >>> file.operator("QUANTIZE", [x], [y])
    >>> content = file.content([x], [y])
    """

    def __init__(self):
        self.tensors = []
        self.operators = []

    def tensor(self, shape, type="INT8", scale=None, zero_point=0, axis=0, data=None, name=None):
        """Add a tensor and return its index; ``scale`` and ``zero_point`` may be lists."""
        index = len(self.tensors)
        values = None if data is None else np.asarray(data).astype(DTYPES[type]).tobytes()
        self.tensors.append(
            {
                "shape": tuple(shape),
                "type": type,
                "scale": None if scale is None else np.atleast_1d(scale).astype("<f4"),
                "zero_point": np.atleast_1d(zero_point).astype("<i8"),
                "axis": axis,
                "data": values,
                "name": name if name is not None else f"t{index}",
            }
        )
        return index

    def operator(self, kind, inputs, outputs, table=None, **options):
        """Add an operator; ``table`` and ``options`` are the schema's names."""
        self.operators.append((kind, list(inputs), list(outputs), table, options))

    def content(self, inputs, outputs, *, version=3, subgraphs=1, copies=1, outside=False):
        """The file's bytes.

        ``copies`` is how often each operator is listed, with one table for all copies;
        ``outside`` keeps buffers behind the flatbuffer, as large files do.
        """
        counts = (version, subgraphs, copies)
        first = self._pack(inputs, outputs, *counts, {} if outside else None)
        if not outside:
            return first
        places, end = {}, len(first) + (-len(first)) % 16
        for index, tensor in enumerate(self.tensors):
            if tensor["data"]:
                places[index] = (end, len(tensor["data"]))
                end += len(tensor["data"])
        packed = self._pack(inputs, outputs, *counts, places)
        packed += bytes((-len(packed)) % 16)
        return packed + b"".join(self.tensors[index]["data"] for index in places)

    def _pack(self, inputs, outputs, version, subgraphs, copies, places):
        builder = flatbuffers.Builder(4096)
        kinds = list(dict.fromkeys(kind for kind, *_ in self.operators))
        codes = [self._code(builder, kind) for kind in kinds]
        buffers = [self._buffer(builder, None, None)]
        tensors = []
        for index, tensor in enumerate(self.tensors):
            number = 0
            if tensor["data"] is not None:
                number = len(buffers)
                # An unplaced buffer of the first pass has a place of the same size in the file.
                place = None if places is None else places.get(index, (2, 2))
                buffers.append(self._buffer(builder, tensor["data"], place))
            tensors.append(self._tensor(builder, tensor, number))
        operators = [self._operator(builder, kinds, *operator) for operator in self.operators]
        tensors = self._offsets(builder, tensors)
        operators = self._offsets(builder, operators * copies)
        ends = [builder.CreateNumpyVector(np.asarray(e, "<i4")) for e in (inputs, outputs)]
        name = builder.CreateString("main")
        tflite.SubGraphStart(builder)
        tflite.SubGraphAddTensors(builder, tensors)
        tflite.SubGraphAddInputs(builder, ends[0])
        tflite.SubGraphAddOutputs(builder, ends[1])
        tflite.SubGraphAddOperators(builder, operators)
        tflite.SubGraphAddName(builder, name)
        graphs = self._offsets(builder, [tflite.SubGraphEnd(builder)] * subgraphs)
        codes = self._offsets(builder, codes)
        buffers = self._offsets(builder, buffers)
        description = builder.CreateString("written by a test")
        tflite.ModelStart(builder)
        tflite.ModelAddVersion(builder, version)
        tflite.ModelAddOperatorCodes(builder, codes)
        tflite.ModelAddSubgraphs(builder, graphs)
        tflite.ModelAddDescription(builder, description)
        tflite.ModelAddBuffers(builder, buffers)
        builder.Finish(tflite.ModelEnd(builder), b"TFL3")
        return bytes(builder.Output())

    @staticmethod
    def _offsets(builder, offsets):
        builder.StartVector(4, len(offsets), 4)
        for offset in reversed(offsets):
            builder.PrependUOffsetTRelative(offset)
        return builder.EndVector()

    @staticmethod
    def _code(builder, kind):
        custom = not hasattr(tflite.BuiltinOperator, kind)
        text = builder.CreateString(kind) if custom else None
        number = tflite.BuiltinOperator.CUSTOM if custom else getattr(tflite.BuiltinOperator, kind)
        tflite.OperatorCodeStart(builder)
        tflite.OperatorCodeAddDeprecatedBuiltinCode(builder, min(number, 127))
        tflite.OperatorCodeAddBuiltinCode(builder, number)
        tflite.OperatorCodeAddVersion(builder, 1)
        if custom:
            tflite.OperatorCodeAddCustomCode(builder, text)
        return tflite.OperatorCodeEnd(builder)

    @staticmethod
    def _buffer(builder, data, place):
        values = None
        if data is not None and place is None:
            builder.StartVector(1, len(data), 16)  # TensorFlow aligns buffers to 16 bytes
            builder.head -= len(data)
            builder.Bytes[builder.head : builder.head + len(data)] = data
            values = builder.EndVector()
        tflite.BufferStart(builder)
        if values is not None:
            tflite.BufferAddData(builder, values)
        elif place is not None:
            tflite.BufferAddOffset(builder, place[0])
            tflite.BufferAddSize(builder, place[1])
        return tflite.BufferEnd(builder)

    @staticmethod
    def _tensor(builder, tensor, buffer):
        shape = builder.CreateNumpyVector(np.asarray(tensor["shape"], "<i4"))
        name = builder.CreateString(tensor["name"])
        quantization = None
        if tensor["scale"] is not None:
            scales = builder.CreateNumpyVector(tensor["scale"])
            zero_points = builder.CreateNumpyVector(
                np.broadcast_to(tensor["zero_point"], tensor["scale"].shape).copy()
            )
            tflite.QuantizationParametersStart(builder)
            tflite.QuantizationParametersAddScale(builder, scales)
            tflite.QuantizationParametersAddZeroPoint(builder, zero_points)
            tflite.QuantizationParametersAddQuantizedDimension(builder, tensor["axis"])
            quantization = tflite.QuantizationParametersEnd(builder)
        tflite.TensorStart(builder)
        tflite.TensorAddShape(builder, shape)
        tflite.TensorAddType(builder, getattr(tflite.TensorType, tensor["type"]))
        tflite.TensorAddBuffer(builder, buffer)
        tflite.TensorAddName(builder, name)
        if quantization is not None:
            tflite.TensorAddQuantization(builder, quantization)
        return tflite.TensorEnd(builder)

    @staticmethod
    def _operator(builder, kinds, kind, inputs, outputs, table, options):
        ends = [builder.CreateNumpyVector(np.asarray(e, "<i4")) for e in (inputs, outputs)]
        stated = None
        if table is not None:
            getattr(tflite, f"{table}Start")(builder)
            for name, value in options.items():
                getattr(tflite, f"{table}Add{name}")(builder, value)
            stated = getattr(tflite, f"{table}End")(builder)
        tflite.OperatorStart(builder)
        tflite.OperatorAddOpcodeIndex(builder, kinds.index(kind))
        tflite.OperatorAddInputs(builder, ends[0])
        tflite.OperatorAddOutputs(builder, ends[1])
        if stated is not None:
            tflite.OperatorAddBuiltinOptionsType(builder, getattr(tflite.BuiltinOptions, table))
            tflite.OperatorAddBuiltinOptions(builder, stated)
        return tflite.OperatorEnd(builder)


@pytest.fixture(scope="session")
def tflite_file():
    """The class `TfliteFile`."""
    return TfliteFile


@pytest.fixture(scope="session")
def few_digits(tmp_path_factory):
    """Write an .npz with the first test and calibration images of the bundled digits."""

    def write(test_images, calibration_images=None):
        path = tmp_path_factory.mktemp("data") / "few_digits.npz"
        with np.load(workload_path("digits_cnn").data) as stored:
            np.savez(
                path,
                test_images=stored["test_images"][:test_images],
                test_labels=stored["test_labels"][:test_images],
                calibration_images=stored["calibration_images"][:calibration_images],
            )
        return path

    return write
