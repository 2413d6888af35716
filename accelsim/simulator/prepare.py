"""From a program to the machine's own terms: shapes, widths and bandwidths become cycles."""

from __future__ import annotations

from accelsim.compiler.program import (
    MatrixInstruction,
    Pass,
    Place,
    Program,
    VectorInstruction,
)
from accelsim.hardware.schema import Hardware, Scratchpad
from accelsim.simulator.run import ArrayCounters, Traffic
from accelsim.simulator.work import ChunkWork, MatrixWork, PassWork, VectorWork

__all__ = ["count_pass", "prepare"]


def prepare(program: Program, hardware: Hardware) -> tuple[MatrixWork | VectorWork, ...]:
    """Return the layers of a program as work for the machine, in execution order."""
    return tuple(
        _matrix_work(instruction, program, hardware)
        if isinstance(instruction, MatrixInstruction)
        else _vector_work(instruction, program, hardware)
        for instruction in program.instructions
    )


def count_pass(
    part: Pass,
    stationary: str,
    has_bias: bool = True,
    row_sums: bool = False,
    scales: int = 0,
) -> ArrayCounters:
    """Return what one pass does in the array and at its edges, in closed form.

    Parameters
    ----------
    part
        The pass.
    stationary
        ``weights``, ``activations`` or ``accumulators``: what stays in the PEs.
    has_bias
        Whether accumulators start from biases that are read, or from zero.
    row_sums
        Whether the tile's rows are summed up, too.
    scales
        Vectors of weights that end in the pass, each with a scale in every column.

    Examples
    --------
    >>> part = Pass(0, 0, 4, 0, 2, 0, 3, True, True, True, True, True, True)
    >>> count_pass(part, "weights").stationary_writes, count_pass(part, "accumulators").macs
    (6, 24)
    """
    m, n, k = part.m_size, part.n_size, part.k_size
    in_array = stationary == "accumulators"
    shifted_in = {"weights": k * n, "activations": m * k, "accumulators": 0}[stationary]
    sums = m * (n + row_sums)
    return ArrayCounters(
        passes=1,
        macs=m * n * k,
        stationary_writes=shifted_in,
        activation_feeds=m * k,
        weight_feeds=k * n,
        bias_reads=n if part.first_depth and has_bias else 0,
        accumulator_reads=0 if in_array or part.first_depth else sums,
        accumulator_writes=sums if part.last_depth or not in_array else 0,
        row_additions=m * k if row_sums else 0,
        scale_feeds=n * scales,
        scalings=m * n * scales,
    )


def _matrix_work(
    instruction: MatrixInstruction, program: Program, hardware: Hardware
) -> MatrixWork:
    shape, footprint = instruction.shape, instruction.footprint
    builder = _PassBuilder(instruction, program, hardware)
    passes = tuple(builder.work(part) for part in instruction.plan.passes())
    outputs = shape.gemm.groups * shape.gemm.rows_m * shape.gemm.columns_n
    stored = outputs if builder.output_in_dram else 0
    return MatrixWork(
        name=instruction.layer,
        operator=shape.operator,
        gemm=shape.gemm,
        weight_bits=shape.weight_bits,
        input_bits=shape.input_bits,
        output_bits=shape.output_bits,
        resident_bytes=footprint.tensor_bytes,
        staging_bytes=footprint.staging_bytes,
        traffic=Traffic(
            activation_reads=instruction.activation_reads + stored,
            activation_writes=builder.activation_elements + outputs,
            weight_reads=instruction.weight_reads,
            weight_writes=builder.weight_elements,
            accumulator_reads=sum(work.counters.accumulator_reads for work in passes)
            + sum(work.accumulators for work in passes if work.last_depth),
            accumulator_writes=sum(work.counters.accumulator_writes for work in passes),
            bias_reads=instruction.bias_reads,
            scale_reads=instruction.scale_reads,
            scale_writes=builder.scale_elements,
        ),
        passes=passes,
        fetches_ahead=instruction.right_is_on_chip or not shape.right_is_tensor,
        row_sums=shape.row_sums,
        scaling_cycles=instruction.plan.scaling_cycles,
        scale_bits=shape.scale_bits,
        tiles_together=instruction.plan.tiles_together,
    )


