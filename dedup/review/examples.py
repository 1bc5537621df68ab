"""The near-duplicate threshold by examples: what a person calls a copy, asked of a few pairs near the threshold.

How likely a pair of a distance is a copy is told by isotonic regression of the answers (Barlow et al. 1972: the best
fit that never rises with the distance), together with one certain copy at distance 0 and one certain other picture at
1. Over all pairs of the dataset that gives, for any threshold, how many would be called copies wrongly and how many
missed; the suggested one has the least of both, a wrong copy counted as `WRONG` missed ones.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dedup.model import Change, Kind
from dedup.store.decisions import DIFFERENT, EXAMPLE, VERDICT

COPY = "copy"
MOST = 30
"""Pairs that are asked about: some minutes of work."""
AROUND = 150
"""Pairs that these are taken from, the nearest to the threshold."""
FEWEST = 8
"""Answers before anything is suggested."""
WRONG = 5
"""A wrong removal costs more than a missed copy: as much as so many."""
STEP = 0.01
LOWEST = 0.02
"""Of thresholds, as the slider has them."""

Pair = frozenset[str]


@dataclass(frozen=True)
class Expected:
    """What a threshold is expected to do: pairs wrongly called copies, and copies missed."""

    threshold: float
    wrong: float
    missed: float

    @property
    def cost(self) -> float:
        """The less, the better."""
        return WRONG * self.wrong + self.missed


@dataclass(frozen=True)
class Suggestion:
    """The threshold of now and the suggested one, by so many answers."""

    now: Expected
    best: Expected
    answers: int


def judged(pairs: pd.DataFrame) -> pd.DataFrame:
    """The pairs that the threshold decides about: those whose pixels alone tell, by distance."""
    decided = pairs["kind"].isin([Kind.NEAR, Kind.SIMILAR]) & (pairs["note"] == "") & pairs["distance"].notna()
    return pairs[decided & (pairs["distance"] <= 1)].sort_values(["distance", "left", "right"], kind="stable")


def contents(frame: pd.DataFrame, pairs: pd.DataFrame) -> list[Pair]:
    """Hashes of the two images of each pair."""
    sha256 = frame["sha256"].to_numpy(object)
    return [frozenset((sha256[left], sha256[right])) for left, right in zip(pairs["left"], pairs["right"], strict=True)]


def answers(values: Mapping[str, Mapping[tuple[str, str], str]]) -> dict[Pair, bool]:
    """What people said: pairs of contents to whether they are copies. `values` are decisions by kind: what was told
    apart in a review is an answer, too."""
    said = {frozenset(pair): False for pair, value in values[VERDICT].items() if value == DIFFERENT}
    return said | {frozenset(pair): value == COPY for pair, value in values[EXAMPLE].items()}


def change(pair: Pair, *, copy: bool) -> Change:
    """The decision that an answer is."""
    one, *rest = sorted(pair)
    return EXAMPLE, one, rest[0] if rest else one, COPY if copy else DIFFERENT


def questions(table: pd.DataFrame, threshold: float) -> list[int]:
    """Places in `judged` pairs to ask about: evenly some of those nearest to the threshold, the nearest first."""
    distance = table["distance"].to_numpy()
    if not len(distance):
        return []
    near = np.sort(np.argsort(np.abs(distance - threshold), kind="stable")[:AROUND])
    taken = near[np.unique(np.linspace(0, len(near) - 1, MOST).round().astype(int))]
    found: list[int] = taken[np.argsort(np.abs(distance[taken] - threshold), kind="stable")].tolist()
    return found


def suggest(table: pd.DataFrame, said: Sequence[bool | None], threshold: float) -> Suggestion | None:
    """The threshold that fits the answers to the `judged` pairs (None where there is none), no further away than the
    answers reach; None where there are too few, or all say the same and so nothing of where copies end."""
    known = np.array([each is not None for each in said], bool)
    told = np.array([bool(each) for each in said], bool)[known]
    if known.sum() < FEWEST or told.all() or not told.any():
        return None
    distance = table["distance"].to_numpy(np.float64)
    likely = likelihood(distance[known], told, distance)
    likely[known] = told  # who was asked knows
    steps = np.round(np.arange(LOWEST, 1 + STEP / 2, STEP), 2)
    reached = (steps >= distance[known].min() - STEP) & (steps <= distance[known].max() + STEP)  # beyond is a guess
    steps = np.unique(np.append(steps[reached], threshold))
    every = [_expected(distance, likely, float(step)) for step in steps]
    best = min(every, key=lambda each: (round(each.cost, 6), abs(each.threshold - threshold)))
    return Suggestion(_expected(distance, likely, threshold), best, int(known.sum()))


def likelihood(
    distance: NDArray[np.float64], copies: NDArray[np.bool_], asked: NDArray[np.float64]
) -> NDArray[np.float64]:
    """How likely pairs at the distances `asked` (m,) are copies, 0..1, by examples at distances (n,)."""
    from sklearn.isotonic import IsotonicRegression

    fitted = IsotonicRegression(increasing=False, y_min=0, y_max=1, out_of_bounds="clip")
    fitted.fit(np.append(distance, [0.0, 1.0]), np.append(copies, [True, False]).astype(float))
    return np.asarray(fitted.predict(asked), np.float64)


def _expected(distance: NDArray[np.float64], likely: NDArray[np.float64], threshold: float) -> Expected:
    called = distance <= threshold
    return Expected(threshold, float((1 - likely[called]).sum()), float(likely[~called].sum()))
