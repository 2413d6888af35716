// Ternary products: lanes of activations, each added, left out or subtracted as its weight of 2 bits
// (0, +1 or -1) says. With lanes of 2 bits this is XNOR and population count, of three values.
//
// A lane has 2 << lane bits, or all PE_BITS if these are fewer; a lane that would not fit is not
// there. Combinational; the lanes' size does not change while a layer runs.
module signs #(
    parameter int PE_BITS = 8,
    parameter int WEIGHTS_BITS = 8,
    parameter int TOTAL_BITS = 26
) (
    input  logic [1:0] lane,
    input  logic [PE_BITS-1:0] activations,
    input  logic [WEIGHTS_BITS-1:0] weights,
    output logic signed [TOTAL_BITS-1:0] total
);
    localparam int LANES = WEIGHTS_BITS / 2;

    logic [4:0] lane_bits;
    assign lane_bits = (5'd2 << lane) < 5'(PE_BITS) ? 5'd2 << lane : 5'(PE_BITS);

    for (genvar l = 0; l < LANES; l++) begin : product
        logic signed [TOTAL_BITS-1:0] raw, value, sum, so_far;
        logic is_there;

        // The lane's bits at the upper end, then shifted down with their sign.
        assign raw = (TOTAL_BITS'(activations) >> (8'(l) * 8'(lane_bits)))
            << (8'(TOTAL_BITS) - 8'(lane_bits));
        assign value = raw >>> (8'(TOTAL_BITS) - 8'(lane_bits));
        assign is_there = weights[2*l] && 8'(l + 1) * 8'(lane_bits) <= 8'(PE_BITS);
        if (l == 0) begin : first
            assign so_far = '0;
        end else begin : next
            assign so_far = product[l-1].sum;
        end
        assign sum = !is_there ? so_far : weights[2*l+1] ? so_far - value : so_far + value;
    end
    assign total = product[LANES-1].sum;
endmodule
