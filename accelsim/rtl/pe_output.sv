// A processing element whose accumulator stays (output stationary).
//
// One operand moves right, the other down. In the first product of a tile the accumulator starts
// from the bias that comes down. How results leave is DRAIN's choice:
//
// 0, exposed: through the accumulators themselves; the column shifts down while `drain` is on.
// 1, hidden: through a second register, which takes the result in the cycle of the last product.
// 2, free: nothing shifts; the array has a port here.
//
// A PE that already holds something of the next tile lets the rest of a drain pass it by (`held`).
module pe_output #(
    parameter int KIND = 0,
    parameter int PE_BITS = 8,
    parameter int RIGHT_BITS = 8,
    parameter int DOWN_BITS = 8,
    parameter int ACCUMULATOR_BITS = 32,
    parameter bit SATURATE = 1'b0,
    parameter int DRAIN = 0
) (
    input  logic clock,
    input  logic reset,
    input  logic [3:0] lanes,
    input  logic valid_in,
    input  logic first_in,
    input  logic last_in,
    input  logic signed [RIGHT_BITS-1:0] right_in,
    output logic valid_out,
    output logic first_out,
    output logic last_out,
    output logic signed [RIGHT_BITS-1:0] right_out,
    input  logic signed [DOWN_BITS-1:0] down_in,
    output logic signed [DOWN_BITS-1:0] down_out,
    // Biases come down one PE a cycle, with the first operands of a tile.
    input  logic signed [ACCUMULATOR_BITS-1:0] bias_in,
    output logic signed [ACCUMULATOR_BITS-1:0] bias_out,
    output logic overflow,
    // Results go down; `drain` is the whole column's.
    input  logic drain,
    input  logic drain_first,
    input  logic signed [ACCUMULATOR_BITS-1:0] result_in,
    output logic signed [ACCUMULATOR_BITS-1:0] result_out
);
    localparam bit EXPOSED = DRAIN == 0;
    localparam bit HIDDEN = DRAIN == 1;

    logic signed [ACCUMULATOR_BITS-1:0] accumulator, leaving, sum_next;
    logic overflow_next, held, keep, shift;

    step #(KIND, PE_BITS, RIGHT_BITS, DOWN_BITS, ACCUMULATOR_BITS, SATURATE) one_step (
        .lanes, .left(right_in), .right(down_in), .sum_in(first_in ? bias_in : accumulator),
        .sum_out(sum_next), .overflow(overflow_next));

    assign result_out = HIDDEN ? leaving : accumulator;
    assign keep = valid_in && (EXPOSED || last_in);
    assign shift = drain && (drain_first || !held);

    always_ff @(posedge clock) begin
        valid_out <= valid_in && !reset;
        overflow <= valid_in && overflow_next && !reset;
        if (valid_in) begin
            first_out <= first_in;
            last_out <= last_in;
            right_out <= right_in;
            down_out <= down_in;
            bias_out <= bias_in;
        end

        // The next tile may arrive in the very cycle in which the old result moves on: it wins.
        if (valid_in) accumulator <= sum_next;
        else if (shift && EXPOSED) accumulator <= result_in;
        if (keep && HIDDEN) leaving <= sum_next;
        else if (shift && HIDDEN) leaving <= result_in;

        if (reset) held <= 1'b0;
        else if (keep) held <= 1'b1;
        else if (drain_first) held <= 1'b0;
    end
endmodule
