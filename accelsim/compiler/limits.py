"""What stops a layer from running on a machine, each said in one clear line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from accelsim.compiler.search import LayerRoom, Search
from accelsim.compiler.shapes import LayerShape, MatrixShape
from accelsim.errors import CapacityError, ConfigError
from accelsim.hardware.pe_kinds import PeKind
from accelsim.hardware.schema import Hardware, Scratchpads
from accelsim.units import format_bytes

__all__ = [
    "LARGEST_ROWS",
    "capacity_error",
    "check_row_sums",
    "check_rows",
    "check_ternary",
    "check_weights",
    "check_widths",
    "matrix_error",
]

LARGEST_ROWS = 2**24
"""Rows m of a layer in a batch: placement looks at each block of them, in memory."""


def check_widths(layers: tuple[LayerShape, ...], hardware: Hardware) -> None:
    """Refuse operands wider than the PEs' multipliers, and scales wider than those for them.

    Raises
    ------
    ConfigError
        One line for each way in which operands are too wide; it names the layers.
    """
    problems = [
        (
            layer.name,
            f"{operand}s of {bits} bits do not fit {field}={limit}; "
            f"quantize them to {limit} bits or fewer, or set {field}={bits}",
        )
        for layer in layers
        if isinstance(layer.work, MatrixShape)
        for operand, bits, field, limit in (
            ("weight", layer.work.weight_bits, "array.weight_bits", hardware.array.weight_bits),
            (
                "activation",
                layer.work.input_bits,
                "array.activation_bits",
                hardware.array.activation_bits,
            ),
        )
        if bits > limit
    ]
    built = hardware.array.scale_bits
    problems += [
        (
            layer.name,
            f"scales of {layer.work.scale_bits} bits of groups of weights do not fit "
            f"array.scale_bits={built or 'none'}; set array.scale_bits={layer.work.scale_bits}",
        )
        for layer in layers
        if isinstance(layer.work, MatrixShape) and layer.work.scale_bits > (built or 0)
    ]
    if problems:
        raise ConfigError(_grouped(problems))


def _grouped(problems: Sequence[tuple[str, str]]) -> str:
    """Return a line for each thing that is wrong, with the layers of which it is."""
    layers: dict[str, list[str]] = {}
    for layer, problem in problems:
        layers.setdefault(problem, []).append(layer)
    return "\n".join(f"{_named(names)}: {problem}" for problem, names in layers.items())


def _named(names: Sequence[str]) -> str:
    """Name up to three layers, and count the others.

    >>> _named(["conv1"]), _named(["a", "b", "c", "d"])
    ("layer 'conv1'", "layers 'a', 'b', 'c' and 1 more")
    """
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return f"layer{'s' if len(names) > 1 else ''} {', '.join(map(repr, names[:3]))}{more}"


def check_row_sums(layers: tuple[LayerShape, ...], hardware: Hardware) -> None:
    """Refuse weights with zero points on an array that does not sum up rows of activations.

    Raises
    ------
    ConfigError
        One line that names the layers.
    """
    names = [
        layer.name
        for layer in layers
        if isinstance(layer.work, MatrixShape) and layer.work.row_sums
    ]
    if names and not hardware.array.row_sums:
        raise ConfigError(
            f"{_named(names)}: weights with zero points need the sums "
            f"of their rows, which {hardware.name} has no adders for; set array.row_sums=true, or "
            "use symmetric weights"
        )


def check_ternary(layers: tuple[LayerShape, ...], hardware: Hardware) -> None:
    """Refuse, for PEs without a multiplier, weights other than -1, 0 and +1.

    Raises
    ------
    ConfigError
        One line for each kind of operands that need a multiplier; it names the layers.
    """
    if hardware.array.pe_kind is not PeKind.TERNARY:
        return
    problems = []
    for layer in layers:
        if not isinstance(layer.work, MatrixShape) or layer.work.weights_are_ternary:
            continue
        what = f"weights of {layer.work.weight_bits} bits other than -1, 0 and +1"
        hint = "; quantize them to 2 bits, symmetrically"
        if layer.work.right_is_tensor:
            what, hint = "products of two tensors of activations", ""
        missing = "PEs of array.pe_kind=ternary have no multiplier"
        problems.append((layer.name, f"{what}: {missing}{hint}"))
    if problems:
        raise ConfigError(_grouped(problems))


def check_rows(layers: tuple[LayerShape, ...]) -> None:
    """Refuse layers with more rows than can be placed in reasonable time and memory.

    Raises
    ------
    CapacityError
        One line for each layer that has more than `LARGEST_ROWS`.
    """
    problems = []
    for layer in layers:
        if isinstance(layer.work, MatrixShape) and layer.work.gemm.rows_m > LARGEST_ROWS:
            rows, batch = layer.work.gemm.rows_m, layer.work.batch
            most = LARGEST_ROWS * batch // rows
            hint = f"; use a batch of {most} or fewer" if most else ""
            problems.append(
                f"layer {layer.name!r}: {rows} rows (output pixels of a batch of {batch}), "
                f"at most {LARGEST_ROWS} are supported{hint}"
            )
    if problems:
        raise CapacityError("\n".join(problems))


def check_weights(layer: str, shape: MatrixShape, hardware: Hardware) -> None:
    """Refuse a weight scratchpad that holds no tile beside its successor.

    That it holds a tile alone is a condition on every machine.

    Raises
    ------
    CapacityError
        The scratchpad is double buffered and holds one tile only.
    """
    if Search(shape, hardware).least_weight_bytes() <= hardware.scratchpads.weights.size:
        return
    needs = (
        Search(shape, _buffered(hardware, False)).least_weight_bytes(),
        Search(shape, _buffered(hardware, True)).least_weight_bytes(),
    )
    raise capacity_error(layer, "weights", "the smallest weight tile", needs, hardware)


def matrix_error(
    layer: str, shape: MatrixShape, room: LayerRoom, hardware: Hardware
) -> CapacityError:
    """Return the error for a layer that does not fit although nothing else is on chip."""

    def needs(batch: int) -> tuple[int, int]:
        images = replace(shape, batch=batch)
        single, double = (
            Search(images, _buffered(hardware, buffered)).least_activation_bytes(room)
            for buffered in (False, True)
        )
        return single, double

    spec = hardware.scratchpads.activations
    helps = needs(1)[spec.double_buffered] <= spec.size
    hint = ", or use a batch of 1" if helps else ""
    block = "part of an input row" if shape.depth_has_parts else "block of input rows"
    what = f"the smallest {block} and output tile"
    return capacity_error(layer, "activations", what, needs(shape.batch), hardware, hint)


def capacity_error(
    layer: str,
    scratchpad: str,
    what: str,
    needs: tuple[int, int],
    hardware: Hardware,
    hint: str = "",
) -> CapacityError:
    """Return the line that says how much is missing and what would help.

    ``needs`` are the bytes needed with a single and with a double buffer.
    """
    spec = getattr(hardware.scratchpads, scratchpad)
    field = f"scratchpads.{scratchpad}"
    needed = needs[spec.double_buffered]
    buffered = " double buffered" if spec.double_buffered else ""
    if spec.double_buffered and needs[0] <= spec.size:
        hint = f", or {field}.double_buffered=false{hint}"
    return CapacityError(
        f"layer {layer!r}: {field}.size: {what} needs {format_bytes(needed)}{buffered}, "
        f"got {format_bytes(spec.size)}, {format_bytes(needed - spec.size)} missing; "
        f"set {field}.size={format_bytes(needed)}{hint}"
    )


def _buffered(hardware: Hardware, double: bool) -> Hardware:
    """Return the machine with all scratchpads single or double buffered."""
    update = {"double_buffered": double}
    pads = hardware.scratchpads
    return hardware.model_copy(
        update={
            "scratchpads": Scratchpads(
                activations=pads.activations.model_copy(update=update),
                weights=pads.weights.model_copy(update=update),
                accumulators=pads.accumulators.model_copy(update=update),
            )
        }
    )
