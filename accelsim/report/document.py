"""A run as JSON documents, and back: ``accelsim.run/1`` and its provenance.

``summary_document`` holds the results, ``provenance_document`` what is needed to trust and
repeat them; ``run_document`` is both in one, what ``accelsim run --json`` prints.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from typing import Any

from accelsim.energy import Component
from accelsim.errors import DataError
from accelsim.report.records import read_fields, require_fields
from accelsim.report.results import (
    CAUSES,
    LayerResult,
    PointResult,
    Provenance,
    RunResult,
    SwitchingResult,
)
from accelsim.report.switching import ARRAY_COMPONENTS

__all__ = [
    "PROVENANCE_SCHEMA",
    "RUN_SCHEMA",
    "provenance_document",
    "read_documents",
    "run_document",
    "summary_document",
    "to_json",
]

RUN_SCHEMA = "accelsim.run/1"
PROVENANCE_SCHEMA = "accelsim.provenance/1"

_IN_PROVENANCE = ("command", "seed", "versions", "hashes")
_BESIDE = ("configuration", "machine", "not_modelled", "warnings", "imported")
_IN_SUMMARY = tuple(
    field.name
    for field in fields(RunResult)
    if field.compare and field.name not in (*_BESIDE, "provenance")
)


def to_json(document: Mapping[str, object]) -> str:
    """Return strict JSON (no NaN), indented, ending in a newline."""
    return json.dumps(document, indent=2, allow_nan=False, ensure_ascii=False) + "\n"


def summary_document(result: RunResult) -> dict[str, Any]:
    """Return the results: one entry for each bit-width, layers inside."""
    return {
        "schema": RUN_SCHEMA,
        "network": result.network,
        "hardware": result.hardware,
        "engine": result.engine,
        "dataset": result.dataset,
        "array": result.array,
        "technology": result.technology,
        "is_given": result.is_given,
        "energy_mode": result.energy_mode,
        "pe_bits": result.pe_bits,
        "points": [_point_document(point) for point in result.points],
    }


def provenance_document(result: RunResult) -> dict[str, Any]:
    """Return command, seed, versions, hashes, configuration, what is not modelled, warnings.

    ``imported`` says where each operator of the network's file runs.
    """
    return {
        "schema": PROVENANCE_SCHEMA,
        **asdict(result.provenance),
        "configuration": dict(result.configuration),
        "machine": result.machine,
        "not_modelled": list(result.not_modelled),
        "warnings": list(result.warnings),
        "imported": {place: list(names) for place, names in result.imported.items()},
    }


def run_document(result: RunResult) -> dict[str, Any]:
    """Return results and provenance in one document of schema ``accelsim.run/1``."""
    provenance = provenance_document(result)
    del provenance["schema"]
    return {**summary_document(result), "provenance": provenance}


def read_documents(summary: object, provenance: object) -> RunResult:
    """Build the result back from its two documents.

    Raises
    ------
    DataError
        If a document is of another schema, or a field is missing or not known.
    """
    results = _expect(summary, "summary.json", RUN_SCHEMA)
    origin = _expect(provenance, "run.json", PROVENANCE_SCHEMA)
    require_fields(results, ("schema", *_IN_SUMMARY), "summary.json")
    require_fields(origin, ("schema", *_IN_PROVENANCE, *_BESIDE), "run.json")
    result = RunResult(
        **read_fields(RunResult, _IN_SUMMARY, results, "summary.json"),
        **read_fields(RunResult, _BESIDE, origin, "run.json"),
        provenance=Provenance(**read_fields(Provenance, _IN_PROVENANCE, origin, "run.json")),
    )
    _require_whole(result)
    return result


def _require_whole(result: RunResult) -> None:
    """Refuse what every run has and what is read is lacking."""
    if not result.points:
        raise DataError("summary.json: points: must have at least one")
    components = tuple(map(str, Component))
    for p, point in enumerate(result.points):
        place = f"summary.json: points[{p}]"
        if point.batch < 1:
            raise DataError(f"{place}.batch: must be at least 1, got {point.batch}")
        _require_names(point.energy_split_uj, components, f"{place}.energy_split_uj")
        parts = tuple(result.points[0].area_split_mm2)
        _require_names(point.area_split_mm2, parts, f"{place}.area_split_mm2")
        if point.switching is not None:
            _require_whole_switching(point.switching, f"{place}.switching")
        for n, layer in enumerate(point.layers):
            _require_names(layer.cycles, CAUSES, f"{place}.layers[{n}].cycles")


def _require_whole_switching(switching: SwitchingResult, place: str) -> None:
    for name in ("random_partial_products", "random_product_inputs", "random_adder_bits"):
        if not getattr(switching, name):
            raise DataError(f"{place}.{name}: must be above 0, got 0")
    components = tuple(map(str, ARRAY_COMPONENTS))
    _require_names(switching.switching_uj, components, f"{place}.switching_uj")
    _require_names(switching.per_operation_uj, components, f"{place}.per_operation_uj")
    if len({len(row) for row in switching.pe_energy_pj}) != 1 or not switching.pe_energy_pj[0]:
        raise DataError(f"{place}.pe_energy_pj: must be rows of one length")


def _require_names(values: Mapping[str, object], names: Sequence[str], place: str) -> None:
    missing = [name for name in names if name not in values]
    unknown = [name for name in values if name not in names]
    if missing or unknown:
        what = "is missing" if missing else "unknown name"
        raise DataError(f"{place}.{[*missing, *unknown][0]}: {what}")


def _point_document(point: PointResult) -> dict[str, Any]:
    document: dict[str, Any] = dict(vars(point))
    document["energy_split_uj"] = dict(point.energy_split_uj)
    document["area_split_mm2"] = dict(point.area_split_mm2)
    document["switching"] = asdict(point.switching) if point.switching else None
    document["layers"] = [_layer_document(layer) for layer in point.layers]
    return document


def _layer_document(layer: LayerResult) -> dict[str, Any]:
    document: dict[str, Any] = dict(vars(layer))
    document["cycles"] = dict(layer.cycles)
    document["energy_pj"] = dict(layer.energy_pj)
    document["traffic"] = asdict(layer.traffic)
    return document


def _expect(document: object, where: str, schema: str) -> dict[str, Any]:
    if not isinstance(document, dict) or document.get("schema") != schema:
        got = document.get("schema") if isinstance(document, dict) else type(document).__name__
        raise DataError(f"{where}: schema: must be {schema!r}, got {got!r}")
    return document
