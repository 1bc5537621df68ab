"""Numbers that decide what two pictures have to do with each other, each with its meaning and how it was chosen.

`benchmarks.calibrate` prints what each does over a range, and between which values nothing gets worse (`plateaus`);
docs/matching.md has them all in one table.
"""

from __future__ import annotations

from dedup.matching.parameters.base import Parameter
from dedup.matching.parameters.first_look import FIRST_LOOK
from dedup.matching.parameters.naming import NAMING
from dedup.matching.parameters.parts import PARTS
from dedup.matching.parameters.pixels import PIXELS
from dedup.matching.parameters.plateaus import PLATEAUS
from dedup.matching.parameters.second_look import SECOND_LOOK
from dedup.matching.parameters.third_look import THIRD_LOOK

__all__ = [
    "FIRST_LOOK", "NAMING", "PARAMETERS", "PARTS", "PIXELS", "PLATEAUS", "SECOND_LOOK", "THIRD_LOOK",
    "Parameter", "value",
]  # fmt: skip

PARAMETERS: dict[str, Parameter] = FIRST_LOOK | SECOND_LOOK | THIRD_LOOK | PARTS | PIXELS | NAMING


def value(name: str) -> float:
    """The number in force of a parameter."""
    return PARAMETERS[name].value
