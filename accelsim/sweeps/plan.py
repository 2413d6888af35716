"""What a sweep will take, before it is run: points, time, disk."""

from __future__ import annotations

import math
import random
import time
from dataclasses import dataclass, replace

from accelsim.compiler.shapes import NetworkShape
from accelsim.energy import EnergyTable
from accelsim.errors import AccelsimError
from accelsim.hardware import Hardware
from accelsim.sweeps.axes import Choice
from accelsim.sweeps.evaluate import Job, evaluate, run_job
from accelsim.sweeps.inputs import Inputs, read_inputs
from accelsim.sweeps.networks import Prepared, prepare, shape_of
from accelsim.sweeps.parcel import Parcel
from accelsim.sweeps.quantization import QUANTIZATION
from accelsim.sweeps.result_version import result_version
from accelsim.sweeps.space import Space
from accelsim.sweeps.strategies import draw
from accelsim.sweeps.workers import LocalProcesses

__all__ = ["STORED_BYTES_PER_POINT", "Plan", "expected_points", "plan_sweep"]

STORED_BYTES_PER_POINT = 900
"""Of a store, measured; most of it are cycles by cause and energy by component."""

_INTEGER_AXES = (
    *("bits", "array.weight_bits", "array.activation_bits", "accumulator.bits"),
    *("accumulator.overflow", "rescale.mode", "rescale.mantissa_bits"),
)
"""Axes, beside the network, that change integers and not only when they are computed."""

_COUNTED = 200_000
"""Up to so many points are counted one by one; of more, so many are drawn."""
_SAMPLES = 12
_SAMPLE_SECONDS = 10.0


@dataclass(frozen=True)
class Plan:
    """What a sweep will take.

    Attributes
    ----------
    grid_points
        All combinations of the axes.
    points
        Those to be run: within the constraints, as many as the strategy asks for.
    exact
        Whether ``points`` was counted; otherwise it is estimated from a sample.
    tried, impossible
        Designs that were really run for the estimate, and those of them that cannot be built or
        that the network does not fit; ``example`` says why.
    point_seconds, preparation_seconds
        Of one free core, for one point, and for quantizing and judging one network at one width.
    preparations
        How many networks and widths there are to quantize and to judge.
    start_seconds
        Until a new worker has computed its first point.
    """

    grid_points: int
    points: int
    exact: bool
    tried: int
    impossible: int
    example: str
    point_seconds: float
    preparation_seconds: float
    preparations: int
    start_seconds: float

    def seconds(self, workers: int) -> float:
        """Return how long it takes."""
        rounds = math.ceil(self.preparations / workers)
        work = self.points * self.point_seconds / workers + rounds * self.preparation_seconds
        return self.start_seconds + work

    @property
    def stored_bytes(self) -> int:
        """How large the store becomes."""
        return self.points * STORED_BYTES_PER_POINT


def expected_points(space: Space) -> int | None:
    """Return how many points a sweep has, where that is quick to tell."""
    asked = space.strategy.points
    if space.allows_all:
        return space.size if asked is None else min(asked, space.size)
    if space.size > _COUNTED:
        return asked
    allowed = sum(1 for _ in space.grid())
    return allowed if asked is None else min(asked, allowed)


def plan_sweep(space: Space) -> Plan:
    """Say what a sweep will take, by running a few of its designs.

    Raises
    ------
    AccelsimError
        If a network or a table cannot be used, or the constraints leave no points.
    """
    inputs = read_inputs(space)
    space = inputs.space
    points, exact = _count(space)
    trial = _Trial(inputs)
    seconds: list[float] = []
    problems: list[str] = []
    tried = 0
    preparations = _preparations(inputs)
    ends = time.monotonic() + _SAMPLE_SECONDS
    for choice in draw(space, _SAMPLES, random.Random(0)):
        tried += 1
        try:
            if not seconds:
                trial.run(choice)  # loads what all later ones share
            seconds.append(trial.run(choice))
        except AccelsimError as error:
            problems.append(str(error).splitlines()[0])
        unknown = preparations and not trial.preparation_seconds
        if time.monotonic() > ends and not unknown:
            break
    return Plan(
        grid_points=space.size,
        points=points,
        exact=exact,
        tried=tried,
        impossible=len(problems),
        example=problems[0] if problems else "",
        point_seconds=_mean(seconds),
        preparation_seconds=_mean(trial.preparation_seconds),
        preparations=preparations,
        start_seconds=_start_seconds(trial.point),
    )


class _Trial:
    """Runs designs here and now. ``point``: one that went well, as a worker is given it."""

    def __init__(self, inputs: Inputs) -> None:
        self._inputs = inputs
        self._prepared: dict[object, Prepared] = {}
        self.preparation_seconds: list[float] = []
        self.point: tuple[NetworkShape, EnergyTable, Hardware] | None = None

    def run(self, choice: Choice) -> float:
        """Return the seconds that one point takes, its network's preparation apart."""
        design = self._inputs.space.design(choice)
        source, integers = self._inputs.sources[design.network], self._inputs.integers(design)
        if integers is not None and (source.name, integers) not in self._prepared:
            watch = _Watch()
            self._prepared[source.name, integers] = prepare(
                source, integers, self._inputs.batches, judge=True, timeout_seconds=math.inf
            )
            self.preparation_seconds.append(watch.seconds())
        watch = _Watch()
        if source.topology is not None:
            shape = shape_of(source.topology, design.hardware, design.batch)
        else:
            shape = self._prepared[source.name, integers].shapes[design.batch]
        point = (shape, self._inputs.table(design), design.hardware)
        evaluate(shape, point[2], point[1])
        self.point = point
        return watch.seconds()


class _Watch:
    """Tells the seconds that work takes on a free core, whatever else the machine is at."""

    def __init__(self) -> None:
        self._wall, self._processor = time.perf_counter(), time.process_time()

    def seconds(self) -> float:
        wall = time.perf_counter() - self._wall
        return min(wall, time.process_time() - self._processor)


def _start_seconds(point: tuple[NetworkShape, EnergyTable, Hardware] | None) -> float:
    """Return how long a new worker takes for its first point; of none if none can be run."""
    job = Job((), (), (), result_version(), math.inf)
    if point is not None:
        shape, table, hardware = point
        job = replace(
            job,
            shapes=(Parcel.of(shape),),
            tables=(Parcel.of(table),),
            points=((0, 0, hardware),),
        )
    workers = LocalProcesses(1)
    began = time.perf_counter()
    try:
        workers.submit(run_job, job).result()
        return time.perf_counter() - began
    finally:
        workers.close()


def _count(space: Space) -> tuple[int, bool]:
    known = expected_points(space)
    if space.strategy.points is None and known is None:
        generator = random.Random(0)
        lengths = [len(axis.values) for axis in space.axes]
        allowed = sum(
            space.allows(tuple(map(generator.randrange, lengths))) for _ in range(_COUNTED)
        )
        return round(space.size * allowed / _COUNTED), False
    return known or 0, space.allows_all or space.size <= _COUNTED


def _preparations(inputs: Inputs) -> int:
    """Return how many networks and ways of quantizing them there are to prepare."""
    networks = sum(source.topology is None for source in inputs.sources.values())
    return networks * math.prod(
        len(axis.values)
        for axis in inputs.space.axes
        if axis.name in _INTEGER_AXES or axis.name.startswith(QUANTIZATION)
    )


def _mean(values: list[float]) -> float:
    return sum(values) / len(values) if values else 0.0
