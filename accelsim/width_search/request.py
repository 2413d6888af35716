"""What a person asks a search for widths for, checked before anything is loaded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from accelsim.errors import ConfigError
from accelsim.frontend import is_shapes
from accelsim.quantize import LayerBits, with_layer_bits, without_bits
from accelsim.request import EIGHT_BITS, RunRequest, point_name

__all__ = ["DEFAULT_TRIALS", "SearchRequest"]

_UNITS = {"energy": "uJ", "cycles": "cycles"}
_SEARCHES = ("greedy", "optuna")
DEFAULT_TRIALS = 100
_MOST_TRIALS = 1_000_000


@dataclass(frozen=True)
class SearchRequest:
    """What to search for.

    Attributes
    ----------
    run
        Network, data, machine and quantization; its one point (default: 8 bits) and ``layer_bits``
        are the start, and the widest that is tried; ``seed`` is of Optuna's draws, too.
    cost
        ``energy`` or ``cycles``, of an image.
    keep_accuracy_pct
        Least accuracy; the cost is made as small as it allows. Or None, and
    budget
        the largest cost, microjoules or cycles; accuracy is kept as high as it allows.
    search
        ``greedy``, or ``optuna``: that and then ``trials`` more networks.
    trials
        Networks that Optuna tries, at least 1; None: `DEFAULT_TRIALS`.
    pinned
        Widths of layers that every network keeps. They are added to the ``layer_bits`` of ``run``.

    Raises
    ------
    ConfigError
        If there are not one point and one bound, or a value is out of range.
    """

    run: RunRequest
    cost: str = "energy"
    keep_accuracy_pct: float | None = None
    budget: float | None = None
    search: str = "greedy"
    trials: int | None = None
    pinned: tuple[LayerBits, ...] = ()

    def __post_init__(self) -> None:
        if is_shapes(self.run.network):
            raise ConfigError(f"{self.run.network}: has shapes but no weights to be quantized")
        if self.run.random_data:
            raise ConfigError("--random-data: a search needs labels")
        if self.run.points is None:
            object.__setattr__(self, "run", replace(self.run, points=EIGHT_BITS))
        if len(self.run.float_points) != 1:
            raise ConfigError(f"--bits: give one width, got {len(self.run.float_points)}")
        if self.cost not in _UNITS:
            raise ConfigError(f"cost: must be one of {', '.join(_UNITS)}, got {self.cost!r}")
        if self.search not in _SEARCHES:
            raise ConfigError(f"search: must be one of {', '.join(_SEARCHES)}, got {self.search!r}")
        if self.trials is not None and self.search == "greedy":
            raise ConfigError("--trials: are Optuna's; give --search optuna")
        if self.trials is not None and not 1 <= self.trials <= _MOST_TRIALS:
            raise ConfigError(f"--trials: must be 1 to {_MOST_TRIALS}, got {self.trials}")
        if (self.keep_accuracy_pct is None) == (self.budget is None):
            raise ConfigError("give either --keep-accuracy or --budget")
        if self.keep_accuracy_pct is not None and not 0.0 <= self.keep_accuracy_pct <= 100.0:
            raise ConfigError(
                f"--keep-accuracy: must be 0 to 100 percent, got {self.keep_accuracy_pct:g}"
            )
        if self.keep_accuracy_pct is not None and 0.0 < self.keep_accuracy_pct < 1.0:
            raise ConfigError(
                f"--keep-accuracy: is in percent, got {self.keep_accuracy_pct:g} (did you mean "
                f"{100 * self.keep_accuracy_pct:g}?)"
            )
        if self.budget is not None and not 0.0 < self.budget < float("inf"):
            raise ConfigError(f"--budget: must be above 0, got {self.budget:g}")
        self._start_from_pinned()

    def _start_from_pinned(self) -> None:
        names = [pin.layer for pin in self.pinned]
        for name in names:
            if names.count(name) > 1:
                raise ConfigError(f"--pin: {name} is given twice")
        layers = self.run.layer_bits
        given = {entry.layer: entry for entry in layers}
        for pin in self.pinned:
            other = given.get(pin.layer, pin)
            for name in ("weight_bits", "activation_bits"):
                kept, started = getattr(pin, name), getattr(other, name)
                if None not in (kept, started) and kept != started:
                    raise ConfigError(f"--pin {pin}: --layer-bits starts from {other}")
            layers = with_layer_bits(layers, pin)
        if self.pinned:
            layers = without_bits(layers, self.run.float_points[0])
            object.__setattr__(self, "run", replace(self.run, layer_bits=layers))

    @property
    def unit(self) -> str:
        """The unit of the cost."""
        return _UNITS[self.cost]

    @property
    def goal(self) -> str:
        """What is searched for, in words."""
        kept = f", {' '.join(map(str, self.pinned))} pinned" if self.pinned else ""
        if self.budget is not None:
            return f"most accuracy within {self.budget:g} {self.unit} an image{kept}"
        return f"least {self.cost} at {self.keep_accuracy_pct:g} % accuracy or more{kept}"

    def widths(self, layers: Sequence[LayerBits]) -> str:
        """Say which widths a network has."""
        others = point_name(*self.run.float_points[0])
        if not layers:
            return f"{others} bits"
        return f"{', '.join(map(str, layers))} and {others} bits elsewhere"
