// The output-stationary array: ROWS x COLUMNS PEs and the skew of their edges.
//
// Left edge: one element for each row, row r delayed by r cycles; top edge: one element for each
// column and, with a tile's first element, the biases, column c delayed by c cycles. Results leave
// at the bottom, the last row's first, while `drain` (delayed by c cycles in column c) is on.
module array_output #(
    parameter int ROWS = 4,
    parameter int COLUMNS = 4,
    parameter int RIGHT_BITS = 8,
    parameter int DOWN_BITS = 8,
    parameter int ACCUMULATOR_BITS = 32,
    parameter bit SATURATE = 1'b0,
    parameter bit HIDDEN_DRAIN = 1'b0
) (
    input  logic clock,
    input  logic reset,
    input  logic stream_valid,
    input  logic stream_first,
    input  logic stream_last,
    input  logic [ROWS-1:0][RIGHT_BITS-1:0] stream_right,
    input  logic [COLUMNS-1:0][DOWN_BITS-1:0] stream_down,
    input  logic [COLUMNS-1:0][ACCUMULATOR_BITS-1:0] bias,
    input  logic drain,
    input  logic drain_first,
    output logic [COLUMNS-1:0][ACCUMULATOR_BITS-1:0] result,
    output logic [COLUMNS-1:0] result_valid,
    // The bottom PE of column 0, and the far corner, have done the tile's last product.
    output logic column_done,
    output logic tile_done,
    output logic [ROWS-1:0][COLUMNS-1:0] overflow
);
    localparam int LEFT_BITS = RIGHT_BITS + 3;
    localparam int TOP_BITS = DOWN_BITS + ACCUMULATOR_BITS + 2;

    logic [ROWS-1:0][LEFT_BITS-1:0] left_in, left_out;
    logic [COLUMNS-1:0][TOP_BITS-1:0] top_in, top_out;
    // One net for each link between PEs: a simulator then wakes only the PE that a link feeds.
    wire valid [0:ROWS-1][0:COLUMNS];
    wire first [0:ROWS-1][0:COLUMNS];
    wire last [0:ROWS-1][0:COLUMNS];
    wire [RIGHT_BITS-1:0] right [0:ROWS-1][0:COLUMNS];
    wire [DOWN_BITS-1:0] down [0:ROWS][0:COLUMNS-1];
    wire [ACCUMULATOR_BITS-1:0] biases [0:ROWS][0:COLUMNS-1];
    wire [ACCUMULATOR_BITS-1:0] results [0:ROWS][0:COLUMNS-1];
    logic [COLUMNS-1:0] draining, draining_first;

    skew #(ROWS, LEFT_BITS) left_skew (.clock, .reset, .in(left_in), .out(left_out));
    skew #(COLUMNS, TOP_BITS) top_skew (.clock, .reset, .in(top_in), .out(top_out));

    assign column_done = valid[ROWS-1][1] && last[ROWS-1][1];
    assign tile_done = valid[ROWS-1][COLUMNS] && last[ROWS-1][COLUMNS];

    for (genvar r = 0; r < ROWS; r++) begin : g_left
        assign left_in[r] = {stream_valid, stream_first, stream_last, stream_right[r]};
        assign {valid[r][0], first[r][0], last[r][0], right[r][0]} = left_out[r];
    end
    for (genvar c = 0; c < COLUMNS; c++) begin : g_top
        assign top_in[c] = {drain, drain_first, bias[c], stream_down[c]};
        assign {draining[c], draining_first[c], biases[0][c], down[0][c]} = top_out[c];
        assign results[0][c] = '0;
        // The bottom row's result is on the wire while its column drains.
        assign result[c] = results[ROWS][c];
        assign result_valid[c] = draining[c];
    end
    for (genvar r = 0; r < ROWS; r++) begin : g_row
        for (genvar c = 0; c < COLUMNS; c++) begin : g_column
            pe_output #(RIGHT_BITS, DOWN_BITS, ACCUMULATOR_BITS, SATURATE, HIDDEN_DRAIN) pe (
                .clock, .reset,
                .valid_in(valid[r][c]), .first_in(first[r][c]), .last_in(last[r][c]), .right_in(right[r][c]),
                .valid_out(valid[r][c+1]), .first_out(first[r][c+1]), .last_out(last[r][c+1]), .right_out(right[r][c+1]),
                .down_in(down[r][c]), .down_out(down[r+1][c]),
                .bias_in(biases[r][c]), .bias_out(biases[r+1][c]), .overflow(overflow[r][c]),
                .drain(draining[c]), .drain_first(draining_first[c]), .result_in(results[r][c]), .result_out(results[r+1][c]));
        end
    end
endmodule
