"""The machine as SystemVerilog: readable sources, and testbenches that prove a design point.

The sources are a separate derivation of docs/timing.md: their controllers see handshakes, not
formulas. `export_rtl` writes them with the vectors of a layer and what the `register` engine
expects of every output and the cycle in which it appears.
"""

from __future__ import annotations

from accelsim.rtl.export import RtlRequest, export_rtl

__all__ = ["RtlRequest", "export_rtl"]
