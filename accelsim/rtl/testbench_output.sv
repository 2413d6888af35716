// Plays the vectors of parameters.svh's machine and compares every result, and the cycle in which
// it leaves, with expected.hex. Prints PASS or FAIL with counts.
`timescale 1ns / 1ps
`include "parameters.svh"
module testbench;
    localparam int RESULTS = `EXPECTED;
    localparam bit FREE = `DRAIN == 2;
    localparam int PORTS = FREE ? `ROWS * `COLUMNS : `COLUMNS;

    logic clock = 1'b0, reset = 1'b1;
    logic stream_valid;
    logic [31:0] stream_tile, stream_index, stream_line;
    logic [PORTS-1:0] result_valid;
    logic [PORTS*`ACCUMULATOR_BITS-1:0] results;
    logic [`ACCUMULATOR_BITS-1:0] result;
    logic [`ROWS*`COLUMNS-1:0] overflow;

    logic [31:0] tile_length [0:`TILES-1];
    logic [31:0] tile_offset [0:`TILES-1];
    logic [`COLUMNS*`ACCUMULATOR_BITS-1:0] tile_bias [0:`TILES-1];
    logic [`ROWS*`RIGHT_BITS-1:0] right_rows [0:`STREAM_LINES-1];
    logic [`COLUMNS*`DOWN_BITS-1:0] down_rows [0:`STREAM_LINES-1];
    // Rows and columns that hold data; the other PEs' results are nobody's.
    logic [31:0] tile_rows [0:`TILES-1];
    logic [31:0] tile_columns [0:`TILES-1];
    // Cycle, port, result.
    logic [63+`ACCUMULATOR_BITS:0] expected [0:RESULTS-1];

    int cycle = 0, seen = 0, wrong = 0, overflows = 0;
    // Results that a port gave: of one tile after the other; a column's, the last row first.
    int given [0:PORTS-1];
    int row, column, tile;
    logic [31:0] registered;
    // At the bottom a result is on its way out in this cycle; at a PE it is visible in the cycle
    // after the one at whose end it was registered.
    assign registered = FREE ? cycle - 1 : cycle;
    assign stream_line = tile_offset[stream_tile] + stream_index;

    accelerator_output #(
        .ROWS(`ROWS), .COLUMNS(`COLUMNS), .KIND(`KIND), .PE_BITS(`PE_BITS), .RIGHT_BITS(`RIGHT_BITS), .DOWN_BITS(`DOWN_BITS),
        .ACCUMULATOR_BITS(`ACCUMULATOR_BITS), .SATURATE(`SATURATE), .DRAIN(`DRAIN),
        .TILE_OVERLAP(`TILE_OVERLAP)
    ) machine (
        .clock, .reset, .lanes(4'(`LANES)), .tiles(`TILES),
        .stream_valid, .stream_tile, .stream_index, .tile_length(tile_length[stream_tile]),
        .stream_right(right_rows[stream_line]), .stream_down(down_rows[stream_line]),
        .bias(tile_bias[stream_tile]), .result_valid, .result(results), .overflow);

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
        for (int port = 0; port < PORTS; port++) given[port] = 0;
        repeat (2) @(posedge clock);
        #1 reset = 1'b0;  // cycle 0 begins
    end

    // Sampled in the middle of a cycle, before the edge that ends it.
    always @(negedge clock) if (!reset) begin
        if (result_valid != 0) for (int port = 0; port < PORTS; port++) if (result_valid[port]) begin
            column = port % `COLUMNS;
            tile = FREE ? given[port] : given[port] / `ROWS;
            row = FREE ? port / `COLUMNS : `ROWS - 1 - given[port] % `ROWS;
            if (row < tile_rows[tile] && column < tile_columns[tile]) begin
                result = results[port*`ACCUMULATOR_BITS +: `ACCUMULATOR_BITS];
                if (seen >= RESULTS || {registered, port, result} !== expected[seen]) begin
                    wrong++;
                    if (wrong <= 10)
                        $display("cycle %0d port %0d: got %0d, expected %h", registered, port,
                                 $signed(result), expected[seen]);
                end
                seen++;
            end
            given[port]++;
        end
        if (overflow != 0) overflows += $countones(overflow);
        cycle++;
        if (cycle > `LAST_CYCLE + 4) begin
            $display("%s: %0d of %0d results, %0d wrong, %0d overflows, last cycle %0d",
                     (wrong == 0 && seen == RESULTS && overflows == `OVERFLOWS) ? "PASS" : "FAIL",
                     seen, RESULTS, wrong, overflows, `LAST_CYCLE);
            $finish;
        end
    end
endmodule
