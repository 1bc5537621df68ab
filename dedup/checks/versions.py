"""What a new version of a dataset adds, loses, duplicates and labels otherwise, against an older one.

Images are the same by content: by their bytes, or by their samples where files of other bytes look identical, as `check
--against` compares them. Each may be a dataset or a fingerprint; classes and boxes are compared between datasets.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dedup.checks import fingerprint, gate
from dedup.checks.fingerprint import Fingerprint
from dedup.errors import UsageError
from dedup.labels.coco import Attachment, Coco
from dedup.labels.coco_sound import is_box
from dedup.model import Kind, OnProgress, Status

Classes = tuple[str, ...]
Box = tuple[str, int, int, int, int]
MOVED = 2
"""Pixels by which edges of a box may be told otherwise by another format, and are the same."""


class Images(fingerprint.Images, Protocol):
    """What is compared of a dataset."""

    @property
    def sources(self) -> Sequence[tuple[Coco, Attachment]]:
        """Its labels, each with how they meet the images."""


@dataclass(frozen=True)
class Diff:
    """The new version against the old one, by path. Where a fingerprint has no names, its images are called by the
    start of their SHA-256.

    `added` are images of which the old one has nothing like, `near` those that are near duplicates of old ones, `lost`
    those that the new one has no exact copy of, `moved` (before, after) the same image under another path, `repeated`
    and `fewer` (path, before, after) images that are there more and less often, with how often, `relabelled` (path,
    before, after) images of both whose classes differ, `redrawn` those whose boxes do, of the same classes, in both
    near duplicates of one path and size included, as a version that was encoded anew has them; `kept`
    counts what is as it was. `unlabelled` is whether one of them tells no labels, and nothing is known of these two.
    """

    added: list[str] = field(default_factory=list)
    near: list[gate.Match] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    moved: list[tuple[str, str]] = field(default_factory=list)
    repeated: list[tuple[str, int, int]] = field(default_factory=list)
    fewer: list[tuple[str, int, int]] = field(default_factory=list)
    relabelled: list[tuple[str, Classes, Classes]] = field(default_factory=list)
    redrawn: list[str] = field(default_factory=list)
    kept: int = 0
    unlabelled: bool = False

    @property
    def empty(self) -> bool:
        """Whether the two are the same."""
        return not any(value for name, value in vars(self).items() if name not in ("kept", "unlabelled"))


@dataclass(frozen=True)
class _Version:
    """The readable images of one version, in order: paths, what tells copies within it, width and height, and classes
    and boxes. Where not `named`, paths are none; where not `labelled`, nobody knows of classes and boxes."""

    paths: list[str]
    content: list[str]
    sizes: list[tuple[int, int]]
    classes: list[Classes] = field(default_factory=list)
    boxes: Mapping[str, list[Box]] = field(default_factory=dict)
    named: bool = True
    labelled: bool = True

    @classmethod
    def of(cls, images: Images | Fingerprint) -> _Version:
        if isinstance(images, Fingerprint):
            named = bool(images.facts["path"].any())
            return cls(_names(images), images.facts["sha256"].tolist(), [], named=named, labelled=False)
        part = images.frame[images.frame["status"] == Status.OK]
        classes = [tuple(sorted(each)) for each in part["classes"]]
        sizes = list(zip(part["width"].tolist(), part["height"].tolist(), strict=True))
        return cls(part["path"].tolist(), part["content"].tolist(), sizes, classes, _boxes(images))


def _names(known: Fingerprint) -> list[str]:
    facts = known.facts
    return [path or hashed[:12] for path, hashed in zip(facts["path"], facts["sha256"], strict=True)]


class _Held:
    """What a fingerprint holds of its images, to be looked up in another as those of a dataset are."""

    def __init__(self, held: Fingerprint) -> None:
        if held.signatures is None:
            raise UsageError("The newer version is a fingerprint of hashes alone, which tell no edited copies.")
        told = zip(held.samples(range(len(held))), held.facts["sha256"], strict=True)
        content = [samples or sha256 for samples, sha256 in told]
        self.frame: pd.DataFrame = held.facts.assign(path=_names(held), status=Status.OK, content=content)
        self.signatures: NDArray[np.void] = held.signatures
        self._held = held

    def samples(self, rows: Sequence[int], _on_progress: OnProgress | None = None, /) -> list[str]:
        """Digests of the samples of images, as they are told."""
        return self._held.samples(rows)


def _boxes(images: Images) -> dict[str, list[Box]]:
    """The boxes of each image, in whole pixels, with their classes, in order."""
    found: dict[str, list[Box]] = defaultdict(list)
    for document, attached in images.sources:
        path_of = {id_: path for path, ids in attached.image_ids.items() for id_ in ids}
        for entry in document.annotations:
            if entry["image_id"] in path_of and is_box(box := entry.get("bbox")):
                name = document.category_names.get(entry.get("category_id"), "")
                left, top, width, height = map(round, box)
                found[path_of[entry["image_id"]]].append((name, left, top, width, height))
    return {path: sorted(boxes) for path, boxes in found.items()}


def diff(old: Images | Fingerprint, new: Images | Fingerprint, on_progress: OnProgress | None = None) -> Diff:
    """Compare two versions; reads files only where their samples must tell. Raises `UsageError` for a new one of hashes
    alone."""
    then, now = _Version.of(old), _Version.of(new)
    asked = _Held(new) if isinstance(new, Fingerprint) else new
    matches = {match.path: match for match in gate.check_against(asked, old, on_progress=on_progress)}
    found = Diff(
        added=[path for path in now.paths if path not in matches],
        near=[match for match in matches.values() if match.kind != Kind.EXACT],
        unlabelled=not (then.labelled and now.labelled),
    )
    here: dict[str, list[int]] = defaultdict(list)
    for place, path in enumerate(now.paths):
        match = matches.get(path)
        if match is not None and match.kind == Kind.EXACT:
            here[then.content[match.known_row]].append(place)
    there: dict[str, list[int]] = defaultdict(list)
    for place, content in enumerate(then.content):
        there[content].append(place)
    kept = 0
    for content, places in there.items():
        kept += _compare(found, then, now, places, here.get(content, []))
    place_of = {path: place for place, path in enumerate(now.paths)}
    for match in found.near:
        before, after = match.known_row, place_of[match.path]
        if not found.unlabelled and then.paths[before] == match.path and then.sizes[before] == now.sizes[after]:
            _labelled_otherwise(found, then, now, before, after)
    return Diff(**{**vars(found), "kept": kept})


def _labelled_otherwise(found: Diff, then: _Version, now: _Version, before: int, after: int) -> bool:
    """Whether an image has other classes or boxes now, which is added to `found`."""
    if found.unlabelled:
        return False
    if then.classes[before] != now.classes[after]:
        found.relabelled.append((now.paths[after], then.classes[before], now.classes[after]))
        return True
    if _differ(then.boxes.get(then.paths[before], []), now.boxes.get(now.paths[after], [])):
        found.redrawn.append(now.paths[after])
        return True
    return False


def _compare(found: Diff, then: _Version, now: _Version, old: list[int], new: list[int]) -> int:
    """One content: add what became of it to `found`; returns how many images are as they were."""
    if not new:
        found.lost.extend(then.paths[place] for place in old)
        return 0
    if len(new) > len(old):
        found.repeated.append((now.paths[new[0]], len(old), len(new)))
    if len(new) < len(old):
        found.fewer.append((now.paths[new[0]], len(old), len(new)))
    names = {now.paths[place]: place for place in new}
    if then.named and now.named:
        same = [(place, names.pop(then.paths[place])) for place in old if then.paths[place] in names]
    else:
        same = list(zip(old, new, strict=False))
        names.clear()
    stayed = {place for place, _ in same}
    moved = list(zip([place for place in old if place not in stayed], names.values(), strict=False))
    found.moved.extend((then.paths[before], now.paths[after]) for before, after in moved)
    kept = 0
    for before, after in (*same, *moved):
        if not _labelled_otherwise(found, then, now, before, after) and (before, after) in same:
            kept += 1
    return kept


def _differ(one: Sequence[Box], other: Sequence[Box]) -> bool:
    """Whether two images of the same classes have other boxes: each of one has one of the other within `MOVED`."""
    left = list(other)
    for name, *box in one:
        named = (each for each in left if each[0] == name)
        near = (each for each in named if all(abs(a - b) <= MOVED for a, b in zip(box, each[1:], strict=True)))
        match = next(near, None)
        if match is None:
            return True
        left.remove(match)
    return bool(left)
