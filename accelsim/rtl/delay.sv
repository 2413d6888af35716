// What comes in leaves CYCLES cycles later. At an edge of the array, lane i has one of i cycles.
module delay #(
    parameter int CYCLES = 1,
    parameter int BITS = 8
) (
    input  logic clock,
    input  logic reset,
    input  logic [BITS-1:0] in,
    output logic [BITS-1:0] out
);
    if (CYCLES == 0) begin : g_wire
        logic unused;
        assign unused = &{clock, reset};
        assign out = in;
    end else begin : g_registers
        // The oldest word is in the highest bits.
        logic [CYCLES*BITS-1:0] words;
        always_ff @(posedge clock) words <= reset ? '0 : (CYCLES * BITS)'({words, in});
        assign out = words[CYCLES*BITS-1 -: BITS];
    end
endmodule
