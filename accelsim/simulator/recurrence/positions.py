"""Where passes and fetches are in a loop nest: (layer, group, block, column, part, tile, depth).

A matrix layer is a loop over groups, then blocks of rows and of columns in either order, then the
parts of the depth, then output tiles, then the tiles of the depth in a part. A block of columns is
a tile wide, and its output tiles are those of the block of rows; or these are one tile, and output
tiles are *strips* of the columns.
"""

from __future__ import annotations

from typing import NamedTuple

from accelsim.simulator.kernels import part
from accelsim.simulator.recurrence.records import (
    AT_BLOCK,
    AT_COLUMN,
    AT_DEPTH,
    AT_GROUP,
    AT_LAYER,
    AT_PART,
    AT_TILE,
    EACH_BLOCK,
    EACH_PASS,
    EACH_VISIT,
    FIRST_COLUMNS,
    LEVELS,
    NEVER,
    Integers,
    Record,
)

__all__ = [
    "Uses",
    "ends_tile",
    "in_the_same_loop",
    "innermost_loop",
    "last_places",
    "next_part",
    "next_pass",
    "next_visit",
    "pass_class",
    "pass_number",
    "starts_tile",
    "steps_left",
    "tiles_of_block",
    "tiles_of_part",
    "uses",
]


class Uses(NamedTuple):
    """Whether a pass is the first to need an operand that is fetched for it, or the last."""

    fetches_weights: bool
    releases_weights: bool
    fetches_activations: bool
    releases_activations: bool


@part()
def tiles_of_block(layer: Record, at: Integers) -> int:
    """Return the output tiles of a block of rows and one of columns."""
    if layer.strips:
        return int(layer.last_tiles if at[AT_COLUMN] == layer.columns - 1 else layer.tiles)
    return int(layer.last_tiles if at[AT_BLOCK] == layer.blocks - 1 else layer.tiles)


@part()
def tiles_of_part(layer: Record, at: Integers) -> int:
    """Return the tiles of the depth in a part of it."""
    return int(layer.last_depths if at[AT_PART] == layer.parts - 1 else layer.depths)


@part()
def starts_tile(at: Integers) -> bool:
    """Return whether a pass is the first of its output tile."""
    return bool(at[AT_PART] == 0 and at[AT_DEPTH] == 0)


@part()
def ends_tile(layer: Record, at: Integers) -> bool:
    """Return whether a pass is the last of its output tile."""
    return bool(at[AT_PART] == layer.parts - 1 and at[AT_DEPTH] == layer.last_depths - 1)


@part()
def uses(layer: Record, at: Integers) -> Uses:
    """Return what a pass is to the operands that it uses."""
    block, column, tile = at[AT_BLOCK], at[AT_COLUMN], at[AT_TILE]
    starts_part, ends_part = at[AT_DEPTH] == 0, at[AT_DEPTH] == tiles_of_part(layer, at) - 1
    last_tile = tile == tiles_of_block(layer, at) - 1
    first_rows, last_rows = layer.strips or tile == 0, layer.strips or last_tile
    when, again = layer.weights, layer.activations
    by_block = when == EACH_BLOCK
    enters = again == EACH_VISIT or (again == FIRST_COLUMNS and column == 0)
    leaves = again == EACH_VISIT or (again == FIRST_COLUMNS and column == layer.columns - 1)
    return Uses(
        when == EACH_PASS or (when != NEVER and first_rows and (by_block or block == 0)),
        when == EACH_PASS
        or (when != NEVER and last_rows and (by_block or block == layer.blocks - 1)),
        enters and starts_part and tile == 0,
        leaves and ends_part and last_tile,
    )


@part()
def pass_class(layer: Record, at: Integers) -> int:
    """Return the class of a pass: which tile of rows, of columns and of depth it is."""
    kind = 0
    last_tile = at[AT_TILE] == tiles_of_block(layer, at) - 1
    if last_tile or layer.strips:
        kind = 16 if at[AT_BLOCK] == layer.blocks - 1 else 8
    if at[AT_COLUMN] == layer.columns - 1 and (last_tile or not layer.strips):
        kind += 4
    if starts_tile(at):
        kind += 1
    if ends_tile(layer, at):
        kind += 2
    return kind


