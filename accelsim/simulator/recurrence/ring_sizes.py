"""How many transfers of each engine are remembered at a time."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from accelsim.hardware.schema import Hardware

__all__ = ["ring_sizes"]

Integers = NDArray[np.int64]
Records = NDArray[np.void]

_LONGEST_STEP = 4096
"""Transfers of a step of a loop above which it is not compared with another, to save memory."""


def ring_sizes(
    layers: Records, classes: Records, sizes: Integers, chunks: Records, hardware: Hardware
) -> list[int]:
    """Return powers of two for what can be resident at a time and for steps of an outer loop.

    So that a step can be compared with the one before it.
    """
    pads = hardware.scratchpads
    matrix = layers["is_vector"] == 0
    tiles = _most(pads.weights.size, classes["weight_bytes"][matrix])
    tiles = min(tiles, int(layers["step_count"][matrix].sum()))
    visits = layers["groups"] * layers["blocks"] * layers["columns"] * layers["parts"]
    visits *= layers["activations"] != 0
    loads = int(
        max(visits.max(initial=0), (layers["step_count"] * layers["input_count"]).max(initial=0))
    )
    staged, fetched = 0, [sizes]
    for layer, work in zip(layers, classes, strict=True):
        outputs = work["output_bytes"]
        if layer["is_vector"]:
            of_layer = chunks[layer["first"] : layer["first"] + layer["step_count"]]
            outputs = of_layer["output_bytes"]
            fetched.append(of_layer["input_bytes"][:, : layer["input_count"]].ravel())
        staged = max(staged, _most(int(layer["staging_bytes"]), outputs))
    inputs = np.concatenate(fetched)
    # A block of padding alone takes no room: any number of them can be there.
    if inputs.all():
        loads = min(loads, _most(pads.activations.size, inputs))
    inner = np.where(layers["rows_outside"], layers["columns"], layers["blocks"])
    tiles_of_step = (inner * layers["tiles"]).max(initial=0, where=matrix)
    passes_of_tile = (layers["parts"] - 1) * layers["depths"] + layers["last_depths"]
    passes_of_step = (inner * layers["tiles"] * passes_of_tile).max(initial=0, where=matrix)
    loads_of_step = (inner * layers["parts"]).max(initial=0, where=matrix)
    spare = hardware.dma.outstanding + 4
    return [
        1 << (2 * size + 3 * min(int(step), _LONGEST_STEP) + spare).bit_length()
        for size, step in (
            (tiles, passes_of_step),
            (loads, loads_of_step),
            (staged, tiles_of_step),
        )
    ]


def _most(room: int, sizes: Integers) -> int:
    least = sizes.min(initial=room + 1, where=sizes > 0)
    return room // int(least)
