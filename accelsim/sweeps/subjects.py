"""What `accelsim compare` compares: a run folder, or a point of a store."""

from __future__ import annotations

from pathlib import Path

from accelsim.errors import ConfigError
from accelsim.report.difference import Subject, subject_of
from accelsim.report.folder import read_run_folder
from accelsim.sweeps.read_store import read_rows, stored_spaces
from accelsim.sweeps.store import Store

__all__ = ["pair_of"]


def pair_of(first: str, second: str, label: str | None) -> tuple[Subject, Subject]:
    """Return two sides that can be compared.

    Parameters
    ----------
    first, second
        A run folder, or ``STORE:POINT`` with the first digits of a point's key.
    label
        Which width of a run of several, such as ``w4a8``; without it the first that both have.

    Raises
    ------
    AccelsimError
        If one of them is not there, or does not say which of several is meant.
    """
    sides = [_subjects(name) for name in (first, second)]
    if label is None:
        shared = [subject.label for subject in sides[0] if _has(sides[1], subject.label)]
        labels = [shared[0]] * 2 if shared else [side[0].label for side in sides]
    else:
        labels = [label if len(side) > 1 else side[0].label for side in sides]
    pair = []
    for name, side, wanted in zip((first, second), sides, labels, strict=True):
        found = [subject for subject in side if subject.label == wanted]
        if not found:
            known = ", ".join(subject.label for subject in side)
            raise ConfigError(f"--bits: {name} has {known}, not {wanted}")
        pair.append(found[0])
    return pair[0], pair[1]


def _has(side: list[Subject], label: str) -> bool:
    return any(subject.label == label for subject in side)


def _subjects(name: str) -> list[Subject]:
    if Path(name).is_dir():
        return [subject_of(name, point) for point in read_run_folder(Path(name)).points]
    path, colon, key = name.rpartition(":")
    if not colon or not path or not key:
        raise ConfigError(f"{name}: must be a run folder, or STORE:POINT (see `accelsim pareto`)")
    with Store(path) as store:
        return [_stored_point(store, name, key)]


def _stored_point(store: Store, name: str, key: str) -> Subject:
    found: dict[str, Subject] = {}
    for stored in stored_spaces(store):
        for row in read_rows(store, stored):
            if not row.key.startswith(key):
                continue
            if row.status != "done":
                raise ConfigError(f"{name}: has no results: {row.reason}")
            design = stored.space.design(row.choice)
            batch = design.batch
            array = design.hardware.array
            found[row.key] = Subject(
                name=name,
                label=f"w{array.weight_bits}a{array.activation_bits}",
                clock_hz=design.hardware.clock,
                accuracy_pct=row.numbers.get("accuracy_pct"),
                cycles={cause: cycles / batch for cause, cycles in row.cycles_by_cause.items()},
                energy_uj=row.energy_by_component_uj,
            )
    if len(found) != 1:
        many = "no point" if not found else f"{len(found)} points"
        raise ConfigError(f"{name}: {many} of this key in {store.path}")
    return next(iter(found.values()))
