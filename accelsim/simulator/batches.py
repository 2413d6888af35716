"""A whole simulation: the machine's clock once, the integers batch after batch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from accelsim.arithmetic import RescaleMode, RunTimeCodes
from accelsim.compiler.program import Program
from accelsim.errors import ConfigError, DataError
from accelsim.hardware.schema import Hardware
from accelsim.network.integer import IntegerNetwork
from accelsim.network.rescales import operator_rescales
from accelsim.network.run_time import RunTimeOperator
from accelsim.simulator.execute import BatchExecution, MatrixExecution, execute_batch
from accelsim.simulator.invariants import check_batch, check_timing
from accelsim.simulator.run import Activity, Run, Switching
from accelsim.simulator.timing import simulate_timing

__all__ = ["simulate"]


def simulate(
    program: Program,
    integer: IntegerNetwork,
    hardware: Hardware,
    inputs: NDArray[np.int32],
    engine: str = "cycle",
    switching: bool = False,
    spans: bool = False,
    activity: bool = False,
) -> Run:
    """Run images through the machine, integer by integer, and time one batch.

    The images are cut into batches of ``program.batch``; a last batch that is not full runs with
    fewer rows, so that counts are of the given images and no others. Cycles are those of a full
    batch. Every run checks that both sides counted the same (`accelsim.simulator.invariants`).

    Parameters
    ----------
    program
        What the compiler made of ``integer`` for ``hardware``.
    integer
        The network; its accumulator and rescale mode must be the hardware's.
    inputs
        int32[images, *input shape], within the input tensor's format; at least one image.
    engine
        ``register``, ``cycle`` or ``tile``: the same integers, cycles and counts.
    switching
        Count the register bits that toggle in the array (not with ``tile``).
    spans
        Record the timeline of every unit.
    activity
        Count what changes at the inputs of every PE's multiplier and adder.

    Raises
    ------
    DataError
        Inputs of another type, shape or range than the network's, or none.
    ConfigError
        Unknown engine, or a network that was quantized for another accumulator or rescale unit.
    InternalError
        A broken invariant.
    """
    _check_inputs(integer, inputs)
    _check_hardware(integer, hardware)
    timing = simulate_timing(program, hardware, spans)
    check_timing(program, timing)
    totals = _Totals()
    for batch in _batches(inputs.astype(np.int32), program.batch):
        execution = execute_batch(program, integer, hardware, batch, engine, switching, activity)
        check_batch(program, integer, hardware, timing, execution)
        totals.add(execution, integer.output)
    return Run(
        images=len(inputs),
        batch=program.batch,
        outputs=np.concatenate(totals.outputs),
        timing=timing,
        overflow_events=totals.overflow_events,
        clip_events=totals.clip_events,
        switching=totals.switching,
        activity=totals.activity,
        output_codes=_together(totals.codes) if totals.codes else None,
    )


def _together(codes: Sequence[RunTimeCodes]) -> RunTimeCodes:
    """Return the codes of all batches' images."""
    return RunTimeCodes(
        np.concatenate([batch.scales for batch in codes]),
        np.concatenate([batch.zero_points for batch in codes]),
    )


class _Totals:
    """What depends on values, summed over the batches so far."""

    def __init__(self) -> None:
        self.outputs: list[NDArray[np.int32]] = []
        self.overflow_events: dict[str, int] = {}
        self.clip_events: dict[str, int] = {}
        self.switching: dict[str, Switching] = {}
        self.activity: dict[str, Activity] = {}
        self.codes: list[RunTimeCodes] = []

    def add(self, execution: BatchExecution, output: str) -> None:
        """Add one batch."""
        self.outputs.append(execution.tensors[output])
        if output in execution.codes:
            self.codes.append(execution.codes[output])
        for name, layer in execution.layers.items():
            if layer.clip_events is not None:
                self.clip_events[name] = self.clip_events.get(name, 0) + layer.clip_events
            if not isinstance(layer, MatrixExecution):
                continue
            overflows = self.overflow_events.get(name, 0) + layer.counters.overflow_events
            self.overflow_events[name] = overflows
            if layer.switching is not None:
                self.switching[name] = self.switching.get(name, Switching()) + layer.switching
            if layer.activity is not None:
                known = self.activity.get(name)
                self.activity[name] = known + layer.activity if known else layer.activity


def _batches(inputs: NDArray[np.int32], size: int) -> Iterator[NDArray[np.int32]]:
    for start in range(0, len(inputs), size):
        yield inputs[start : start + size]


def _check_inputs(integer: IntegerNetwork, inputs: NDArray[np.int32]) -> None:
    tensor = integer.tensors[integer.input]
    if not np.issubdtype(inputs.dtype, np.integer):
        raise DataError(f"inputs: must be integers, got {inputs.dtype} (quantize them first)")
    if inputs.shape[1:] != tensor.shape:
        raise DataError(
            f"inputs: one image of network {integer.name!r} has shape {tensor.shape}, "
            f"got {inputs.shape[1:]}"
        )
    if len(inputs) == 0:
        raise DataError("inputs: must hold at least one image, got none")
    low, high = int(inputs.min()), int(inputs.max())
    if low < tensor.format.low or high > tensor.format.high:
        raise DataError(
            f"inputs: must be within {tensor.format} [{tensor.format.low}, {tensor.format.high}], "
            f"got {low} to {high}"
        )


def _check_hardware(integer: IntegerNetwork, hardware: Hardware) -> None:
    """Refuse a network whose integers are not those that this hardware would compute."""
    built = hardware.accumulator.format
    if integer.accumulator != built:
        raise ConfigError(
            f"accumulator: hardware {hardware.name!r} has {built.bits} bits that {built.overflow}, "
            f"network {integer.name!r} is for {integer.accumulator.bits} bits that "
            f"{integer.accumulator.overflow}"
        )
    unit = hardware.rescale
    for layer in integer.layers:
        is_found = isinstance(layer.operator, RunTimeOperator)
        if is_found and unit.mode != RescaleMode.FLOAT32:
            raise ConfigError(
                f"rescale: hardware {hardware.name!r} has mode {unit.mode}, layer {layer.name!r} "
                "finds its range at run time, in float32; set rescale.mode=float32"
            )
        for rescale in operator_rescales(layer.operator):
            same_width = rescale.mantissa_bits == unit.mantissa_bits
            if rescale.mode != unit.mode or not (same_width or unit.mode == RescaleMode.FLOAT32):
                raise ConfigError(
                    f"rescale: hardware {hardware.name!r} has mode {unit.mode} with "
                    f"{unit.mantissa_bits}-bit mantissas, layer {layer.name!r} is for "
                    f"{rescale.mode} with {rescale.mantissa_bits}"
                )
