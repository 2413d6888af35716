"""The machine as SystemVerilog: readable sources, and testbenches that prove a design point.

The sources are a separate derivation of docs/timing.md: their controllers see handshakes, not
formulas. `write_bundle` writes them with the vectors of a layer and what the `register` engine
expects of every output and the cycle in which it appears.
"""

from __future__ import annotations

from accelsim.rtl.bundle import write_bundle
from accelsim.rtl.sources import source_path, source_text

__all__ = ["source_path", "source_text", "write_bundle"]
