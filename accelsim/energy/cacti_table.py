"""A technology table whose SRAM is what a CACTI program says, with its version and its inputs."""

from __future__ import annotations

import io
import math
import textwrap
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from ruamel.yaml import YAML

from accelsim.energy.cacti import Cacti, CactiAnswer, CactiQuery
from accelsim.energy.entries import Evidence, SramRead
from accelsim.energy.table import TableValues
from accelsim.errors import ConfigError
from accelsim.hardware.schema import SramCells
from accelsim.hardware.validation import validate
from accelsim.hardware.yaml_files import Document, Place
from accelsim.units import format_bytes

__all__ = ["CactiTable", "cacti_table", "read_law_pj"]

Progress = Callable[[str, int, int], None]
_SMALLEST_BYTES = 64
"""CACTI refuses smaller ones."""


@dataclass(frozen=True)
class CactiTable:
    """A table with the SRAM of CACTI, and what CACTI said.

    ``answers``: for each size in turn, with the cells that the energies are of. ``others``: for the
    size in the middle, with the other cells, for their leakage.
    """

    values: TableValues
    answers: tuple[CactiAnswer, ...]
    others: tuple[CactiAnswer, ...]
    sha256: str

    def yaml(self) -> str:
        """Return the file: the record of what was asked and answered, then the table."""
        record = [
            f"SRAM entries: CACTI (version {self.answers[0].version}), sha256 of the program "
            f"{self.sha256}.",
            "size, cells: pJ a read, pJ a write, mW of leakage, mm2",
            *(f"  {_line(answer)}" for answer in (*self.answers, *self.others)),
            "Its inputs for the first of them; the others differ in size and cells only:",
            *(f"  {line}" for line in self.answers[0].query.configuration().splitlines()),
        ]
        text = io.StringIO()
        yaml = YAML(pure=True)
        yaml.width = 4096
        yaml.dump(self.values.model_dump(mode="json", by_alias=True, exclude_none=True), text)
        return textwrap.indent("\n".join(record), "# ", lambda _: True) + "\n" + text.getvalue()


def read_law_pj(law: SramRead, size_bytes: int) -> float:
    """Return what a table's law says of a word's read from a bank."""
    return law.constant_pj + law.pj * math.pow(size_bytes / law.reference_size, law.exponent)


