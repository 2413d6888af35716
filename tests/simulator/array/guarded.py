"""Run engines on arrays that end, or begin, at memory that nobody may touch.

A kernel reads and writes many words at once, and numba does not look whether they are all within
their array. Here each array that a kernel is given lies at the edge of such memory: whoever goes
further is ended by the system. So this is a program of its own: ``guarded (end | begin) [beyond]``.
"""

from __future__ import annotations

import ctypes
import mmap
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
from numba import njit

from accelsim.arithmetic.formats import Accumulator
from accelsim.compiler.plan import Gemm, TilePlan
from accelsim.hardware.dataflow import DATAFLOWS
from accelsim.hardware.schema import Array, Drain
from accelsim.simulator.array import (
    activity_kernel,
    column_registers,
    cycle_kernel,
    extremes,
    moving_toggles,
    register_kernel,
    run_array,
)
from accelsim.simulator.array.activity import measure_activity
from accelsim.simulator.array.lanes import LANES, load, sum_of
from tests.matrices import Matrices
from tests.plans import in_parts
from tests.simulator.array.conftest import make_plan

KERNELS = {
    activity_kernel: ["output_tile", "stationary_pass"],
    column_registers: [
        *("clear_path", "folded_sweep", "output_sweep", "output_tiles", "stationary_sweep"),
    ],
    cycle_kernel: ["accumulate", "accumulate_checked", "pack_factors", "pack_lines", "pack_moving"],
    extremes: ["_extremes"],
    moving_toggles: ["changes_across", "changes_along", "enter_rows", "enter_streams"],
    register_kernel: ["_run_cycles"],
}
"""What Python calls with arrays."""


class Fences:
    """Copies of arrays, each between two pages that nobody may touch."""

    def __init__(self, at_end: bool) -> None:
        self._at_end = at_end
        self._protect = ctypes.CDLL(None, use_errno=True).mprotect
        self._protect.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
        self.kept: list[tuple[Any, Any]] = []

    def copy(self, argument: Any) -> Any:
        """Return an argument of a kernel with its arrays, and those of its tuples, fenced."""
        if isinstance(argument, tuple):
            parts = [self.copy(part) for part in argument]
            return type(argument)(*parts) if hasattr(argument, "_fields") else tuple(parts)
        if not isinstance(argument, np.ndarray):
            return argument
        assert argument.flags.c_contiguous, "only arrays without gaps have a copy of their type"
        fenced = self._room(argument.nbytes).view(argument.dtype).reshape(argument.shape)
        fenced[:] = argument
        fenced.flags.writeable = argument.flags.writeable
        self.kept.append((argument, fenced))
        return fenced

    def _room(self, size: int) -> Any:
        page = mmap.PAGESIZE
        inside = max(1, -(-size // page)) * page
        memory = mmap.mmap(-1, inside + 2 * page)
        words = np.frombuffer(memory, np.uint8)
        for fence in (0, page + inside):
            nobody = 0  # PROT_NONE
            assert self._protect(words.ctypes.data + fence, page, nobody) == 0
        first = page + (inside - size if self._at_end else 0)
        return words[first : first + size]

    def give_back(self) -> None:
        """Write what has become of the copies into the arrays."""
        for array, fenced in self.kept:
            if array.flags.writeable:
                array[:] = fenced


def fenced(kernel: Callable[..., Any], at_end: bool) -> Callable[..., Any]:
    """Return a kernel that is called with fenced copies of its arrays."""

    def run(*arguments: Any) -> Any:
        fences = Fences(at_end)
        answer = kernel(*(fences.copy(argument) for argument in arguments))
        fences.give_back()
        return answer

    return run


def cases() -> list[tuple[Matrices, TilePlan, Array, Accumulator]]:
    """Arrays around whole lanes, short and longer streams, tiles that leave rows and columns.

    Each dataflow has a machine whose depth comes in parts.
    """
    found = []
    generator = np.random.default_rng(5)
    for rows, columns in [(1, 1), (2, 3), (4, 16), (5, 17), (31, 4), (32, 32), (33, 20), (64, 33)]:
        for number, dataflow in enumerate(3 * list(DATAFLOWS)):
            flow = DATAFLOWS[dataflow]
            array = Array(
                rows=rows,
                columns=columns,
                dataflow=dataflow,
                weight_bits=16,
                activation_bits=8,
                weight_double_buffering=number % 2 == 0,
                tile_overlap=number % 4 < 2,
                drain=list(Drain)[number // 3],
            )
            sizes = {
                flow.rows: int(generator.integers(1, 2 * rows + 4)),
                flow.columns: int(generator.integers(1, 2 * columns + 4)),
                flow.stream: (1, 3, 9)[int(generator.integers(3))],
            }
            gemm = Gemm(sizes["m"], sizes["n"], sizes["k"], groups=1 + number % 2)
            left = generator.integers(-128, 128, (gemm.groups, gemm.rows_m, gemm.depth_k))
            right = generator.integers(-(2**15), 2**15, (gemm.groups, gemm.depth_k, gemm.columns_n))
            operands = Matrices(
                left.astype(np.int32),
                np.asarray(right, np.int32, order="FC"[number % 2]),
                generator.integers(-99, 99, (gemm.groups, gemm.columns_n)),
            )
            plan = make_plan(gemm, array, 1 + sizes[flow.stream] // 2)
            if number in (0, 5, 8):
                plan = in_parts(plan, tiles=2, part_tiles=1)
            found.append((operands, plan, array, Accumulator((32, 18)[number % 3 == 1])))
    return found


def main(side: str, beyond: str = "") -> None:
    """Run all cases with both engines; ``beyond``: read a row that is not there instead."""
    at_end = side == "end"
    if beyond:

        @njit
        def read(words: Any, row: int) -> int:
            return int(sum_of(load(words, row)))

        fenced(read, at_end)(np.zeros((3, LANES), np.int32), 3 if at_end else -1)
        return
    for module, names in KERNELS.items():
        for name in names:
            setattr(module, name, fenced(getattr(module, name), at_end))
    for number, case in enumerate(cases()):
        registers = run_array("register", *case, switching=True)
        lanes = run_array("cycle", *case, switching=True)
        for result in (lanes, run_array("cycle", *case), run_array("register", *case)):
            assert np.array_equal(result.accumulators, registers.accumulators)
        assert lanes.switching == registers.switching
        measure_activity(*case)
        print(number, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
