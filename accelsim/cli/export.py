"""`accelsim export`: a network, quantized, as an ONNX file that onnxruntime runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from accelsim.cli.data_options import data_options
from accelsim.cli.quantization_options import quantization_choices, quantization_options

__all__ = ["export"]


@click.command(short_help="A quantized network as an ONNX file.")
@click.argument("network", default="digits_cnn")
@click.option(
    "-o", "--output", required=True, type=click.Path(path_type=Path), help="ONNX file to write."
)
@click.option(
    "--weights", type=int, metavar="BITS", help="Width of the weights (2 to 16).  [default: 8]"
)
@click.option(
    "--activations", type=int, metavar="BITS", help="Width of activations (2 to 16).  [default: 8]"
)
@data_options
@quantization_options
@click.option("--random-data", is_flag=True, help="Calibrate on random images.")
@click.option("--seed", type=int, default=0, show_default=True, help="Of random images.")
def export(
    output: Path,
    weights: int | None,
    activations: int | None,
    **options: Any,
) -> None:
    """Quantize NETWORK as `accelsim run` does and write it as ONNX (QDQ).

    NETWORK is a bundled network, or an ONNX file: a float one, or one that is quantized already,
    which is then written with the integers that it has. onnxruntime computes the integers that
    accelsim computes with a rescale unit of mode float32 (docs/onnx.md).
    """
    from accelsim.errors import ConfigError
    from accelsim.frontend.export import quantized_bytes
    from accelsim.output_folder import check_output_file, write_file
    from accelsim.pipeline import RunRequest, integer_network

    asked = weights is not None or activations is not None
    request = RunRequest(
        points=((_width(weights), _width(activations)),) if asked else None,
        **quantization_choices(options),
    )
    check_output_file(output, "--output")
    if request.range_method == "dynamic":
        raise ConfigError(
            "--range dynamic: ranges found at run time cannot be written as stored scales; use a "
            "calibrated range"
        )
    integer = integer_network(request)
    write_file(output, quantized_bytes(integer), "--output")
    click.echo(f"{output}: {len(integer.layers)} layers of integers")


def _width(bits: int | None) -> int:
    return 8 if bits is None else bits
