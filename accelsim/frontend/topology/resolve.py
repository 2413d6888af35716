"""From a file's lines to a `Topology`: which tensor each layer reads, and the shape of each."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from math import prod

from accelsim.errors import InternalError, WorkloadError
from accelsim.frontend.topology import schema
from accelsim.frontend.topology.read import LayerLine, TopologyLines
from accelsim.hardware.validation import did_you_mean
from accelsim.hardware.yaml_files import Problem
from accelsim.network.geometry import Shape, Window
from accelsim.network.topology import (
    ElementWise,
    FilterBank,
    HostFunction,
    Matmul,
    PoolWindow,
    TokenMatrix,
    Topology,
    TopologyLayer,
    TopologyOperator,
    View,
    topology_macs,
)

__all__ = ["resolve_topology"]


def resolve_topology(lines: TopologyLines) -> Topology:
    """Work out names and shapes.

    Raises
    ------
    WorkloadError
        With every problem, a line each: a tensor that is not there, shapes that do not fit, a
        number of multiply-accumulates that is not the layers'.
    """
    head = lines.head
    resolver = _Resolver({"input": head.input, **head.given})
    for line in lines.layers:
        resolver.add(line)
    missing = [name for name in head.output or () if name not in resolver.shapes]
    resolver.problems += [
        str(Problem(lines.place, (), f"output: there is no tensor {name!r}")) for name in missing
    ]
    if resolver.problems:
        raise WorkloadError("\n".join(resolver.problems))
    outputs = head.output or [resolver.layers[-1].output]
    topology = Topology(
        name=head.name,
        description=head.description,
        source=head.source,
        layers=tuple(resolver.layers),
        shapes=resolver.shapes,
        given=("input", *head.given),
        kept=(*outputs, *resolver.kept),
        macs=head.macs,
    )
    counted = topology_macs(topology)
    if counted != head.macs:
        message = f"macs: the layers have {counted}, got {head.macs}"
        raise WorkloadError(str(Problem(lines.place, (), message)))
    return topology


@dataclass
class _Resolver:
    """Layers added so far. A tensor whose layer was wrong has an empty shape: said once."""

    shapes: dict[str, Shape]
    layers: list[TopologyLayer] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    _previous: str = "input"
    _entry: str = "input"

    def add(self, line: LayerLine) -> None:
        """Add one layer, or note what is wrong with it."""
        fields = line.fields
        if line.begins or not line.prefix:
            self._entry = self._previous if line.prefix else "input"
        name = line.prefix + fields.name
        inputs = [self._tensor(word, line) for word in fields.of or ()] or [self._previous]
        shape: Shape = ()
        if name in self.shapes:
            self._note(line, f"name: there is a tensor {name!r} already")
            return
        if all(self.shapes.get(word) for word in inputs):
            try:
                operator, shape = _operator(fields, [self.shapes[word] for word in inputs])
                self.layers.append(TopologyLayer(name, operator, tuple(inputs), name))
            except ValueError as error:
                self._note(line, f"{name}: {error}")
        if fields.keep:
            self.kept.append(name)
        self.shapes[name] = shape
        self._previous = name

    def _tensor(self, word: str, line: LayerLine) -> str:
        """Return the tensor that a layer means: of its repetition first."""
        if word == "input":
            return self._entry
        for name in (line.prefix + word, word):
            if name in self.shapes:
                return name
        self._note(line, f"of: there is no tensor {word!r}{did_you_mean(word, self.shapes)}")
        return ""

    def _note(self, line: LayerLine, message: str) -> None:
        self.problems.append(str(Problem(line.place, (), message)))


def _operator(
    fields: schema.LayerFields, shapes: list[Shape]
) -> tuple[TopologyOperator, tuple[int, ...]]:
    """Return the operator and its output's shape; a ValueError says what does not fit."""
    wanted = 2 if isinstance(fields, schema.Matmul | schema.Element) else 1
    if len(shapes) != wanted and not isinstance(fields, schema.Host):
        raise ValueError(f"{fields.op} reads {wanted} tensors, got {len(shapes)}")
    shape = shapes[0]
    match fields:
        case schema.Convolution():
            if shape[0] % fields.groups or fields.channels % fields.groups:
                raise ValueError(
                    f"{shape[0]} input and {fields.channels} output channels must divide by "
                    f"{fields.groups} groups"
                )
            return _filters(fields, shape, fields.channels, fields.groups)
        case schema.Depthwise():
            return _filters(fields, shape, shape[0], shape[0])
        case schema.Dense():
            flattens = fields.op == "dense"
            if not flattens and shape[2] != 1:
                raise ValueError(f"tokens are an image of one column, got {list(shape)}")
            tokens = 1 if flattens else shape[1]
            return TokenMatrix(fields.features, flattens), (fields.features, tokens, 1)
        case schema.Matmul():
            return _matmul(fields, shape, shapes[1])
        case schema.Element():
            return _element(fields, shape, shapes[1])
        case schema.Lookup():
            return ElementWise("lookup", fields.function), shape
        case schema.Pool():
            return _pool(fields, shape)
        case schema.Host():
            return HostFunction(fields.function), fields.output or shape
        case schema.Take():
            if fields.tokens > shape[1]:
                raise ValueError(f"tokens: must be at most {shape[1]}, got {fields.tokens}")
            return View(), (shape[0], fields.tokens, shape[2])
        case schema.Reshaped():
            if shape[0] != fields.output[0] or prod(shape) != prod(fields.output):
                raise ValueError(
                    f"output: must have the channels and as many elements as {list(shape)}, "
                    f"got {list(fields.output)}"
                )
            return View(), fields.output
        case _:
            raise InternalError(f"no layer is made of {type(fields).__name__}")


