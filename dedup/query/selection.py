"""A selection: a filter as a value, shared by histogram, grid, bulk tagging, command line and every export.

All parts that are set must hold. A part that names something the dataset does not have (a deleted tag, an unknown
metric) matches nothing, so that an old link still opens; ask `mask(frame, strict=True)` to be told instead.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from dedup.errors import UnknownMetric, UsageError
from dedup.images import metrics
from dedup.model import TAG_PREFIX, Kind, Role
from dedup.query import where as where_language
from dedup.query.region import Region, is_number
from dedup.query.where import Mask, check_tags
from dedup.words import did_you_mean, quote

KINDS = where_language.OF_FEW["kind"]
"""What an image can be; pairs have kinds of their own."""

ROLES = ("keeper", "duplicate", "single")
"""The parts that images play: the one of a group that stays, the others of it, and images of which there is one."""

PARTS = "part_of > 0 or contains > 0"
"""Images that are a part of another one, and those that contain one: `where` of a selection."""
GOES, STAYS, OPEN = DECIDED = where_language.OF_FEW["decided"]
"""What a person decided about an image: that it is to be removed, that it stays, or nothing."""

KNOWN = {"kinds": KINDS, "roles": ROLES, "decided": DECIDED}
"""Parts of a selection that can only be so many things."""

KIND_WORDS = {"exact": "exact duplicates", "near": "near duplicates", "unique": "unique", "failed": "failed"}
ROLE_WORDS = {"keeper": "keepers", "duplicate": "duplicates", "single": "without a copy"}
DECIDED_WORDS = {GOES: "decided to go", STAYS: "decided to stay", OPEN: "not decided"}


@dataclass(frozen=True, slots=True)
class Range:
    """`low <= metric <= high`, both ends included; None leaves an end open. NaN values never match."""

    metric: str
    low: float | None = None
    high: float | None = None

    def __post_init__(self) -> None:
        for name in ("low", "high"):
            value = getattr(self, name)
            if value is None:
                continue
            if math.isnan(value):
                raise UsageError(f"The range of {self.metric} has an end that is no number; give two numbers.")
            object.__setattr__(self, name, float(value))

    def mask(self, frame: pd.DataFrame) -> Mask:
        """Rows inside the range: bool, shape (n,); none where the frame has no such number."""
        if not is_number(frame, self.metric):
            return np.zeros(len(frame), dtype=bool)
        values = metrics.values(frame, self.metric)
        inside: Mask = ~np.isnan(values)
        if self.low is not None:
            inside &= values >= self.low
        if self.high is not None:
            inside &= values <= self.high
        return inside

    def holds(self, value: float) -> bool:
        """Whether one value is inside."""
        low = -math.inf if self.low is None else self.low
        high = math.inf if self.high is None else self.high
        return low <= float(value) <= high

    def describe(self, title: str = "", text: Callable[[float], str] | None = None) -> str:
        """For example `sharpness 0.2 to 1`; `title` stands for the metric's name where there is one, `text` tells its
        values."""
        title, told = title or self.metric, text or _number
        if self.low is not None and self.high is not None:
            return f"{title} {told(self.low)}" + ("" if self.low == self.high else f" to {told(self.high)}")
        if self.low is not None:
            return f"{title} at least {told(self.low)}"
        return f"{title} known" if self.high is None else f"{title} at most {told(self.high)}"

    def __bool__(self) -> bool:
        """Whether an end is set."""
        return self.low is not None or self.high is not None


@dataclass(frozen=True, slots=True)
class Selection:
    """A filter over the images of a dataset; the empty one selects all of them.

    ranges      metric ranges, all must hold
    regions     parts of charts of two metrics, all must hold
    tags_any    carries at least one of these tags; `tags_all`: all of them; `tags_none`: none of them
    kinds       one of exact, near, unique, failed
    roles       keeper or duplicate in its group, or single: readable and in no group
    decided     goes (to be removed), stays, or open
    relations   related to its nearest image in one of these ways
    classes     belongs to at least one of these classes
    folders     lies in one of these folders, at any depth; the empty text is the root's own files
    splits      one of train, val, test, or the empty text for none
    text        part of the path, case ignored
    where       an expression of `dedup.query.where`
    """

    ranges: tuple[Range, ...] = ()
    regions: tuple[Region, ...] = ()
    tags_any: tuple[str, ...] = ()
    tags_all: tuple[str, ...] = ()
    tags_none: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()
    decided: tuple[str, ...] = ()
    relations: tuple[str, ...] = ()
    classes: tuple[str, ...] = ()
    folders: tuple[str, ...] = ()
    splits: tuple[str, ...] = ()
    text: str = ""
    where: str = ""

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if field.type != "str":
                if isinstance(value, str):
                    raise UsageError(f"A selection's {field.name} is a list of names, not the one text {value!r}.")
                object.__setattr__(self, field.name, tuple(value))
        for name, known in KNOWN.items():
            for value in getattr(self, name):
                if value not in known:
                    raise UsageError(f"The {name} of a selection are {', '.join(known)}; there is no {quote(value)}.")

    def __bool__(self) -> bool:
        """Whether anything is filtered at all."""
        return self != Selection()

    def with_range(self, metric: str, low: float | None, high: float | None) -> Selection:
        """The same selection with this range as the only one of `metric`; with both ends None, without it."""
        others = tuple(range_ for range_ in self.ranges if range_.metric != metric)
        new = Range(metric, low, high)
        return replace(self, ranges=(*others, new) if new else others)

    def range_of(self, metric: str) -> Range:
        """The range of `metric`, open at both ends if there is none."""
        return next((range_ for range_ in self.ranges if range_.metric == metric), Range(metric))

    def mask(self, frame: pd.DataFrame, *, strict: bool = False) -> Mask:
        """Which rows of `frame` are selected: bool, shape (n,).

        Raises `WhereError` for a malformed `where`; with `strict` also `UnknownTag` and `UnknownMetric`.
        """
        if strict:
            self._check(frame)
        chosen = np.ones(len(frame), dtype=bool)
        for part in self._masks(frame, strict):
            chosen &= part
        return chosen

    def _check(self, frame: pd.DataFrame) -> None:
        check_tags(frame, (*self.tags_any, *self.tags_all, *self.tags_none))
        for metric in (
            *(each.metric for each in self.ranges),
            *(name for each in self.regions for name in (each.x, each.y)),
        ):
            if not is_number(frame, metric):
                known = [name for name in frame.columns if is_number(frame, name)]
                raise UnknownMetric(f"There is no metric {quote(metric)}{did_you_mean(metric, known) or '.'}")

    def _masks(self, frame: pd.DataFrame, strict: bool) -> Iterable[Mask]:
        yield from (range_.mask(frame) for range_ in self.ranges)
        yield from (region.mask(frame) for region in self.regions)
        if self.tags_any:
            yield np.logical_or.reduce([_tagged(frame, tag) for tag in self.tags_any])
        yield from (_tagged(frame, tag) for tag in self.tags_all)
        yield from (~_tagged(frame, tag) for tag in self.tags_none)
        if self.kinds:
            yield frame["kind"].isin(self.kinds).to_numpy(dtype=bool)
        if self.roles:
            yield _plays(frame, self.roles)
        if self.decided:
            yield frame["decided"].isin(self.decided).to_numpy(dtype=bool)
        if self.splits:
            yield frame["split"].isin(self.splits).to_numpy(dtype=bool)
        if self.relations:
            yield _overlaps(frame["relations"], self.relations)
        if self.classes:
            yield _overlaps(frame["classes"], self.classes)
        if self.folders:
            inside = {folder: _inside(folder, self.folders) for folder in frame["folder"].unique()}
            yield frame["folder"].map(inside).to_numpy(dtype=bool)
        if self.text:
            text = self.text.casefold()
            yield np.fromiter((text in path.casefold() for path in frame["path"]), dtype=bool, count=len(frame))
        if self.where.strip():
            yield where_language.compile(self.where).mask(frame, strict=strict)

    def matches(self, row: Mapping[str, Any]) -> bool:
        """Whether one row of the frame is selected: the slow reference of `mask`."""
        tags = {key.removeprefix(TAG_PREFIX) for key in row if key.startswith(TAG_PREFIX) and row[key]}
        return (
            all(range_.holds(metrics.value(row, range_.metric)) for range_ in self.ranges)
            and all(region.mask(pd.DataFrame([row])).all() for region in self.regions)
            and (not self.tags_any or any(tag in tags for tag in self.tags_any))
            and all(tag in tags for tag in self.tags_all)
            and not any(tag in tags for tag in self.tags_none)
            and (not self.kinds or row["kind"] in self.kinds)
            and (not self.roles or _role(row) in self.roles)
            and (not self.decided or row["decided"] in self.decided)
            and (not self.splits or row["split"] in self.splits)
            and (not self.relations or any(name in row["relations"] for name in self.relations))
            and (not self.classes or any(name in row["classes"] for name in self.classes))
            and (not self.folders or _inside(row["folder"], self.folders))
            and self.text.casefold() in row["path"].casefold()
            and (not self.where.strip() or where_language.compile(self.where).matches(row))
        )

    def to_query(self) -> dict[str, str | list[str]]:
        """As parameters of a URL; only what is set. `from_query` is the inverse."""
        query: dict[str, str | list[str]] = {}
        if self.ranges:
            query["range"] = [f"{range_.metric}:{_end(range_.low)}:{_end(range_.high)}" for range_ in self.ranges]
        if self.regions:
            query["region"] = [region.text() for region in self.regions]
        for name, key in QUERY_LISTS.items():
            if values := getattr(self, name):
                query[key] = list(values)
        for name in QUERY_TEXTS:
            if value := getattr(self, name):
                query[name] = value
        return query

    @classmethod
    def from_query(cls, query: Mapping[str, Any]) -> Selection:
        """The selection of a URL's parameters; what is not understood is ignored, other parameters too.

        A malformed `where` is kept, for ignoring it would select more than the link says; `mask` raises for it.
        `query` maps names to texts or lists of texts; Streamlit's `query_params` works as it is.
        """
        ranges = tuple(range_ for text in _texts(query, "range") if (range_ := _parse_range(text)) is not None)
        regions = tuple(region for text in _texts(query, "region") if (region := _parse_region(text)) is not None)
        parts: dict[str, Any] = {name: tuple(_texts(query, key)) for name, key in QUERY_LISTS.items()}
        parts |= {name: tuple(value for value in parts[name] if value in known) for name, known in KNOWN.items()}
        parts |= {name: "".join(_texts(query, name)[-1:]) for name in QUERY_TEXTS}
        return cls(ranges=ranges, regions=regions, **parts)

    def describe(self) -> str:
        """One line a person reads, for example `near duplicates · tagged "keep" · path contains "beach"`."""
        parts = [range_.describe() for range_ in self.ranges]
        parts += [f"part of the chart of {region.x} and {region.y}" for region in self.regions]
        parts += [" or ".join(KIND_WORDS[kind] for kind in self.kinds)]
        parts += [" or ".join(ROLE_WORDS[role] for role in self.roles)]
        parts += [" or ".join(DECIDED_WORDS[decided] for decided in self.decided)]
        parts += [_listed("tagged", self.tags_any, " or "), _listed("tagged", self.tags_all, " and ")]
        parts += [_listed("not tagged", self.tags_none, " or "), " or ".join(self.relations)]
        parts += [_listed("class", self.classes, " or "), _listed("in split", self.splits, " or ")]
        parts += [_listed("in folder", self.folders, " or ")]
        parts += [f"path contains {quote(self.text)}" if self.text else "", self.where.strip()]
        return " · ".join(part for part in parts if part) or "all images"


QUERY_LISTS = {
    "tags_any": "tag",
    "tags_all": "tag_all",
    "tags_none": "tag_none",
    "kinds": "kind",
    "roles": "role",
    "decided": "decision",
    "relations": "relation",
    "classes": "class",
    "folders": "folder",
    "splits": "split",
}
"""Field of a selection → its name in a URL."""

QUERY_TEXTS = ("text", "where")

QUERY_KEYS = ("range", "region", *QUERY_LISTS.values(), *QUERY_TEXTS)
"""Every name `to_query` may use."""


def _plays(frame: pd.DataFrame, roles: tuple[str, ...]) -> Mask:
    playing = frame["role"].isin(roles)
    if "single" in roles:
        playing |= (frame["role"] == Role.NONE) & (frame["kind"] != Kind.FAILED)
    return playing.to_numpy(dtype=bool)


def _role(row: Mapping[str, Any]) -> str:
    return row["role"] or ("" if row["kind"] == Kind.FAILED else "single")


def _tagged(frame: pd.DataFrame, tag: str) -> npt.NDArray[np.bool_]:
    column = f"{TAG_PREFIX}{tag}"
    return frame[column].to_numpy(dtype=bool) if column in frame else np.zeros(len(frame), dtype=bool)


def _overlaps(column: pd.Series, names: Iterable[str]) -> Mask:
    wanted = set(names)
    return np.fromiter((not wanted.isdisjoint(held) for held in column), dtype=bool, count=len(column))


def _inside(folder: str, folders: Iterable[str]) -> bool:
    return any(folder == outer or (outer != "" and folder.startswith(f"{outer}/")) for outer in folders)


def _end(value: float | None) -> str:
    return "" if value is None else repr(value)


def _parse_range(text: str) -> Range | None:
    try:
        metric, low, high = text.rsplit(":", 2)
        return Range(metric, float(low) if low else None, float(high) if high else None)
    except (ValueError, UsageError):
        return None


def _parse_region(text: str) -> Region | None:
    try:
        return Region.parse(text)
    except (ValueError, UsageError):
        return None


def _texts(query: Mapping[str, Any], key: str) -> list[str]:
    if key not in query:
        return []
    get_all = getattr(query, "get_all", None)
    value = get_all(key) if get_all is not None else query[key]
    values = [value] if isinstance(value, str) else value if isinstance(value, list | tuple) else []
    return [item for item in values if isinstance(item, str)]


WRITTEN_OUT = 1e15
"""Whole numbers from here on are no counts any more."""


def _number(value: float) -> str:
    return f"{value:,.0f}" if float(value).is_integer() and abs(value) < WRITTEN_OUT else f"{value:g}"


def _listed(word: str, names: tuple[str, ...], joint: str) -> str:
    return f"{word} {joint.join(quote(name) for name in names)}" if names else ""