def cacti_table(
    cacti: Cacti,
    base: TableValues,
    sizes: Sequence[int],
    cells: SramCells,
    kelvin: int = 300,
    progress: Progress | None = None,
) -> CactiTable:
    """Ask CACTI about banks of ``sizes`` bytes at a table's node, and put its answers in the table.

    The read energy becomes a power law through the answers (least squares of logarithms), whose
    range is how far it is from them; the write energy their mean share of a read; leakage and area
    those of the size in the middle, with the range of the others. Words are as wide as the table's.

    Raises
    ------
    ConfigError
        As `Cacti.ask`; or if there are fewer than two sizes, one is too small, or the answers make
        no table.
    """
    sizes = sorted(set(sizes))
    if len(sizes) < 2:
        raise ConfigError("--size: must be at least two sizes, to see how energy grows")
    if sizes[0] < _SMALLEST_BYTES:
        least = format_bytes(_SMALLEST_BYTES)
        raise ConfigError(f"--size: must be at least {least}, got {format_bytes(sizes[0])}")
    middle = sizes[len(sizes) // 2]
    width = base.sram_read.width_bits
    asked = [(size, cells) for size in sizes]
    asked += [(middle, other) for other in SramCells if other is not cells]
    answers = []
    for number, (size, kind) in enumerate(asked):
        if progress is not None:
            progress("CACTI", number, len(asked))
        answers.append(cacti.ask(CactiQuery(size, width, base.node, kind, kelvin)))
    if progress is not None:
        progress("CACTI", len(asked), len(asked))
    main, others = tuple(answers[: len(sizes)]), tuple(answers[len(sizes) :])
    document = base.model_dump(mode="json", by_alias=True, exclude_none=True)
    document |= _entries(base, main, others, cells)
    document["name"] = f"{base.name}_cacti"
    place = Place(f"table {base.name} with the SRAM of {cacti.program}")
    values = validate(Document(document, {(): place}), TableValues)
    return CactiTable(values, main, others, cacti.sha256)


def _entries(
    base: TableValues,
    answers: Sequence[CactiAnswer],
    others: Sequence[CactiAnswer],
    cells: SramCells,
) -> dict[str, object]:
    """Return the four SRAM entries as a file has them."""
    query = answers[0].query
    middle = answers[len(answers) // 2]
    sizes = np.array([answer.query.size_bytes for answer in answers], float)
    reads = np.array([answer.read_pj for answer in answers])
    ratios = np.array([answer.write_pj for answer in answers]) / reads
    reference = format_bytes(middle.query.size_bytes)
    growth = np.log(sizes / middle.query.size_bytes)
    exponent, level = np.polyfit(growth, np.log(reads), 1)
    law = np.exp(level + exponent * growth)
    per_byte = {
        "leakage": np.array([answer.leakage_uw for answer in answers]) / sizes,
        "area": np.array([answer.area_um2 for answer in answers]) / sizes,
    }
    leakages = {answer.query.cells: answer.leakage_uw for answer in (middle, *others)}
    silicon = {"node": f"{base.node}nm", "voltage": f"{base.voltage:g}V"}
    asked = f"CACTI (version {middle.version}) at {query.node_nm} nm and {query.kelvin} K"
    how = f"{asked}, {cells} cells at its own supply voltage, one bank, words of {query.width_bits}"
    points = ", ".join(
        f"{format_bytes(answer.query.size_bytes)} {answer.read_pj:.4g}" for answer in answers
    )
    worst_pct = 100 * float(np.abs(law / reads - 1).max())
    return {
        "sram_read": silicon
        | {
            "pj": _digits(float(np.exp(level))),
            "width_bits": query.width_bits,
            "reference_size": reference,
            "exponent": _digits(float(exponent)),
            "smallest_size": format_bytes(answers[0].query.size_bytes),
            "largest_size": format_bytes(answers[-1].query.size_bytes),
            "per": base.sram_read.per,
            "tag": str(Evidence.MEASURED),
            "source": f"{how} bits: {points} pJ; power law, error at most {worst_pct:.2g} %",
            "range": _range(reads / law, "its answers over the law"),
        },
        "sram_write": {
            "ratio": _digits(float(ratios.mean())),
            "per": base.sram_write.per,
            "tag": str(Evidence.MEASURED),
            "source": f"{how} bits: mean over the sizes",
            "range": _range(ratios / ratios.mean(), "its answers for each size"),
        },
        "sram_leakage": silicon
        | {f"{kind}_uw": _digits(leakages[kind]) for kind in SramCells}
        | {
            "reference_size": reference,
            "per": base.sram_leakage.per,
            "tag": str(Evidence.MEASURED),
            "source": f"{asked}, each at its own supply voltage",
            "range": _range(per_byte["leakage"] / per_byte["leakage"][len(answers) // 2], _OTHERS),
        },
        "sram_area": silicon
        | {
            "um2": _digits(middle.area_um2),
            "reference_size": reference,
            "per": base.sram_area.per,
            "tag": str(Evidence.MEASURED),
            "source": how + " bits",
            "range": _range(per_byte["area"] / per_byte["area"][len(answers) // 2], _OTHERS),
        },
    }


_OTHERS = "its answers for the other sizes, a byte"


def _range(shares: NDArray[np.float64], source: str) -> dict[str, object]:
    low, high = min(1.0, float(shares.min())), max(1.0, float(shares.max()))
    return {"low": _digits(low), "high": _digits(high), "source": source}


def _digits(value: float) -> float:
    return float(f"{value:.6g}")


def _line(answer: CactiAnswer) -> str:
    query = answer.query
    return (
        f"{format_bytes(query.size_bytes)}, {query.cells}: {answer.read_pj:.6g}, "
        f"{answer.write_pj:.6g}, {answer.leakage_uw / 1e3:.6g}, {answer.area_um2 / 1e6:.6g}"
    )
