"""Networks quantized and judged once, for all points that compute the same integers."""

from __future__ import annotations

from dataclasses import replace

from accelsim.compiler.shapes import NetworkShape
from accelsim.sweeps.inputs import Inputs
from accelsim.sweeps.keys import accuracy_key
from accelsim.sweeps.networks import Accuracy, IntegerForm, Prepared, Source, shape_of
from accelsim.sweeps.pack import Point, ReadyPoint
from accelsim.sweeps.store import Store

__all__ = ["Integers", "Preparations"]

Integers = tuple[str, IntegerForm]
"""A network's name and how it is quantized."""


class Preparations:
    """Points that wait for their network, and the networks that are ready."""

    def __init__(self, inputs: Inputs, store: Store) -> None:
        self._inputs = inputs
        self._store = store
        self._shapes: dict[tuple[str, int, int, int, int], NetworkShape] = {}
        self._prepared: dict[Integers, Prepared | str] = {}
        self._waiting: dict[Integers, list[Point]] = {}
        self._asked: list[Integers] = []

    @property
    def waiting(self) -> bool:
        """Whether points wait."""
        return bool(self._waiting)

    @property
    def asked(self) -> bool:
        """Whether a network is to be prepared."""
        return bool(self._asked)

    def add(self, point: Point) -> ReadyPoint | str | None:
        """Return the point with its network; why there is none; or nothing if it has to wait."""
        if point.integers is None:
            return ReadyPoint(point, self._shape(point), None)
        wanted = (point.network, point.integers)
        prepared = self._prepared.get(wanted)
        if prepared is None:
            if wanted not in self._waiting:
                self._asked.append(wanted)
            self._waiting.setdefault(wanted, []).append(point)
            return None
        if isinstance(prepared, str):
            return prepared
        return ReadyPoint(point, prepared.shapes[point.batch], prepared.accuracy)

    def next(self) -> Integers | None:
        """Return what is to be prepared next, if anything."""
        return self._asked.pop(0) if self._asked else None

    def task(self, wanted: Integers) -> tuple[Source, IntegerForm, tuple[int, ...], bool]:
        """Return what `accelsim.sweeps.networks.prepare` is called with, but for the time."""
        network, integers = wanted
        source = self._inputs.sources[network]
        known = self._store.accuracy(accuracy_key(source, integers))
        return replace(source, topology=None), integers, self._inputs.batches, known is None

    def done(self, wanted: Integers, prepared: Prepared | str) -> list[Point]:
        """Hear of a network that is ready, or why it never will be; return who waited for it."""
        network, integers = wanted
        if isinstance(prepared, Prepared):
            key = accuracy_key(self._inputs.sources[network], integers)
            if prepared.accuracy is not None:
                self._store.put_accuracy(key, prepared.accuracy)
            accuracy: Accuracy | None = self._store.accuracy(key)
            prepared = replace(prepared, accuracy=accuracy)
        self._prepared[wanted] = prepared
        return self._waiting.pop(wanted)

    def _shape(self, point: Point) -> NetworkShape:
        topology = self._inputs.sources[point.network].topology
        array, bits = point.hardware.array, point.hardware.accumulator.bits
        wanted = (point.network, array.weight_bits, array.activation_bits, bits, point.batch)
        if wanted not in self._shapes:
            assert topology is not None
            self._shapes[wanted] = shape_of(topology, point.hardware, point.batch)
        return self._shapes[wanted]
