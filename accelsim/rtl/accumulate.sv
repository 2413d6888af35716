// One accumulate step: sum + moving * stationary, wrapped or saturated to the accumulator's width.
// Combinational. The product is exact; the sum is formed with one bit to spare.
module accumulate #(
    parameter int LEFT_BITS = 8,
    parameter int RIGHT_BITS = 8,
    parameter int ACCUMULATOR_BITS = 32,
    parameter bit SATURATE = 1'b0
) (
    input  logic signed [LEFT_BITS-1:0]        left,
    input  logic signed [RIGHT_BITS-1:0]       right,
    input  logic signed [ACCUMULATOR_BITS-1:0] sum_in,
    output logic signed [ACCUMULATOR_BITS-1:0] sum_out,
    output logic                               overflow
);
    localparam int PRODUCT_BITS = LEFT_BITS + RIGHT_BITS;
    localparam int WIDE_BITS = (PRODUCT_BITS > ACCUMULATOR_BITS ? PRODUCT_BITS : ACCUMULATOR_BITS) + 1;

    localparam logic signed [WIDE_BITS-1:0] LOWEST = WIDE_BITS'(-1) <<< (ACCUMULATOR_BITS - 1);
    localparam logic signed [WIDE_BITS-1:0] HIGHEST = ~LOWEST;

    logic signed [PRODUCT_BITS-1:0] product;
    logic signed [WIDE_BITS-1:0]    exact;

    assign product = left * right;
    assign exact = WIDE_BITS'(sum_in) + WIDE_BITS'(product);
    assign overflow = exact < LOWEST || exact > HIGHEST;
    assign sum_out = (SATURATE && overflow)
        ? ACCUMULATOR_BITS'(exact < LOWEST ? LOWEST : HIGHEST) : ACCUMULATOR_BITS'(exact);
endmodule
