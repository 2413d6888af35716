"""`accelsim train`: a network trained through its integers, as a quantized ONNX file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from accelsim.cli.quantization_options import CALIBRATED_RANGES, scale_options
from accelsim.cli.widths import parse_bits

__all__ = ["train"]


@click.command(short_help="Train a network through its integers (needs PyTorch).")
@click.argument("network", default="digits_cnn")
@click.option(
    "-o", "--output", required=True, type=click.Path(path_type=Path), help="ONNX file to write."
)
@click.option(
    "--train-data", "data", metavar="PATH", help="Images and labels to train on: an .npz file."
)
@click.option("--bits", default="w2a8", show_default=True, help="One width, such as 4 or w2a8.")
@click.option(
    "--layer-bits",
    multiple=True,
    metavar="LAYER=WIDTHS",
    help="Other widths of one layer's weights and of what it writes: conv1=w8a8.",
)
@click.option("--binary", is_flag=True, help="Weights -1 and +1; needs 2 weight bits.")
@click.option(
    "--full-range", is_flag=True, help="Weights may be the most negative integer, too: -2 to 1."
)
@scale_options
@click.option(
    "--range",
    "range_method",
    type=click.Choice(CALIBRATED_RANGES),
    default="min_max",
    show_default=True,
    help="How zero points follow from calibration images.",
)
@click.option("--epochs", type=int, default=20, show_default=True, help="Passes over the images.")
@click.option("--batch", type=int, default=64, show_default=True, help="Images in a step.")
@click.option("--learning-rate", type=float, default=0.03, show_default=True)
@click.option("--seed", type=int, default=0, show_default=True, help="Of the order of the images.")
@click.option(
    "--input-scale",
    default="auto",
    show_default=True,
    metavar="FACTOR",
    help="What stored numbers are multiplied with: none, 1/255, ...; auto: pixels with 1/255.",
)
@click.option("--normalize", metavar="MEAN,STD", help="Then (x - mean) / std.")
def train(network: str, output: Path, data: str | None, **options: Any) -> None:
    """Train NETWORK with the integers that it will have, and write them as quantized ONNX.

    NETWORK is a bundled network or a float ONNX file that is trained already. Steps of weights and
    activations are learned (LSQ, docs/training.md). `accelsim run` takes the file as it is.
    """
    from accelsim.cli.console import progress_bar
    from accelsim.frontend.data import Scaling
    from accelsim.frontend.export import quantized_bytes
    from accelsim.output_folder import check_output_file, write_file
    from accelsim.quantized_training import TrainingRequest, train_network

    scaling = Scaling.parse(options["input_scale"], options["normalize"])
    request = TrainingRequest(network, _spec(options), _recipe(options), data, scaling)
    check_output_file(output, "--output")
    with progress_bar() as progress:
        trained = train_network(request, progress)
    write_file(output, quantized_bytes(trained.integer), "--output")
    click.echo(
        f"{output}: {len(trained.integer.layers)} layers of integers; loss "
        f"{trained.losses[0]:.4f} in the first epoch, {trained.losses[-1]:.4f} in the last"
    )


def _spec(options: dict[str, Any]) -> Any:
    from accelsim.errors import ConfigError
    from accelsim.quantize import LayerBits, QuantizationSpec

    points = parse_bits(options["bits"])
    if len(points) != 1:
        raise ConfigError(f"--bits: must be one width, got {options['bits']}")
    return QuantizationSpec(
        *points[0],
        per_channel=not options["per_tensor"],
        symmetric_activations=options["symmetric_activations"],
        range_method=options["range_method"],
        restricted_weights=not options["full_range"],
        layer_bits=tuple(LayerBits.parse(text) for text in options["layer_bits"]),
    )


def _recipe(options: dict[str, Any]) -> Any:
    from accelsim.training import TrainingRecipe, WeightLevels

    return TrainingRecipe(
        epochs=options["epochs"],
        batch=options["batch"],
        learning_rate=options["learning_rate"],
        seed=options["seed"],
        weight_levels=WeightLevels.BINARY if options["binary"] else WeightLevels.ALL,
    )
