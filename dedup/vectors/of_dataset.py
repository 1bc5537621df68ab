"""The vectors of a dataset's images: those that a model or a person gave, else those of the signatures."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dedup.errors import DatasetError, UsageError
from dedup.images.formats import MAX_PIXELS
from dedup.model import CLUSTER, MAP_X, MAP_Y, Kind, OnProgress, Role, Status
from dedup.scanning.engines.base import Failed
from dedup.sources import Where
from dedup.store import vectors as kept
from dedup.vectors import drawing, layout
from dedup.vectors.diverse import by_difference
from dedup.vectors.nearest import nearest
from dedup.vectors.signatures import of_signatures, unit

if TYPE_CHECKING:
    from dedup.vectors.model import Model

FEWEST_TO_DIFFER, SAME = 8, 1e-6
"""So many contents or more whose vectors of length 1 differ by less anywhere come from something that sees none."""
MOST_ORDERED, COMPARED = 20_000, 8_000_000
"""So many images are put into the order of the most different ones, of which each next one is compared with all, and so
many comparisons are made: with the vectors of so many signatures a second of one processor."""
NEAREST = 6
"""Of each picture so many nearest ones are kept, for a thorough scan to look at: as many as it tells of one anyway."""
SIGNATURES = ""
"""The source of vectors that come from signatures."""


@dataclass(frozen=True)
class Vectors:
    """`of` gives unit vectors (m, d) of rows, of those that are `known` (n,); `source` is the model or file they come
    from, `SIGNATURES` where nobody gave any, `text_side` the file of its text side, "" where none is known."""

    source: str
    known: NDArray[np.bool_]
    of: Callable[[NDArray[np.int64]], NDArray[np.float32]]
    text_side: str = ""


def of_signatures_of(images: pd.DataFrame, signatures: Callable[[], NDArray[np.void]]) -> Vectors:
    """Those of the signatures (n,) of all images."""
    ok = (images["status"] == Status.OK).to_numpy()
    return Vectors(SIGNATURES, ok, lambda rows: of_signatures(signatures()[rows]))


def given_to(images: pd.DataFrame, directory: Path) -> Vectors | None:
    """Those that were given, as far as the images have them; None where none were. They are read when some are asked
    for: who they are of is a fraction of them."""
    scored = kept.read_singularity(directory)
    if scored is None:
        return None
    place = _places(images, scored[1])

    @cache
    def held() -> NDArray[np.float32]:
        found = kept.read_vectors(directory)
        if found is None or found.sha256 != scored[1]["sha256"].tolist():
            raise DatasetError("The vectors were given anew meanwhile. Open the dataset again.")
        return found.vectors

    return Vectors(scored[0].source, place >= 0, lambda rows: held()[place[rows]], scored[0].text_side)


def columns(images: pd.DataFrame, directory: Path) -> dict[str, NDArray[np.generic]]:
    """Of the frame: semantic_singularity (NaN where no vector is known) and, where a map was drawn, map_x, map_y and
    cluster."""
    scored, drawn = kept.read_singularity(directory), kept.read_map(directory)
    readable = (images["status"] == Status.OK).to_numpy()
    found: dict[str, NDArray[np.generic]] = {"semantic_singularity": np.full(len(images), np.nan)}
    if scored:
        place = _places(images, scored[1])
        apart = scored[1]["singularity"].to_numpy()[place]
        found["semantic_singularity"] = np.where(readable & (place >= 0), apart, np.nan)
    if drawn:
        place = _places(images, drawn[1])
        there = readable & (place >= 0)
        points = np.where(there[:, None], drawn[1][["x", "y"]].to_numpy()[place], np.nan)
        again = np.asarray(images.groupby("sha256").cumcount(), np.int64)  # of one content one place is kept
        found |= dict(zip((MAP_X, MAP_Y), layout.around(points, again).T, strict=True))
        found[CLUSTER] = np.where(there, drawn[1]["cluster"].to_numpy()[place], 0).astype(np.int32)
    return found


def _places(images: pd.DataFrame, table: pd.DataFrame) -> NDArray[np.int64]:
    """The place of each image's content in a table, -1 for none."""
    return np.asarray(pd.Index(table["sha256"]).get_indexer(pd.Index(images["sha256"])), np.int64)


