// Controller, array and accumulators of a weight- or input-stationary machine. The data ports are
// answered in the same cycle: pass and row (or element) out, a row of operands in.
module accelerator_stationary #(
    parameter int ROWS = 4,
    parameter int COLUMNS = 4,
    parameter int MOVING_BITS = 8,
    parameter int RESIDENT_BITS = 8,
    parameter int ACCUMULATOR_BITS = 32,
    parameter bit SATURATE = 1'b0,
    parameter bit DOUBLE_BUFFERED = 1'b1,
    parameter bit TILE_OVERLAP = 1'b1,
    parameter int ACCUMULATOR_DEPTH = 256
) (
    input  logic clock,
    input  logic reset,
    input  logic [31:0] passes,
    // Resident tiles.
    output logic load,
    output logic [31:0] load_pass,
    output logic [31:0] load_row,
    input  logic [COLUMNS-1:0][RESIDENT_BITS-1:0] load_data,
    // Streams, and where their sums accumulate.
    output logic stream_valid,
    output logic [31:0] stream_pass,
    output logic [31:0] stream_index,
    input  logic [31:0] stream_length,
    input  logic [ROWS-1:0][MOVING_BITS-1:0] stream_data,
    input  logic stream_first_depth,
    input  logic [31:0] stream_address,
    input  logic [COLUMNS-1:0][ACCUMULATOR_BITS-1:0] stream_bias,
    // Sums, as they are registered at the bottom.
    output logic [COLUMNS-1:0] sum_valid,
    output logic [COLUMNS-1:0][31:0] sum_address,
    output logic [COLUMNS-1:0][ACCUMULATOR_BITS-1:0] sum,
    output logic [ROWS-1:0][COLUMNS-1:0] overflow
);
    localparam int TOP_BITS = ACCUMULATOR_BITS + 32 + 2;

    logic load_last, stream_first, stream_last, pass_done;
    logic [COLUMNS-1:0][TOP_BITS-1:0] top_in, top_out;
    logic [COLUMNS-1:0][ACCUMULATOR_BITS-1:0] sum_top;
    logic [COLUMNS-1:0] written;

    controller_stationary #(ROWS, DOUBLE_BUFFERED, TILE_OVERLAP) controller (
        .clock, .reset, .passes, .stream_length, .pass_done, .load, .load_last, .load_pass, .load_row,
        .stream_valid, .stream_first, .stream_last, .stream_pass, .stream_index);

    array_stationary #(ROWS, COLUMNS, MOVING_BITS, RESIDENT_BITS, ACCUMULATOR_BITS, SATURATE, DOUBLE_BUFFERED) array (
        .clock, .reset, .stream_valid, .stream_first, .stream_last, .stream(stream_data),
        .load, .load_last, .load_row(load_data), .sum_top, .sum_bottom(sum), .sum_valid, .pass_done, .overflow);

    skew #(COLUMNS, TOP_BITS) top_skew (.clock, .reset, .in(top_in), .out(top_out));

    for (genvar c = 0; c < COLUMNS; c++) begin : g_column
        assign top_in[c] = {stream_valid, stream_first_depth, stream_address, stream_bias[c]};
        accumulator_column #(ROWS, ACCUMULATOR_DEPTH, ACCUMULATOR_BITS) accumulators (
            .clock, .reset,
            .valid(top_out[c][TOP_BITS-1]), .first_depth(top_out[c][TOP_BITS-2]),
            .address(top_out[c][ACCUMULATOR_BITS+:32]), .bias(top_out[c][ACCUMULATOR_BITS-1:0]),
            .sum_top(sum_top[c]), .sum_bottom(sum[c]), .write(written[c]), .write_address(sum_address[c]));
    end
endmodule
