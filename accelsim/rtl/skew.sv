// Delays lane i by i cycles: the staircase at an edge of the array.
module skew #(
    parameter int LANES = 4,
    parameter int BITS = 8
) (
    input  logic clock,
    input  logic reset,
    input  logic [LANES-1:0][BITS-1:0] in,
    output logic [LANES-1:0][BITS-1:0] out
);
    assign out[0] = in[0];
    for (genvar lane = 1; lane < LANES; lane++) begin : g_lane
        logic [lane-1:0][BITS-1:0] delayed;
        always_ff @(posedge clock) begin
            if (reset) delayed <= '0;
            else begin
                delayed[0] <= in[lane];
                for (int stage = 1; stage < lane; stage++) delayed[stage] <= delayed[stage-1];
            end
        end
        assign out[lane] = delayed[lane-1];
    end
endmodule