def draw(
    directory: Path,
    frame: pd.DataFrame,
    pairs: pd.DataFrame,
    vectors: Vectors,
    on_progress: OnProgress | None = None,
) -> int:
    """Compute the map and keep it; returns how many images have a place. Raises `UsageError` where none can."""
    if not vectors.known.any():
        raise UsageError("No image can be placed on a map: none could be read.")
    places = drawing.draw(frame, pairs, vectors.of, vectors.known, on_progress)
    usable = vectors.known & (frame["status"] == Status.OK).to_numpy()
    usable[places["row"]] = False
    told = kept.Told(vectors.source, left_out=int(usable.sum()))
    sha256 = frame["sha256"].to_numpy()[places["row"].to_numpy()]
    table = places.drop(columns="row").assign(sha256=sha256).drop_duplicates("sha256")
    kept.write_map(directory, told, table)
    return len(places)


def search(held: Vectors, vector: NDArray[np.float32], count: int) -> list[tuple[int, float]]:
    """Rows of the `count` images nearest to a vector (d,), with their cosines. Raises `UsageError`."""
    if count < 0:
        raise UsageError("Say how many images to find.")
    cosine = cosines(held, vector)
    nearest = np.argsort(-cosine, kind="stable")[: min(count, int(held.known.sum()))]  # NaN comes last
    return [(row, float(cosine[row])) for row in nearest.tolist()]


def cosines(held: Vectors, vector: NDArray[np.float32]) -> NDArray[np.float32]:
    """(n,) cosines of all images to a vector (d,), NaN of those without one. Raises `UsageError`."""
    known = np.flatnonzero(held.known)
    if not np.isfinite(vector).all():
        raise UsageError("Give a vector of finite numbers.")
    found = np.full(len(held.known), np.nan, np.float32)
    if not len(known):
        return found
    units = held.of(known)
    if vector.shape != units.shape[1:]:
        told = vector.size if vector.ndim == 1 else f"the shape {vector.shape}"
        raise UsageError(
            f"The vectors of the images have {units.shape[1]} numbers, this one has {told}: the two sides of "
            "one model are needed. Embed the images with the other side: dedup embed NAME --model FILE."
        )
    found[known] = units @ unit(vector[None])[0]
    return found


