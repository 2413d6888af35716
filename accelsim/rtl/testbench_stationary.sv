// Plays the vectors of parameters.svh's machine and compares every sum, and the cycle in which it
// is registered, with expected.hex. Prints PASS or FAIL with counts.
`timescale 1ns / 1ps
`include "parameters.svh"
`define SUM(c) sum[(c)*`ACCUMULATOR_BITS +: `ACCUMULATOR_BITS]
module testbench;
    localparam int SUMS = `EXPECTED;

    logic clock = 1'b0, reset = 1'b1;
    logic load, stream_valid;
    logic [31:0] load_pass, load_row, stream_pass, stream_index;
    logic [`COLUMNS-1:0] sum_valid;
    logic [`COLUMNS*32-1:0] sum_address;
    logic [`COLUMNS*`ACCUMULATOR_BITS-1:0] sum;
    logic [`ROWS*`COLUMNS-1:0] overflow;

    // One line a pass: stream length, first stream line, first depth.
    logic [31:0] pass_length [0:`PASSES-1];
    logic [31:0] pass_offset [0:`PASSES-1];
    logic [31:0] pass_first_depth [0:`PASSES-1];
    logic [`COLUMNS*`RESIDENT_BITS-1:0] resident_rows [0:`PASSES*`ROWS-1];
    logic [`ROWS*`MOVING_BITS-1:0] stream_rows [0:`STREAM_LINES-1];
    logic [31:0] stream_addresses [0:`STREAM_LINES-1];
    logic [`COLUMNS*`ACCUMULATOR_BITS-1:0] stream_biases [0:`STREAM_LINES-1];
    // Columns that hold data; the others' sums are nobody's.
    logic [31:0] stream_columns [0:`STREAM_LINES-1];
    // Cycle, column, sum.
    logic [63+`ACCUMULATOR_BITS:0] expected [0:SUMS-1];

    int cycle = 0, seen = 0, wrong = 0, overflows = 0;
    int line [0:`COLUMNS-1];  // of the stream whose sum column c gives next
    logic [31:0] stream_line, registered;
    // What is visible now was registered at the end of the cycle before.
    assign registered = cycle - 1;
    assign stream_line = pass_offset[stream_pass] + stream_index;

    accelerator_stationary #(
        .ROWS(`ROWS), .COLUMNS(`COLUMNS), .KIND(`KIND), .PE_BITS(`PE_BITS), .MOVING_BITS(`MOVING_BITS), .RESIDENT_BITS(`RESIDENT_BITS),
        .ACCUMULATOR_BITS(`ACCUMULATOR_BITS), .SATURATE(`SATURATE), .DOUBLE_BUFFERED(`DOUBLE_BUFFERED),
        .TILE_OVERLAP(`TILE_OVERLAP), .ACCUMULATOR_DEPTH(`ACCUMULATOR_DEPTH)
    ) machine (
        .clock, .reset, .lanes(4'(`LANES)), .passes(`PASSES),
        .load, .load_pass, .load_row, .load_data(resident_rows[load_pass * `ROWS + load_row]),
        .stream_valid, .stream_pass, .stream_index, .stream_length(pass_length[stream_pass]),
        .stream_data(stream_rows[stream_line]), .stream_first_depth(pass_first_depth[stream_pass][0]),
        .stream_address(stream_addresses[stream_line]), .stream_bias(stream_biases[stream_line]),
        .sum_valid, .sum_address, .sum, .overflow);

    always #5 clock = !clock;

    initial begin
        $readmemh("pass_length.hex", pass_length);
        $readmemh("pass_offset.hex", pass_offset);
        $readmemh("pass_first_depth.hex", pass_first_depth);
        $readmemh("resident.hex", resident_rows);
        $readmemh("stream.hex", stream_rows);
        $readmemh("stream_address.hex", stream_addresses);
        $readmemh("stream_bias.hex", stream_biases);
        $readmemh("stream_columns.hex", stream_columns);
        $readmemh("expected.hex", expected);
        for (int c = 0; c < `COLUMNS; c++) line[c] = 0;
        repeat (2) @(posedge clock);
        #1 reset = 1'b0;  // cycle 0 begins
    end

    // Sampled in the middle of a cycle, before the edge that ends it.
    always @(negedge clock) if (!reset) begin
        for (int c = 0; c < `COLUMNS; c++) if (sum_valid[c]) begin
            if (c < stream_columns[line[c]]) begin
                if (seen >= SUMS || {registered, c, `SUM(c)} !== expected[seen]
                    || sum_address[c*32 +: 32] !== stream_addresses[line[c]]) begin
                    wrong++;
                    if (wrong <= 10)
                        $display("cycle %0d column %0d: got %0d, expected %h", registered, c,
                                 $signed(`SUM(c)), expected[seen]);
                end
                seen++;
            end
            line[c]++;
        end
        if (overflow != 0) overflows += $countones(overflow);
        cycle++;
        if (cycle > `LAST_CYCLE + 4) begin
            $display("%s: %0d of %0d sums, %0d wrong, %0d overflows, last cycle %0d",
                     (wrong == 0 && seen == SUMS && overflows == `OVERFLOWS) ? "PASS" : "FAIL",
                     seen, SUMS, wrong, overflows, `LAST_CYCLE);
            $finish;
        end
    end
endmodule
