"""Controllers alone, with an array that only answers: work that comes when all is done starts."""

from __future__ import annotations

import subprocess
from itertools import product

import pytest

from accelsim.rtl.sources import source_path

pytestmark = pytest.mark.rtl

ROWS, COLUMNS, LENGTH, LATER = 2, 3, 4, 40

# What the array does is in the delays: the bottom PE of column 0, and the far corner, have seen the
# stream's last element so many cycles after it entered.
TESTBENCH = """
module testbench;
    logic clock = 1'b0, reset = 1'b1, last, first, bottom, corner;
    int cycle = 0;
    logic [31:0] pieces;
    assign pieces = cycle < {later} ? 1 : 2;
    delay #({rows}, 1) to_bottom (.clock, .reset, .in(last), .out(bottom));
    delay #({rows} + {columns} - 1, 1) to_corner (.clock, .reset, .in(last), .out(corner));
    {controller}
    always #5 clock = !clock;
    initial begin
        repeat (2) @(posedge clock);
        #1 reset = 1'b0;
    end
    always @(negedge clock) if (!reset && first) $write("%0d ", cycle);
    always @(posedge clock) if (!reset) begin
        cycle <= cycle + 1;
        if (cycle == {later} + 20) $finish;
    end
endmodule
"""


def starts(icarus, folder, controller, module):
    """Return the cycles in which streams start; the second one may from cycle LATER on."""
    text = TESTBENCH.format(rows=ROWS, columns=COLUMNS, later=LATER, controller=controller)
    (folder / "testbench.sv").write_text(text)
    sources = ["testbench.sv", str(source_path("delay")), str(source_path(module))]
    compiler = ["iverilog", "-g2012", "-o", "testbench.vvp", "-s", "testbench", *sources]
    subprocess.run(compiler, cwd=folder, check=True)
    ran = subprocess.run(["vvp", "-n", "testbench.vvp"], cwd=folder, capture_output=True, text=True)
    return [int(cycle) for cycle in ran.stdout.split()]


@pytest.mark.parametrize(("drain", "overlap"), list(product([0, 1, 2], [0, 1])))
def test_a_tile_that_comes_later_starts_at_once(icarus, tmp_path, drain, overlap):
    controller = f"""controller_output #({ROWS}, {COLUMNS}, {drain}, {overlap}) controller (
        .clock, .reset, .tiles(pieces), .tile_length({LENGTH}), .column_done(bottom),
        .tile_done(corner), .stream_valid(), .stream_first(first), .stream_last(last),
        .stream_tile(), .stream_index(), .drain());"""
    assert starts(icarus, tmp_path, controller, "controller_output") == [0, LATER]


@pytest.mark.parametrize(("double_buffered", "overlap"), list(product([0, 1], [0, 1])))
def test_a_pass_that_comes_later_preloads_at_once(icarus, tmp_path, double_buffered, overlap):
    controller = f"""controller_stationary #({ROWS}, {double_buffered}, {overlap}) controller (
        .clock, .reset, .passes(pieces), .stream_length({LENGTH}), .pass_done(corner), .load(),
        .load_last(), .load_pass(), .load_row(), .stream_valid(), .stream_first(first),
        .stream_last(last), .stream_pass(), .stream_index());"""
    assert starts(icarus, tmp_path, controller, "controller_stationary") == [ROWS, LATER + ROWS]
