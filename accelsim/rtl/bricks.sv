// A composable multiplier: (PE_BITS / 2)^2 bricks of 2 x 2 bits, put together to the products of as
// many pairs of operands as there are bricks for, and added up.
//
// An operand takes a lane of 2 << n bits, sign-extended to it, and so (1 << left_lane) times
// (1 << right_lane) bricks a product. Pair p is in lane p of both words. Only the highest digit of
// an operand is signed. Combinational; the lanes' sizes do not change while a layer runs.
module bricks #(
    parameter int PE_BITS = 8,
    parameter int TOTAL_BITS = 26
) (
    input  logic [1:0] left_lane,
    input  logic [1:0] right_lane,
    input  logic [PE_BITS*PE_BITS/2-1:0] left,
    input  logic [PE_BITS*PE_BITS/2-1:0] right,
    output logic signed [TOTAL_BITS-1:0] total
);
    localparam int BRICKS = PE_BITS * PE_BITS / 4;

    for (genvar b = 0; b < BRICKS; b++) begin : brick
        // Which pair of operands, and which digits of them: 2 bits, with room for a sign.
        logic [7:0] pair, i, j, left_place, right_place;
        logic [1:0] left_bits, right_bits;
        logic signed [2:0] one, other;
        logic signed [5:0] product;
        logic signed [TOTAL_BITS-1:0] sum;

        assign pair = 8'(b) >> (3'(left_lane) + 3'(right_lane));
        assign i = 8'(b) & 8'((8'd1 << left_lane) - 8'd1);
        assign j = (8'(b) >> left_lane) & 8'((8'd1 << right_lane) - 8'd1);
        assign left_place = (pair << left_lane) + i;
        assign right_place = (pair << right_lane) + j;
        assign left_bits = 2'(left >> {left_place, 1'b0});
        assign right_bits = 2'(right >> {right_place, 1'b0});
        assign one = {left_bits[1] && i + 8'd1 == 8'd1 << left_lane, left_bits};
        assign other = {right_bits[1] && j + 8'd1 == 8'd1 << right_lane, right_bits};
        assign product = one * other;
        if (b == 0) begin : first
            assign sum = TOTAL_BITS'(product);
        end else begin : next
            assign sum = brick[b-1].sum + (TOTAL_BITS'(product) <<< {i + j, 1'b0});
        end
    end
    assign total = brick[BRICKS-1].sum;
endmodule
