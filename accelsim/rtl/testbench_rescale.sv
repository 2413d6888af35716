// Plays rescale.hex: accumulator, mantissa, shift and the expected result, one a line.
`timescale 1ns / 1ps
`include "parameters.svh"
module testbench;
    localparam int OUT_BITS = `OUTPUT_BITS + 1;

    // 32-bit accumulator, mantissa, shift, result.
    logic [127:0] vectors [0:`VECTORS-1];
    logic signed [31:0] accumulator, wanted;
    logic [`MANTISSA_BITS-2:0] mantissa;
    logic signed [5:0] shift;
    logic signed [OUT_BITS-1:0] out;
    int wrong = 0;

    rescale #(.ACCUMULATOR_BITS(32), .MANTISSA_BITS(`MANTISSA_BITS), .OUTPUT_BITS(`OUTPUT_BITS), .MODE(`MODE)) lane (
        .accumulator, .mantissa, .shift, .zero_point(OUT_BITS'(`ZERO_POINT)),
        .low(OUT_BITS'(`LOW)), .high(OUT_BITS'(`HIGH)), .out);

    initial begin
        $readmemh("rescale.hex", vectors);
        for (int i = 0; i < `VECTORS; i++) begin
            accumulator = vectors[i][127:96];
            mantissa = vectors[i][64 +: `MANTISSA_BITS-1];
            shift = vectors[i][37:32];
            wanted = vectors[i][31:0];
            #1;
            if (32'(out) !== wanted) begin
                wrong++;
                if (wrong <= 10)
                    $display("vector %0d: acc %0d mantissa %0d shift %0d: got %0d, expected %0d",
                             i, accumulator, mantissa, shift, out, wanted);
            end
        end
        $display("%s: %0d vectors, %0d wrong", wrong == 0 ? "PASS" : "FAIL", `VECTORS, wrong);
        $finish;
    end
endmodule
