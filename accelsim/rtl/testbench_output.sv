// Plays the vectors of parameters.svh's machine and compares every result, and the cycle in which
// it leaves, with expected.hex. Prints PASS or FAIL with counts.
`timescale 1ns / 1ps
`include "parameters.svh"
module testbench;
    localparam int RESULTS = `EXPECTED;

    logic clock = 1'b0, reset = 1'b1;
    logic stream_valid;
    logic [31:0] stream_tile, stream_index, stream_line;
    logic [`COLUMNS-1:0] result_valid;
    logic [`COLUMNS-1:0][`ACCUMULATOR_BITS-1:0] result;
    logic [`ROWS-1:0][`COLUMNS-1:0] overflow;

    logic [31:0] tile_length [0:`TILES-1];
    logic [31:0] tile_offset [0:`TILES-1];
    logic [`COLUMNS*`ACCUMULATOR_BITS-1:0] tile_bias [0:`TILES-1];
    logic [`ROWS*`RIGHT_BITS-1:0] right_rows [0:`STREAM_LINES-1];
    logic [`COLUMNS*`DOWN_BITS-1:0] down_rows [0:`STREAM_LINES-1];
    // Rows and columns that hold data; the other PEs' results are nobody's.
    logic [31:0] tile_rows [0:`TILES-1];
    logic [31:0] tile_columns [0:`TILES-1];
    // Cycle, column, result.
    logic [63+`ACCUMULATOR_BITS:0] expected [0:RESULTS-1];

    int cycle = 0, seen = 0, wrong = 0, overflows = 0;
    int given [0:`COLUMNS-1];  // results that column c gave: the last row's first, tile after tile
    assign stream_line = tile_offset[stream_tile] + stream_index;

    accelerator_output #(
        .ROWS(`ROWS), .COLUMNS(`COLUMNS), .RIGHT_BITS(`RIGHT_BITS), .DOWN_BITS(`DOWN_BITS),
        .ACCUMULATOR_BITS(`ACCUMULATOR_BITS), .SATURATE(`SATURATE), .HIDDEN_DRAIN(`HIDDEN_DRAIN),
        .TILE_OVERLAP(`TILE_OVERLAP)
    ) machine (
        .clock, .reset, .tiles(`TILES),
        .stream_valid, .stream_tile, .stream_index, .tile_length(tile_length[stream_tile]),
        .stream_right(right_rows[stream_line]), .stream_down(down_rows[stream_line]),
        .bias(tile_bias[stream_tile]), .result_valid, .result, .overflow);

    always #5 clock = !clock;

    initial begin
        $readmemh("tile_length.hex", tile_length);
        $readmemh("tile_offset.hex", tile_offset);
        $readmemh("tile_bias.hex", tile_bias);
        $readmemh("right.hex", right_rows);
        $readmemh("down.hex", down_rows);
        $readmemh("tile_rows.hex", tile_rows);
        $readmemh("tile_columns.hex", tile_columns);
        $readmemh("expected.hex", expected);
        for (int c = 0; c < `COLUMNS; c++) given[c] = 0;
        repeat (2) @(posedge clock);
        #1 reset = 1'b0;  // cycle 0 begins
    end

    // Sampled in the middle of a cycle, before the edge that ends it.
    always @(negedge clock) if (!reset) begin
        for (int c = 0; c < `COLUMNS; c++) if (result_valid[c]) begin
            if (c < tile_columns[given[c] / `ROWS] && `ROWS - 1 - given[c] % `ROWS < tile_rows[given[c] / `ROWS]) begin
                if (seen >= RESULTS || {cycle, c, result[c]} !== expected[seen]) begin
                    wrong++;
                    if (wrong <= 10)
                        $display("cycle %0d column %0d: got %0d, expected %h", cycle, c,
                                 $signed(result[c]), expected[seen]);
                end
                seen++;
            end
            given[c]++;
        end
        overflows += $countones(overflow);
        cycle++;
        if (cycle > `LAST_CYCLE + 4) begin
            $display("%s: %0d of %0d results, %0d wrong, %0d overflows, last cycle %0d",
                     (wrong == 0 && seen == RESULTS && overflows == `OVERFLOWS) ? "PASS" : "FAIL",
                     seen, RESULTS, wrong, overflows, `LAST_CYCLE);
            $finish;
        end
    end
endmodule
