"""Colours that mean the same everywhere: charts, badges, brackets and legends.

The hues are those of Okabe and Ito (2008, "Color Universal Design"), told apart with every common colour vision; each
has a shade for light pages and one for dark pages with a contrast of at least 3:1 to the page (WCAG 2.2, 1.4.11).
A colour never stands alone: a word or a symbol says the same.
"""

from __future__ import annotations

from dataclasses import dataclass

from dedup.model import Kind, Role


@dataclass(frozen=True, slots=True)
class Colour:
    """One meaning as `#rrggbb` on light and on dark pages."""

    light: str
    dark: str


COLOURS: dict[str, Colour] = {
    Kind.EXACT: Colour("#c2410c", "#f2793a"),
    Kind.NEAR: Colour("#a86500", "#f0b323"),
    Kind.SIMILAR: Colour("#2b8cc4", "#6cc4f5"),
    Kind.UNIQUE: Colour("#2f6690", "#7ea8cf"),
    Kind.FAILED: Colour("#6b7280", "#9aa3b0"),
    Role.KEEPER: Colour("#00805e", "#2cc295"),
}
"""By the value of `Kind`, and `Role.KEEPER`."""

TAG_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#7a5195", "#6b7280")
"""Offered one after the other to new tags; readable with dark or white ink on light and dark pages alike."""


def colour(meaning: str, *, dark: bool = False) -> str:
    """The `#rrggbb` of a `Kind` or of `Role.KEEPER`. Raises `KeyError` for another word."""
    pair = COLOURS[meaning]
    return pair.dark if dark else pair.light


def ink(background: str) -> str:
    """Black or white, whichever reads better on `#rrggbb` (WCAG contrast)."""
    return "#000000" if contrast(background, "#000000") >= contrast(background, "#ffffff") else "#ffffff"


def contrast(one: str, other: str) -> float:
    """Contrast ratio of two `#rrggbb` colours, 1 to 21 (WCAG 2.2, definition of contrast ratio)."""
    brighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (brighter + 0.05) / (darker + 0.05)


def _luminance(colour: str) -> float:
    red, green, blue = (_linear(int(colour[start : start + 2], 16) / 255) for start in (1, 3, 5))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(channel: float) -> float:
    return channel / 12.92 if channel <= 0.04045 else ((channel + 0.055) / 1.055) ** 2.4
