// The rescale unit's lane, integer modes: out = clamp(round(acc * M) + zero_point), with
// M = mantissa * 2^(shift - (MANTISSA_BITS - 1)). One multiplier, one rounding adder, one shifter.
//
// MODE 0 "double_round": the integers of gemmlowp's two roundings, from one adder (as TOSA does).
// MODE 1 "single_round": half towards +infinity.   MODE 2 "truncate": towards -infinity.
module rescale #(
    parameter int ACCUMULATOR_BITS = 32,
    parameter int MANTISSA_BITS = 32,
    parameter int OUTPUT_BITS = 8,
    parameter int MODE = 1
) (
    input  logic signed [ACCUMULATOR_BITS-1:0] accumulator,
    input  logic [MANTISSA_BITS-2:0] mantissa,
    input  logic signed [5:0] shift,
    input  logic signed [OUTPUT_BITS:0] zero_point,
    input  logic signed [OUTPUT_BITS:0] low,
    input  logic signed [OUTPUT_BITS:0] high,
    output logic signed [OUTPUT_BITS:0] out
);
    localparam logic signed [63:0] HALF_UNIT = 64'sd1 <<< (MANTISSA_BITS - 2);
    localparam logic signed [63:0] LARGEST = 64'sh7FFFFFFF;

    logic signed [63:0] product, half, nudge, rounded, shifted, saturated, moved;
    logic signed [7:0] right;

    always_comb begin
        right = 8'(MANTISSA_BITS - 1) - 8'(shift);
        product = 64'(accumulator) * $signed({1'b0, 63'(mantissa)});
        half = (MODE != 2 && right > 0) ? 64'sd1 <<< (right - 1) : 64'sd0;
        nudge = (MODE == 0 && shift < 0) ? (accumulator < 0 ? -HALF_UNIT : HALF_UNIT) : 64'sd0;
        rounded = product + half + nudge;
        shifted = right >= 0 ? rounded >>> 6'(right) : rounded <<< -right;
        saturated = shifted > LARGEST ? LARGEST : shifted < -LARGEST - 1 ? -LARGEST - 1 : shifted;
        moved = saturated + 64'(zero_point);
        out = moved < 64'(low) ? low : moved > 64'(high) ? high : (OUTPUT_BITS + 1)'(moved);
    end
endmodule
