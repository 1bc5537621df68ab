"""What the points of the map are coloured by: a number by lightness, a word by one of a few hues, the rest gray."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dedup.images import metrics
from dedup.images.metrics import Metric
from dedup.model import CLUSTER, TAG_COLOURS, TAG_PREFIX, Kind, Role, Tag
from dedup.ui.browser import palette
from dedup.ui.parts.metric import BY_NAME
from dedup.ui.parts.scale import scale_of

Ink = tuple[str, str]
"""`#rrggbb` on light and on dark pages."""

REST: Ink = ("#8a949d", "#7c8792")
"""Of what has no hue of its own."""
SEVERAL = "several"
HUES: tuple[Ink, ...] = tuple((each, each) for each in TAG_COLOURS[:7])
"""Those of tags: told apart with every common colour vision, and seen on light and dark pages."""
STEPS = 24
LIGHT_ENDS, DARK_ENDS = ("#a9cbe4", "#08305f"), ("#2a5b85", "#e3f1ff")
"""A number's lowest and highest: ever further from the page, so that the unusual high end is seen."""

KIND, SPLIT, CLASS = "kind", "split", "class"
WORDS = {CLUSTER: "Cluster", KIND: "Kind", SPLIT: "Split", CLASS: "Class"}


@dataclass(frozen=True)
class Legend:
    """One hue: which of the inks, its meaning, and how many images have it."""

    ink: int
    label: str
    count: int


@dataclass(frozen=True)
class Coloured:
    """`ink` (n,) uint8 of each image among `inks`; the `legend`; for a number the texts of both `ends`."""

    title: str
    ink: NDArray[np.uint8]
    inks: Sequence[Ink]
    legend: Sequence[Legend]
    ends: tuple[str, str] | None = None


def offered(frame: pd.DataFrame, metrics: Sequence[Metric]) -> dict[str, str]:
    """What points can be coloured by, by name, with its title."""
    found = {CLUSTER: WORDS[CLUSTER], KIND: WORDS[KIND]}
    if (frame["split"] != "").any():
        found[SPLIT] = WORDS[SPLIT]
    if frame["classes"].map(len).any():
        found[CLASS] = WORDS[CLASS]
    tags = [str(name) for name in frame if str(name).startswith(TAG_PREFIX)]
    found |= {name: f"Tag: {name.removeprefix(TAG_PREFIX)}" for name in tags}
    return found | {metric.name: metric.title for metric in metrics}


def coloured(frame: pd.DataFrame, by: str, tags: Mapping[str, Tag], classes: pd.Series) -> Coloured:
    """The images of a frame coloured by one of `offered`, a tag in its own colour, classes in those they have among
    the `classes` (tuples) of all images."""
    if by in BY_NAME:
        return _by_number(frame, BY_NAME[by])
    if by.startswith(TAG_PREFIX):
        carries, name = frame[by].to_numpy(bool), by.removeprefix(TAG_PREFIX)
        own = {"tagged": tags[name].colour} if name in tags else {}
        return _by_word(f"Tag: {name}", np.where(carries, "tagged", ""), "not tagged", own)
    return _by_class(frame, classes) if by == CLASS else _BY_WORD[by](frame)


def _by_number(frame: pd.DataFrame, metric: Metric) -> Coloured:
    values = metrics.values(frame, metric.name)
    scale = scale_of(metric, values)
    left, right = scale.ends
    known = np.isfinite(values)
    share = np.clip((scale.position(np.where(known, values, scale.low)) - left) / ((right - left) or 1), 0, 1)
    ink = np.where(known, 1 + np.round(share * (STEPS - 1)), 0).astype(np.uint8)
    ramp = [tuple(_between(*ends, step / (STEPS - 1)) for ends in (LIGHT_ENDS, DARK_ENDS)) for step in range(STEPS)]
    unknown = int((~known).sum())
    return Coloured(
        metric.title,
        ink,
        [REST, *((light, dark) for light, dark in ramp)],
        [Legend(0, "unknown", unknown)] if unknown else [],
        (metric.text(scale.low), metric.text(scale.high)),
    )


