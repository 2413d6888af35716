"""Topology files: what they mean, and every problem of a wrong one at once."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from accelsim.errors import WorkloadError
from accelsim.frontend.topology import load_topology, load_topology_file
from accelsim.network.geometry import Window
from accelsim.network.topology import FilterBank, Matmul, TokenMatrix, View

HEAD = """schema: accelsim.topology/1
name: net
source: test
macs: {macs}
input: {shape}
layers:
"""


def load(tmp_path: Path, layers: str, macs: int = 1, shape: str = "[3, 8, 8]"):
    path = tmp_path / "net.yaml"
    path.write_text(HEAD.format(macs=macs, shape=shape) + layers)
    return load_topology_file(path)


def test_repetitions_read_what_came_before_them(tmp_path: Path) -> None:
    topology = load(
        tmp_path,
        """
  - repeat: 2
    name: block
    layers:
      - {op: convolution, name: conv, channels: 3, kernel: 3, pad: 1}
      - {op: add, name: add, of: [conv, input]}
""",
        macs=2 * 9 * 9 * 64,
    )
    assert [(layer.name, layer.inputs) for layer in topology.layers] == [
        ("block0_conv", ("input",)),
        ("block0_add", ("block0_conv", "input")),
        ("block1_conv", ("block0_add",)),
        ("block1_add", ("block1_conv", "block0_add")),
    ]
    assert topology.kept == ("block1_add",)


def test_padding_can_be_one_number_four_or_same(tmp_path: Path) -> None:
    topology = load(
        tmp_path,
        """
  - {op: depthwise, name: a, kernel: 3, stride: 2, pad: same}
  - {op: depthwise, name: b, kernel: [3, 1], pad: [1, 0, 1, 0]}
""",
        macs=3 * 16 * (9 + 3),
    )
    windows = [
        layer.operator.window for layer in topology.layers if isinstance(layer.operator, FilterBank)
    ]
    assert windows == [
        Window((3, 3), (2, 2), (0, 0, 1, 1)),
        Window((3, 1), (1, 1), (1, 0, 1, 0)),
    ]


def test_a_dilation_and_another_view(tmp_path: Path) -> None:
    topology = load(
        tmp_path,
        """
  - {op: convolution, name: a, channels: 4, kernel: 3, dilation: 2, pad: same}
  - {op: convolution, name: b, channels: 4, kernel: 3, dilation: [3, 1]}
  - {op: view, name: tokens, output: [4, 12, 1]}
  - {op: token_dense, name: fc, features: 5}
""",
        macs=4 * 27 * 64 + 4 * 36 * 12 + 12 * 4 * 5,
    )
    assert [layer.operator for layer in topology.layers] == [
        FilterBank(4, Window((3, 3), (1, 1), (2, 2, 2, 2), (2, 2))),
        FilterBank(4, Window((3, 3), (1, 1), (0, 0, 0, 0), (3, 1))),
        View(),
        TokenMatrix(5),
    ]
    assert topology.shapes["b"] == (4, 2, 6)
    assert topology.shapes["tokens"] == (4, 12, 1)


def test_attention(tmp_path: Path) -> None:
    topology = load(
        tmp_path,
        """
  - {op: token_dense, name: query, features: 6}
  - {op: token_dense, name: key, features: 6, of: [input], keep: dram}
  - {op: matmul, name: scores, heads: 2, transpose_right: true, of: [query, key]}
  - {op: host, name: softmax, function: softmax}
  - {op: matmul, name: context, heads: 2, of: [softmax, key]}
""",
        macs=2 * 5 * 4 * 6 + 2 * (2 * 5 * 5 * 3),
        shape="[4, 5, 1]",
    )
    assert topology.shapes["scores"] == (10, 5, 1)
    assert topology.shapes["context"] == (6, 5, 1)
    assert topology.layers[2].operator == Matmul(heads=2, transposed=True)
    assert topology.kept == ("context", "key")
    assert topology.host_functions == ("softmax",)


@pytest.mark.parametrize(
    ("layers", "problems"),
    [
        (
            """
  - {op: convolution, name: conv, chanels: 8, kernel: 3}
  - {op: convolutoin, name: conv}
  - {op: dense, name: fc, features: 0}
  - {op: convolution, name: a, channels: 8, kernel: [3]}
