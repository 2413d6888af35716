"""The machine of docs/timing.md as one recurrence: no clock, no events, no queue of what happens.

Passes, tiles, chunks and transfers of a unit follow each other, so each one's times are a maximum
over times that are known once its predecessors' are. Only the DRAM channel mixes the units: it
serves requests by (cycle asked, engine). A request that is not known yet depends on a transfer
that has not been granted, so it cannot come before the earliest known one: that one is granted,
and if the array waits for it, everything that now can be computed is.

What a loop does again and again is not run again and again: once the machine is as it was at an
earlier step of the same loop, only later, whole periods are added to every time and account.
Periods are looked for at every level of a layer's loop nest.

    nests, pass_classes     a program as arrays: loop nests, classes of passes, sizes
    ring_sizes              how many transfers are remembered at a time
    records                 what each field of these arrays and of the machine is
    run_layers              the kernel: whose turn it is, channel or array
    layers, steps           a layer's beginning and end; its passes, tiles and chunks
    requests, transfers     what the DMA engines ask for next; where a request waits
    positions               where passes and fetches are in a loop nest
    periods                 whether a loop goes on as it did
    signatures              what "as it was, only later" means
    growth                  whole periods added
    account                 what a run reports

Those from `run_layers` to `growth` are compiled, as one kernel; it takes the records as they are.
"""

from __future__ import annotations

from accelsim.simulator.recurrence.account import is_exact, recur

__all__ = ["is_exact", "recur"]
