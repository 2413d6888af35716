// Decides, from what it sees, when each pass loads its resident tile and when it streams.
//
// Passes come in order: `load_pass` and `stream_pass` say whose data the edges want, `load_row` and
// `stream_index` which row. Loading takes ROWS cycles, the last row of the tile first.
module controller_stationary #(
    parameter int ROWS = 4,
    parameter bit DOUBLE_BUFFERED = 1'b1,
    parameter bit TILE_OVERLAP = 1'b1
) (
    input  logic clock,
    input  logic reset,
    input  logic [31:0] passes,
    input  logic [31:0] stream_length,
    input  logic pass_done,
    output logic load,
    output logic load_last,
    output logic [31:0] load_pass,
    output logic [31:0] load_row,
    output logic stream_valid,
    output logic stream_first,
    output logic stream_last,
    output logic [31:0] stream_pass,
    output logic [31:0] stream_index
);
    logic loading, space, tile_ready, streaming, in_flight;
    logic load_start, stream_start;
    logic [31:0] rows_left, elements_left;

    // Where the next tile would go is free: the shadow from the cycle in which a pass starts, the
    // resident register after the last element (or, without overlap, when the far corner is done).
    logic space_now, may_stream;
    assign space_now = space || (DOUBLE_BUFFERED && stream_start)
        || (!DOUBLE_BUFFERED && !TILE_OVERLAP && pass_done);
    assign load_start = !loading && space_now && load_pass < passes;
    assign load = loading || load_start;
    assign load_row = load_start ? ROWS - 1 : rows_left - 1;
    assign load_last = load && load_row == 0;

    assign may_stream = TILE_OVERLAP || !in_flight || pass_done;
    assign stream_start = tile_ready && !streaming && may_stream;
    assign stream_valid = streaming || stream_start;
    assign stream_first = stream_start;
    assign stream_index = stream_start ? 0 : stream_length - elements_left;
    assign stream_last = stream_valid && stream_index + 1 == stream_length;

    always_ff @(posedge clock) begin
        if (reset) begin
            loading <= 1'b0;
            space <= 1'b1;
            tile_ready <= 1'b0;
            streaming <= 1'b0;
            in_flight <= 1'b0;
            rows_left <= 0;
            elements_left <= 0;
            load_pass <= 0;
            stream_pass <= 0;
        end else begin
            loading <= load && !load_last;
            if (load) rows_left <= load_row;
            if (load_last) load_pass <= load_pass + 1;

            if (load_start) space <= 1'b0;
            else if (DOUBLE_BUFFERED ? stream_start : (TILE_OVERLAP ? stream_last : pass_done)) space <= 1'b1;

            if (load_last) tile_ready <= 1'b1;
            else if (stream_start) tile_ready <= 1'b0;

            streaming <= stream_valid && !stream_last;
            if (stream_valid) elements_left <= stream_length - stream_index - 1;
            if (stream_last) stream_pass <= stream_pass + 1;
            if (stream_start) in_flight <= 1'b1;
            else if (pass_done) in_flight <= 1'b0;
        end
    end
endmodule
