"""The PE grid: one matrix layer through the array, by three engines that must agree.

`docs/timing.md` states what happens in which cycle. `register` steps two-phase registers,
`cycle` computes the same values in an order that a CPU likes, `tile` uses closed forms.
`accelsim.simulator.array.register_trace` shows every register of every cycle.

The map of this room:

* what all share: `engines` (the choice), `interface`, `pieces` (a plan's passes in their order),
  `overflow` and `extremes` (whether sums have to be checked), `widths`, `product`;
* `tile`: products by BLAS, closed forms;
* `cycle`: values by `cycle_kernel` from operands that `packing` lays out, cycles by `starts`; with
  switching `switching` takes `stages` in order, `column_registers` keep what they leave, and the
  kernels count: `moving_toggles`, `stationary_toggles`, `folded_toggles`, `output_toggles`, made of
  `lane_sums` and `changed_bits`. `lanes` are 16 words of a vector of the CPU;
* `register`: `register_kernel` is a cycle. `register_pe` describes a PE, in the words of `cells`;
  `register_control`, `register_lanes` and `register_edges` are what is around the PEs;
  `register_step`, `register_decisions` and `register_update` evaluate 32 PEs at once, or one;
  `register_state` says where things lie between two cycles, `register_layout` where operands do,
  `register_contents` and `register_trace` show them;
* on top of them: `row_sums`, `vector_sums`, and `activity` with its kernel: what multipliers and
  adders see.
"""

from accelsim.simulator.array.engines import run_array
from accelsim.simulator.array.interface import ArrayResult, Engine, MatrixOperands
from accelsim.simulator.array.row_sums import measure_with_row_sums, run_with_row_sums
from accelsim.simulator.compilations import tell_of_compilations

__all__ = [
    "ArrayResult",
    "Engine",
    "MatrixOperands",
    "measure_with_row_sums",
    "run_array",
    "run_with_row_sums",
]

tell_of_compilations()