def _between(low: str, high: str, share: float) -> str:
    ends = [[int(colour[place : place + 2], 16) for place in (1, 3, 5)] for colour in (low, high)]
    return "#" + "".join(f"{round(one + share * (other - one)):02x}" for one, other in zip(*ends, strict=True))


def _by_word(
    title: str,
    words: Sequence[str] | NDArray[np.str_],
    none: str,
    own: Mapping[str, str],
    only: Container[str] | None = None,
) -> Coloured:
    """The most frequent words, of some `only`, have a hue each, their `own` where they have one; `none` says what the
    empty word means."""
    counts = Counter(each for each in words if each)
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    named = [word for word, _ in ranked if only is None or word in only][: len(HUES)]
    inks = [(own[word],) * 2 if word in own else hue for word, hue in zip(named, HUES, strict=False)]
    number = {word: 1 + place for place, word in enumerate(named)}
    ink = np.array([number.get(each, 0) for each in words], np.uint8)
    rest = sum(counts[word] for word in counts if word not in number)
    empty = len(ink) - sum(counts.values())
    legend = [Legend(number[word], word, counts[word]) for word in named]
    label = " and ".join(part for part in ("others" if rest else "", none if empty else "") if part)
    legend += [Legend(0, label, rest + empty)] if label else []
    return Coloured(title, ink, [REST, *inks], legend)


def _kinds(frame: pd.DataFrame) -> Coloured:
    stays = (frame["role"] == Role.KEEPER).to_numpy()
    kind = np.where(stays, str(Role.KEEPER), frame["kind"].astype(str))
    meanings = {str(Kind.UNIQUE): "unique", str(Role.KEEPER): "keeper", str(Kind.NEAR): "near duplicate",
                str(Kind.EXACT): "exact duplicate"}  # fmt: skip
    number = {meaning: place for place, meaning in enumerate(meanings)}
    ink = np.array([number.get(each, 0) for each in kind], np.uint8)
    counts = Counter(kind.tolist())
    inks = [(palette.colour(meaning), palette.colour(meaning, dark=True)) for meaning in meanings]
    legend = [Legend(number[each], words, counts[each]) for each, words in meanings.items() if counts[each]]
    return Coloured(WORDS[KIND], ink, inks, legend)


def _by_class(frame: pd.DataFrame, classes: pd.Series) -> Coloured:
    """In the hues that classes have on pictures; those whose hue comes again are among the others."""
    own = dict(islice(palette.of_classes(classes).items(), len(palette.CLASSES))) | {SEVERAL: palette.SEVERAL}
    words = [names[0] if len(names) == 1 else SEVERAL if names else "" for names in frame["classes"]]
    return _by_word(WORDS[CLASS], words, "no class", own, only=own)


def _clusters(frame: pd.DataFrame) -> Coloured:
    """Neighbours differ; hues come again, for there are more clusters than hues."""
    cluster = frame[CLUSTER].to_numpy()
    ink = np.where(cluster > 0, 1 + (cluster - 1) % len(HUES), 0).astype(np.uint8)
    counts = np.bincount(cluster, minlength=len(HUES) + 1)
    legend = [
        Legend(place, f"cluster {place}", int(counts[place])) for place in range(1, len(HUES) + 1) if counts[place]
    ]
    more = int(cluster.max(initial=0)) - len(legend)
    title = f"{WORDS[CLUSTER]} (the largest; {more} more have these hues again)" if more > 0 else WORDS[CLUSTER]
    return Coloured(title, ink, [REST, *HUES], legend)


_BY_WORD: dict[str, Callable[[pd.DataFrame], Coloured]] = {
    CLUSTER: _clusters,
    KIND: _kinds,
    SPLIT: lambda frame: _by_word(
        WORDS[SPLIT], frame["split"].tolist(), "no split", palette.of_splits(frame["split"].unique())
    ),
}  # fmt: skip
