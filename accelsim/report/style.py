"""One look for every figure: palette, fonts, grid, and how a figure becomes SVG and PNG.

Colours are those of Okabe and Ito, "Color Universal Design" (2008), told apart with every common
colour blindness. A cause and a component have the same colour in every figure.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterable
from functools import wraps
from typing import Any, ParamSpec

import matplotlib as mpl
from matplotlib.figure import Figure

__all__ = [
    "ACCENT",
    "CAUSE_COLORS",
    "INK",
    "MUTED",
    "component_colors",
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

_COMPONENT_PALETTE = (
    "#0072b2",
    "#56b4e9",
    "#009e73",
    "#e69f00",
    "#d55e00",
    "#cc79a7",
    "#f0e442",
    "#8fd3bf",
    "#6b7785",
    "#c5ccd4",
)

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


def component_colors(components: Iterable[str]) -> dict[str, str]:
    """Give every energy component its colour, by its place in the energy report."""
    names = list(components)
    return {
        name: _COMPONENT_PALETTE[index % len(_COMPONENT_PALETTE)]
        for index, name in enumerate(names)
    }


def in_style(draw: Callable[_Arguments, Figure]) -> Callable[_Arguments, Figure]:
    """Make a drawing function draw in the common style, whatever the caller's own settings."""

    @wraps(draw)
    def styled(*arguments: _Arguments.args, **options: _Arguments.kwargs) -> Figure:
        with mpl.rc_context():
            mpl.rcdefaults()
            mpl.rcParams.update(_PARAMETERS)
            return draw(*arguments, **options)

    return styled


def to_svg(figure: Figure, name: str) -> str:
    """Return the figure as SVG text: the same bytes for the same figure, ids made from ``name``.

    No date and no random ids, so that reports can be compared; ids start with ``name``, so that
    several figures can stand in one page.
    """
    stream = io.BytesIO()
    with mpl.rc_context({"svg.hashsalt": name, "svg.fonttype": "path"}):
        figure.savefig(stream, format="svg", metadata={"Date": None, "Creator": "accelsim"})
    text = stream.getvalue().decode()
    text = re.sub(r'\bid="', f'id="{name}-', text)
    text = re.sub(r"url\(#", f"url(#{name}-", text)
    return re.sub(r'xlink:href="#', f'xlink:href="#{name}-', text)


def to_png(figure: Figure) -> bytes:
    """Return the figure as PNG of 160 dots per inch."""
    stream = io.BytesIO()
    figure.savefig(stream, format="png", dpi=_PNG_DPI, metadata={"Software": "accelsim"})
    return stream.getvalue()
