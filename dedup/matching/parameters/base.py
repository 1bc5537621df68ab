"""What a parameter is."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Parameter:
    """A number with its `unit`, what it means, and how it was chosen."""

    value: float
    unit: str
    meaning: str
    chosen: str
