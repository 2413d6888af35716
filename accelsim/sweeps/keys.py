"""What a result depends on, as one hash: equal designs are one point, whoever asks for them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from hashlib import sha256
from typing import Any

from accelsim.energy import EnergyTable
from accelsim.hardware import Hardware
from accelsim.sweeps.networks import IntegerForm, Source
from accelsim.sweeps.result_version import result_version

__all__ = ["accuracy_key", "canonical_json", "impossible_key", "point_key"]

_LABELS = ("schema", "name", "description", "source")


def canonical_json(document: Mapping[str, Any]) -> str:
    """Return JSON that is the same text for equal documents."""
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def point_key(
    hardware: Hardware,
    source: Source,
    table: EnergyTable,
    batch: int,
    integers: IntegerForm | None,
) -> str:
    """Return the key of a design: 32 hexadecimal digits.

    ``integers``: how a network with values is quantized; none for a network of shapes. What a
    machine is called changes nothing.
    """
    machine = hardware.model_dump(mode="json", by_alias=True)
    for label in _LABELS:
        machine.pop(label, None)
    return _key(
        {
            "machine": machine,
            "network": source.sha256,
            "tables": [table.sha256, table.dram.sha256],
            "batch": batch,
            "accuracy": None if integers is None else accuracy_key(source, integers),
        }
    )


def accuracy_key(source: Source, integers: IntegerForm) -> str:
    """Return the key of what a network's integers give on its data."""
    return _key(
        {
            "network": source.sha256,
            "data": source.data_sha256,
            "integers": {name: str(value) for name, value in asdict(integers).items()},
        }
    )


def impossible_key(description: Mapping[str, Any]) -> str:
    """Return the key of a design whose machine cannot be built."""
    return _key({"impossible": description})


def _key(document: Mapping[str, Any]) -> str:
    text = canonical_json({**document, "version": result_version()})
    return sha256(text.encode()).hexdigest()[:32]
