"""The datasets of this server process, opened once for all browser tabs, and what was computed from them last."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

import dedup
from dedup.dataset import Dataset
from dedup.errors import DedupError, UnknownDataset, UsageError
from dedup.files import as_it_is
from dedup.images import thumbnails
from dedup.images.formats import MAX_PIXELS
from dedup.images.metrics import Metric, said
from dedup.model import Kind, Role
from dedup.query.ordering import Rows, arrange, pages
from dedup.query.selection import Selection
from dedup.query.where import MAX_LENGTH
from dedup.store import vectors
from dedup.store.home import DatasetInfo
from dedup.ui.shell.routes import ServedImage
from dedup.ui.shell.view import ASCENDING, DIFFERENT, MATCHING, View
from dedup.vectors import of_dataset
from dedup.words import quote

if TYPE_CHECKING:
    from dedup.vectors.text import TextModel

NEAR_KEEPERS = "near keepers"
REMEMBERED = 64
"""Results kept per dataset; each is an array as long as the dataset at most."""


class Opened:
    """A dataset and the results that its pages ask for again and again; safe to share between threads.

    Results are remembered until a decision changes them; nobody may write into the arrays that come back.
    """

    def __init__(self, dataset: Dataset) -> None:
        self.dataset = dataset
        self._lock = threading.Lock()
        self._results: OrderedDict[Hashable, Any] = OrderedDict()
        self._keeping = threading.Lock()
        self._kept: dict[Hashable, Any] = {}
        self._different: tuple[NDArray[np.bool_], NDArray[np.float64]] | None = None

    def remembered(self, key: Hashable, compute: Callable[[], Any], *, tags: bool = False) -> Any:
        """What `compute` returns, computed once per `key` and revision of the decisions.

        Tags are decisions too, but they count only with `tags`: most results do not depend on them.
        """
        tagged, reviewed = self.dataset.decisions.revisions()
        full = (reviewed, tagged if tags else None, key)
        with self._lock:
            if full in self._results:
                self._results.move_to_end(full)
                return self._results[full]
        result = compute()
        with self._lock:
            self._results[full] = result
            while len(self._results) > REMEMBERED:
                self._results.popitem(last=False)
        return result

    def kept(self, key: Hashable, compute: Callable[[], Any]) -> Any:
        """What `compute` returns, computed once for as long as the dataset is open: for what no decision changes. Who
        asks meanwhile waits for it."""
        with self._keeping:
            if key not in self._kept:
                self._kept[key] = compute()
            return self._kept[key]

    def metrics(self) -> list[Metric]:
        """The metrics that say something of these images."""
        found: list[Metric] = self.kept("metrics", lambda: said(self.dataset.frame))
        return found

    def mask(self, selection: Selection) -> NDArray[np.bool_]:
        """(n,) bool: the images of the selection."""
        mask: NDArray[np.bool_] = self.remembered(
            selection, lambda: selection.mask(self.dataset.frame), tags=asks_for_tags(selection)
        )
        return mask

    def only(self, rows: Iterable[int]) -> str:
        """An expression for the images in these rows; "" where it would be too long."""
        chosen = sorted(set(rows))
        if len(chosen) > MAX_LENGTH:  # before as many ids are put together, on every run of a page
            return ""
        ids = self.dataset.frame["id"].to_numpy(object)[chosen]
        told = f"id in ({', '.join(map(quote, ids.tolist()))})"
        return told if len(told) <= MAX_LENGTH else ""

    def shown(self, selection: Selection, *, company: bool) -> NDArray[np.bool_]:
        """(n,) bool: the images of the selection, with `company` those of their groups as well."""
        if not company:
            return self.mask(selection)
        mask: NDArray[np.bool_] = self.remembered(
            ("company", selection), lambda: self._with_groups(self.mask(selection)), tags=asks_for_tags(selection)
        )
        return mask

    def _with_groups(self, mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
        group = self.dataset.frame["group"].to_numpy()
        wanted = np.zeros(int(group.max(initial=-1)) + 2, np.bool_)  # the last one is of images in no group
        wanted[group[mask]] = True
        wanted[-1] = False
        return np.asarray(mask | wanted[group])

    def order(self, view: View) -> Rows:
        """The row numbers of what is shown, in grid order. Raises `UsageError` where the images cannot be searched by
        the words of the view."""
        order: Rows = self.remembered(
            ("order", *_arranged(view)),
            lambda: arrange(
                self.dataset.frame,
                self.shown(view.selection, company=view.with_company),
                self._sorted_by(view),
                ascending=view.order in (ASCENDING, DIFFERENT),
                together=view.together,
            ),
            tags=asks_for_tags(view.selection),
        )
        return order

    def _sorted_by(self, view: View) -> str | NDArray[np.floating]:
        if view.order == MATCHING:
            return self.cosines(view.words)
        return self._differences(view.selection) if view.order == DIFFERENT else view.metric

    def starts(self, view: View) -> Rows:
        """Where the pages of that order begin, see `dedup.query.ordering.pages`."""
        starts: Rows = self.remembered(
            ("pages", *_arranged(view), view.size),
            lambda: pages(self.dataset.frame, self.order(view), view.size, together=view.together),
            tags=asks_for_tags(view.selection),
        )
        return starts

    def vectors(self) -> of_dataset.Vectors:
        """The vectors of the images."""
        held: of_dataset.Vectors = self.kept("vectors", lambda: self.dataset.vectors)
        return held

    def cosines(self, words: str) -> NDArray[np.float32]:
        """(n,) how much each image is what the words say, NaN without a vector. Raises `UsageError`."""
        held = self.vectors()
        if not held.text_side:
            raise UsageError(
                "These images cannot be searched by words. Embed them with a model that has a text side: on the page "
                "Map, or by dedup embed."
            )
        cosines: NDArray[np.float32] = self.remembered(
            ("cosines", words), lambda: of_dataset.cosines(held, self._text_side(held.text_side).vector(words))
        )
        return cosines

    def _text_side(self, file: str) -> TextModel:
        from dedup.vectors.text import TextModel  # with what runs models

        model: TextModel = self.kept("text side", lambda: TextModel(Path(file)))
        return model

    def _differences(self, selection: Selection) -> NDArray[np.float64]:
        """(n,) the place of each image of a selection in the order of the most different ones; of the selection that
        was asked for last it is kept, for no decision changes it."""
        mask = self.mask(selection)
        if self._different is None or not np.array_equal(self._different[0], mask):
            random = self.dataset.frame["random"].to_numpy(np.float64)
            self._different = (mask, of_dataset.ranks_by_difference(self.vectors(), mask, random))
        return self._different[1]

    def counts(self) -> dict[str, int]:
        """Images by kind, all of them under "", and the near duplicates that stay under `NEAR_KEEPERS`."""
        counts: dict[str, int] = self.remembered("counts", self._count)
        return counts

    def _count(self) -> dict[str, int]:
        frame = self.dataset.frame
        kinds = frame["kind"].astype(str).value_counts()
        staying = int(((frame["kind"] == Kind.NEAR) & (frame["role"] == Role.KEEPER)).sum())
        return {"": len(frame), NEAR_KEEPERS: staying} | {kind: int(kinds.get(kind, 0)) for kind in Kind}


def _arranged(view: View) -> tuple[Hashable, ...]:
    """What the order of the images hangs on."""
    return view.selection, view.metric, view.order, view.words, view.with_company


def asks_for_tags(selection: Selection) -> bool:
    """Whether giving a tag can change what the selection holds."""
    return bool(selection.tags_any or selection.tags_all or selection.tags_none or selection.where)


def _stamp(source: Path) -> bytes:
    """Changes when a file of labels does; of a folder of many, which would take long to look through, its own alone."""
    try:
        return as_it_is(source)
    except OSError as error:
        return str(error).encode()


class Library:
    """Opens each dataset once, and again after it was scanned, its labels changed or its map was drawn anew."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._opened: dict[str, tuple[Hashable, Opened]] = {}

    def infos(self) -> list[DatasetInfo]:
        """Every dataset of the home."""
        return dedup.datasets()

    def info(self, key: str) -> DatasetInfo:
        """The dataset of that key. Raises `UnknownDataset`."""
        for info in self.infos():
            if info.key == key:
                return info
        raise UnknownDataset("This dataset is no longer in the list; choose another one.")

    def open(self, key: str) -> Opened:
        """The dataset of that key, shared. Raises `UnknownDataset` and `DatasetError`."""
        info = self.info(key)
        labels = [_stamp(Path(source)) for source in info.annotations]  # a scan that finds only these new keeps its id
        version = (info.directory, info.scan_id, *labels, *vectors.stamp(info.directory))
        with self._lock:
            known = self._opened.get(key)
            if known is None or known[0] != version:
                known = self._opened[key] = (version, Opened(dedup.open(info.name, session="app")))
            return known[1]

    def is_current(self, opened: Opened) -> bool:
        """Whether this is what `open` still gives: not once it was scanned again, or is no longer in the list."""
        try:
            return self.open(opened.dataset.info.key) is opened
        except DedupError:
            return False

    def rename(self, info: DatasetInfo, name: str) -> None:
        """Give a dataset another name. Raises `UsageError`, `DatasetError`."""
        dedup.rename(info.name, name)
        self._close(info.key)

    def remove(self, info: DatasetInfo) -> None:
        """Take a dataset off the list; its images are never touched. Raises `DatasetError`."""
        dedup.forget(info.name)
        self._close(info.key)

    def _close(self, key: str) -> None:
        with self._lock:
            self._opened.pop(key, None)

    def resolve(self, key: str, image_id: str) -> ServedImage | None:
        """The file behind an image's address; None for one that no dataset has."""
        with self._lock:
            known = self._opened.get(key)
        try:
            dataset = (known[1] if known else self.open(key)).dataset
            row = dataset.row(image_id)
        except (KeyError, UnknownDataset):
            return None
        record = dataset.frame[["sha256", "mtime_ns", "width", "height"]].iloc[row]
        return ServedImage(
            dataset.where(row),
            thumbnails.version(str(record["sha256"]), int(record["mtime_ns"])),
            dataset.directory / "thumbnails",
            int(record["width"]) * int(record["height"]),
            dataset.info.max_pixels or MAX_PIXELS,
        )


LIBRARY = Library()
"""One per process."""
