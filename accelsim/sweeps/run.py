"""The one loop of every sweep: choose, claim, compute, store.

Nothing is lost when a worker is: what it was at is computed again, each point alone, and what
fails then is stored as failed, with the reason.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Future, wait
from dataclasses import dataclass
from typing import Any

from accelsim.errors import AccelsimError
from accelsim.sweeps.axes import Choice
from accelsim.sweeps.claims import Claimed, Claims
from accelsim.sweeps.evaluate import Failure, Figures, Outcome, run_job
from accelsim.sweeps.inputs import Inputs
from accelsim.sweeps.judge import keeps_budgets, networks_apart, objective_costs
from accelsim.sweeps.networks import prepare
from accelsim.sweeps.pack import Packer, Point, ReadyPoint
from accelsim.sweeps.preparations import Integers, Preparations
from accelsim.sweeps.progress import Progress, Tally
from accelsim.sweeps.store import Store
from accelsim.sweeps.stored_point import Result, StoredPoint
from accelsim.sweeps.strategies import SearchStrategy
from accelsim.sweeps.workers import Workers

__all__ = ["DEFAULT_TIMEOUT_SECONDS", "Show", "SweepLoop"]

DEFAULT_TIMEOUT_SECONDS = 600.0
_LOOK_SECONDS = 0.2
"""How often the loop looks around while nothing ends."""
_ASK_SECONDS = 0.2
"""How long it goes through points that others have claimed before it looks around."""
_JOBS_FOR_EACH_WORKER = 2
"""So that a worker never waits for its next job."""

Show = Callable[[Progress], None]
"""Told how far a sweep is, a few times a second."""


@dataclass(frozen=True, eq=False)
class _Task:
    """What was given to a worker: some points, or a network to prepare. ``alone``: again."""

    points: tuple[ReadyPoint, ...] = ()
    integers: Integers | None = None
    alone: bool = False
    began: float = 0.0


class SweepLoop:
    """One sweep of one space."""

    def __init__(
        self,
        inputs: Inputs,
        store: Store,
        workers: Workers,
        strategy: SearchStrategy,
        total: int | None,
        show: Show,
        timeout_seconds: float = DEFAULT_TIMEOUT_SECONDS,
    ) -> None:
        self._inputs, self._store, self._workers = inputs, store, workers
        self._space = inputs.space
        self._strategy, self._show = strategy, show
        self._timeout_seconds = timeout_seconds
        self._packer = Packer(timeout_seconds)
        self._claims = Claims(inputs, store)
        self._preparations = Preparations(inputs, store)
        # Of networks that are different work the smaller one would be best at everything.
        objectives = self._space.objectives
        compared = () if networks_apart(self._space, objectives) else objectives
        self._tally = Tally(compared, total)
        self._in_flight: dict[Future[Any], _Task] = {}
        self._suspects: deque[_Task] = deque()
        self._members: dict[Choice, Result] = {}

    def run(self) -> Progress:
        """Compute what is not stored yet, until nothing is left; return how it ended.

        Raises
        ------
        AccelsimError
            If the store cannot be written, or a worker is of another version.
        """
        self._members = self._store.members()
        if not self._strategy.learns:
            for choice, result in self._members.items():
                self._count(choice, result, found=True)
        while not self._is_over():
            self._fill()
            self._collect()
            self._receive(self._claims.look())
            self._show(self._tally.moment())
        progress = self._tally.moment()
        self._show(progress)
        return progress

    def _is_over(self) -> bool:
        waiting = self._in_flight or self._suspects or self._claims.waiting or self._packer
        return self._strategy.finished and not waiting and not self._preparations.waiting

    def _fill(self) -> None:
        """Give the workers what they can take."""
        if self._suspects:
            # Whoever ends a worker now is known: nobody else is at work.
            if not self._in_flight:
                self._submit(self._suspects.popleft())
            return
        most = _JOBS_FOR_EACH_WORKER * self._workers.count
        ends = time.monotonic() + _ASK_SECONDS
        again = False
        while len(self._in_flight) < most:
            integers = self._preparations.next()
            if integers is not None:
                self._submit(_Task(integers=integers))
                continue
            if len(self._packer) < self._packer.size:
                again = self._ask(max(self._packer.size, most)) and time.monotonic() < ends
            points = self._packer.take(self._share())
            if points:
                self._submit(_Task(points=tuple(points)))
            elif not (again or self._preparations.asked):
                return

    def _share(self) -> int:
        """Points of a job, so that those that are left keep all workers busy."""
        left = len(self._packer)
        return max(1, -(-left // self._workers.count)) if self._strategy.finished else left

    def _ask(self, count: int) -> bool:
        """Take choices from the strategy: what is stored is counted, what is free is claimed.

        Return whether it is worth asking again at once: there were choices, none of them free.
        """
        choices = self._strategy.ask(count)
        new = []
        for choice in choices:
            if choice not in self._members:
                new.append(choice)
            elif self._strategy.learns:
                self._count(choice, self._members[choice], found=True)
        return not self._receive(self._claims.claim(new)) and bool(choices)

    def _receive(self, claimed: Claimed) -> bool:
        """Return whether there is something to compute here."""
        self._put(claimed.impossible)
        for choice, result in claimed.stored:
            self._members[choice] = result
            self._count(choice, result, found=True)
        for point in claimed.mine:
            self._prepare(point)
        return bool(claimed.mine)

    def _prepare(self, point: Point) -> None:
        ready = self._preparations.add(point)
        if isinstance(ready, ReadyPoint):
            self._packer.add([ready])
        elif isinstance(ready, str):
            self._put([StoredPoint(point.key, point.choice, "impossible", ready)])

    def _submit(self, task: _Task) -> None:
        task = _Task(task.points, task.integers, task.alone, time.monotonic())
        try:
            if task.integers is not None:
                arguments = self._preparations.task(task.integers)
                future: Future[Any] = self._workers.submit(
                    prepare, *arguments, self._timeout_seconds
                )
            else:
                future = self._workers.submit(run_job, self._packer.job(list(task.points)))
        except BrokenExecutor:
            self._workers.restart()
            self._suspect(task)
            return
        self._in_flight[future] = task

    def _collect(self) -> None:
        """Store what has ended."""
        if not self._in_flight:
            if self._claims.waiting:
                time.sleep(_LOOK_SECONDS)
            return
        ended, _ = wait(self._in_flight, _LOOK_SECONDS, FIRST_COMPLETED)
        broken = False
        for future in ended:
            task = self._in_flight.pop(future)
            error = future.exception() if not future.cancelled() else BrokenExecutor("cancelled")
            if error is None:
                self._take(task, future.result())
            elif isinstance(error, AccelsimError):
                self._refused(task, error)
            else:
                broken = broken or isinstance(error, BrokenExecutor)
                self._lost(task, error)
        if broken:
            # The others died with it.
            for task in self._in_flight.values():
                self._lost(task, BrokenExecutor())
            self._in_flight.clear()
            self._workers.restart()

    def _take(self, task: _Task, answer: Any) -> None:
        if task.integers is not None:
            for point in self._preparations.done(task.integers, answer):
                self._prepare(point)
            return
        outcomes, seconds = answer
        self._packer.took(len(task.points), seconds)
        stored = []
        for ready, outcome in zip(task.points, outcomes, strict=True):
            if isinstance(outcome, Failure) and not outcome.lasting and not task.alone:
                self._suspects.append(_Task(points=(ready,), alone=True))
            else:
                stored.append(_stored(ready, outcome))
        self._put(stored)

    def _refused(self, task: _Task, error: AccelsimError) -> None:
        """A network that cannot be prepared has no points; a job is refused for all of them."""
        if task.integers is None:
            raise error
        self._give_up(task, "impossible", str(error))

    def _lost(self, task: _Task, error: BaseException) -> None:
        """Compute what a worker did not finish once more, alone; then never again."""
        if not task.alone:
            self._suspect(task)
            return
        if time.monotonic() - task.began >= self._timeout_seconds:
            reason = f"took longer than {self._timeout_seconds:g} s, twice"
        elif isinstance(error, BrokenExecutor):
            reason = "its worker died twice (killed, or out of memory)"
        else:
            reason = f"its worker was lost twice ({type(error).__name__}: {error})"
        self._give_up(task, "failed", reason)

    def _suspect(self, task: _Task) -> None:
        if task.integers is not None:
            self._suspects.append(_Task(integers=task.integers, alone=True))
        self._suspects.extend(_Task(points=(ready,), alone=True) for ready in task.points)

    def _give_up(self, task: _Task, status: str, reason: str) -> None:
        points = [ready.point for ready in task.points]
        if task.integers is not None:
            points = self._preparations.done(task.integers, reason)
        self._put([StoredPoint(point.key, point.choice, status, reason) for point in points])

    def _put(self, points: Sequence[StoredPoint]) -> None:
        if not points:
            return
        self._store.put(points)
        for point in points:
            self._members[point.choice] = point.result
            self._count(point.choice, point.result, found=False)

    def _count(self, choice: Choice, result: Result, *, found: bool) -> None:
        costs = None
        keeps = keeps_budgets(self._space, choice, result.metrics)
        if keeps:
            costs = objective_costs(self._space, self._space.objectives, choice, result.metrics)
        over_budget = bool(result.metrics) and not keeps
        self._tally.add(result.status, costs, found=found, over_budget=over_budget)
        self._strategy.tell(choice, costs)


def _stored(ready: ReadyPoint, outcome: Outcome) -> StoredPoint:
    point = ready.point
    if isinstance(outcome, Figures):
        return StoredPoint(point.key, point.choice, "done", "", outcome, ready.accuracy)
    status = "impossible" if outcome.lasting else "failed"
    return StoredPoint(point.key, point.choice, status, outcome.reason)