class _PassBuilder:
    """Turns passes into work, one object for all passes of equal work."""

    def __init__(
        self, instruction: MatrixInstruction, program: Program, hardware: Hardware
    ) -> None:
        self.instruction = instruction
        self.hardware = hardware
        self.output_in_dram = program.places[instruction.output] is Place.DRAM
        self.weight_elements = 0
        self.scale_elements = 0
        self.activation_elements = 0
        self._works: dict[tuple[int | None, ...], PassWork] = {}
        self._blocks: dict[tuple[int, int], tuple[int, int]] = {}

    def work(self, part: Pass) -> PassWork:
        """Return the work of a pass and count the elements that it fetches."""
        block_bytes = None
        if part.fetches_activations:
            block_elements, block_bytes = self._block(part)
            self.activation_elements += block_elements
        if part.fetches_weights:
            self.weight_elements += part.n_size * part.k_size
            self.scale_elements += part.n_size * self.instruction.plan.scales(part.k_size)
        key = (
            *(part.m_size, part.n_size, part.k_size, part.first_depth, part.last_depth),
            *(part.fetches_weights, part.releases_weights, part.releases_activations),
            block_bytes,
        )
        work = self._works.get(key)
        if work is None:
            work = self._works[key] = self._new_work(part, block_bytes)
        return work

    def _block(self, part: Pass) -> tuple[int, int]:
        """Return elements and bytes of the block of rows, or its part, that starts here."""
        key = (part.m_start, part.k_start)
        if key not in self._blocks:
            self._blocks[key] = (
                self.instruction.activation_block_elements(part),
                self.instruction.activation_block_bytes(part),
            )
        return self._blocks[key]

    def _new_work(self, part: Pass, block_bytes: int | None) -> PassWork:
        instruction, pads = self.instruction, self.hardware.scratchpads
        shape, plan = instruction.shape, instruction.plan
        flow, scales = plan.dataflow, plan.scales(part.k_size)
        m, n, k = part.m_size, part.n_size, part.k_size
        activations = _delivery_cycles(m * k * shape.input_bits, pads.activations)
        right_pad = pads.activations if instruction.right_is_on_chip else pads.weights
        right_bits = k * n * shape.weight_bits + scales * n * shape.scale_bits
        weights = _delivery_cycles(right_bits, right_pad)
        preload = 0
        if flow.stationary == "weights":
            preload, weights = max(self.hardware.array.rows, weights), 0
        elif flow.stationary == "activations":
            preload, activations = max(self.hardware.array.rows, activations), 0
        stream = plan.stream_cycles(m, n, k)
        whole_depth = (plan.depth_steps + plan.depth_scales) * plan.pe_rate.cycles
        if shape.row_sums and flow.stationary == "activations":
            # Behind the weights, a vector of ones sums up the activations that stay.
            stream += 1
        weight_bytes = instruction.weight_tile_bytes(part) if part.fetches_weights else None
        in_dram = self.output_in_dram and part.last_depth
        return PassWork(
            stream_cycles=stream,
            activation_cycles=activations,
            weight_cycles=weights,
            preload_cycles=preload,
            tile_stream_cycles=stream if flow.preloads else whole_depth,
            first_depth=part.first_depth,
            last_depth=part.last_depth,
            fetch_weight_bytes=weight_bytes,
            fetch_activation_bytes=block_bytes,
            releases_weights=part.releases_weights,
            releases_activations=part.releases_activations,
            results=m * n,
            accumulators=shape.accumulators(m, n),
            output_bytes=instruction.output_tile_bytes(part) if in_dram else 0,
            counters=count_pass(
                part, flow.stationary, not shape.right_is_tensor, shape.row_sums, scales
            ),
        )


def _delivery_cycles(bits: int, scratchpad: Scratchpad) -> int:
    """Cycles that a scratchpad takes to deliver ``bits``."""
    return -(-bits // (8 * scratchpad.bandwidth))


def _vector_work(
    instruction: VectorInstruction, program: Program, hardware: Hardware
) -> VectorWork:
    shape, footprint = instruction.shape, instruction.footprint
    stored = program.places[instruction.output] is Place.DRAM
    fetched = [program.places[name] is Place.DRAM for name in instruction.inputs]
    chunks: list[ChunkWork] = []
    fetched_elements = 0
    for piece in instruction.pieces():
        loads = tuple(
            size for size, in_dram in zip(piece.input_bytes, fetched, strict=True) if in_dram
        )
        fetched_elements += len(loads) * piece.input_elements
        chunks.append(
            ChunkWork(
                fetch_bytes=loads,
                compute_cycles=-(-piece.operations // hardware.vector.lanes)
                + (0 if chunks else shape.start_cycles),
                operations=piece.operations,
                output_bytes=piece.output_bytes if stored else 0,
            )
        )
    writes = instruction.element_writes
    return VectorWork(
        name=instruction.layer,
        operator=instruction.kind,
        gemm=None,
        weight_bits=0,
        input_bits=max(shape.input_bits),
        output_bits=shape.output_bits,
        resident_bytes=footprint.tensor_bytes,
        staging_bytes=footprint.staging_bytes,
        traffic=Traffic(
            activation_reads=instruction.element_reads + (writes if stored else 0),
            activation_writes=writes + fetched_elements,
        ),
        chunks=tuple(chunks),
    )
