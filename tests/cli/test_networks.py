"""What ships, and runs of networks of shapes from the command line."""

from __future__ import annotations

import json

from click.testing import CliRunner

from accelsim.cli import main
from accelsim.frontend import topology_names
from accelsim.frontend.topology import load_topology, load_topology_file


def invoke(*arguments: str):
    return CliRunner().invoke(main, arguments)


def test_every_network_is_listed() -> None:
    done = invoke("networks")
    assert done.exit_code == 0
    for name in ("digits_cnn", *topology_names()):
        assert name in done.stdout
    rows = [line.split() for line in done.stdout.splitlines()]
    macs = {row[0]: row[1] for row in rows if len(row) > 2}
    assert (macs["digits_cnn"], macs["digits_mlp"]) == ("231.7k", "6,464")
    assert macs["digits_resnet8"] == "12.21M"
    assert (macs["resnet18"], macs["mlperf_tiny_autoencoder"]) == ("1.814G", "264.2k")


def test_a_topology_prints_its_layers() -> None:
    done = invoke("run", "mlperf_tiny_autoencoder", "--weights", "4", "--batch", "2")
    assert done.exit_code == 0
    assert "mlperf_tiny_autoencoder on edge_16x16" in done.stdout
    assert "layers at w4 a8 bits, one batch of 2" in done.stdout
    assert "encoder1" in done.stdout


def test_json_has_one_point_without_accuracy() -> None:
    done = invoke("run", "mlperf_tiny_autoencoder", "--hardware", "mid_32x32", "--json")
    document = json.loads(done.stdout)
    (point,) = document["points"]
    assert document["schema"] == "accelsim.run/1"
    assert point["accuracy_float_pct"] is None
    assert sum(layer["macs"] for layer in point["layers"]) == 264_192


def test_what_is_written_needs_a_folder() -> None:
    for option in ("--timeline", "--scalesim-reports"):
        done = invoke("run", "mlperf_tiny_autoencoder", option)
        assert done.exit_code == 2
        assert done.stderr == f"{option}: needs --output, the folder to write to\n"


def test_the_file_of_a_network_of_shapes_is_one_to_start_from(tmp_path) -> None:
    done = invoke("networks", "mlperf_tiny_autoencoder")
    assert done.exit_code == 0
    path = tmp_path / "mine.yaml"
    path.write_text(done.stdout)
    assert load_topology_file(path) == load_topology("mlperf_tiny_autoencoder")


def test_only_networks_of_shapes_have_a_file() -> None:
    done = invoke("networks", "resnet81")
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr.startswith(
        "'resnet81': no topology of this name (did you mean 'resnet18'?); there are alexnet, "
    )