def ranks_by_difference(held: Vectors, mask: NDArray[np.bool_], random: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n,) the place of each image of `mask` in the order of `dedup.vectors.diverse.by_difference`, from 0; NaN of
    others, of those without a vector and, of more than `MOST_ORDERED`, of all but a fair sample by `random` (n,)."""
    among = np.flatnonzero(mask & held.known)
    among = np.sort(among[np.argsort(random[among], kind="stable")[:MOST_ORDERED]])
    ranks = np.full(len(mask), np.nan)
    ranks[among[by_difference(held.of(among), steps(len(among)))]] = np.arange(len(among))
    return ranks


def steps(count: int) -> int:
    """How many of so many images, `MOST_ORDERED` at most, are chosen one after the other."""
    return min(count, COMPARED // max(1, count))


def embed(
    directory: Path,
    frame: pd.DataFrame,
    where: Callable[[int], Where],
    model: Model,
    *,
    max_pixels: int = MAX_PIXELS,
    on_progress: OnProgress | None = None,
) -> tuple[NDArray[np.float32], dict[str, str]]:
    """A model's vectors (n, d) of all images, NaN where there is none, and why not by path; each content is read once,
    and what the same model gave before is not asked for again."""
    known: dict[str, NDArray[np.float32]] = {}
    for name in (kept.VECTORS, kept.UNFINISHED):
        before = kept.read_vectors(directory, name)
        if before is not None and before.told.source == model.source:
            known |= dict(zip(before.sha256, before.vectors, strict=True))
    sha256 = frame["sha256"].tolist()
    readable = np.flatnonzero((frame["status"] == Status.OK).to_numpy()).tolist()
    missing = {sha256[row]: row for row in reversed(readable) if sha256[row] not in known}
    failed = {}
    files = {key: where(row) for key, row in missing.items()}
    try:
        for key, found in model.embed(files, max_pixels=max_pixels, on_progress=on_progress):
            if isinstance(found, Failed):
                failed[str(frame["path"].iat[missing[key]])] = found.reason
            elif known and len(found) != len(next(iter(known.values()))):
                raise UsageError(f"{model.name} gives vectors of several lengths; they cannot be compared.")
            elif not (np.isfinite(found).all() and found.any()):
                failed[str(frame["path"].iat[missing[key]])] = "the model gives zeros, or what is no number"
            else:
                known[key] = found
    except BaseException:  # whatever stops it, the next time begins where this one ended
        _keep_unfinished(directory, known, model.source)
        raise
    (directory / kept.UNFINISHED).unlink(missing_ok=True)
    width = len(next(iter(known.values()))) if known else 1
    made = np.full((len(frame), width), np.nan, np.float32)
    for row in readable:
        if sha256[row] in known:
            made[row] = known[sha256[row]]
    return made, failed


def _keep_unfinished(directory: Path, known: Mapping[str, NDArray[np.float32]], source: str) -> None:
    if known:
        with suppress(DatasetError):  # of a full disk the reason is told that stopped it
            vectors = np.stack(list(known.values()))
            apart = np.full(len(known), np.nan, np.float32)
            told = kept.KeptVectors(kept.Told(source), list(known), apart, vectors)
            kept.write_vectors(directory, told, kept.UNFINISHED)


def give(
    directory: Path,
    frame: pd.DataFrame,
    vectors: NDArray[np.floating],
    source: str,
    on_progress: OnProgress | None = None,
    *,
    text_side: str = "",
) -> kept.Told:
    """Keep vectors (n, d), a row per image, not finite where there is none, with the singularity that they tell and
    the file of their model's text side.

    Of several files of one content the one that stays counts, else the first. Raises `UsageError` where no image gets
    any, and where all get the same.
    """
    readable = (frame["status"] == Status.OK).to_numpy()
    if not readable.any():
        raise UsageError("None of the images could be read, so none can have a vector.")
    usable = readable & np.isfinite(vectors).all(axis=1) & vectors.any(axis=1)
    copies = ((frame["kind"] == Kind.EXACT) & (frame["role"] == Role.DUPLICATE)).to_numpy()
    rows = np.flatnonzero(usable)
    rows = rows[np.argsort(copies[rows], kind="stable")]
    rows = np.sort(rows[~frame["sha256"].iloc[rows].duplicated().to_numpy()])
    if not len(rows):
        raise UsageError("None of the images has a vector that is more than zeros.")
    units = unit(np.asarray(vectors[rows]))
    if len(rows) >= FEWEST_TO_DIFFER and np.ptp(units, axis=0).max() < SAME:
        raise UsageError("All images have the same vector, which tells nothing of them. Name another output or file.")
    apart = np.full(len(rows), np.nan, np.float32)
    own = np.flatnonzero(~copies[rows])
    near = nearest(units[own], NEAREST, on_progress)
    others = np.full((len(rows), near.rows.shape[1]), -1, np.int32)
    if near.rows.shape[1]:
        apart[own] = np.clip(1 - near.similarity[:, 0], 0, 1)
        others[own] = own[near.rows]
    told = kept.Told(source, near.recall, text_side=text_side)
    kept.write_vectors(directory, kept.KeptVectors(told, frame["sha256"].iloc[rows].tolist(), apart, units, others))
    return told
