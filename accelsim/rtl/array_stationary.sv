// The weight- or input-stationary array: ROWS x COLUMNS PEs and the skew of their edges.
//
// Left edge: one element for each row, row r delayed by r cycles. Top edge: partial sums, and the
// resident operand's rows, last row first, column c delayed by c cycles. The sums' skew is outside
// (accumulators are read column by column), so `sum_top` is given already staggered. Lane i of a
// port is its i-th word, lane 0 in the lowest bits.
module array_stationary #(
    parameter int ROWS = 4,
    parameter int COLUMNS = 4,
    parameter int KIND = 0,
    parameter int PE_BITS = 8,
    parameter int MOVING_BITS = 8,
    parameter int RESIDENT_BITS = 8,
    parameter int ACCUMULATOR_BITS = 32,
    parameter bit SATURATE = 1'b0,
    parameter bit DOUBLE_BUFFERED = 1'b1
) (
    input  logic clock,
    input  logic reset,
    input  logic [3:0] lanes,
    input  logic stream_valid,
    input  logic stream_first,
    input  logic stream_last,
    input  logic [ROWS*MOVING_BITS-1:0] stream,
    input  logic load,
    input  logic load_last,
    input  logic [COLUMNS*RESIDENT_BITS-1:0] load_row,
    input  logic [COLUMNS*ACCUMULATOR_BITS-1:0] sum_top,
    output logic [COLUMNS*ACCUMULATOR_BITS-1:0] sum_bottom,
    output logic [COLUMNS-1:0] sum_valid,
    // The far corner has done the pass's last product.
    output logic pass_done,
    // PE(r, c) is bit r * COLUMNS + c.
    output logic [ROWS*COLUMNS-1:0] overflow
);
    for (genvar r = 0; r < ROWS; r++) begin : left
        logic valid, first, last;
        logic [MOVING_BITS-1:0] moving;
        delay #(r, MOVING_BITS + 3) skew (
            .clock, .reset, .in({stream_valid, stream_first, stream_last, stream[r*MOVING_BITS +: MOVING_BITS]}),
            .out({valid, first, last, moving}));
    end

    for (genvar c = 0; c < COLUMNS; c++) begin : top
        logic loading, loading_last;
        logic [RESIDENT_BITS-1:0] resident;
        delay #(c, RESIDENT_BITS + 2) skew (
            .clock, .reset, .in({load, load_last, load_row[c*RESIDENT_BITS +: RESIDENT_BITS]}),
            .out({loading, loading_last, resident}));
    end

    for (genvar r = 0; r < ROWS; r++) begin : row
        for (genvar c = 0; c < COLUMNS; c++) begin : column
            // What arrives from the left and from above, and what goes on. Beyond the last row
            // and column nobody wants it.
            logic valid_in, first_in, last_in, overflows;
            logic [MOVING_BITS-1:0] moving_in;
            logic [ACCUMULATOR_BITS-1:0] sum_in;
            logic [RESIDENT_BITS-1:0] resident_in;
            /* verilator lint_off UNUSEDSIGNAL */
            logic valid, first, last;
            logic [MOVING_BITS-1:0] moving;
            logic [ACCUMULATOR_BITS-1:0] sum;
            logic [RESIDENT_BITS-1:0] resident;
            /* verilator lint_on UNUSEDSIGNAL */

            if (c == 0) begin : from_edge
                assign valid_in = left[r].valid;
                assign first_in = left[r].first;
                assign last_in = left[r].last;
                assign moving_in = left[r].moving;
            end else begin : from_left
                assign valid_in = row[r].column[c-1].valid;
                assign first_in = row[r].column[c-1].first;
                assign last_in = row[r].column[c-1].last;
                assign moving_in = row[r].column[c-1].moving;
            end
            if (r == 0) begin : from_top
                assign sum_in = sum_top[c*ACCUMULATOR_BITS +: ACCUMULATOR_BITS];
                assign resident_in = top[c].resident;
            end else begin : from_above
                assign sum_in = row[r-1].column[c].sum;
                assign resident_in = row[r-1].column[c].resident;
            end

            pe_stationary #(KIND, PE_BITS, MOVING_BITS, RESIDENT_BITS, ACCUMULATOR_BITS, SATURATE, DOUBLE_BUFFERED) pe (
                .clock, .reset, .lanes,
                .valid_in, .first_in, .last_in, .moving_in,
                .valid_out(valid), .first_out(first), .last_out(last), .moving_out(moving),
                .sum_in, .sum_out(sum), .overflow(overflows),
                .load(top[c].loading), .load_last(top[c].loading_last),
                .resident_in, .resident_out(resident));
            always_comb overflow[r*COLUMNS+c] = overflows;
        end
    end

    for (genvar c = 0; c < COLUMNS; c++) begin : bottom
        always_comb sum_bottom[c*ACCUMULATOR_BITS +: ACCUMULATOR_BITS] = row[ROWS-1].column[c].sum;
        always_comb sum_valid[c] = row[ROWS-1].column[c].valid;
    end
    assign pass_done = row[ROWS-1].column[COLUMNS-1].valid && row[ROWS-1].column[COLUMNS-1].last;
endmodule
