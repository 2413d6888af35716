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
    output logic write,
    output logic [31:0] write_address
);
    logic [ACCUMULATOR_BITS-1:0] memory [DEPTH];
    logic [ROWS-1:0] valids;
    logic [ROWS-1:0][31:0] addresses;

    assign write = valids[ROWS-1];
    assign write_address = addresses[ROWS-1];
    // A sum that is being written may be wanted in the same cycle: take it from the wire.
    assign sum_top = first_depth ? bias
        : (write && write_address == address) ? sum_bottom
        : memory[address[$clog2(DEPTH)-1:0]];

    always_ff @(posedge clock) begin
        if (write) memory[write_address[$clog2(DEPTH)-1:0]] <= sum_bottom;
        for (int stage = 0; stage < ROWS; stage++) begin
            valids[stage] <= !reset && (stage == 0 ? valid : valids[stage == 0 ? 0 : stage-1]);
            addresses[stage] <= stage == 0 ? address : addresses[stage == 0 ? 0 : stage-1];
        end
    end
endmodule
