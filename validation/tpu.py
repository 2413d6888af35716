"""The first TPU, by the numbers of Jouppi et al., ISCA 2017: tables 1, 3 and 7 and section 7.

Layer shapes of its six applications are not published. What is assumed here: MLP0 is five square
layers with the 20 M weights of table 1, and a 600 x 600 matrix of LSTM1 moves whole tiles.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from accelsim.hardware import Hardware, load_hardware
from accelsim.pipeline import RunRequest, run
from accelsim.report.results import PointResult

__all__ = ["APPLICATIONS", "Application", "dense", "fetch_cycles", "roof_tops", "square_matrix_us"]


@dataclass(frozen=True)
class Application:
    """A row of tables 1 and 3: MACs for each byte of weights, and tera-operations a second."""

    name: str
    macs_per_weight_byte: int
    published_tops: float


APPLICATIONS = (
    Application("MLP0", 200, 12.3),
    Application("MLP1", 168, 9.7),
    Application("LSTM0", 64, 3.7),
    Application("LSTM1", 96, 2.8),
    Application("CNN0", 2888, 86.0),
    Application("CNN1", 1750, 14.1),
)


def roof_tops(hardware: Hardware, macs_per_weight_byte: float) -> float:
    """Return the roof at so many MACs a byte: the array's, or what DRAM feeds it."""
    array = hardware.array
    peak = 2e-12 * array.rows * array.columns * hardware.clock
    return min(peak, 2e-12 * macs_per_weight_byte * hardware.dram.bandwidth)


def fetch_cycles(hardware: Hardware) -> float:
    """Return the cycles in which DRAM delivers the weights of a whole tile."""
    array = hardware.array
    return array.rows * array.columns / hardware.dram_bytes_per_cycle


def dense(name: str, sizes: tuple[int, ...], batch: int, overrides: tuple[str, ...]) -> PointResult:
    """Run a chain of dense layers on the machine: inputs and outputs of each layer in ``sizes``."""
    layers = "".join(
        f"  - {{op: dense, name: fc{i}, features: {size}}}\n" for i, size in enumerate(sizes[1:], 1)
    )
    macs = sum(a * b for a, b in pairwise(sizes))
    text = (
        f"schema: accelsim.topology/1\nname: {name}\ndescription: dense layers\n"
        f"source: Jouppi et al., ISCA 2017\nmacs: {macs}\ncounted: dense layers\n"
        f"input: [{sizes[0]}, 1, 1]\nlayers:\n{layers}"
    )
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, f"{name}.yaml")
        path.write_text(text)
        request = RunRequest(
            network=str(path),
            hardware="tpu_v1",
            overrides=overrides,
            points=((8, 8),),
            batch=batch,
        )
        (point,) = run(request).points
    return point


def square_matrix_us(side: int, array: int) -> float:
    """Return the time of one of many square matrices of weights on a square array.

    The matrix is padded to whole tiles, which the TPU fetches; LSTM1's batch is 96, and its
    activations are on chip.
    """
    padded = -(-side // array) * array
    overrides = (
        f"array.rows={array}",
        f"array.columns={array}",
        f"scratchpads.weights.size={4 * array * array}B",
        "scratchpads.accumulators.size=16MiB",
    )
    point = dense("lstm1", (padded,) * 5, 96, overrides)
    return point.layers[2].cycles_total / load_hardware("tpu_v1").clock * 1e6
