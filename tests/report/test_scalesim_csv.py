"""The reports against those that SCALE-Sim 3.0.0 printed for the same files on a 16 x 16 array."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from accelsim.pipeline import run
from accelsim.report.scalesim_csv import scalesim_reports
from accelsim.request import RunRequest

PRODUCTS = "Layer,M,N,K,\nsquare,64,64,64,\nodd,50,40,70,\ntall,100,10,33,\nvector,1,40,64,\n"
CONVOLUTIONS = (
    "Layer name, IFMAP Height, IFMAP Width, Filter Height, Filter Width, Channels, Num Filter, "
    "Strides,\nc1,16,16,3,3,8,20,1,\nc2,15,15,3,3,16,32,2,\npointwise,8,8,1,1,64,40,1,\n"
)

# A row for each layer: total cycles (CALC, so without stalls), mapping efficiency, reads of inputs
# and filters and writes of outputs in its SRAMs, reads of inputs and filters from DRAM.
PRINTED = {
    ("ws", PRODUCTS): [
        (1759, 100.0, 16384, 4096, 16384, 4096, 4096),
        (1439, 72.91666666666666, 10500, 2800, 10000, 3500, 2800),
        (437, 42.96875, 3300, 330, 3000, 3300, 330),
        (563, 83.33333333333334, 192, 2560, 160, 64, 2560),
    ],
    ("os", PRODUCTS): [
        (1503, 100.0, 16384, 16384, 4608, 4096, 4096),
        (1199, 65.10416666666666, 10500, 11200, 2384, 3500, 2800),
        (440, 55.80357142857143, 3300, 2310, 1224, 3300, 330),
        (281, 5.208333333333333, 192, 2560, 136, 64, 2560),
    ],
    ("is", PRODUCTS): [
        (1759, 100.0, 4096, 16384, 16384, 4096, 4096),
        (1719, 68.359375, 3500, 11200, 10000, 3500, 2800),
        (1175, 61.38392857142857, 3300, 2310, 3000, 3300, 330),
        (343, 6.25, 64, 2560, 160, 64, 2560),
    ],
    ("ws", CONVOLUTIONS): [
        (2419, 56.25, 28224, 1440, 19600, 2048, 1440),
        (1709, 100.0, 14112, 4608, 14112, 3600, 4608),
        (1319, 83.33333333333334, 12288, 2560, 10240, 4096, 2560),
    ],
    ("os", CONVOLUTIONS): [
        (2651, 58.894230769230774, 28224, 18720, 4752, 2048, 1440),
        (1391, 76.5625, 14112, 18432, 1824, 3600, 4608),
        (1127, 83.33333333333334, 12288, 10240, 2944, 4096, 2560),
    ],
    ("is", CONVOLUTIONS): [
        (4289, 84.8076923076923, 14112, 18720, 19600, 2048, 1440),
        (2807, 76.5625, 7056, 18432, 14112, 3600, 4608),
        (1375, 100.0, 4096, 10240, 10240, 4096, 2560),
    ],
}


def reports(path: Path, dataflow: str) -> dict[str, list[dict[str, str]]]:
    overrides = ("array.rows=16", "array.columns=16", f"array.dataflow={dataflow}")
    result = run(RunRequest(str(path), "scalesim", overrides, points=((8, 8),)))
    return {
        name.removesuffix("_REPORT.csv"): list(
            csv.DictReader(text.splitlines(), skipinitialspace=True)
        )
        for name, text in scalesim_reports(result).items()
    }


@pytest.mark.parametrize(("dataflow", "text"), PRINTED)
def test_columns_that_have_to_be_equal(tmp_path: Path, dataflow: str, text: str) -> None:
    path = tmp_path / "net.csv"
    path.write_text(text)
    ours = reports(path, dataflow)
    rows = zip(
        *(ours["COMPUTE"], ours["DETAILED_ACCESS"], ours["BANDWIDTH"], PRINTED[dataflow, text]),
        strict=True,
    )
    for compute, details, bandwidth, (last, mapping, *counts) in rows:
        cycles = int(compute["Total Cycles"])
        assert cycles - int(compute["Stall Cycles"]) == last + 1
        assert float(compute["Mapping Efficiency %"]) == pytest.approx(mapping)
        sram_inputs, sram_filters, sram_outputs, dram_inputs, dram_filters = counts
        assert int(details["SRAM IFMAP Reads"]) == sram_inputs
        assert int(details["SRAM Filter Reads"]) == sram_filters
        assert int(details["DRAM IFMAP Reads"]) == dram_inputs
        assert int(details["DRAM Filter Reads"]) == dram_filters
        # Each result once: what SCALE-Sim adds for os is R + C a fold, what it stores for ws and
        # is are the partial sums of every fold, as many as it writes into its SRAM.
        results = int(details["DRAM OFMAP Writes"])
        written = int(details["SRAM OFMAP Writes"])
        if dataflow == "os":
            folds = (sram_outputs - results) // 32
            assert written == results == sram_outputs - 32 * folds
        else:
            assert written == sram_outputs
            assert written % results == 0
        assert float(bandwidth["Avg IFMAP SRAM BW"]) == pytest.approx(sram_inputs / cycles)
        assert float(bandwidth["Avg FILTER DRAM BW"]) == pytest.approx(dram_filters / cycles)