def _filters(
    fields: schema.Convolution | schema.Depthwise, shape: Shape, channels: int, groups: int
) -> tuple[TopologyOperator, Shape]:
    dilation = fields.dilation if isinstance(fields, schema.Convolution) else (1, 1)
    window = _window(shape, fields.kernel, fields.stride, fields.pad, dilation)
    return FilterBank(channels, window, groups), (channels, *window.output_size(*shape[1:]))


def _window(
    shape: Shape,
    kernel: tuple[int, int],
    stride: tuple[int, int],
    pad: tuple[int, int, int, int] | str,
    dilation: tuple[int, int] = (1, 1),
) -> Window:
    window = Window(kernel, stride, dilations=dilation)
    pads = window.same_pads(shape[1], shape[2]) if isinstance(pad, str) else pad
    window = replace(window, pads=pads)
    if min(window.output_size(shape[1], shape[2])) < 1:
        raise ValueError(
            f"kernel {list(kernel)} is larger than the padded input, {list(shape[1:])} "
            f"with pads {list(pads)}"
        )
    return window


def _matmul(fields: schema.Matmul, left: Shape, right: Shape) -> tuple[TopologyOperator, Shape]:
    heads = fields.heads
    if left[0] % heads or right[0] % heads or left[2] != 1 or right[2] != 1:
        raise ValueError(
            f"features of {list(left)} and {list(right)} must divide by {heads} heads, and each "
            "must have one column"
        )
    depth = right[0] if fields.transpose_right else right[1] * heads
    columns = right[1] * heads if fields.transpose_right else right[0]
    if left[0] != depth:
        raise ValueError(
            f"left depth {left[0] // heads} and right depth {depth // heads} must be equal"
        )
    return Matmul(heads, fields.transpose_right), (columns, left[1], 1)


def _element(fields: schema.LayerFields, first: Shape, second: Shape) -> tuple[ElementWise, Shape]:
    if fields.op == "add":
        if first != second:
            raise ValueError(f"{list(first)} and {list(second)} must be equal")
        return ElementWise("add"), first
    if second not in (first, (first[0], 1, 1)):
        raise ValueError(f"{list(second)} must be {list(first)} or {[first[0], 1, 1]}")
    return ElementWise("multiply"), first


def _pool(fields: schema.Pool, shape: Shape) -> tuple[TopologyOperator, Shape]:
    kernel = fields.kernel or (shape[1], shape[2])
    window = _window(shape, kernel, fields.stride, fields.pad)
    kind = PoolWindow("max_pool" if fields.op == "max_pool" else "average_pool", window)
    return kind, (shape[0], *window.output_size(shape[1], shape[2]))
