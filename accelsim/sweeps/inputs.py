"""The files that a space names, read once, and what of them each design uses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from accelsim.energy import EnergyTable, load_table, table_for
from accelsim.errors import ConfigError
from accelsim.hardware.schema import Hardware, Technology
from accelsim.hardware.validation import validate
from accelsim.hardware.yaml_files import Document, Place
from accelsim.quantize import NetworkOperands, RangeMethod, operand_widths
from accelsim.quantize.layer_bits import WIDEST_BITS
from accelsim.sweeps.axes import BATCH, BITS
from accelsim.sweeps.keys import point_key
from accelsim.sweeps.networks import IntegerForm, Source, find_source, integers_of
from accelsim.sweeps.quantization import (
    LAYER_BITS,
    NOTHING,
    QUANTIZATION,
    Quantization,
    chosen,
    layer_choice,
)
from accelsim.sweeps.space import Design, FileMachine, Space
from accelsim.sweeps.technology_axes import TABLE

__all__ = ["Inputs", "read_inputs"]


class Inputs:
    """Networks and energy tables, each read once.

    ``sources``: networks by name; ``batches``: every batch that occurs; ``hashes``: of every
    file, by what it is.
    """

    def __init__(
        self,
        space: Space,
        sources: Mapping[str, Source],
        hashes: Mapping[str, str],
        batches: tuple[int, ...],
    ) -> None:
        self.space = space
        self.sources = sources
        self.hashes = hashes
        self.batches = batches
        self._tables: dict[tuple[Technology, str], EnergyTable | str] = {}

    def integers(self, design: Design) -> IntegerForm | None:
        """Return how the network of a design is computed, nothing if it has no values."""
        source = self.sources[design.network]
        if source.topology is not None:
            return None
        return integers_of(source, design)

    def table(self, design: Design) -> EnergyTable:
        """Return the energy table of a design's machine.

        Raises
        ------
        ConfigError
            If there is none of its node, voltage or DRAM.
        """
        wanted = (design.hardware.technology, design.hardware.dram.type)
        if wanted not in self._tables:
            try:
                self._tables[wanted] = table_for(design.hardware)
            except ConfigError as error:
                self._tables[wanted] = str(error)
        table = self._tables[wanted]
        if isinstance(table, str):
            raise ConfigError(table)
        return table

    def key(self, design: Design) -> str:
        """Return the key of a design's point; raises ConfigError as `table` does."""
        source = self.sources[design.network]
        return point_key(
            design.hardware, source, self.table(design), design.batch, self.integers(design)
        )


def read_inputs(space: Space) -> Inputs:
    """Read the networks and energy tables of a space.

    Raises
    ------
    AccelsimError
        If one cannot be read.
    """
    base = validate(Document(dict(space.base), {(): Place(space.hardware)}), Hardware)
    sources = {name: find_source(name, space.folder, space.data, base) for name in space.networks}
    files = {name: source.machine for name, source in sources.items() if source.machine is not None}
    _refuse_what_files_decide(space, files)
    operands = {name: source.operands for name, source in sources.items() if source.operands}
    _refuse_layers_that_are_not_there(space, operands)
    _refuse_quantization_of_shapes(space, sources)
    space = replace(space, files=files, operands=operands)
    hashes = {f"network {name}": source.sha256 for name, source in sources.items()}
    for name, source in sources.items():
        if source.data_sha256:
            hashes[f"data of {name}"] = source.data_sha256
    values = {axis.name: axis.values for axis in space.axes}
    technology = space.base["technology"]
    brought = {
        str(fields[TABLE]) for axis in space.axes for fields in axis.brings if TABLE in fields
    }
    tables = values.get(TABLE, tuple(sorted(brought)) or (technology["table"],))
    for name in map(str, tables):
        for devices in values.get("technology.dram_table", (technology["dram_table"],)):
            table = load_table(name, str(devices))
            hashes[f"table {name}"] = table.sha256
            hashes[f"DRAM table {devices}"] = table.dram.sha256
    batches = values.get(BATCH, (space.batch,))
    return Inputs(space, sources, hashes, tuple(int(batch) for batch in batches))


def _refuse_what_files_decide(space: Space, files: Mapping[str, FileMachine]) -> None:
    """Refuse widths and ways of quantizing of networks that are integers already."""
    decided = (BITS, "array.weight_bits", "array.activation_bits")
    for network in files:
        for axis in space.axes:
            if axis.name in decided or axis.name.startswith(QUANTIZATION):
                raise ConfigError(
                    f"{space.source}: axes.{axis.name}: {network} is quantized already: its widths "
                    "and ranges are its own; leave this axis out"
                )
    if len(files) == len(space.networks) and space.quantization != Quantization():
        raise ConfigError(
            f"{space.source}: quantization: {', '.join(files)}: quantized already; leave it out"
        )


def _refuse_quantization_of_shapes(space: Space, sources: Mapping[str, Source]) -> None:
    """Refuse ways of quantizing where no network has values, or where one without would pay."""
    shapes = [name for name, source in sources.items() if source.topology is not None]
    if not shapes:
        return
    alone = len(shapes) == len(sources)
    what = f"{shapes[0]} has no values to be quantized"
    if (alone and space.quantization != Quantization()) or _costs(space.quantization):
        raise ConfigError(f"{space.source}: quantization: {what}; leave it out")
    for axis in space.axes:
        if axis.name.startswith(QUANTIZATION) and (
            alone
            or any(_costs(chosen(space.quantization, {axis.name: value})) for value in axis.values)
        ):
            raise ConfigError(f"{space.source}: axes.{axis.name}: {what}; leave this axis out")


def _costs(quantization: Quantization) -> bool:
    """Return whether cycles and energy depend on more than the widths."""
    return (
        quantization.asymmetric_weights
        or quantization.group_size is not None
        or quantization.range_method == RangeMethod.DYNAMIC
    )


def _refuse_layers_that_are_not_there(
    space: Space, operands: Mapping[str, NetworkOperands]
) -> None:
    """Refuse widths of layers that not every network of the space has."""
    entries = [("quantization.layer_bits", entry) for entry in space.quantization.layers]
    for axis in space.axes:
        if axis.name.startswith(LAYER_BITS):
            values = (value for value in axis.values if value != NOTHING)
            entries += [(f"axes.{axis.name}", layer_choice(axis.name, value)) for value in values]
    for field, entry in entries:
        for network in space.networks:
            if network not in operands:
                raise ConfigError(
                    f"{space.source}: {field}: {network} has no values to be quantized"
                )
            try:
                operand_widths(operands[network], (WIDEST_BITS, WIDEST_BITS), (entry,))
            except ConfigError as error:
                raise ConfigError(f"{space.source}: {field}: {error}") from None
