"""The records that the recurrence works on: what each field is, once; and their numbers' names.

Every field is an int64. They are NumPy records, so they are part of the kernel's signature: a
compiled kernel is never used with other fields than it was compiled for.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "ACTIVATIONS",
    "AT_BLOCK",
    "AT_COLUMN",
    "AT_DEPTH",
    "AT_GROUP",
    "AT_LAYER",
    "AT_TILE",
    "CAUSES",
    "CHUNK",
    "CLASSES",
    "DONE",
    "DRAIN",
    "EACH_BLOCK",
    "EACH_PASS",
    "EACH_VISIT",
    "ENGINES",
    "ENTRY",
    "FILL",
    "FIRST_COLUMNS",
    "FIRST_ROWS",
    "FOREVER",
    "LAYER",
    "LEVELS",
    "MACHINE",
    "NEVER",
    "NO_ROOM",
    "OUTPUTS",
    "PASS_CLASS",
    "PRELOAD",
    "RESULT",
    "STALL_ACTIVATIONS",
    "STALL_OUTPUT",
    "STALL_RESCALE",
    "STALL_WEIGHTS",
    "STREAM",
    "STUCK",
    "UNUSED",
    "WEIGHTS",
    "Integers",
    "Record",
    "Records",
    "Tables",
]

Integers = NDArray[np.int64]
Record = Any
Records = Any

CAUSES, CLASSES, LEVELS, ENGINES = 8, 24, 6, 3

STREAM, PRELOAD, FILL, DRAIN, STALL_WEIGHTS, STALL_ACTIVATIONS, STALL_OUTPUT, STALL_RESCALE = range(
    CAUSES
)
"""Causes of the array's cycles, as places in ``causes``."""

WEIGHTS, ACTIVATIONS, OUTPUTS = range(ENGINES)
"""The DMA engines, as places in ``engines``; of the requests of one cycle the first is first."""

AT_LAYER, AT_GROUP, AT_BLOCK, AT_COLUMN, AT_TILE, AT_DEPTH = range(LEVELS)
"""Levels of a loop nest, as places in positions."""

NEVER, FIRST_ROWS, EACH_BLOCK, EACH_PASS = range(4)
"""When weights are fetched: never, or with the first rows, each block's first rows, each pass."""

FIRST_COLUMNS, EACH_VISIT = 1, 2
"""When a block of activations is: `NEVER`, with the first columns, at each visit."""

DONE, STUCK, NO_ROOM, UNUSED = range(4)
"""How a step ends: done; it waits for a transfer; tensors on chip do not fit; a fetch is not
released, or a release is of no fetch."""

FOREVER = 1 << 62
"""Later than any cycle, more than any number of periods."""


def _record(fields: str, **parts: tuple[Any, int]) -> np.dtype[np.void]:
    """Return a record of int64 fields and of arrays of ``(type, length)``."""
    scalars = [(name, np.int64) for name in fields.split()]
    arrays = [(name, kind, (length,)) for name, (kind, length) in parts.items()]
    return np.dtype([*scalars, *arrays])


BUFFER = _record("rescaled free taken registered kind")
"""An accumulator buffer: when it would have been and is free again (``rescaled``, ``free``); from
when on its tile holds it, when the tile's last result is registered, the class of its last pass."""

ENGINE = _record(
    "room ahead ring mask"
    " asked_at blocked_at pad_until asking_until under_way_until waiting_until"
    " asked granted held applied released consumed"
    " hold asking under_way waiting blocked holding bus"
)
"""A DMA engine and the room it fills, of size ``room``.

``ahead``: it need not wait for the pass or chunk before the one that uses what it loads.
``ring``, ``mask``: its entries are rings[ring + (number & mask)]. Then cycles: when the last
request was made, from when on it waited for room, and up to when what the accounts below cover is
covered. Then numbers of transfers: asked for, granted the channel, given away by their last user
(stores: queued), ``applied``: given away and no longer in ``held`` (bytes), picked up by the
array. Then its accounts; ``bus`` is in bytes.
"""

