"""Kinds of issues that single images have, by thresholds on what a scan measured: nothing is read again.

The thresholds are where ordinary pictures end: of 1,337 images (photographs, clothing, groceries, X-rays, products,
receipts, screens) none is darker than the one below, one X-ray is as blurred, and what is lighter or says less are
scans of receipts and a screen. Each is a limit on a stored number, so that another one is a `--where` away.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from dedup.errors import UsageError
from dedup.model import Status
from dedup.query.where import Mask

ODD_SIZE = 5.0
"""Sides so many times the median's, or its so many times: another source, a thumbnail, a scan of a poster."""
ODD_ASPECT = 3.0
"""Sides of 3 to 1 and more: strips, banners, cut-outs. Panoramas of 2 to 1 are ordinary."""


@dataclass(frozen=True, slots=True)
class Issue:
    """One kind: images whose `column` is below `low` or above `high` (None: no bound)."""

    name: str
    says: str
    column: str
    low: float | None = None
    high: float | None = None

    def mask(self, frame: pd.DataFrame) -> Mask:
        """(n,) bool: the images that have it; those that cannot be read have none but `unreadable`."""
        if self.column == "status":
            return (frame["status"] == Status.FAILED).to_numpy(bool)
        values = _values(frame, self.column)
        with np.errstate(invalid="ignore"):  # NaN of failed files is neither
            below = values < self.low if self.low is not None else np.zeros(len(frame), bool)
            above = values > self.high if self.high is not None else np.zeros(len(frame), bool)
        return np.asarray(below | above)

    def limits(self) -> str:
        """The thresholds, for people."""
        bounds = [f"below {self.low:g}" if self.low is not None else "", f"above {self.high:g}" if self.high else ""]
        return " or ".join(bound for bound in bounds if bound)


ISSUES = (
    Issue("dark", "nearly black", "brightness", low=0.1),
    Issue("light", "nearly white", "brightness", high=0.95),
    Issue("blurry", "blurred all over", "blur", high=0.6),
    Issue("low information", "few tones: blank, a flat colour, a bare sheet", "entropy", low=1.0),
    Issue("odd size", "sides far from the others'", "size", low=1 / ODD_SIZE, high=ODD_SIZE),
    Issue("odd aspect", "a strip", "aspect_ratio", low=1 / ODD_ASPECT, high=ODD_ASPECT),
    Issue("unreadable", "a file that cannot be read", "status"),
)
"""`size` is the geometric mean of the sides divided by the median of all images."""


def issue(name: str) -> Issue:
    """The kind of that name. Raises `UsageError`."""
    found = next((each for each in ISSUES if each.name == name.replace("-", " ").replace("_", " ")), None)
    if found is None:
        raise UsageError(f"{name!r} is no kind of issue. Kinds: {', '.join(each.name for each in ISSUES)}.")
    return found


def _values(frame: pd.DataFrame, column: str) -> np.ndarray:
    if column != "size":
        return frame[column].to_numpy(np.float64)
    area = frame["area"].to_numpy(np.float64)
    sides = np.sqrt(area)
    known = sides[sides > 0]
    return sides / np.median(known) if len(known) else np.full(len(frame), np.nan)
