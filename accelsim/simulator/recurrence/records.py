"""The records that the recurrence works on: what each field is, once; and their numbers' names.

Every field is an int64. They are NumPy records, so they are part of the kernel's signature: a
compiled kernel is never used with other fields than it was compiled for.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from accelsim.compiler.plan import MOST_TILES_TOGETHER

__all__ = [
    "ACTIVATIONS",
    "AT_BLOCK",
    "AT_COLUMN",
    "AT_DEPTH",
    "AT_GROUP",
    "AT_LAYER",
    "AT_PART",
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

CAUSES, CLASSES, LEVELS, ENGINES = 8, 24, 7, 3

STREAM, PRELOAD, FILL, DRAIN, STALL_WEIGHTS, STALL_ACTIVATIONS, STALL_OUTPUT, STALL_RESCALE = range(
    CAUSES
)
"""Causes of the array's cycles, as places in ``causes``."""

WEIGHTS, ACTIVATIONS, OUTPUTS = range(ENGINES)
"""The DMA engines, as places in ``engines``; of the requests of one cycle the first is first."""

AT_LAYER, AT_GROUP, AT_BLOCK, AT_COLUMN, AT_PART, AT_TILE, AT_DEPTH = range(LEVELS)
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


def _record(**fields: str | tuple[Any, int, str]) -> np.dtype[np.void]:
    """Return a record of int64 fields and of arrays of ``(type, length, ...)``; texts say what."""
    return np.dtype(
        [
            (name, np.int64) if isinstance(field, str) else (name, field[0], (field[1],))
            for name, field in fields.items()
        ]
    )


BUFFER = _record(
    rescaled_at="when it would be free again, had results always found room",
    free_at="when it is free again",
    taken_at="when its tile's first stream starts",
    registered_at="when its tile's last result is registered",
    kind="the class of its tile's last pass",
)
"""An accumulator buffer."""

ENGINE = _record(
    # What it is.
    room_bytes="of the room that it fills",
    fetches_ahead="whether it need not wait for the pass or chunk before the one that needs a load",
    ring="where its entries begin: rings[ring + (number & mask)]",
    mask="its entries less one",
    # Cycles.
    asked_at="when the last request was made",
    blocked_at="from when on it waited for room",
    holding_until="up to when `holding` covers what is held",
    asking_until="up to when `asking` does",
    under_way_until="up to when `under_way` does",
    waiting_until="up to when `waiting` does",
    # Numbers of transfers.
    asked="asked for",
    granted="granted the channel",
    released="given away by their last user (stores: queued)",
    applied="given away and no longer in `held_bytes`",
    consumed="picked up by the array or the vector unit",
    held_bytes="of the transfers that hold room",
    # Its account, in cycles.
    hold="it holds the channel",
    asking="it holds or asks for the channel",
    under_way="a transfer is under way",
    waiting="a transfer is under way or waits for room",
    blocked="a transfer waits for room",
    holding="something lies in the room",
    bus_bytes="moved",
)
"""A DMA engine and the room it fills."""

MACHINE = _record(
    # What it is.
    rows="of the array",
    wavefront_cycles="from the last vector's entry until the far corner has used it",
    preloads="whether an operand is loaded before the stream",
    weights_stay="whether that operand is the weights",
    double_buffered="whether it is loaded during the stream before",
    tiles_overlap="whether a stream may start while the one before is in the array",
    drain_hidden="whether results leave through registers of their own",
    drain_cycles="of a tile's results; 0 if each PE has a port",
    spare_buffers="of the accumulators, beside those of tiles that take turns",
    buffer_count="accumulator buffers, of the layer that runs",
    pipeline_cycles="of the rescale unit",
    burst_bytes="of the DRAM",
    burst_cycles="for which a burst holds the channel, in whole cycles",
    burst_rest="and in parts of a cycle",
    burst_parts="of which a cycle has so many",
    delay_cycles="from the end of a hold to complete data",
    row_bytes="of a row of the DRAM; 0 where rows do not matter",
    row_miss_cycles="that opening a row takes",
    row_further_cycles="that a further row of the same transfer adds",
    rows_open_ahead="whether a row is opened while another is read",
    rows_stay_open="between transfers of weights",
    outstanding="transfers that an engine may have under way",
    activation_bytes="of the activation scratchpad",
    layer_count="of the program",
    # Cycles.
    stream_start="of the last pass; at first the layer's",
    stream_stop="of the last pass; at first the layer's start",
    layer_start="of the layer that runs",
    last_pass_stop="of the last pass of any layer",
    last_chunk_stop="of the last chunk of any layer",
    read_stop="of the last tile that the rescale unit has read",
    unhindered_stop="of that read, had results always found room",
    vector_free_at="when the vector unit is free",
    channel_free_at="when the channel is free",
    # Where units are.
    passes_run="of all layers",
    steps_run="passes or chunks of this layer",
    tiles_started="by the array",
    tiles_finished="by the array",
    tiles_read="by the rescale unit",
    inputs_ready="of the next chunk",
    next_input="of a chunk to fetch",
    all_asked_for="whether all activations of the layer are",
    burst_left_bytes="of the last burst of weights that belong to the next tile",
    row_left_bytes="of the row of the weights that is open",
    passes_before_weights="before the layer whose weights are fetched next",
    read_ahead_bytes="for that layer, when the state was kept",
    row_misses_ahead="for that layer, when the state was kept",
    holding_before="the activations' `holding` when the layer started",
    waits_for="the engine whose grant lets the array go on",
    # Its account, in cycles.
    rescale_busy="reads",
    rescale_tail="only the pipeline's last results move",
    rescale_stall_output="no room to write",
    vector_busy="computes",
    vector_stall_activations="waits for a chunk",
    vector_stall_output="no room to write",
    accumulators_held="at least one buffer is taken",
    causes=(np.int64, CAUSES, "the array's, in this layer"),
    buffers=(BUFFER, MOST_TILES_TOGETHER + 1, "of the accumulators"),
    engines=(ENGINE, ENGINES, "of the DMA"),
    # Places in a loop nest.
    array_at=(np.int64, LEVELS, "of the next pass"),
    weights_at=(np.int64, LEVELS, "of the next weights to fetch"),
    activations_at=(np.int64, LEVELS, "of the next activations to fetch"),
    patience=(np.int64, LEVELS, "steps until the state is kept anew: `periods.repeat`"),
    repeats=(np.int64, LEVELS, "how often periods were added"),
)
"""What the machine is, when its units did what last, where they are, and what they did."""

