"""A gate for data pipelines: does a dataset stay within limits, and does a new batch repeat what is there?"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dedup.checks import fingerprint
from dedup.checks.fingerprint import Fingerprint
from dedup.labels.clashes import Clash
from dedup.labels.coco import Attachment
from dedup.labels.formats import Pictures
from dedup.matching import relations
from dedup.matching.columns import PAIR_COLUMNS
from dedup.matching.nearest_hash import oriented_hashes
from dedup.model import NEAR_DISTANCE, Kind, OnProgress, Role, Status
from dedup.query import issues
from dedup.splits import given, leaks

Rows = NDArray[np.int64]

EXAMPLES = 5
NEAR_BITS = 48
"""Hashes that differ in at most so many of 256 bits are near when there is nothing but hashes to compare. A random
pair differs in 128 with a standard deviation of 8; edits that keep the frame stay below 66."""
FLAT_CONTRAST = 4.0
"""Pictures of a standard deviation under so many gray levels match by exact pixels only."""


@dataclass(frozen=True, slots=True)
class Limits:
    """The most there may be of each; None is not checked.

    `exact`: redundant exact copies. `near`: near duplicates except keepers. `leaks`: groups across splits.
    `clashes`: pairs whose labels clash and about which nobody decided; where no image has a label nothing can be said
    of them, which passes only with `unlabelled`. `failed`: files that cannot be read, and `unread`: entries of labels;
    none of either by default, because nothing can vouch for them. `issues` are limits by kind (`dedup.query.issues`).
    """

    exact: int | None = 0
    near: int | None = None
    leaks: int | None = None
    clashes: int | None = None
    failed: int | None = 0
    unread: int | None = 0
    unlabelled: bool = False
    issues: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Detail:
    """One thing that was counted: in words, and the images it is about, the one to look at first."""

    sentence: str
    paths: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Finding:
    """One count against its limit, with what was counted. `remark` warns of what the count cannot see; `blind`
    says why there is nothing that could be counted, which passes no limit."""

    name: str
    count: int
    limit: int
    details: tuple[Detail, ...] = ()
    remark: str = ""
    blind: str = ""

    @property
    def examples(self) -> tuple[str, ...]:
        """A few of what was counted, in words."""
        return tuple(each.sentence for each in self.details[:EXAMPLES])

    @property
    def exceeded(self) -> bool:
        """More than allowed, or nobody knows."""
        return bool(self.blind) or self.count > self.limit

    def sentence(self) -> str:
        """For people."""
        if self.blind:
            return f"{self.name}: not known, for {self.blind}"
        verdict = f"more than the {self.limit:,} allowed" if self.exceeded else f"of {self.limit:,} allowed"
        return f"{self.name}: {self.count:,}, {verdict}" + (f" ({self.remark})" if self.remark else "")


@dataclass(frozen=True, slots=True)
class CheckReport:
    """What `check` counted, in the order exact, near, leaks, clashes, failed, unread."""

    findings: tuple[Finding, ...]

    @property
    def passed(self) -> bool:
        """Whether everything is known to be within its limit."""
        return not any(finding.exceeded for finding in self.findings)


class Images(Protocol):
    """What a check reads of a dataset."""

    @property
    def frame(self) -> pd.DataFrame:
        """One row per image."""

    @property
    def pairs(self) -> pd.DataFrame:
        """One row per pair."""

    @property
    def open_clashes(self) -> list[Clash]:
        """Label clashes that nobody decided."""

    @property
    def attachments(self) -> Mapping[Path, Attachment]:
        """How labels meet the images, by their file or folder."""

    @property
    def pictures(self) -> Pictures:
        """The images as readers of labels meet them."""

    @property
    def annotation_errors(self) -> Sequence[str]:
        """Sentences on sources of labels that are used and cannot be read."""

    @property
    def labels_unread(self) -> Sequence[str]:
        """Sentences on files that hold labels and were not read."""

    @property
    def labels_strange(self) -> Sequence[str]:
        """Sentences on files that tell of images and may hold labels."""


@dataclass(frozen=True, slots=True)
class Match:
    """A new image that repeats a known one.

    `known` is the known image's path, or the start of its SHA-256 where the fingerprint has no names; `known_row` its
    row there. `relation` says what the new image is relative to it ("" where there were only hashes to compare).
    """

    row: int
    path: str
    kind: Kind
    known: str
    known_row: int
    distance: float
    relation: str


def check(images: Images, limits: Limits) -> CheckReport:
    """Count what `limits` name."""
    found = (
        _finding("exact duplicates", limits.exact, lambda: _copies(images.frame, Kind.EXACT)),
        _finding("near duplicates except keepers", limits.near, lambda: _copies(images.frame, Kind.NEAR)),
        _finding("leaks", limits.leaks, lambda: _leaks(images), leaks.out_of_sight(images.frame)),
        _seeing_labels(_finding("label clashes", limits.clashes, lambda: _clashes(images)), images, limits),
        _finding("unreadable files", limits.failed, lambda: _failures(images.frame)),
        _unread(images, limits.unread),
        *(_finding(name, limit, partial(_issue, images.frame, name)) for name, limit in limits.issues.items()),
    )
    return CheckReport(tuple(finding for finding in found if finding is not None))


def check_against(
    images: fingerprint.Images,
    known: Fingerprint | fingerprint.Images,
    *,
    threshold: float = NEAR_DISTANCE,
    workers: int | None = None,
    on_progress: OnProgress | None = None,
) -> list[Match]:
    """New images that repeat an image of `known`, a dataset or its fingerprint; each once with its closest, by row.

    Exact copies by file first; the rest is verified and named by the matching engine up to the distance `threshold`,
    or, against hashes alone, taken as near within `NEAR_BITS` over eight orientations. Of what then looks identical
    the samples are compared, where need be by reading files.
    """
    known = known if isinstance(known, Fingerprint) else fingerprint.of(known, names=True, on_progress=on_progress)
    found = _same_files(images.frame, known)
    rest = _distinct_rest(images.frame, found)
    if len(rest) and len(known):
        verified = partial(_verified_matches, workers=workers, on_progress=on_progress)
        close = (_hash_matches if known.hash_only else verified)(images, known, rest)
        exact = _same_samples(images, known, rest, close, on_progress)
        near = {row: match for row, match in close.items() if known.hash_only or match.distance <= threshold}
        found |= _for_all_copies(images.frame, near | exact)
    return [found[row] for row in sorted(found)]


# --- counting ---------------------------------------------------------------------------------------------------------


def _finding(name: str, limit: int | None, count: Callable[[], Sequence[Detail]], remark: str = "") -> Finding | None:
    """A count with its limit; None, and nothing is counted, where there is no limit."""
    if limit is None:
        return None
    details = tuple(count())
    return Finding(name, len(details), limit, details, remark)


def _seeing_labels(finding: Finding | None, images: Images, limits: Limits) -> Finding | None:
    """A finding on labels, which says what it can where there are none, and what may hold some that was not read."""
    if finding is None:
        return None
    if images.frame["classes"].map(bool).any():
        strange = "" if images.attachments else " ".join(images.labels_strange).removesuffix(".")
        return replace(finding, remark=strange) if strange else finding
    if limits.unlabelled:
        return replace(finding, remark="no image has a label")
    return replace(finding, blind="no image has a label: scan with --labels, or allow that with --allow-unlabelled")


def _unread(images: Images, limit: int | None) -> Finding | None:
    """Files of labels that were not read, and entries that could not be taken; nothing is told where there are none and
    none are allowed."""
    met = {path: each for path, each in images.attachments.items() if each.unread}
    files = (*images.annotation_errors, *images.labels_unread)
    count = sum(each.unread for each in met.values()) + len(files)
    if limit is None or not (count or limit):
        return None
    entries = (sentence for each in met.values() for sentence in each.unread_told)
    told = tuple(Detail(sentence) for sentence in (*files, *entries))
    return Finding("unread labels", count, limit, told)


def _issue(frame: pd.DataFrame, name: str) -> list[Detail]:
    kind = issues.issue(name)
    says = kind.says if kind in issues.ISSUES else f"{kind.column} {kind.limits()}"  # it says the usual limit
    return [Detail(f"{path}: {says}", (path,)) for path in frame["path"][kind.mask(frame)]]


def _copies(frame: pd.DataFrame, kind: Kind) -> list[Detail]:
    chosen = frame[(frame["kind"] == kind) & (frame["role"] == Role.DUPLICATE)]
    paths = frame["path"].to_numpy(object)
    return [
        Detail(f"{path} copies {paths[keeper]}", (path, paths[keeper]))
        for path, keeper in zip(chosen["path"], chosen["keeper"].tolist(), strict=True)
    ]


def _leaks(images: Images) -> list[Detail]:
    """Groups of copies in several splits, and images in one that contain an image of another."""
    frame = images.frame
    path, split = frame["path"].to_numpy(object), frame["split"].to_numpy(object)
    parts = [
        Detail(f"{path[whole]} ({split[whole]}) contains {path[part]} ({split[part]})", (path[whole], path[part]))
        for whole, part in leaks.parts_across(frame, images.pairs)
    ]
    return [*_copies_across(frame), *parts, *_in_several_splits(images)]


def _in_several_splits(images: Images) -> list[Detail]:
    """Images that labels put into several splits, and nothing else into one: each is a copy of itself in another."""
    if not images.attachments:
        return []
    bare = set(images.frame["path"][images.frame["split"] == ""])
    several = given.from_labels(images.attachments, images.pictures).several if bare else {}
    return [
        Detail(f"{path} is in several splits by its labels ({', '.join(splits)})", (path,))
        for path, splits in several.items()
        if path in bare
    ]


def _copies_across(frame: pd.DataFrame) -> list[Detail]:
    crossing = leaks.crossing_groups(frame)
    members = frame[frame["group"].isin(crossing) & (frame["split"] != "")]
    return [
        Detail(
            ", ".join(f"{path} ({split})" for path, split in zip(part["path"], part["split"], strict=True)),
            tuple(part["path"]),
        )
        for _, part in members.groupby("group")
    ]


def _clashes(images: Images) -> list[Detail]:
    paths = images.frame["path"].to_numpy(object)
    return [
        Detail(f"{paths[each.left]} and {paths[each.right]}: {each.sentence()}", (paths[each.left], paths[each.right]))
        for each in images.open_clashes
    ]


def _failures(frame: pd.DataFrame) -> list[Detail]:
    failed = frame[frame["status"] == Status.FAILED]
    return [Detail(f"{path}: {error}", (path,)) for path, error in zip(failed["path"], failed["error"], strict=True)]


# --- against a fingerprint --------------------------------------------------------------------------------------------


def _same_files(frame: pd.DataFrame, known: Fingerprint) -> dict[int, Match]:
    places = {value: place for place, value in reversed(list(enumerate(known.facts["sha256"].tolist())))}
    return {
        row: _exact(frame, row, known, places[value], relations.IDENTICAL_FILE)
        for row, value in enumerate(frame["sha256"].tolist())
        if value in places
    }


def _exact(frame: pd.DataFrame, row: int, known: Fingerprint, place: int, relation: str) -> Match:
    return Match(row, str(frame["path"].iat[row]), Kind.EXACT, _label(known, place), place, 0.0, relation)


def _same_samples(
    images: fingerprint.Images,
    known: Fingerprint,
    rows: Rows,
    near: Mapping[int, Match],
    on_progress: OnProgress | None,
) -> dict[int, Match]:
    """Exact copies among `rows`, which are other files: those with a near match of their size, and the flat ones, which
    are no near match of anything."""
    size_of = images.frame[[*fingerprint.SIZE]].to_numpy()
    known_size = known.facts[[*fingerprint.SIZE]].to_numpy()
    flat = images.signatures["tiny"][rows].std(axis=(1, 2)) < FLAT_CONTRAST
    there: dict[tuple[int, int], list[int]] = defaultdict(list)
    for place in np.flatnonzero(_flat_places(known)).tolist():
        there[tuple(known_size[place].tolist())].append(place)
    asked = {row: there[tuple(size_of[row].tolist())] for row in rows[flat].tolist()}
    asked |= {
        row: [*asked.get(row, []), match.known_row]
        for row, match in near.items()
        if (size_of[row] == known_size[match.known_row]).all()
    }
    asked = {row: places for row, places in asked.items() if places}
    every = sorted({place for places in asked.values() for place in places})
    digest_of = dict(zip(every, known.samples(every), strict=True))
    found = {}
    for row, digest in zip(asked, images.samples(list(asked), on_progress), strict=True):
        same = [place for place in asked[row] if digest and digest_of[place] == digest]
        if same:
            found[row] = _exact(images.frame, row, known, same[0], relations.IDENTICAL_PIXELS)
    return found


def _flat_places(known: Fingerprint) -> NDArray[np.bool_]:
    """Known images that may be flat; hashes alone do not tell."""
    if known.signatures is None:
        return np.ones(len(known), bool)
    return np.asarray(known.signatures["tiny"].std(axis=(1, 2)) < FLAT_CONTRAST)


def _label(known: Fingerprint, place: int) -> str:
    path, sha256 = known.facts["path"].iat[place], known.facts["sha256"].iat[place]
    return str(path or str(sha256)[:12])


def _distinct_rest(frame: pd.DataFrame, found: dict[int, Match]) -> Rows:
    """Rows of the first readable image of each picture that was not found yet."""
    readable = np.flatnonzero((frame["status"] == Status.OK).to_numpy()).tolist()
    rows = np.array([row for row in readable if row not in found], np.int64)
    return rows[~frame["content"].iloc[rows].duplicated().to_numpy(np.bool_)]


def _for_all_copies(frame: pd.DataFrame, near: dict[int, Match]) -> dict[int, Match]:
    """The matches of pictures for all images that show them."""
    contents, paths = frame["content"].tolist(), frame["path"].tolist()
    of_content = {contents[row]: match for row, match in near.items()}
    return {
        row: replace(of_content[contents[row]], row=row, path=paths[row])
        for row in range(len(frame))
        if contents[row] and contents[row] in of_content
    }


def _hash_matches(images: fingerprint.Images, known: Fingerprint, rows: Rows) -> dict[int, Match]:
    words = np.ascontiguousarray(known.hashes).view(np.uint64)
    paths = images.frame["path"].tolist()
    signatures = images.signatures[rows]
    rich = signatures["tiny"].std(axis=(1, 2)) >= FLAT_CONTRAST
    found = {}
    for row, oriented in zip(rows[rich].tolist(), oriented_hashes(signatures["hash"][rich]), strict=True):
        bits = np.bitwise_count(oriented[:, None] ^ words).sum(axis=2).min(axis=0)
        place = int(np.argmin(bits))
        if bits[place] <= NEAR_BITS:
            distance = NEAR_DISTANCE * float(bits[place]) / NEAR_BITS
            found[row] = Match(row, paths[row], Kind.NEAR, _label(known, place), place, distance, "")
    return found


def _verified_matches(
    images: fingerprint.Images,
    known: Fingerprint,
    rows: Rows,
    *,
    workers: int | None,
    on_progress: OnProgress | None,
) -> dict[int, Match]:
    there = np.flatnonzero(~known.facts["sha256"].duplicated().to_numpy(np.bool_))
    pairs = _pairs_across(images, known, there, rows, workers, on_progress)
    best = pairs.sort_values(["distance", "left"], kind="stable").drop_duplicates("right")
    paths = images.frame["path"].tolist()
    found = {}
    for left, right, distance, relation in zip(
        best["left"].tolist(), best["right"].tolist(), best["distance"].tolist(), relations.describe(best), strict=True
    ):
        row, place = int(rows[right - len(there)]), int(there[left])
        found[row] = Match(row, paths[row], Kind.NEAR, _label(known, place), place, distance, relation)
    return found


def _pairs_across(
    images: fingerprint.Images,
    known: Fingerprint,
    there: Rows,
    rows: Rows,
    workers: int | None,
    on_progress: OnProgress | None,
) -> pd.DataFrame:
    """Pairs of a known picture (left, a place in `there`) and a new one (right, a place in `rows` after those)."""
    from dedup.matching import engine  # loads the compiled code, which a search for exact copies does not need

    columns = ["sha256", *fingerprint.SIZE, *fingerprint.FACTS]
    facts = pd.concat([known.facts.iloc[there][columns], images.frame.iloc[rows][columns]], ignore_index=True)
    assert known.signatures is not None
    signatures = np.concatenate([known.signatures[there], images.signatures[rows]])
    fresh = np.arange(len(facts)) >= len(there)
    none = np.full(len(facts), -1)
    no_pairs = pd.DataFrame({name: pd.Series(dtype=kind) for name, kind in PAIR_COLUMNS.items()})
    unrelated = engine.Related(no_pairs, none.astype(np.int32), none.astype(np.int16), np.zeros(len(facts), np.int32))
    related = engine.relate(facts, signatures, known=unrelated, fresh=fresh, workers=workers, on_progress=on_progress)
    across = ~fresh[related.pairs["left"].to_numpy()] & fresh[related.pairs["right"].to_numpy()]
    pairs: pd.DataFrame = related.pairs[across]
    return pairs
