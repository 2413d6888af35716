// The accumulators of one column of a stationary array: partial sums go in at the top of the
// column and come back at its bottom ROWS cycles later. The first depth tile starts from the bias.
module accumulator_column #(
    parameter int ROWS = 4,
    parameter int DEPTH = 256,
    parameter int ACCUMULATOR_BITS = 32
) (
    input  logic clock,
    input  logic reset,
    input  logic valid,
    input  logic first_depth,
    input  logic [31:0] address,
    input  logic [ACCUMULATOR_BITS-1:0] bias,
    output logic [ACCUMULATOR_BITS-1:0] sum_top,
    input  logic [ACCUMULATOR_BITS-1:0] sum_bottom,
    output logic [31:0] write_address
);
    // As much of an address as the memory has lines.
    localparam int ADDRESS_BITS = $clog2(DEPTH);

    logic [ACCUMULATOR_BITS-1:0] memory [0:DEPTH-1];
    logic write;

    // Where a sum belongs goes beside it, one row a cycle.
    delay #(ROWS, 33) beside (.clock, .reset, .in({valid, address}), .out({write, write_address}));

    // A sum that is being written may be wanted in the same cycle: take it from the wire.
    assign sum_top = first_depth ? bias
        : (write && write_address == address) ? sum_bottom
        : memory[address[ADDRESS_BITS-1:0]];

    always_ff @(posedge clock) if (write) memory[write_address[ADDRESS_BITS-1:0]] <= sum_bottom;
endmodule
