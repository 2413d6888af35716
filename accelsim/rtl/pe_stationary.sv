// A processing element whose operand stays (weight or input stationary).
//
// The other operand moves right, the partial sum moves down, one PE a cycle. The resident operand
// comes down the column through `shadow` (or through `resident` itself without double buffering).
// A PE lets new data in only once it is done with the old: from the cycle in which it takes
// `shadow` over (double buffered), or from the cycle after its last product (single). So the next
// tile follows the wavefront down the column, and loading takes no longer than the array is high.
module pe_stationary #(
    parameter int KIND = 0,
    parameter int PE_BITS = 8,
    parameter int MOVING_BITS = 8,
    parameter int RESIDENT_BITS = 8,
    parameter int ACCUMULATOR_BITS = 32,
    parameter bit SATURATE = 1'b0,
    parameter bit DOUBLE_BUFFERED = 1'b1
) (
    input  logic clock,
    input  logic reset,
    input  logic [3:0] lanes,
    // Moving operand, from the left: valid, first and last element of a pass.
    input  logic valid_in,
    input  logic first_in,
    input  logic last_in,
    input  logic signed [MOVING_BITS-1:0] moving_in,
    output logic valid_out,
    output logic first_out,
    output logic last_out,
    output logic signed [MOVING_BITS-1:0] moving_out,
    // Partial sum, from the top.
    input  logic signed [ACCUMULATOR_BITS-1:0] sum_in,
    output logic signed [ACCUMULATOR_BITS-1:0] sum_out,
    output logic overflow,
    // Resident operand, from the top; `load` is the whole column's, `load_last` its last cycle.
    input  logic load,
    input  logic load_last,
    input  logic signed [RESIDENT_BITS-1:0] resident_in,
    output logic signed [RESIDENT_BITS-1:0] resident_out
);
    logic signed [RESIDENT_BITS-1:0] shadow, resident, used;
    logic signed [ACCUMULATOR_BITS-1:0] sum_next;
    logic take, armed, open, overflow_next;

    assign take = valid_in && first_in;
    assign used = (DOUBLE_BUFFERED && take) ? shadow : resident;
    assign open = armed || (DOUBLE_BUFFERED && take);
    assign resident_out = DOUBLE_BUFFERED ? shadow : resident;

    step #(KIND, PE_BITS, MOVING_BITS, RESIDENT_BITS, ACCUMULATOR_BITS, SATURATE) one_step (
        .lanes, .left(moving_in), .right(used), .sum_in(sum_in), .sum_out(sum_next), .overflow(overflow_next));

    always_ff @(posedge clock) begin
        valid_out <= valid_in && !reset;
        overflow <= valid_in && overflow_next && !reset;
        if (valid_in) begin
            first_out <= first_in;
            last_out <= last_in;
            moving_out <= moving_in;
            sum_out <= sum_next;
        end

        if (DOUBLE_BUFFERED && take) resident <= shadow;
        if (load && open) begin
            if (DOUBLE_BUFFERED) shadow <= resident_in;
            else resident <= resident_in;
        end

        if (reset) armed <= 1'b1;
        else if (load_last) armed <= 1'b0;
        else if (DOUBLE_BUFFERED ? take : (valid_in && last_in)) armed <= 1'b1;
    end
endmodule
