"""One look for every figure: palette, fonts, grid, and how a figure becomes SVG and PNG.

Colours are those of Okabe and Ito, "Color Universal Design" (2008), told apart with every common
colour blindness. A cause or a component has the same colour in every figure,
and families have shades of one: blue is the array, green are the scratchpads.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any, ParamSpec

import matplotlib as mpl
from matplotlib.figure import Figure

__all__ = [
    "ACCENT",
    "CAUSE_COLORS",
    "COMPONENT_COLORS",
    "INK",
    "MUTED",
    "in_style",
    "to_png",
    "to_svg",
]

_Arguments = ParamSpec("_Arguments")

INK = "#1f2933"
MUTED = "#6b7785"
ACCENT = "#0072b2"
_GRID = "#e3e7ec"

CAUSE_COLORS: dict[str, str] = {
    "stream": "#0072b2",
    "preload": "#56b4e9",
    "fill": "#009e73",
    "drain": "#8fd3bf",
    "stall_weights": "#d55e00",
    "stall_activations": "#e69f00",
    "stall_rescale": "#cc79a7",
    "stall_output": "#f0e442",
    "idle": "#c5ccd4",
}

COMPONENT_COLORS: dict[str, str] = {
    "multiplier": "#003f6b",
    "adder": "#0072b2",
    "registers": "#56b4e9",
    "wires": "#a3d4f2",
    "clock_tree": "#c9d6f2",
    "activation_sram": "#00573f",
    "weight_sram": "#009e73",
    "accumulator_sram": "#8fd3bf",
    "rescale": "#cc79a7",
    "vector": "#f0e442",
    "control": "#b39b00",
    "dram": "#e69f00",
    "dram_background": "#f5cf7f",
    "leakage": "#aab4be",
}

_PARAMETERS: Any = {
    "font.family": "DejaVu Sans",
    "font.size": 9,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": MUTED,
    "axes.titlesize": 10,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "grid.color": _GRID,
    "grid.linewidth": 0.8,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "legend.frameon": False,
    "figure.constrained_layout.use": True,
    "figure.constrained_layout.w_pad": 0.1,
    "figure.constrained_layout.h_pad": 0.08,
}
_PNG_DPI = 160


@contextmanager
def _settings(hashsalt: str | None = None) -> Iterator[None]:
    """The common style, whatever the caller's own settings, which are back afterwards."""
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(_PARAMETERS)
        mpl.rcParams["svg.hashsalt"] = hashsalt
        yield


def in_style(draw: Callable[_Arguments, Figure]) -> Callable[_Arguments, Figure]:
    """Make a drawing function draw in the common style."""

    @wraps(draw)
    def styled(*arguments: _Arguments.args, **options: _Arguments.kwargs) -> Figure:
        with _settings():
            return draw(*arguments, **options)

    return styled


def to_svg(figure: Figure, name: str) -> str:
    """Return the figure as SVG text: the same bytes for the same figure, ids made from ``name``.

    No date and no random ids, so that reports can be compared; ids start with ``name``, so that
    several figures can stand in one page.
    """
    stream = io.BytesIO()
    with _settings(hashsalt=name):
        figure.savefig(stream, format="svg", metadata={"Date": None, "Creator": "accelsim"})
    text = stream.getvalue().decode()
    text = re.sub(r'\bid="', f'id="{name}-', text)
    text = re.sub(r"url\(#", f"url(#{name}-", text)
    return re.sub(r'xlink:href="#', f'xlink:href="#{name}-', text)


def to_png(figure: Figure) -> bytes:
    """Return the figure as PNG of 160 dots per inch."""
    stream = io.BytesIO()
    with _settings():
        figure.savefig(stream, format="png", dpi=_PNG_DPI, metadata={"Software": "accelsim"})
    return stream.getvalue()