""",
            "net.yaml:8: chanels: unknown field (did you mean 'channels'?)\n"
            "net.yaml:9: op: must be one of convolution, depthwise, dense, token_dense, matmul, "
            "add, multiply, lookup, max_pool, average_pool, host, take, view, got 'convolutoin' "
            "(did you mean 'convolution'?)\n"
            "net.yaml:10: features: must be 1 to 1048576, got 0\n"
            "net.yaml:11: kernel: must be a whole number from 1 on, or two of them "
            "[height, width], got [3]",
        ),
        (
            """
  - {op: convolution, name: conv, channels: 8, kernel: 9}
  - {op: dense, name: fc, features: 4, of: [convv]}
  - {op: add, name: sum, of: [input]}
  - {op: convolution, name: groups, channels: 8, kernel: 1, groups: 2, of: [input]}
  - {op: lookup, name: groups, function: swish, of: [input]}
""",
            "net.yaml:8: conv: kernel [9, 9] is larger than the padded input, [8, 8] "
            "with pads [0, 0, 0, 0]\n"
            "net.yaml:9: of: there is no tensor 'convv' (did you mean 'conv'?)\n"
            "net.yaml:10: sum: add reads 2 tensors, got 1\n"
            "net.yaml:11: groups: 3 input and 8 output channels must divide by 2 groups\n"
            "net.yaml:12: name: there is a tensor 'groups' already",
        ),
        (
            "  - {op: dense, name: fc, features: 2}\n",
            "net.yaml:1: macs: the layers have 384, got 1",
        ),
        (
            "  - {op: token_dense, name: fc, features: 2}\n",
            "net.yaml:7: fc: tokens are an image of one column, got [3, 8, 8]",
        ),
        (
            "  - {op: take, name: first, tokens: 9}\n",
            "net.yaml:7: first: tokens: must be at most 8, got 9",
        ),
        (
            "  - {name: conv, kernel: 3}\n",
            "net.yaml:7: op: must be one of convolution, depthwise, dense, token_dense, matmul, "
            "add, multiply, lookup, max_pool, average_pool, host, take, view, got nothing",
        ),
        ("  - 3\n", "net.yaml:7: a layer must be a group of fields"),
        (
            "  - {repeat: 0, name: block, layers: []}\n",
            "net.yaml:7: repeat: must be 1 to 1000, got 0\n"
            "net.yaml:7: layers: must not be empty, "
            "got a list",
        ),
    ],
)
def test_every_problem_at_once(tmp_path: Path, layers: str, problems: str) -> None:
    expected = re.escape(problems.replace("net.yaml", str(tmp_path / "net.yaml")))
    with pytest.raises(WorkloadError, match=f"^{expected}$"):
        load(tmp_path, layers)


def test_a_view_keeps_channels_and_elements(tmp_path: Path) -> None:
    for output in ("[4, 12, 4]", "[3, 8, 9]"):
        with pytest.raises(WorkloadError) as caught:
            load(tmp_path, f"  - {{op: view, name: a, output: {output}}}\n")
        assert str(caught.value) == (
            f"{tmp_path / 'net.yaml'}:7: a: output: must have the channels and as many elements as "
            f"[3, 8, 8], got {output}"
        )


def test_what_is_not_yaml_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "net.yaml"
    path.write_text("layers: &a [1]\n")
    message = re.escape(f"{path}:1: anchors and aliases are refused: a")
    with pytest.raises(WorkloadError, match=f"^{message}$"):
        load_topology_file(path)


def test_unknown_names_get_a_hint() -> None:
    with pytest.raises(
        WorkloadError,
        match=r"^'resnet_18': no topology of this name \(did you mean 'resnet18'\?\); "
        r"there are alexnet, bert_base, .*, vit_b16$",
    ):
        load_topology("resnet_18")
