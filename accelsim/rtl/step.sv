// What a PE does in a cycle, by its kind: 0 fixed, one product; 1 composable; 2 ternary, weights
// on the right; 3 ternary, weights on the left. `lanes` says how operands are cut, see these.
module step #(
    parameter int KIND = 0,
    parameter int PE_BITS = 8,
    parameter int LEFT_BITS = 8,
    parameter int RIGHT_BITS = 8,
    parameter int ACCUMULATOR_BITS = 32,
    parameter bit SATURATE = 1'b0
) (
    // {lane of the left operand, lane of the right}: lanes of 2 << n bits.
    /* verilator lint_off UNUSEDSIGNAL */
    input  logic [3:0] lanes,
    /* verilator lint_on UNUSEDSIGNAL */
    input  logic signed [LEFT_BITS-1:0]        left,
    input  logic signed [RIGHT_BITS-1:0]       right,
    input  logic signed [ACCUMULATOR_BITS-1:0] sum_in,
    output logic signed [ACCUMULATOR_BITS-1:0] sum_out,
    output logic                               overflow
);
    if (KIND == 0) begin : fixed
        accumulate #(LEFT_BITS, RIGHT_BITS, ACCUMULATOR_BITS, SATURATE) one (
            .left, .right, .sum_in, .sum_out, .overflow);
    end else begin : several
        // Sums of several products have bits to spare in 2 * PE_BITS and those of their number.
        localparam int TOTAL_BITS = 3 * PE_BITS + 2;
        logic signed [TOTAL_BITS-1:0] total;

        if (KIND == 1) begin : composable
            bricks #(PE_BITS, TOTAL_BITS) fused (
                .left_lane(lanes[3:2]), .right_lane(lanes[1:0]), .left, .right, .total);
        end else if (KIND == 2) begin : ternary
            signs #(PE_BITS, RIGHT_BITS, TOTAL_BITS) weighted (
                .lane(lanes[3:2]), .activations(left), .weights(right), .total);
        end else begin : turned
            signs #(PE_BITS, LEFT_BITS, TOTAL_BITS) weighted (
                .lane(lanes[1:0]), .activations(right), .weights(left), .total);
        end
        accumulate #(TOTAL_BITS, 2, ACCUMULATOR_BITS, SATURATE) all (
            .left(total), .right(2'sd1), .sum_in, .sum_out, .overflow);
    end
endmodule
