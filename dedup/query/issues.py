"""Kinds of issues that images have, by thresholds on what a scan measured: nothing is read again.

The thresholds are where ordinary pictures end: of 1,337 images (photographs, clothing, groceries, X-rays, products,
receipts, screens) none is darker than the one below, one X-ray is as blurred, and what is lighter or says less are
scans of receipts and a screen. Each is a limit on a stored number, so that another one is told in its name
(`dark@0.2`), and every issue is an expression that selects the same images.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from dedup.errors import UsageError
from dedup.model import Kind, Status
from dedup.query import where as where_language
from dedup.query.where import Mask

ODD_SIZE = 5.0
"""Sides so many times the median's, or its so many times: another source, a thumbnail, a scan of a poster."""
ODD_ASPECT = 3.0
"""Sides of 3 to 1 and more: strips, banners, cut-outs. Panoramas of 2 to 1 are ordinary."""
GRAY = 0.001
"""Mean saturation up to which a picture has no colours. Of 1,337 images, nine have one band and eight say the same
three times, with 0.00002 at most; the least of those with a little colour, a dark shirt on white, has 0.002."""
LEAST, MOST = 1e-6, 1e6
"""Of thresholds: beyond, every image has an issue, or none."""
AT = "@"
"""Before another threshold than the usual: `dark@0.2`."""
UNSEEN = "alpha and shown_on == '' and entropy == 0"
"""Wholly transparent pictures of one colour: whatever it is, nothing of it can be seen."""


@dataclass(frozen=True, slots=True)
class Issue:
    """One kind: images whose `column` is below `low` or above `high` (None: no bound), or those of `which`, an
    expression, without those of `unless`. `size` is the geometric mean of the sides divided by the median of all
    images. With `among_others`, only where the median of all images has it not."""

    name: str
    says: str
    column: str = ""
    low: float | None = None
    high: float | None = None
    which: str = ""
    unless: str = ""
    among_others: bool = False

    @property
    def kind(self) -> str:
        """Its name without a threshold."""
        return self.name.partition(AT)[0]

    @property
    def threshold(self) -> float | None:
        """The number that may be another one; of two, each 1 divided by the other, the upper."""
        return self.high if self.high is not None else self.low

    def at(self, threshold: float) -> Issue:
        """The same kind with another threshold. Raises `UsageError`."""
        both = self.low is not None and self.high is not None
        if self.threshold is None or not LEAST <= threshold <= MOST or (both and threshold <= 1):
            raise UsageError(f"{self.name}: {threshold:g} is no threshold for it.")
        name = f"{self.kind}{AT}{np.format_float_positional(threshold, trim='-')}"
        if both:
            return replace(self, name=name, low=1 / threshold, high=threshold)
        return (
            replace(self, name=name, high=threshold)
            if self.high is not None
            else replace(self, name=name, low=threshold)
        )

    def where(self, frame: pd.DataFrame) -> str:
        """The images that have it as an expression of `dedup.query.where`; one that selects none where there are none
        to be told from."""
        if self.which:
            return self.which
        name, scale = self.column, 1.0
        if name == "size":
            known = frame["area"].to_numpy(np.float64)
            known = known[known > 0]
            name, scale = "area", float(np.median(known)) if len(known) else 0.0
        if self.among_others and not _usual(frame, self.column) > (self.low or 0):
            return f"{name} < 0"
        low, high = (
            None if end is None else end**2 * scale if name == "area" else end for end in (self.low, self.high)
        )
        found = where_language.outside(name, low, high)
        return f"({found}) and not ({self.unless})" if self.unless else found

    def mask(self, frame: pd.DataFrame) -> Mask:
        """(n,) bool: the images that have it; those that cannot be read have none but `unreadable`."""
        return where_language.compile(self.where(frame)).mask(frame)

    def limits(self) -> str:
        """The thresholds, for people."""
        bounds = {"below": self.low, "above": self.high}
        return " or ".join(f"{side} {bound:.4g}" for side, bound in bounds.items() if bound is not None)


ISSUES = (
    Issue("dark", "nearly black", "brightness", low=0.1, unless=UNSEEN),
    Issue("light", "nearly white", "brightness", high=0.95, unless=UNSEEN),
    Issue("blurry", "blurred all over", "blur", high=0.6),
    Issue("low information", "few tones: blank, a flat colour, a bare sheet", "entropy", low=1.0),
    Issue("odd size", "sides far from the others'", "size", low=1 / ODD_SIZE, high=ODD_SIZE),
    Issue("odd aspect", "a strip", "aspect_ratio", low=1 / ODD_ASPECT, high=ODD_ASPECT),
    Issue("grayscale", "gray, where most are in colour", "saturation", low=GRAY, among_others=True),
    Issue("exact duplicate", "the same picture once more", which=f'kind == "{Kind.EXACT}"'),
    Issue("near duplicate", "an edited copy of another", which=f'kind == "{Kind.NEAR}" and role == "duplicate"'),
    Issue("unreadable", "a file that cannot be read", which=f'status == "{Status.FAILED}"'),
)


def adjusted(thresholds: Mapping[str, float]) -> tuple[Issue, ...]:
    """All kinds, those of `thresholds` (by name) with these instead of the usual ones."""
    return tuple(each.at(thresholds[each.name]) if each.name in thresholds else each for each in ISSUES)


def issue(name: str) -> Issue:
    """The kind of that name, with the threshold that it may tell (`dark@0.2`). Raises `UsageError`."""
    plain, at, threshold = name.partition(AT)
    wanted = plain.replace("-", " ").replace("_", " ").strip()
    found = next((each for each in ISSUES if each.name == wanted), None)
    if found is None:
        raise UsageError(f"{plain!r} is no kind of issue. Kinds: {', '.join(each.name for each in ISSUES)}.")
    if not at:
        return found
    try:
        return found.at(float(threshold))
    except ValueError as error:
        raise UsageError(f"{name!r}: {threshold!r} is no threshold; give a number, as in dark@0.2.") from error


def _usual(frame: pd.DataFrame, column: str) -> float:
    values = frame[column].to_numpy(np.float64)
    known = values[np.isfinite(values)]
    return float(np.median(known)) if len(known) else math.nan
