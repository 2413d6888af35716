// The weight- or input-stationary array: ROWS x COLUMNS PEs and the skew of their edges.
//
// Left edge: one element for each row, row r delayed by r cycles. Top edge: partial sums, and the
// resident operand's rows, last row first, column c delayed by c cycles. The sums' skew is outside
// (accumulators are read column by column), so `sum_top` is given already staggered.
module array_stationary #(
    parameter int ROWS = 4,
    parameter int COLUMNS = 4,
    parameter int MOVING_BITS = 8,
    parameter int RESIDENT_BITS = 8,
    parameter int ACCUMULATOR_BITS = 32,
    parameter bit SATURATE = 1'b0,
    parameter bit DOUBLE_BUFFERED = 1'b1
) (
    input  logic clock,
    input  logic reset,
    input  logic stream_valid,
    input  logic stream_first,
    input  logic stream_last,
    input  logic [ROWS-1:0][MOVING_BITS-1:0] stream,
    input  logic load,
    input  logic load_last,
    input  logic [COLUMNS-1:0][RESIDENT_BITS-1:0] load_row,
    input  logic [COLUMNS-1:0][ACCUMULATOR_BITS-1:0] sum_top,
    output logic [COLUMNS-1:0][ACCUMULATOR_BITS-1:0] sum_bottom,
    output logic [COLUMNS-1:0] sum_valid,
    // The far corner has done the pass's last product.
    output logic pass_done,
    output logic [ROWS-1:0][COLUMNS-1:0] overflow
);
    localparam int EDGE_BITS = MOVING_BITS + 3;
    localparam int LOAD_BITS = RESIDENT_BITS + 2;

    logic [ROWS-1:0][EDGE_BITS-1:0] edge_in, edge_out;
    logic [COLUMNS-1:0][LOAD_BITS-1:0] load_in, load_out;
    // One net for each link between PEs: a simulator then wakes only the PE that a link feeds.
    wire valid [0:ROWS-1][0:COLUMNS];
    wire first [0:ROWS-1][0:COLUMNS];
    wire last [0:ROWS-1][0:COLUMNS];
    wire [MOVING_BITS-1:0] moving [0:ROWS-1][0:COLUMNS];
    wire [ACCUMULATOR_BITS-1:0] sum [0:ROWS][0:COLUMNS-1];
    wire [RESIDENT_BITS-1:0] resident [0:ROWS][0:COLUMNS-1];

    skew #(ROWS, EDGE_BITS) left_skew (.clock, .reset, .in(edge_in), .out(edge_out));
    skew #(COLUMNS, LOAD_BITS) top_skew (.clock, .reset, .in(load_in), .out(load_out));

    assign pass_done = valid[ROWS-1][COLUMNS] && last[ROWS-1][COLUMNS];

    for (genvar r = 0; r < ROWS; r++) begin : g_left
        assign edge_in[r] = {stream_valid, stream_first, stream_last, stream[r]};
        assign {valid[r][0], first[r][0], last[r][0], moving[r][0]} = edge_out[r];
    end
    for (genvar c = 0; c < COLUMNS; c++) begin : g_top
        assign load_in[c] = {load, load_last, load_row[c]};
        assign resident[0][c] = load_out[c][RESIDENT_BITS-1:0];
        assign sum[0][c] = sum_top[c];
        assign sum_bottom[c] = sum[ROWS][c];
        assign sum_valid[c] = valid[ROWS-1][c+1];
    end
    for (genvar r = 0; r < ROWS; r++) begin : g_row
        for (genvar c = 0; c < COLUMNS; c++) begin : g_column
            pe_stationary #(MOVING_BITS, RESIDENT_BITS, ACCUMULATOR_BITS, SATURATE, DOUBLE_BUFFERED) pe (
                .clock, .reset,
                .valid_in(valid[r][c]), .first_in(first[r][c]), .last_in(last[r][c]), .moving_in(moving[r][c]),
                .valid_out(valid[r][c+1]), .first_out(first[r][c+1]), .last_out(last[r][c+1]), .moving_out(moving[r][c+1]),
                .sum_in(sum[r][c]), .sum_out(sum[r+1][c]), .overflow(overflow[r][c]),
                .load(load_out[c][RESIDENT_BITS+1]), .load_last(load_out[c][RESIDENT_BITS]),
                .resident_in(resident[r][c]), .resident_out(resident[r+1][c]));
        end
    end
endmodule
