"""What is wrong with a space file beyond the form of one field: every problem, with its place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from accelsim.energy import table_names
from accelsim.energy.dram_table import dram_table_names
from accelsim.errors import AccelsimError, ConfigError
from accelsim.frontend import bundled_workloads, is_shapes, topology_names
from accelsim.hardware import load_hardware
from accelsim.hardware.fields import hardware_fields
from accelsim.hardware.validation import did_you_mean
from accelsim.hardware.yaml_files import (
    Document,
    FieldPath,
    Problem,
)
from accelsim.sweeps.axes import BATCH, BITS, NETWORK, WIDTH_FIELDS, Axis
from accelsim.sweeps.axis_values import batch_axis, bits_axis, field_axis, network_axis
from accelsim.sweeps.expressions import Expression, Kind, parse_expression
from accelsim.sweeps.metrics import Objective, metric_objective
from accelsim.sweeps.quantization import LAYER_BITS, QUANTIZATION
from accelsim.sweeps.space_form import (
    MAX_GRID_POINTS,
    QUANTIZATION_CHOICES,
    layer_axis,
    quantization_axis,
    read_objective,
)
from accelsim.sweeps.technology_axes import NODE, TABLE, with_technology
from accelsim.units import shortened

__all__ = ["SpaceChecker"]

_TABLES = {TABLE: table_names, "technology.dram_table": dram_table_names}
_DEFAULT_OBJECTIVES = ("latency", "energy")


@dataclass
class SpaceChecker:
    """Collects the problems of a space file that need more than the form of one field."""

    document: Document
    folder: Path

    def __post_init__(self) -> None:
        self.problems: list[Problem] = list(self.document.problems)

    def _complain(self, path: FieldPath, message: str) -> None:
        for line in message.splitlines():
            self.problems.append(Problem(self.document.place(path), path, line))

    def _given(self, name: str, kind: type) -> Any:
        """Return a field of the file if it has the right form; if not, the form is complained of
        elsewhere."""
        value = self.document.values.get(name)
        return value if isinstance(value, kind) else kind()

    def base(self) -> dict[str, Any]:
        """Return the base machine's description, or nothing if there is none."""
        name = self.document.values.get("hardware", "edge_16x16")
        if not isinstance(name, str):
            return {}
        try:
            is_path = len(Path(name).parts) > 1 or Path(name).suffix in (".yaml", ".yml")
            machine = load_hardware(self._inside(name) if is_path else name)
        except ConfigError as error:
            self._complain(("hardware",), str(error))
            return {}
        return machine.model_dump(mode="json", by_alias=True)

    def axes(self, base: Mapping[str, Any]) -> list[Axis]:
        """Return the axes that can be used."""
        given = self._given("axes", dict)
        if "axes" in self.document.values and given == {}:
            self._complain(("axes",), "must hold at least one axis")
        fields = hardware_fields()
        named = (BITS, NETWORK, BATCH)
        choices = tuple(f"{QUANTIZATION}{choice}" for choice in QUANTIZATION_CHOICES)
        known = (*fields, *named, *choices, f"{LAYER_BITS}LAYER")
        axes = []
        for name, values in given.items():
            try:
                if name in fields:
                    if BITS in given and name in WIDTH_FIELDS:
                        raise ConfigError("is given by the axis bits, too")
                    if name in _TABLES:
                        _shipped_only(values, _TABLES[name]())
                    if base:
                        axis = field_axis(fields[name], values, base)
                        if name in (NODE, TABLE):
                            axis = with_technology(axis, base, given)
                        axes.append(axis)
                elif name in named:
                    make = {BITS: bits_axis, NETWORK: network_axis, BATCH: batch_axis}[name]
                    axes.append(make(values))
                elif name in choices:
                    axes.append(quantization_axis(name, values))
                elif name.startswith(LAYER_BITS) and name != LAYER_BITS:
                    axes.append(layer_axis(name, values))
                else:
                    raise ConfigError(f"unknown axis{_meant(name, known)}")
            except ConfigError as error:
                self._complain(("axes", name), str(error))
        return axes

    def constraints(self, names: Mapping[str, Kind]) -> list[Expression]:
        """Return the constraints that are expressions."""
        found = []
        for index, text in enumerate(self._given("constraints", list)):
            try:
                if not isinstance(text, str):
                    raise ConfigError(f"must be an expression, got {shortened(text)}")
                if not names:
                    continue
                expression = parse_expression(text, names)
                if expression.kind is not Kind.TRUTH:
                    raise ConfigError(f"must be true or false, {text!r} is {expression.kind}")
                found.append(expression)
            except ConfigError as error:
                self._complain(("constraints", index), str(error))
        return found

    def networks(self, axes: list[Axis]) -> list[str]:
        """Return the networks of the space that there are."""
        chosen = next((axis for axis in axes if axis.name == NETWORK), None)
        if chosen is not None:
            places: list[tuple[FieldPath, object]] = [
                (("axes", NETWORK, index), name) for index, name in enumerate(chosen.values)
            ]
        else:
            places = [(("network",), self.document.values.get("network", "digits_cnn"))]
        found = []
        for path, name in places:
            if isinstance(name, list):
                self._complain(path, "several networks are an axis: write them as axes.network")
            if not isinstance(name, str):
                continue
            try:
                self._find_network(name)
                found.append(name)
            except AccelsimError as error:
                self._complain(path, str(error))
        return found

    def objectives(self, names: Mapping[str, Kind], networks: list[str]) -> list[Objective]:
        """Return the objectives that can be used; the default ones if the file has none."""
        has_values = bool(networks) and not any(map(is_shapes, networks))
        given = self._given("objectives", list)
        if not given:
            chosen = (*_DEFAULT_OBJECTIVES, *(["accuracy"] if has_values else []))
            return [metric_objective(name) for name in chosen]
        objectives: list[Objective] = []
        for index, item in enumerate(given):
            try:
                objective = read_objective(item, names)
                if objective is None:
                    continue
                if objective.name in (other.name for other in objectives):
                    raise ConfigError(f"{objective.name} is given twice")
                shapes = next(filter(is_shapes, networks), None)
                if "accuracy_pct" in objective.expression.names and shapes:
                    raise ConfigError(f"{objective.name}: {shapes} has no values, so no accuracy")
                objectives.append(objective)
            except ConfigError as error:
                self._complain(("objectives", index), str(error))
        return objectives

    def strategy(self, axes: list[Axis]) -> None:
        """Refuse a grid that nobody can wait for, and points that the method does not take."""
        given = self._given("strategy", dict)
        method, points = given.get("method", "grid"), given.get("points")
        size = 1
        for axis in axes:
            size *= len(axis.values)
        if method == "grid" and points is not None:
            self._complain(("strategy", "points"), "a grid has all points: leave it out")
        if method == "grid" and size > MAX_GRID_POINTS:
            self._complain(
                ("axes",),
                f"{size:,} points are too many for a grid (at most {MAX_GRID_POINTS:,}): sample "
                "them, for example strategy: {method: latin_hypercube, points: 10000}",
            )
        if method != "grid" and points is None:
            self._complain(("strategy",), f"{method} needs points, how many")

    def _inside(self, name: str) -> str:
        """Return the path of a file that a space names; it stays inside the space's folder."""
        folder = self.folder.resolve()
        try:
            inside = (folder / name).resolve().is_relative_to(folder)
        except (OSError, ValueError):
            inside = False
        if Path(name).is_absolute() or not inside:
            raise ConfigError(f"must stay inside the folder of the space file, got {name!r}")
        return str(self.folder / name)

    def _find_network(self, name: str) -> None:
        bundled = tuple(workload.name for workload in bundled_workloads())
        shipped = (*bundled, *topology_names())
        if name in shipped:
            return
        path = Path(name)
        if path.suffix.lower() not in (".onnx", ".tflite", ".yaml", ".yml", ".csv"):
            raise ConfigError(
                f"no bundled network of the name {shortened(name)}{did_you_mean(name, shipped)}, "
                "nor the path of a .onnx, .tflite, .yaml or .csv file"
            )
        if not Path(self._inside(name)).is_file():
            raise ConfigError(f"no such file: {shortened(name)}")
        if path.suffix.lower() not in (".onnx", ".tflite"):
            return
        data = self.document.values.get("data")
        if not isinstance(data, str):
            raise ConfigError(f"{name} needs data: an .npz with images and labels")
        if not Path(self._inside(data)).is_file():
            raise ConfigError(f"data: no such file: {shortened(data)}")


def _shipped_only(values: object, shipped: tuple[str, ...]) -> None:
    """Refuse tables of a user as values of an axis: their paths are the hardware file's matter."""
    for value in values if isinstance(values, list) else ():
        if value not in shipped:
            raise ConfigError(f"must be one of {', '.join(shipped)}, got {shortened(value)}")


def _meant(name: str, known: tuple[str, ...]) -> str:
    """Suggest the axis that is meant: ``dataflow`` is ``array.dataflow``."""
    endings = [path for path in known if path.rpartition(".")[2] == name]
    if len(endings) == 1:
        return f" (did you mean {endings[0]!r}?)"
    if endings:
        return f", could be {', '.join(endings)}"
    return did_you_mean(name, known) or f", allowed {', '.join(known)}"
