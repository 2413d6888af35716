"""SCALE-Sim topology files, as they are in the wild, and as they should not be."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from accelsim.errors import WorkloadError
from accelsim.frontend.scalesim import read_scalesim_topology
from accelsim.network.geometry import Window
from accelsim.network.topology import FilterBank, TokenMatrix

CONVOLUTIONS = (
    "Layer name, IFMAP Height, IFMAP Width, Filter Height, Filter Width, Channels, "
    "Num Filter, Strides,\n"
)


def read(tmp_path: Path, text: str, ceil: bool = False):
    path = tmp_path / "net.csv"
    path.write_bytes(text.encode())
    topology, notes = read_scalesim_topology(path, ceil)
    return topology, [note.replace(str(path), "net.csv") for note in notes]


@pytest.mark.parametrize(
    "text",
    [
        "Layer, M, N, K,\nfc, 4, 5, 6,\n",
        "Layer,M,N,K\r\nfc,4,5,6\r\n",
        "\ufefffc,4,5,6",
        "# a comment\n\n  fc , 4,\t5, 6,,  # products\n\n",
        "Layer ID, M, N, K\nfc, 4, 5, 6, \n",
        "Operation, M, N, K, Target\nfc, 4, 5, 6,\n\nLayer, M, N, K,\n",
        "Layer\tM\tN\tK\t\nfc\t4\t5\t 6\t\n",
        "Layer;M;N;K\nfc;4;5;6\n",
        '"Layer","M","N","K"\n"fc","4"," 5 ","6"\n',
        "Layer, M, N, K, Sparsity,\nfc, 4, 5, 6, 1:1,\n",
    ],
)
def test_products_however_they_are_written(tmp_path: Path, text: str) -> None:
    topology, notes = read(tmp_path, text)
    (layer,) = topology.layers
    assert (layer.name, layer.operator) == ("fc", TokenMatrix(5))
    assert topology.shapes == {"fc.input": (6, 4, 1), "fc": (5, 4, 1)}
    assert topology.macs == 4 * 5 * 6
    assert notes == []


def test_a_layer_may_be_called_layer(tmp_path: Path) -> None:
    topology, notes = read(tmp_path, "layer,4,5,6\nLayers,4,5,6\n")
    assert [layer.name for layer in topology.layers] == ["layer", "Layers"]
    assert notes == []


def test_a_heading_names_a_stride_of_the_width(tmp_path: Path) -> None:
    heading = CONVOLUTIONS.replace("Strides", "Stride height, Stride width")
    topology, notes = read(tmp_path, heading + "Conv1,9,11,3,5,4,7,2,3,\n", ceil=True)
    assert topology.layers[0].operator == FilterBank(7, Window((3, 5), (2, 3)))
    assert topology.shapes["Conv1"] == (7, 4, 3)
    assert notes == []
    topology, notes = read(tmp_path, heading + "Conv1,10,10,3,3,4,7,2,3,\n", ceil=True)
    assert topology.layers[0].operator == FilterBank(7, Window((3, 3), (2, 3), (0, 0, 1, 2)))


def test_a_heading_names_padding(tmp_path: Path) -> None:
    heading = CONVOLUTIONS.replace("Strides", "Strides, Padding")
    text = (
        heading + "a,56,56,3,3,4,7,1,1,\nb,8,8,3,3,4,7,2,0,\nc,8,8,3,3,4,7,2\nd,7,7,9,9,1,1,2,1\n"
    )
    topology, notes = read(tmp_path, text, ceil=True)
    assert [layer.operator.window for layer in topology.layers] == [
        Window((3, 3), (1, 1), (1, 1, 1, 1)),
        *[Window((3, 3), (2, 2), (0, 0, 1, 1))] * 2,
        Window((9, 9), (2, 2), (1, 1, 1, 1)),
    ]
    assert topology.shapes["a"] == (7, 56, 56)
    assert topology.shapes["a.input"] == (4, 56, 56)
    assert len(notes) == 2
    with pytest.raises(WorkloadError) as caught:
        read(tmp_path, heading + "a,4,4,9,9,4,7,1,2,\nb,4,4,3,3,4,7,1,x,\n,4,4,3,3,1,1,1\n")
    assert str(caught.value).replace(str(tmp_path / "net.csv"), "net.csv").splitlines() == [
        "net.csv:2:1: filter 9 x 9 is larger than IFMAP 4 x 4 with padding 2",
        "net.csv:3:17: padding: must be a whole number from 0 to 1048576, got 'x' "
        "(a symbol: write the number)",
        "net.csv:4:1: a layer must have a name",
    ]


def test_columns_that_are_not_read_are_said_once(tmp_path: Path) -> None:
    text = (
        CONVOLUTIONS.replace("Strides,", "Strides, Batch Size, Target,")
        + "a,4,4,3,3,1,1,1,2,NPU,\nb,4,4,3,3,1,1,1,2,GPU,\nc,4,4,3,3,1,1,1,,NPU,\n"
        + "d,4,4,3,3,1,1,1,2:4,,8\n"
    )
    topology, notes = read(tmp_path, text)
    assert len(topology.layers) == 4
    assert notes == [
        "net.csv:2:17: '2' (Batch Size) is not read (use --batch), here and in 1 more",
        "net.csv:2:19: 'NPU' (Target) is not read, here and in 2 more",
        "net.csv:5:17: '2:4' (sparsity) is not modelled: dense",
        "net.csv:5:22: '8' is not read",
    ]


def test_convolutions_are_padded_already(tmp_path: Path) -> None:
    topology, notes = read(tmp_path, CONVOLUTIONS + "Conv1,9,11,3,5,4,7,2,\n")
    assert topology.layers[0].operator == FilterBank(7, Window((3, 5), (2, 2)))
    assert topology.shapes["Conv1"] == (7, 4, 4)
    assert topology.macs == 16 * 15 * 4 * 7
    assert notes == []


@pytest.mark.parametrize(("ceil", "size"), [(False, 109), (True, 110)])
def test_the_rounding_of_output_sizes_is_said(tmp_path: Path, ceil: bool, size: int) -> None:
    topology, notes = read(tmp_path, "Conv1,224,224,7,7,3,64,2,\n", ceil)
    assert topology.shapes["Conv1"] == (64, size, size)
    taken = "the first" if ceil else "the second (--scalesim-ofmap ceil: first)"
    assert notes == [
        "net.csv:1:1: Conv1: 110 x 110 outputs as SCALE-Sim rounds, 109 x 109 of whole windows; "
        f"taken: {taken}"
    ]


def test_dp_rows_are_depthwise(tmp_path: Path) -> None:
    topology, notes = read(tmp_path, "Conv2DP,14,14,3,3,32,1,1,\n")
    assert topology.layers[0].operator == FilterBank(32, Window((3, 3)), groups=32)
    assert topology.macs == 12 * 12 * 9 * 32
    assert notes == ["net.csv:1:1: Conv2DP: 'DP' in its name makes it depthwise"]


def test_sections_are_skipped_and_names_made_unique(tmp_path: Path) -> None:
    topology, notes = read(tmp_path, "AlphaGoZero,\nfc,1,2,3,\nfc,1,2,3,1:2,\n")
    assert [layer.name for layer in topology.layers] == ["fc", "fc.2"]
    assert notes == [
        "net.csv:1:1: 'AlphaGoZero' is a section's title: skipped",
        "net.csv:3:10: '1:2' (sparsity) is not modelled: dense",
    ]


@pytest.mark.parametrize(
    ("text", "problems"),
    [
        (
            "Layer,M,N,K\nlstm,B,H,12\nfc,1,0, 3.5\nfc2,1,2\n",
            "net.csv:2:6: M: must be a whole number from 1 to 1048576, got 'B' "
            "(a symbol: write the number)\n"
            "net.csv:3:6: N: must be a whole number from 1 to 1048576, got '0'\n"
            "net.csv:4:1: must be 4 cells (name, M, N, K) or 8 (name, IFMAP height, "
            "IFMAP width, filter height, filter width, channels, filters, stride), got 3",
        ),
        (
            "conv,4,4,5,3,1,1,1\n",
            "net.csv:1:1: filter 5 x 3 is larger than IFMAP 4 x 4",
        ),
        (
            "conv,4,,3,3,1,1,1\n",
            "net.csv:1:8: IFMAP width: must be a whole number from 1 to 1048576, got ''",
        ),
        ("Layer,M,N,K\n", "net.csv: holds no layer"),
        (
            f"fc,{'0' * 9}1048577,007,{'9' * 40}\n",
            "net.csv:1:4: M: must be a whole number from 1 to 1048576, got '0000000001048577'",
        ),
    ],
)
def test_every_problem_has_its_place(tmp_path: Path, text: str, problems: str) -> None:
    expected = re.escape(problems.replace("net.csv", str(tmp_path / "net.csv")))
    with pytest.raises(WorkloadError, match=f"^{expected}$"):
        read(tmp_path, text)
