"""One loop for all searches: ask for a network, measure it, tell what it gives."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Protocol

from accelsim.errors import ConfigError, InternalError
from accelsim.pipeline import run as run_pipeline
from accelsim.report.mixed_widths import SearchResult, SearchStep
from accelsim.request import Progress
from accelsim.start import silent
from accelsim.width_search.goal import Goal
from accelsim.width_search.greedy import Greedy
from accelsim.width_search.networks import Layers, Networks
from accelsim.width_search.request import DEFAULT_TRIALS, SearchRequest
from accelsim.width_search.trials import Trials, Uniform

__all__ = ["search_widths"]


class _Proposer(Protocol):
    """Chooses networks, one after the other."""

    def ask(self) -> Layers | None:
        """Return the next network to measure; None: nothing more."""

    def tell(self, layers: Layers, step: SearchStep) -> None:
        """Hear what it gives."""


def search_widths(request: SearchRequest, progress: Progress = silent) -> SearchResult:
    """Find widths for each layer, and run the network that is wanted most on the machine.

    Raises
    ------
    ConfigError
        If no network that was tried meets the bound; the message has the nearest. If Optuna is
        asked for and missing.
    AccelsimError
        If something else that the user gave cannot be used.
    """
    return _Search(request, progress).run()


class _Search:
    """What was measured so far, and the best of it."""

    def __init__(self, request: SearchRequest, progress: Progress) -> None:
        self._request, self._progress = request, progress
        self._networks = Networks(request.run, request.pinned)
        self._goal = Goal(request, self._networks.images)
        self._start = self._best = request.run.layer_bits
        self._trials: Trials | None = None
        if request.search == "optuna":
            trials, seed = request.trials or DEFAULT_TRIALS, request.run.seed
            self._trials = Trials(self._networks, self._goal, self._start, trials, seed)
        self._best_step = self._measured("start", self._start)
        self._steps = [self._best_step]

    def run(self) -> SearchResult:
        """Ask and tell, then run the best."""
        trials = self._trials
        if trials is not None:
            trials.tell(self._start, self._best_step)
        for proposer in self._proposers():
            while (layers := proposer.ask()) is not None:
                self._progress(f"{len(self._steps)} networks tried", 0, 1)
                step = self._take(layers)
                proposer.tell(layers, step)
                if trials is not None and proposer is not trials:
                    trials.tell(layers, step)
        self._refuse_what_breaks_the_bound()
        return self._result()

    def _proposers(self) -> Iterator[_Proposer]:
        yield Greedy(self._networks, self._goal, self._start, self._best_step)
        if self._trials is not None:
            yield Uniform(self._networks, self._start)
            yield self._trials

    def _take(self, layers: Layers) -> SearchStep:
        """Measure a network, and keep it if it is wanted more than all before."""
        step = self._measured(self._networks.difference(self._best, layers), layers)
        if self._goal.badness(step) < self._goal.badness(self._best_step):
            self._best, self._best_step = layers, step
        else:
            step = replace(step, kept=False)
        self._steps.append(step)
        return step

    def _measured(self, change: str, layers: Layers) -> SearchStep:
        right, costs = self._networks.rightness(layers), self._networks.costs(layers)
        return SearchStep(
            change, right.accuracy_pct, right.output_mse, costs.cycles, costs.energy_uj, kept=True
        )

    def _refuse_what_breaks_the_bound(self) -> None:
        best, request = self._best_step, self._request
        if self._goal.is_met(best):
            return
        if request.budget is not None:
            raise ConfigError(
                f"--budget {request.budget:g}: no network found needs so little; the nearest needs "
                f"{self._goal.cost(best):.4g} {request.unit} an image, at "
                f"{best.accuracy_pct:.2f} percent accuracy"
            )
        raise ConfigError(
            f"--keep-accuracy {request.keep_accuracy_pct:g}: no network found is so accurate; the "
            f"nearest, {request.widths(self._best)}, has {best.accuracy_pct:.2f} percent"
        )

    def _result(self) -> SearchResult:
        """Run the best network on the machine, by the engine that was asked for, and check it."""
        run = replace(self._request.run, layer_bits=self._best, check=True)
        ran = run_pipeline(run)
        (point,) = ran.points
        if point.golden_mismatches:
            raise InternalError(f"{point.golden_mismatches} outputs differ from golden's")
        final = replace(
            self._best_step,
            change="final",
            accuracy_pct=point.accuracy_integer_pct or 0.0,
            cycles_per_image=point.cycles_per_image,
            energy_uj_per_image=point.energy_uj_per_image,
        )
        return SearchResult(
            network=ran.network,
            hardware=ran.hardware,
            goal=self._request.goal,
            search=self._request.search,
            images=self._networks.images,
            measured=self._networks.measured,
            costed=self._networks.costed,
            float_pct=point.accuracy_float_pct or 0.0,
            steps=tuple(self._steps),
            final=final,
            layer_bits=tuple(str(entry) for entry in self._best),
            command=run.command,
            notes=self._networks.notes,
        )
