"""The PE grid: one matrix layer through the array, by three engines that must agree.

`docs/timing.md` states what happens in which cycle. `register` steps two-phase registers,
`cycle` computes the same values in an order that a CPU likes, `tile` uses closed forms.
`accelsim.simulator.array.register_trace` shows every register of every cycle.
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
