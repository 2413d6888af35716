// Decides, from what it sees, when each tile streams and when it drains.
//
// A tile streams its whole depth; `tile_length` is the depth of the tile that streams, or of the
// next one while none does.
module controller_output #(
    parameter int ROWS = 4,
    parameter int COLUMNS = 4,
    parameter int DRAIN = 0,
    parameter bit TILE_OVERLAP = 1'b1
) (
    input  logic clock,
    input  logic reset,
    input  logic [31:0] tiles,
    input  logic [31:0] tile_length,
    input  logic column_done,
    input  logic tile_done,
    output logic stream_valid,
    output logic stream_first,
    output logic stream_last,
    output logic [31:0] stream_tile,
    output logic [31:0] stream_index,
    output logic drain
);
    localparam bit EXPOSED = DRAIN == 0;
    localparam bit HIDDEN = DRAIN == 1;
    localparam bit FREE = DRAIN == 2;
    localparam int DRAIN_TAIL = ROWS + COLUMNS - 1;

    logic streaming, occupied, may_stream, stream_start, released;
    logic [31:0] elements_left, drain_left, tail_left, since_end;

    // Column 0 drains from the cycle after its bottom PE's last product, ROWS cycles long.
    assign drain = !FREE && (column_done || drain_left != 0);

    // The accumulators are free again: with the wavefront of the drain, once the last column has
    // drained, or (a second register or a port takes the results) with the last product.
    assign released = EXPOSED
        ? (TILE_OVERLAP ? column_done : tail_left == 1)
        : (TILE_OVERLAP || tile_done);
    // Two tiles' results must not meet in the hidden drain: their ends are ROWS cycles apart.
    assign may_stream = (!occupied || released)
        && (!HIDDEN || since_end + tile_length >= ROWS);
    assign stream_start = !streaming && may_stream && stream_tile < tiles;
    assign stream_valid = streaming || stream_start;
    assign stream_first = stream_start;
    assign stream_index = stream_start ? 0 : tile_length - elements_left;
    assign stream_last = stream_valid && stream_index + 1 == tile_length;

    always_ff @(posedge clock) begin
        if (reset) begin
            streaming <= 1'b0;
            occupied <= 1'b0;
            elements_left <= 0;
            drain_left <= 0;
            tail_left <= 0;
            since_end <= ROWS;
            stream_tile <= 0;
        end else begin
            streaming <= stream_valid && !stream_last;
            if (stream_valid) elements_left <= tile_length - stream_index - 1;
            if (stream_last) stream_tile <= stream_tile + 1;
            if (stream_start) occupied <= 1'b1;
            else if (released) occupied <= 1'b0;

            if (column_done) drain_left <= ROWS - 1;
            else if (drain_left != 0) drain_left <= drain_left - 1;
            // From the first drain cycle of column 0 to the cycle after the last one of the last column.
            if (column_done) tail_left <= DRAIN_TAIL;
            else if (tail_left != 0) tail_left <= tail_left - 1;

            if (stream_last) since_end <= 0;
            else if (since_end < ROWS) since_end <= since_end + 1;
        end
    end
endmodule
