// The output-stationary array: ROWS x COLUMNS PEs and the skew of their edges.
//
// Left edge: one element for each row, row r delayed by r cycles; top edge: one element for each
// column and, with a tile's first element, the biases, column c delayed by c cycles. Results leave
// at the bottom, the last row's first, while `drain` (delayed by c cycles in column c) is on; with
// DRAIN 2, through a port of each PE. Lane i of a port is its i-th word, lane 0 in the lowest bits.
module array_output #(
    parameter int ROWS = 4,
    parameter int COLUMNS = 4,
    parameter int KIND = 0,
    parameter int PE_BITS = 8,
    parameter int RIGHT_BITS = 8,
    parameter int DOWN_BITS = 8,
    parameter int ACCUMULATOR_BITS = 32,
    parameter bit SATURATE = 1'b0,
    parameter int DRAIN = 0,
    // One for each column or, with DRAIN 2, for each PE: PE(r, c) has port r * COLUMNS + c.
    parameter int PORTS = DRAIN == 2 ? ROWS * COLUMNS : COLUMNS
) (
    input  logic clock,
    input  logic reset,
    input  logic [3:0] lanes,
    input  logic stream_valid,
    input  logic stream_first,
    input  logic stream_last,
    input  logic [ROWS*RIGHT_BITS-1:0] stream_right,
    input  logic [COLUMNS*DOWN_BITS-1:0] stream_down,
    input  logic [COLUMNS*ACCUMULATOR_BITS-1:0] bias,
    input  logic drain,
    input  logic drain_first,
    output logic [PORTS-1:0] result_valid,
    output logic [PORTS*ACCUMULATOR_BITS-1:0] result,
    // The bottom PE of column 0, and the far corner, have done the tile's last product.
    output logic column_done,
    output logic tile_done,
    // PE(r, c) is bit r * COLUMNS + c.
    output logic [ROWS*COLUMNS-1:0] overflow
);
    for (genvar r = 0; r < ROWS; r++) begin : left
        logic valid, first, last;
        logic [RIGHT_BITS-1:0] right;
        delay #(r, RIGHT_BITS + 3) skew (
            .clock, .reset, .in({stream_valid, stream_first, stream_last, stream_right[r*RIGHT_BITS +: RIGHT_BITS]}),
            .out({valid, first, last, right}));
    end

    for (genvar c = 0; c < COLUMNS; c++) begin : top
        logic draining, draining_first;
        logic [ACCUMULATOR_BITS-1:0] bias_top;
        logic [DOWN_BITS-1:0] down;
        delay #(c, DOWN_BITS + ACCUMULATOR_BITS + 2) skew (
            .clock, .reset,
            .in({drain, drain_first, bias[c*ACCUMULATOR_BITS +: ACCUMULATOR_BITS], stream_down[c*DOWN_BITS +: DOWN_BITS]}),
            .out({draining, draining_first, bias_top, down}));
    end

    for (genvar r = 0; r < ROWS; r++) begin : row
        for (genvar c = 0; c < COLUMNS; c++) begin : column
            // What arrives from the left and from above, and what goes on. Beyond the last row
            // and column nobody wants it.
            logic valid_in, first_in, last_in, overflows;
            logic [RIGHT_BITS-1:0] right_in;
            logic [DOWN_BITS-1:0] down_in;
            logic [ACCUMULATOR_BITS-1:0] bias_in, result_in;
            /* verilator lint_off UNUSEDSIGNAL */
            logic valid, first, last;
            logic [RIGHT_BITS-1:0] right;
            logic [DOWN_BITS-1:0] down;
            logic [ACCUMULATOR_BITS-1:0] bias_down, leaving;
            /* verilator lint_on UNUSEDSIGNAL */

            if (c == 0) begin : from_edge
                assign valid_in = left[r].valid;
                assign first_in = left[r].first;
                assign last_in = left[r].last;
                assign right_in = left[r].right;
            end else begin : from_left
                assign valid_in = row[r].column[c-1].valid;
                assign first_in = row[r].column[c-1].first;
                assign last_in = row[r].column[c-1].last;
                assign right_in = row[r].column[c-1].right;
            end
            if (r == 0) begin : from_top
                assign down_in = top[c].down;
                assign bias_in = top[c].bias_top;
                assign result_in = '0;
            end else begin : from_above
                assign down_in = row[r-1].column[c].down;
                assign bias_in = row[r-1].column[c].bias_down;
                assign result_in = row[r-1].column[c].leaving;
            end

            pe_output #(KIND, PE_BITS, RIGHT_BITS, DOWN_BITS, ACCUMULATOR_BITS, SATURATE, DRAIN) pe (
                .clock, .reset, .lanes,
                .valid_in, .first_in, .last_in, .right_in,
                .valid_out(valid), .first_out(first), .last_out(last), .right_out(right),
                .down_in, .down_out(down), .bias_in, .bias_out(bias_down), .overflow(overflows),
                .drain(top[c].draining), .drain_first(top[c].draining_first), .result_in, .result_out(leaving));
            always_comb overflow[r*COLUMNS+c] = overflows;

            if (DRAIN == 2) begin : port
                // The cycle after its last product, in which nothing has changed the sum yet.
                always_comb result_valid[r*COLUMNS+c] = valid && last;
                always_comb result[(r*COLUMNS+c)*ACCUMULATOR_BITS +: ACCUMULATOR_BITS] = leaving;
            end
        end
    end

    for (genvar c = 0; c < COLUMNS; c++) begin : bottom
        if (DRAIN != 2) begin : port
            // The bottom row's result is on the wire while its column drains.
            always_comb result_valid[c] = top[c].draining;
            always_comb result[c*ACCUMULATOR_BITS +: ACCUMULATOR_BITS] = row[ROWS-1].column[c].leaving;
        end
    end
    assign column_done = row[ROWS-1].column[0].valid && row[ROWS-1].column[0].last;
    assign tile_done = row[ROWS-1].column[COLUMNS-1].valid && row[ROWS-1].column[COLUMNS-1].last;
endmodule
