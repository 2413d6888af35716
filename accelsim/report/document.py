"""A run as JSON documents, and back: ``accelsim.run/1`` and its provenance.

``summary_document`` holds the results, ``provenance_document`` what is needed to trust and
repeat them; ``run_document`` is both in one, what ``accelsim run --json`` prints.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from accelsim.errors import DataError
from accelsim.report.results import (
    LayerResult,
    PointResult,
    Provenance,
    RunResult,
    SwitchingResult,
)
from accelsim.simulator.run import Traffic

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
    try:
        return RunResult(
            network=results["network"],
            hardware=results["hardware"],
            engine=results["engine"],
            dataset=results["dataset"],
            array=results["array"],
            technology=results["technology"],
            energy_mode=results["energy_mode"],
            points=tuple(_read_point(point) for point in results["points"]),
            provenance=Provenance(
                **{name: origin[name] for name in ("command", "seed", "versions", "hashes")}
            ),
            configuration=origin["configuration"],
            machine=origin["machine"],
            not_modelled=tuple(origin["not_modelled"]),
            warnings=tuple(origin["warnings"]),
            imported=origin["imported"],
            is_given=results["is_given"],
        )
    except KeyError as error:
        raise DataError(f"summary.json, run.json: field {error} is missing") from error
    except (TypeError, AttributeError) as error:
        raise DataError(f"summary.json, run.json: not written by accelsim: {error}") from error


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


def _read_point(document: dict[str, Any]) -> PointResult:
    layers = tuple(_read_layer(layer) for layer in document["layers"])
    switching = SwitchingResult(**document["switching"]) if document["switching"] else None
    return PointResult(**{**document, "layers": layers, "switching": switching})


def _read_layer(document: dict[str, Any]) -> LayerResult:
    return LayerResult(**{**document, "traffic": Traffic(**document["traffic"])})


def _expect(document: object, where: str, schema: str) -> dict[str, Any]:
    if not isinstance(document, dict) or document.get("schema") != schema:
        got = document.get("schema") if isinstance(document, dict) else type(document).__name__
        raise DataError(f"{where}: schema: must be {schema!r}, got {got!r}")
    return document
