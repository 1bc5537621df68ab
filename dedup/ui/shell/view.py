"""What a person looks at, as a value that lives in the URL: a link reopens it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from dedup.images.metrics import METRICS
from dedup.model import NEAR_SINGULARITY, Kind
from dedup.query.selection import Selection
from dedup.review.acts import Order

Query = dict[str, str | list[str]]

PAGE_SIZES = (12, 24, 60, 120)
COMPANY = ("auto", "on", "off")
ASCENDING, DESCENDING, DIFFERENT, MATCHING = ORDERS = ("ascending", "descending", "different", "words")
"""Of the pictures: by the metric, the most different ones first, or those first that are most what the words say."""
LONGEST_WORDS = 500
"""Letters that are searched by: a text side reads some 77 words at most."""
PANELS = ("review", "rules", "examples", "plan", "history")
MIN_COLUMNS, MAX_COLUMNS = 2, 10
METRIC_NAMES = tuple(metric.name for metric in METRICS)


@dataclass(frozen=True)
class View:
    """A place in the app. `dataset` is a `DatasetInfo.key`, `page` counts from 1, `size` images are on a page. `order`
    is that of the images; by `words` they are searched. `company` says whether images are shown with the rest of their
    group; "auto": where the selection is of duplicates.

    Of the review: `panel` is what is open, `groups` the order of the groups, `undecided` whether only open ones are
    listed, `sheet` the page of groups from 1.
    """

    dataset: str = ""
    metric: str = "singularity"
    order: str = ASCENDING
    words: str = ""
    page: int = 1
    size: int = 60
    columns: int = 6
    company: str = COMPANY[0]
    panel: str = PANELS[0]
    groups: Order = Order.SAVED
    undecided: bool = True
    sheet: int = 1
    selection: Selection = field(default_factory=Selection)

    @property
    def with_company(self) -> bool:
        """Whether images are shown with the rest of their group."""
        if self.company != "auto":
            return self.company == "on"
        ends = self.selection.range_of("singularity")
        return (ends.high is not None and ends.high <= NEAR_SINGULARITY) or (
            bool(self.selection.kinds) and set(self.selection.kinds) <= {Kind.EXACT, Kind.NEAR}
        )

    @property
    def together(self) -> bool:
        """Whether the images of a group stand side by side."""
        by_metric = self.order in (ASCENDING, DESCENDING)
        return self.with_company or (by_metric and self.metric == "singularity")

    def to_query(self) -> Query:
        """The parameters of the URL; what is as usual is left out."""
        usual = View()
        told: Query = {"dataset": self.dataset} if self.dataset else {}
        told |= {
            name: str(getattr(self, name))
            for name in ("metric", "order", "words", "page", "size", "columns", "company", "panel", "groups", "sheet")
            if getattr(self, name) != getattr(usual, name)
        }
        told |= {} if self.undecided else {"decided": "shown"}
        return told | self.selection.to_query()

    @classmethod
    def from_query(cls, query: Mapping[str, Any]) -> View:
        """The inverse of `to_query`; what makes no sense is as usual."""
        usual = cls()
        metric = _one(query, "metric")
        size = _number(query, "size", usual.size)
        words = _one(query, "words").strip()[:LONGEST_WORDS].strip()
        return cls(
            dataset=_one(query, "dataset"),
            metric=metric if metric in METRIC_NAMES else usual.metric,
            order=order if (order := _one(query, "order")) in ORDERS and (words or order != MATCHING) else usual.order,
            words=words,
            page=max(1, _number(query, "page", 1)),
            size=size if size in PAGE_SIZES else usual.size,
            columns=min(MAX_COLUMNS, max(MIN_COLUMNS, _number(query, "columns", usual.columns))),
            company=company if (company := _one(query, "company")) in COMPANY else usual.company,
            panel=panel if (panel := _one(query, "panel")) in PANELS else usual.panel,
            groups=Order(groups) if (groups := _one(query, "groups")) in list(Order) else usual.groups,
            undecided=_one(query, "decided") != "shown",
            sheet=max(1, _number(query, "sheet", 1)),
            selection=Selection.from_query(query),
        )


def _one(query: Mapping[str, Any], name: str) -> str:
    value = query.get(name, "")
    return str(value[-1] if value else "") if isinstance(value, list) else str(value)


def _number(query: Mapping[str, Any], name: str, usual: int) -> int:
    text = _one(query, name)
    return int(text) if text.isdecimal() and len(text) < 10 else usual