@part()
def next_pass(layer: Record, at: Integers) -> None:
    """Move to the next pass."""
    at[AT_DEPTH] += 1
    if at[AT_DEPTH] == tiles_of_part(layer, at):
        at[AT_DEPTH] = 0
        at[AT_TILE] += 1
        if at[AT_TILE] == tiles_of_block(layer, at):
            at[AT_TILE] = 0
            if not next_part(layer, at):
                next_visit(layer, at)


@part()
def next_part(layer: Record, at: Integers) -> bool:
    """Move to the next part of the depth; whether there is one, or else to the first."""
    at[AT_PART] += 1
    if at[AT_PART] < layer.parts:
        return True
    at[AT_PART] = 0
    return False


@part()
def next_visit(layer: Record, at: Integers) -> bool:
    """Move to the next block and column; whether there is one."""
    if layer.rows_outside:
        at[AT_COLUMN] += 1
        if at[AT_COLUMN] < layer.columns:
            return True
        at[AT_COLUMN] = 0
        at[AT_BLOCK] += 1
        if at[AT_BLOCK] < layer.blocks:
            return True
        at[AT_BLOCK] = 0
    else:
        at[AT_BLOCK] += 1
        if at[AT_BLOCK] < layer.blocks:
            return True
        at[AT_BLOCK] = 0
        at[AT_COLUMN] += 1
        if at[AT_COLUMN] < layer.columns:
            return True
        at[AT_COLUMN] = 0
    at[AT_GROUP] += 1
    return bool(at[AT_GROUP] < layer.groups)


@part()
def pass_number(layer: Record, at: Integers) -> int:
    """Return how many passes of the layer come before one."""
    if layer.strips:
        strips = (layer.columns - 1) * layer.tiles + layer.last_tiles
        tiles = (at[AT_GROUP] * layer.blocks + at[AT_BLOCK]) * strips + at[AT_COLUMN] * layer.tiles
    else:
        before = at[AT_BLOCK] * layer.tiles
        rows = (layer.blocks - 1) * layer.tiles + layer.last_tiles
        tiles = at[AT_GROUP] * rows * layer.columns
        if layer.rows_outside:
            tiles += before * layer.columns + at[AT_COLUMN] * tiles_of_block(layer, at)
        else:
            tiles += at[AT_COLUMN] * rows + before
    passes = tiles * ((layer.parts - 1) * layer.depths + layer.last_depths)
    passes += at[AT_PART] * tiles_of_block(layer, at) * layer.depths
    return int(passes + at[AT_TILE] * tiles_of_part(layer, at) + at[AT_DEPTH])


@part()
def innermost_loop(layer: Record, at: Integers) -> int:
    """Return the level of the innermost loop that is not at its first step."""
    inner, outer = (AT_COLUMN, AT_BLOCK) if layer.rows_outside else (AT_BLOCK, AT_COLUMN)
    for level in (AT_DEPTH, AT_TILE, AT_PART, inner, outer):
        if at[level]:
            return int(level)
    return int(AT_GROUP)


@part()
def last_places(layer: Record, at: Integers, lasts: Integers) -> None:
    """Write where a position in a layer may go with each loop, its last step left out."""
    lasts[AT_LAYER] = at[AT_LAYER]
    lasts[AT_GROUP] = layer.groups - 1
    lasts[AT_BLOCK] = layer.blocks - 1
    lasts[AT_COLUMN] = layer.columns - 1
    lasts[AT_PART] = layer.parts - 1
    lasts[AT_TILE] = tiles_of_block(layer, at) - 1
    lasts[AT_DEPTH] = tiles_of_part(layer, at) - 1


@part(inline="always")
def in_the_same_loop(at: Integers, before: Integers, level: int) -> bool:
    """Whether two positions differ at one level at most."""
    is_same = True
    for index in range(LEVELS):
        is_same &= index == level or at[index] == before[index]
    return is_same


@part()
def steps_left(at: Integers, before: Integers, lasts: Integers) -> int:
    """Return how often a position can go on as it did since before, in one loop and up to its last.

    ``lasts``: the last place of each level.
    """
    moved = -1
    for level in range(LEVELS):
        if at[level] != before[level]:
            if moved >= 0 or at[level] < before[level]:
                return 0
            moved = level
    if moved < 0:
        return 0
    return int(max(0, lasts[moved] - at[moved]) // (at[moved] - before[moved]))