LAYER = _record(
    is_vector="whether it is on the vector unit",
    resident_bytes="that it keeps in the activation scratchpad",
    staging_bytes="of those for results on their way to DRAM",
    weights_ahead="whether its right operand may be fetched before it starts",
    groups="of the outermost loop",
    blocks="of rows",
    columns="tiles of columns, or blocks of several",
    parts="of the depth, fetched one after the other",
    depths="tiles of the depth in a part",
    last_depths="tiles of the depth in the last part",
    tiles="output tiles of a block",
    last_tiles="output tiles of the last block",
    strips="whether these are the tiles of a block of columns, not of one of rows",
    tiles_together="that take turns with parts of the depth; 1: none",
    rows_outside="whether the loop over blocks is around that over columns",
    weights="when they are fetched: `NEVER` to `EACH_PASS`",
    activations="when they are fetched: `NEVER`, `FIRST_COLUMNS` or `EACH_VISIT`",
    first="where its sizes or chunks begin; sizes of last parts follow those of the others",
    step_count="its passes or chunks",
    input_count="tensors that a chunk fetches",
    scaling_cycles="in which sums are scaled at the array's edge",
)
"""A layer: its loops, and when its operands are fetched. A vector layer has no loop but chunks."""

PASS_CLASS = _record(
    stream_cycles="in which vectors enter",
    activation_cycles="in which activations are delivered to the stream",
    weight_cycles="in which weights are delivered to the stream",
    preload_cycles="in which the stationary operand is loaded",
    tile_stream_cycles="of all passes along the depth of the tile",
    read_cycles="in which the rescale unit reads the tile",
    output_bytes="of the tile that go to DRAM",
    output_bus_bytes="that move then",
    weight_bytes="of the weight tile, if it is fetched",
)
"""What a pass of a class takes and moves. Which tile of rows it is (any, a block's last, the
layer's last), of columns (any, the last) and of depth (any, the first, the last, the only one)
tells its class: one of CLASSES."""

RESULT = _record(
    start="cycle",
    stop="cycle",
    read_bytes="from DRAM",
    written_bytes="to DRAM",
    row_misses="rows of the DRAM opened",
    causes=(np.int64, CAUSES, "cycles of the array"),
    executed=(np.int64, CLASSES, "passes of each class"),
)
"""What a layer reports."""

ENTRY = _record(
    taken_at="since when its bytes have room (stores: when they are written)",
    bytes="of room",
    bus_bytes="that move",
    open_bytes="of those, in a row that is open",
    row_misses="rows that it opens",
    there_at="when it is complete",
    released_at="when its room is given away",
)
"""A transfer."""

CHUNK = _record(
    compute_cycles="on the vector unit",
    output_bytes="that go to DRAM",
    output_bus_bytes="that move then",
    input_bytes=(np.int64, 2, "of the tensors that are fetched"),
)
"""A chunk of a vector layer."""


class Tables(NamedTuple):
    """What the recurrence works on, besides the machine.

    ``layers``: LAYER[layers], the loop nests. ``classes``: PASS_CLASS[layers, CLASSES].
    ``sizes``: int64[blocks], bytes of the activation blocks of a group, or parts, from a layer's
    ``first`` on. ``chunks``: CHUNK[chunks] of the vector layers, from a layer's ``first`` on.
    ``rings``: ENTRY[entries], the rings of the engines, each a power of two. ``results``:
    RESULT[layers], zero; filled.
    """

    layers: Records
    classes: Records
    sizes: Integers
    chunks: Records
    rings: Records
    results: Records
