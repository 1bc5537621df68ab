"""What a person looks at, as a value that lives in the URL: a link reopens it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from dedup.metrics import METRICS
from dedup.selection import Selection

Query = dict[str, str | list[str]]

PAGE_SIZES = (12, 24, 60, 120)
MIN_COLUMNS, MAX_COLUMNS = 2, 10
METRIC_NAMES = tuple(metric.name for metric in METRICS)


@dataclass(frozen=True)
class View:
    """A place in the app. `dataset` is a `DatasetInfo.key`, `page` counts from 1, `size` images are on a page."""

    dataset: str = ""
    metric: str = "singularity"
    ascending: bool = True
    page: int = 1
    size: int = 60
    columns: int = 6
    selection: Selection = field(default_factory=Selection)

    def to_query(self) -> Query:
        """The parameters of the URL; what is as usual is left out."""
        usual = View()
        told: Query = {"dataset": self.dataset} if self.dataset else {}
        told |= {
            name: str(getattr(self, name))
            for name in ("metric", "page", "size", "columns")
            if getattr(self, name) != getattr(usual, name)
        }
        return told | ({} if self.ascending else {"order": "descending"}) | self.selection.to_query()

    @classmethod
    def from_query(cls, query: Mapping[str, Any]) -> View:
        """The inverse of `to_query`; what makes no sense is as usual."""
        usual = cls()
        metric = _one(query, "metric")
        size = _number(query, "size", usual.size)
        return cls(
            dataset=_one(query, "dataset"),
            metric=metric if metric in METRIC_NAMES else usual.metric,
            ascending=_one(query, "order") != "descending",
            page=max(1, _number(query, "page", 1)),
            size=size if size in PAGE_SIZES else usual.size,
            columns=min(MAX_COLUMNS, max(MIN_COLUMNS, _number(query, "columns", usual.columns))),
            selection=Selection.from_query(query),
        )


def _one(query: Mapping[str, Any], name: str) -> str:
    value = query.get(name, "")
    return str(value[-1] if value else "") if isinstance(value, list) else str(value)


def _number(query: Mapping[str, Any], name: str, usual: int) -> int:
    text = _one(query, name)
    return int(text) if text.isdecimal() and len(text) < 10 else usual
