// Controller, array and accumulators of a weight- or input-stationary machine. The data ports are
// answered in the same cycle: pass and row (or element) out, a row of operands in.
module accelerator_stationary #(
    parameter int ROWS = 4,
    parameter int COLUMNS = 4,
    parameter int KIND = 0,
    parameter int PE_BITS = 8,
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
    // How operands are cut into lanes (PEs that are not fixed): see step.
    input  logic [3:0] lanes,
    input  logic [31:0] passes,
    // Resident tiles.
    output logic load,
    output logic [31:0] load_pass,
    output logic [31:0] load_row,
    input  logic [COLUMNS*RESIDENT_BITS-1:0] load_data,
    // Streams, and where their sums accumulate.
    output logic stream_valid,
    output logic [31:0] stream_pass,
    output logic [31:0] stream_index,
    input  logic [31:0] stream_length,
    input  logic [ROWS*MOVING_BITS-1:0] stream_data,
    input  logic stream_first_depth,
    input  logic [31:0] stream_address,
    input  logic [COLUMNS*ACCUMULATOR_BITS-1:0] stream_bias,
    // Sums, as they are registered at the bottom.
    output logic [COLUMNS-1:0] sum_valid,
    output logic [COLUMNS*32-1:0] sum_address,
    output logic [COLUMNS*ACCUMULATOR_BITS-1:0] sum,
    output logic [ROWS*COLUMNS-1:0] overflow
);
    logic load_last, stream_first, stream_last, pass_done;
    logic [COLUMNS*ACCUMULATOR_BITS-1:0] sum_top;

    controller_stationary #(ROWS, DOUBLE_BUFFERED, TILE_OVERLAP) controller (
        .clock, .reset, .passes, .stream_length, .pass_done, .load, .load_last, .load_pass, .load_row,
        .stream_valid, .stream_first, .stream_last, .stream_pass, .stream_index);

    array_stationary #(ROWS, COLUMNS, KIND, PE_BITS, MOVING_BITS, RESIDENT_BITS, ACCUMULATOR_BITS, SATURATE, DOUBLE_BUFFERED) array (
        .clock, .reset, .lanes, .stream_valid, .stream_first, .stream_last, .stream(stream_data),
        .load, .load_last, .load_row(load_data), .sum_top, .sum_bottom(sum), .sum_valid, .pass_done, .overflow);

    for (genvar c = 0; c < COLUMNS; c++) begin : column
        logic valid, first_depth;
        logic [31:0] address;
        logic [ACCUMULATOR_BITS-1:0] bias, top;
        logic [31:0] write_address;
        delay #(c, ACCUMULATOR_BITS + 34) skew (
            .clock, .reset,
            .in({stream_valid, stream_first_depth, stream_address, stream_bias[c*ACCUMULATOR_BITS +: ACCUMULATOR_BITS]}),
            .out({valid, first_depth, address, bias}));
        accumulator_column #(ROWS, ACCUMULATOR_DEPTH, ACCUMULATOR_BITS) accumulators (
            .clock, .reset, .valid, .first_depth, .address, .bias,
            .sum_top(top), .sum_bottom(sum[c*ACCUMULATOR_BITS +: ACCUMULATOR_BITS]), .write_address);
        always_comb sum_top[c*ACCUMULATOR_BITS +: ACCUMULATOR_BITS] = top;
        always_comb sum_address[c*32 +: 32] = write_address;
    end
endmodule
