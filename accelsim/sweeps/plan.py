"""What a sweep will take, before it is run: points, time, disk."""

from __future__ import annotations

import math
import random
import time
from dataclasses import dataclass

from accelsim.errors import AccelsimError
from accelsim.sweeps.evaluate import evaluate
from accelsim.sweeps.inputs import Inputs, read_inputs
from accelsim.sweeps.networks import Prepared, prepare, shape_of
from accelsim.sweeps.space import QUANTIZATION, Choice, Space
from accelsim.sweeps.strategies import draw

__all__ = ["STORED_BYTES_PER_POINT", "Plan", "expected_points", "plan_sweep"]

STORED_BYTES_PER_POINT = 900
"""Of a store, measured; most of it are cycles by cause and energy by component."""

_INTEGER_AXES = (
    *("network", "bits", "array.weight_bits", "array.activation_bits", "accumulator.bits"),
    *("accumulator.overflow", "rescale.mode", "rescale.mantissa_bits"),
)
"""Axes that change integers, not only when they are computed."""

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
        Of one core, for one point, and for quantizing and judging the networks at every width.
    """

    grid_points: int
    points: int
    exact: bool
    tried: int
    impossible: int
    example: str
    point_seconds: float
    preparation_seconds: float

    def seconds(self, workers: int) -> float:
        """Return how long it takes."""
        return (self.points * self.point_seconds + self.preparation_seconds) / workers

    @property
    def stored_bytes(self) -> int:
        """How large the store becomes."""
        return self.points * STORED_BYTES_PER_POINT


def expected_points(space: Space) -> int | None:
    """Return how many points a sweep has, where that is quick to tell."""
    asked = space.strategy.points
    if not space.constraints:
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
    preparations: dict[object, _Preparation] = {}
    seconds: list[float] = []
    problems: list[str] = []
    tried = 0
    ends = time.monotonic() + _SAMPLE_SECONDS
    for choice in draw(space, _SAMPLES, random.Random(0)):
        tried += 1
        try:
            if not seconds:
                _try(inputs, choice, preparations)  # loads what all later ones share
            seconds.append(_try(inputs, choice, preparations))
        except AccelsimError as error:
            problems.append(str(error).splitlines()[0])
        if time.monotonic() > ends:
            break
    each = [preparation.seconds for preparation in preparations.values()]
    return Plan(
        grid_points=space.size,
        points=points,
        exact=exact,
        tried=tried,
        impossible=len(problems),
        example=problems[0] if problems else "",
        point_seconds=_mean(seconds),
        preparation_seconds=_mean(each) * _preparations(space) if each else 0.0,
    )


@dataclass(frozen=True, eq=False)
class _Preparation:
    prepared: Prepared
    seconds: float


def _try(inputs: Inputs, choice: Choice, preparations: dict[object, _Preparation]) -> float:
    """Return the seconds that one point takes, its network's preparation apart."""
    design = inputs.space.design(choice)
    source, integers = inputs.sources[design.network], inputs.integers(design)
    if integers is not None and (source.name, integers) not in preparations:
        began = time.perf_counter()
        prepared = prepare(source, integers, inputs.batches, judge=True, timeout_seconds=math.inf)
        took = time.perf_counter() - began
        preparations[source.name, integers] = _Preparation(prepared, took)
    began = time.perf_counter()
    if source.topology is not None:
        shape = shape_of(source.topology, design.hardware, design.batch)
    else:
        shape = preparations[source.name, integers].prepared.shapes[design.batch]
    evaluate(shape, design.hardware, inputs.table(design))
    return time.perf_counter() - began


def _count(space: Space) -> tuple[int, bool]:
    known = expected_points(space)
    if space.strategy.points is None and known is None:
        generator = random.Random(0)
        lengths = [len(axis.values) for axis in space.axes]
        allowed = sum(
            space.allows(tuple(map(generator.randrange, lengths))) for _ in range(_COUNTED)
        )
        return round(space.size * allowed / _COUNTED), False
    return known or 0, not space.constraints or space.size <= _COUNTED


def _preparations(space: Space) -> int:
    """Networks and ways of quantizing them: what each is prepared for once."""
    return math.prod(
        len(axis.values)
        for axis in space.axes
        if axis.name in _INTEGER_AXES or axis.name.startswith(QUANTIZATION)
    )


def _mean(values: list[float]) -> float:
    return sum(values) / len(values) if values else 0.0