MACHINE = _record(
    "rows wavefront preloads weights_stay double overlap hidden drain buffer_count pipeline"
    " burst hold_whole hold_rest hold_parts delay row row_miss row_further row_ahead rows_stay"
    " outstanding activation_room layers"
    " start stop layer_start pass_stop chunk_stop read_stop unhindered vector channel"
    " passes steps started finished read ready input left row_left base read_ahead misses_ahead"
    " holding_before waits_for"
    " busy tail read_stall vector_busy vector_stall_activations vector_stall_output taken",
    causes=(np.int64, CAUSES),
    buffers=(BUFFER, 2),
    engines=(ENGINE, 3),
    array_at=(np.int64, LEVELS),
    weights_at=(np.int64, LEVELS),
    activations_at=(np.int64, LEVELS),
    patience=(np.int64, LEVELS),
    repeats=(np.int64, LEVELS),
)
"""What the machine is, when its units did what last, where they are, and what they did.

* The machine: `nests` says what each is. A burst holds the channel for
  ``hold_whole`` cycles and ``hold_rest`` parts of a cycle of ``hold_parts``.
* Cycles: of the last pass ``start`` and ``stop``; of the layer; the stop of the last pass, chunk
  and read of a tile; that read's if results had always found room; the vector unit's and the
  channel's next free cycle.
* Positions: passes of all layers and steps (passes or chunks) of this one; tiles started, finished
  and read; inputs that a chunk has, and the next input to fetch; bytes of the last weight burst
  that belong to the next tile, and of the weights' row that is open (``row_left``); passes before
  the layer whose weights are next (``base``), and what was read and how many rows were opened for
  it; the activations' ``holding`` when the layer started; the engine that the array waits for.
  ``*_at`` are (layer, group, block, column, tile, depth) of the next pass or fetch.
* Accounts: cycles of the rescale and the vector unit, of accumulators that hold a tile, and of
  the array by cause.
* ``repeats``: how often periods were added at each level, ``patience``: see `periods.repeat`.
"""

LAYER = _record(
    "vector resident staging ahead groups blocks columns depths tiles last_tiles rows_outside"
    " weights activations first count inputs scaling"
)
"""A layer: bytes it keeps and stages, whether its right operand may be fetched before it starts,
its loop counts (tiles of a block and of the last block), when its operands are fetched, where its
sizes start, its passes or chunks, how many inputs a chunk fetches, and the cycles in which sums
are scaled at the array's edge."""

PASS_CLASS = _record(
    "stream activations weights preload tile_stream read output output_bus weight_bytes"
)
"""What a pass of a class takes (cycles) and moves (bytes). Which tile of rows it is (any, a
block's last, the layer's last), of columns (any, the last) and of depth (any, the first, the last,
the only one) tells its class: one of CLASSES."""

RESULT = _record(
    "start stop read written misses", causes=(np.int64, CAUSES), executed=(np.int64, CLASSES)
)
"""What a layer reports: cycles, bytes moved, rows opened, passes of each class."""

ENTRY = _record("taken bytes bus open misses there released")
"""A transfer: since when its bytes have room, bytes there, on the bus, and on the bus from a row
that is open, rows that it opens, when it is complete, and when its room was given away."""

CHUNK = _record("cycles output output_bus", inputs=(np.int64, 2))
"""A chunk of a vector layer: cycles, bytes stored and fetched."""


class Tables(NamedTuple):
    """What the recurrence works on, besides the machine.

    ``layers``: LAYER[layers], the loop nests. ``classes``: PASS_CLASS[layers, CLASSES].
    ``sizes``: int64[blocks], bytes of the activation blocks of a group, from a layer's ``first``
    on. ``chunks``: CHUNK[chunks] of the vector layers, from a layer's ``first`` on. ``rings``:
    ENTRY[entries], the rings of the engines, each a power of two. ``results``: RESULT[layers],
    zero; filled.
    """

    layers: Records
    classes: Records
    sizes: Integers
    chunks: Records
    rings: Records
    results: Records
