// Controller and array of an output-stationary machine. The data port is answered in the same
// cycle: tile and depth element out, a column of one operand, a row of the other and the biases in.
module accelerator_output #(
    parameter int ROWS = 4,
    parameter int COLUMNS = 4,
    parameter int KIND = 0,
    parameter int PE_BITS = 8,
    parameter int RIGHT_BITS = 8,
    parameter int DOWN_BITS = 8,
    parameter int ACCUMULATOR_BITS = 32,
    parameter bit SATURATE = 1'b0,
    parameter int DRAIN = 0,  // 0 exposed, 1 hidden, 2 free
    parameter bit TILE_OVERLAP = 1'b1,
    parameter int PORTS = DRAIN == 2 ? ROWS * COLUMNS : COLUMNS
) (
    input  logic clock,
    input  logic reset,
    // How operands are cut into lanes (PEs that are not fixed): see step.
    input  logic [3:0] lanes,
    input  logic [31:0] tiles,
    output logic stream_valid,
    output logic [31:0] stream_tile,
    output logic [31:0] stream_index,
    input  logic [31:0] tile_length,
    input  logic [ROWS*RIGHT_BITS-1:0] stream_right,
    input  logic [COLUMNS*DOWN_BITS-1:0] stream_down,
    input  logic [COLUMNS*ACCUMULATOR_BITS-1:0] bias,
    // Results, as they leave at the bottom, the last row's first; DRAIN 2: as their PEs hold them.
    output logic [PORTS-1:0] result_valid,
    output logic [PORTS*ACCUMULATOR_BITS-1:0] result,
    output logic [ROWS*COLUMNS-1:0] overflow
);
    logic stream_first, stream_last, drain, column_done, tile_done;

    controller_output #(ROWS, COLUMNS, DRAIN, TILE_OVERLAP) controller (
        .clock, .reset, .tiles, .tile_length, .column_done, .tile_done,
        .stream_valid, .stream_first, .stream_last, .stream_tile, .stream_index, .drain);

    array_output #(ROWS, COLUMNS, KIND, PE_BITS, RIGHT_BITS, DOWN_BITS, ACCUMULATOR_BITS, SATURATE, DRAIN) array (
        .clock, .reset, .lanes, .stream_valid, .stream_first, .stream_last, .stream_right, .stream_down, .bias,
        .drain, .drain_first(column_done), .result, .result_valid, .column_done, .tile_done, .overflow);
endmodule
