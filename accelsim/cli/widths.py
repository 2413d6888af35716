"""Bit-widths as people write them: ``8,6,w4a8``."""

from __future__ import annotations

import re

__all__ = ["parse_bits", "parse_width"]


def parse_bits(text: str) -> tuple[tuple[int, int], ...]:
    """Read ``8,6,w4a8``: one width for both operands, or one for each."""
    from accelsim.errors import ConfigError

    if not text.strip():
        raise ConfigError("--bits: empty; give widths such as 8,6,4,3,2")
    points = []
    for part in text.split(","):
        pair = re.fullmatch(r"\s*w(\d+)a(\d+)\s*", part, re.ASCII)
        if not pair and not re.fullmatch(r"\s*\d{1,9}\s*", part, re.ASCII):
            raise ConfigError(
                "--bits: must be whole numbers from 2 to 16, or pairs of weights and activations "
                f"such as w4a8, got {part.strip()!r}"
            )
        widths = pair.groups() if pair else (part, part)
        points.append((parse_width("--bits", widths[0]), parse_width("--bits", widths[1])))
    return tuple(points)


def parse_width(option: str, text: str) -> int:
    """Read one width; the request checks the range."""
    from accelsim.errors import ConfigError

    if not re.fullmatch(r"\s*\d{1,9}\s*", text, re.ASCII):
        raise ConfigError(f"{option}: must be a whole number from 2 to 16, got {text.strip()!r}")
    return int(text)
