"""The frame: what the machine computed and what people decided, joined into one table with a row per image."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dedup.groups import keepers, singularity, stars
from dedup.images.hashes import COLUMN
from dedup.images.metrics import METRICS
from dedup.labels.coco import Attachment
from dedup.labels.folder_names import folder_classes
from dedup.matching import relations
from dedup.matching.columns import NEUTRAL, PAIR_COLUMNS
from dedup.matching.parameters import value
from dedup.model import FACTS, FOUND, NEAR_DISTANCE, PLACE, TAG_PREFIX, Kind, Role, Status
from dedup.sources.listing import image_id
from dedup.sources.split_names import splits_of_folders
from dedup.words import plural

Rows = NDArray[np.int64]

REMADE = frozenset(
    {
        *("rotated", "perspective", "stretched", relations.BENT, relations.UNEVENLY_LIT, "brighter", "darker"),
        *("more contrast", "less contrast", "negative", "colour changed"),
    }
)
"""Edits that make every sample anew."""


@dataclass(frozen=True)
class Review:
    """The decisions, other than tags, that shape groups and scores.

    `chosen` are paths a person chose to stay; `protected` and `incoming` folders; `different` pairs of sha256
    that are not duplicates; `splits` path to split set by hand; `rules` names of the keeper rules in force, in order.
    """

    threshold: float = NEAR_DISTANCE
    chosen: frozenset[str] = frozenset()
    protected: tuple[str, ...] = ()
    incoming: tuple[str, ...] = ()
    different: frozenset[frozenset[str]] = frozenset()
    splits: dict[str, str] = field(default_factory=dict)
    rules: tuple[str, ...] = keepers.RULE_NAMES


@dataclass(frozen=True)
class Joined:
    """`frame` without tags; `pairs` with rows of the images that stay for their exact copies; `rules` tells of how
    many groups each keeper rule, by name, decides who stays ("" where the copies are equal)."""

    frame: pd.DataFrame
    pairs: pd.DataFrame
    rules: dict[str, int]


def describe_files(images: pd.DataFrame, attachments: Sequence[Attachment]) -> pd.DataFrame:
    """images.parquet's rows with id, folder, name, split, classes and the number of annotations."""
    paths = images["path"].tolist()
    folders = [path.rpartition("/")[0] for path in paths]
    classes, counts = _annotated(paths, attachments)
    return images.assign(
        id=[image_id(path) for path in paths],
        folder=folders,
        name=[path.rpartition("/")[2] for path in paths],
        split=splits_of_folders(folders),
        classes=pd.Series(classes, dtype=object),
        annotations=np.array(counts, np.int32),
        **_object_sizes(paths, images["width"].to_numpy(np.float64) * images["height"].to_numpy(), attachments),
    )


def without_classes(files: pd.DataFrame) -> pd.DataFrame:
    """The files of `describe_files` where the names of folders are no classes."""
    return files.assign(classes=pd.Series([()] * len(files), index=files.index, dtype=object))


def _annotated(paths: list[str], attachments: Sequence[Attachment]) -> tuple[list[tuple[str, ...]], list[int]]:
    """Classes and annotation counts from annotation files where there are any, else classes from folders."""
    if not attachments:
        return folder_classes(paths), [0] * len(paths)
    if len(attachments) == 1:  # whose names are sorted, each once
        (only,) = attachments
        return [only.classes.get(path, ()) for path in paths], [only.counts.get(path, 0) for path in paths]
    classes = [tuple(sorted({name for each in attachments for name in each.classes.get(path, ())})) for path in paths]
    return classes, [sum(each.counts.get(path, 0) for each in attachments) for path in paths]


def _object_sizes(
    paths: list[str], pixels: NDArray[np.float64], attachments: Sequence[Attachment]
) -> dict[str, NDArray[np.generic]]:
    """Smallest and largest box as parts of the picture, and the number of crowds; `pixels` (n,) of the pictures."""
    least, most = np.full(len(paths), np.nan), np.full(len(paths), np.nan)
    crowds = np.zeros(len(paths), np.int32)
    row_of = {path: row for row, path in enumerate(paths)} if attachments else {}
    for each in attachments:
        rows = [row_of[path] for path in each.sizes]
        small, large, many = np.array(list(each.sizes.values()), np.float64).reshape(-1, 3).T
        least[rows], most[rows] = np.fmin(least[rows], small), np.fmax(most[rows], large)
        crowds[rows] += many.astype(np.int32)
    area = np.where(pixels > 0, pixels, np.nan)
    shares = (np.minimum(sizes / area, 1) for sizes in (least, most))  # beyond the edge is no part of the picture
    return dict(zip(("smallest_object", "largest_object"), shares, strict=True)) | {"crowds": crowds}


def join(files: pd.DataFrame, pairs: pd.DataFrame, review: Review) -> Joined:
    """Groups, keepers, kinds, scores and relations for the files of `describe_files` and the stored pairs."""
    if review.splits:
        named = zip(files["path"].tolist(), files["split"].tolist(), strict=True)
        files = files.assign(split=[review.splits.get(path, split) for path, split in named])
    classes = stars.exact_classes(files["content"])
    pairs = pairs[pairs["kind"] != Kind.EXACT]
    settled = _settled(files, classes, pairs, review)
    near = (pairs["distance"].to_numpy() <= review.threshold) & (pairs["note"] == "").to_numpy() & ~settled
    close = pairs[near].reset_index(drop=True)
    left, right = (close[side].to_numpy(np.int64) for side in ("left", "right"))
    rules, copied = _rules(review), stars.copied(classes, left, right)
    preferences = _preferences(files, classes, close, review, copied)
    scores = keepers.score(preferences, rules)
    rank = copied.sum() + np.arange(len(files))  # who has no copy comes after all others
    rank[copied] = keepers.rank(preferences, scores)
    groups = stars.group(classes, rank, left, right)
    links = _links(files, classes, groups, close, rank)
    deciding = _Deciding.of(groups, np.flatnonzero(copied), scores)
    told = _Told.of(files, groups, links, close)
    frame = files.assign(
        group=groups.group,
        keeper=groups.keeper,
        role=_roles(groups),
        keeper_reason=deciding.reasons(preferences, rules, len(files)),
        **_scored(files, links, review.threshold),
        semantic_singularity=np.where(
            links.is_copy & (files["status"] == Status.OK).to_numpy(),
            0.0,
            files["semantic_singularity"].to_numpy(np.float64),
        ),
        relation=told.sentences,
        relations=pd.Series(told.names, dtype=object),
    )
    unjudged = (pairs["kind"] == Kind.UNJUDGED).to_numpy()
    part = (pairs["kind"] == Kind.CONTAINS).to_numpy()
    kinds = np.select([near, unjudged, part], [Kind.NEAR, Kind.UNJUDGED, Kind.CONTAINS], default=Kind.SIMILAR)
    stays = groups.stays
    related = pairs.assign(
        kind=kinds,
        left=stays[pairs["left"].to_numpy()].astype(np.int32),
        right=stays[pairs["right"].to_numpy()].astype(np.int32),
    )
    every = pd.concat([_exact_pairs(files, groups), related], ignore_index=True)
    frame = frame.assign(similar=_similar(related, len(files)), **_parts(related, len(files)))
    return Joined(_ordered(frame), every, deciding.counted(rules))


def _similar(pairs: pd.DataFrame, count: int) -> NDArray[np.int32]:
    """How many images each is similar to and no copy of (n,); of exact copies the one that stays tells."""
    alike = pairs[pairs["kind"] == Kind.SIMILAR]
    ends = np.concatenate([alike["left"].to_numpy(np.int64), alike["right"].to_numpy(np.int64)])
    return np.bincount(ends, minlength=count).astype(np.int32)


def _parts(pairs: pd.DataFrame, count: int) -> dict[str, NDArray[np.int32]]:
    """Of how many images each shows a part or all in a part of itself, and of how many it is such a part, (n,) each; of
    exact copies the one that stays tells."""
    counts = dict(zip(("contains", "part_of"), whole_and_part(pairs), strict=True))
    return {name: np.bincount(rows, minlength=count).astype(np.int32) for name, rows in counts.items()}


def whole_and_part(pairs: pd.DataFrame) -> tuple[Rows, Rows]:
    """Rows of the images that contain another one, and of that other, of the pairs of which that is said, (m,) each."""
    pairs = pairs[pairs["kind"] == Kind.CONTAINS]
    left, right, of_left = pairs["left"].to_numpy(np.int64), pairs["right"].to_numpy(np.int64), pairs["cropped"] > 0
    return np.where(of_left, left, right), np.where(of_left, right, left)


def with_tags(frame: pd.DataFrame, places: pd.Index, tagged: Mapping[str, Sequence[str]]) -> pd.DataFrame:
    """The frame with one bool column `tag:NAME` per tag; shares all other columns with `frame`. `places` are its
    paths."""
    columns = {}
    for name, paths in tagged.items():
        mask = np.zeros(len(frame), bool)
        mask[_rows_of(places, paths)] = True
        columns[TAG_PREFIX + name] = mask
    if not columns:
        return frame
    return pd.concat([frame, pd.DataFrame(columns, index=frame.index)], axis=1)  # however many there are


def with_tags_changed(frame: pd.DataFrame, places: pd.Index, changed: Mapping[str, Mapping[str, bool]]) -> pd.DataFrame:
    """A frame of `with_tags` where these paths got (True) or lost their tags."""
    columns = {}
    for name, carried in changed.items():
        mask = frame[TAG_PREFIX + name].to_numpy(copy=True)
        for carries in (False, True):
            mask[_rows_of(places, [path for path, each in carried.items() if each == carries])] = carries
        columns[TAG_PREFIX + name] = mask
    return frame.assign(**columns)


def _rows_of(places: pd.Index, paths: Sequence[str]) -> Rows:
    """Rows of the paths that are there."""
    rows = places.get_indexer(pd.Series(paths, dtype=places.dtype))  # type: ignore[arg-type] # that of text
    return np.asarray(rows[rows >= 0])


def describe(frame: pd.DataFrame, rows: Sequence[int]) -> list[str]:
    """One line for people per row number: what the image is a duplicate of, why it stays, or why it failed."""
    columns = [frame[name].iloc[list(rows)].tolist() for name in DESCRIBED]
    others = frame["name"].iloc[[max(0, int(row)) for row in frame["nearest"].iloc[list(rows)]]].tolist()
    return list(map(_description, *columns, others))


DESCRIBED = ("kind", "error", "relations", "relation", "role", "keeper_reason", "contains", "part_of")
"""What `describe` tells of, beside the name of the nearest image."""


def _description(
    kind: str,
    error: str,
    relations: tuple[str, ...],
    relation: str,
    role: str,
    reason: str,
    contains: int,
    part_of: int,
    other: str,
) -> str:
    if kind == Kind.FAILED:
        return str(error)
    if kind == Kind.EXACT:
        (same,) = relations
        return f"Duplicate of {other}: {same}"
    if role == Role.KEEPER:
        return f"Stays: {reason}"
    if kind == Kind.NEAR:
        return f"Near duplicate of {other}" + (f": {relation}" if relation else "")
    if contains:
        return f"Contains {plural(contains, 'other image')}"
    return f"Part of {plural(part_of, 'other image')}" if part_of else ""


# --- who stays --------------------------------------------------------------------------------------------------------


def _rules(review: Review) -> list[keepers.Rule]:
    by_name = {rule.name: rule for rule in keepers.KEEPER_RULES}
    return [by_name[name] for name in review.rules if name in by_name]


def _preferences(
    files: pd.DataFrame, classes: Rows, near: pd.DataFrame, review: Review, copied: NDArray[np.bool_]
) -> pd.DataFrame:
    """The files that are `copied`, with what the keeper rules need beside the files' own."""
    derived = near["derived"].to_numpy()
    grown = np.log2(near["scale"].to_numpy(np.float64))
    enlarged = np.where(derived * grown > np.log2(value("resized")), derived, 0)
    named = near["relations"].str.contains("blurred|sharpened").to_numpy(bool)
    softer = np.where(named & (derived * near["blur"].to_numpy() < 0), derived, 0)
    some = files[copied]
    return some.assign(
        chosen=some["path"].isin(review.chosen),
        protected=below(some["path"], review.protected),
        incoming=below(some["path"], review.incoming),
        edits=_edits(classes, near)[copied],
        enlarged=_on_its_side(classes, near, enlarged)[copied],
        softer=_on_its_side(classes, near, softer)[copied],
        earlier_quality=_earlier_quality(files, classes, near)[copied],
    )


def _earlier_quality(files: pd.DataFrame, classes: Rows, near: pd.DataFrame) -> NDArray[np.float64]:
    """The JPEG quality at which each image was compressed before it became its file (n,), NaN where nothing says so,
    or only a copy does whose samples an edit has made anew: it would show no compression that came before."""
    near = near[np.array([REMADE.isdisjoint(relations.split_names(names)) for names in near["relations"]], np.bool_)]
    told = np.full(int(classes.max(initial=-1)) + 2, np.nan)  # the last one is that of failures, class -1
    for side in ("left", "right"):
        earlier = near[f"earlier_{side}"].to_numpy(np.float64)
        np.fmin.at(told, classes[near[side].to_numpy()], np.where(earlier > 0, earlier, np.nan))
    quality = told[classes]
    own = files["jpeg_quality"].fillna(np.inf).to_numpy(np.float64)
    return np.where(quality < own, quality, np.nan)


def _edits(classes: Rows, near: pd.DataFrame) -> NDArray[np.object_]:
    """In words what the pairs say was done to each image, '' for nothing, (n,)."""
    names = ("cropped", "bordered", "gray", "overlaid", "derived")
    cropped, bordered, gray, overlaid, derived = (near[name].to_numpy() for name in names)
    sides = {
        "is cropped": np.where(derived == cropped, cropped, 0),
        "shows it amid something else": np.where(derived == -cropped, derived, 0),
        "has a border": bordered,
        "is gray": gray,
        "carries an overlay": np.where(np.abs(overlaid) == 2, overlaid, 0),
    }
    told = np.full(len(classes), "", object)
    for words, side in sides.items():
        for row in np.flatnonzero(_on_its_side(classes, near, side)).tolist():
            told[row] += f", {words}" if told[row] else words
    return told


def below(paths: Sequence[str] | pd.Series[str], folders: Iterable[str]) -> NDArray[np.bool_]:
    """Which paths lie in one of the folders (relative to the root, "" for the root itself) or deeper, bool (n,)."""
    starts = tuple(f"{inner}/" if (inner := folder.strip("/")) else "" for folder in folders)
    if not starts:
        return np.zeros(len(paths), bool)
    return pd.Series(paths, dtype="str").str.startswith(starts).to_numpy(bool)


def _on_its_side(classes: Rows, near: pd.DataFrame, side: NDArray[np.integer]) -> NDArray[np.bool_]:
    """Which images, with their exact copies, some pair names by `side` (m,): below 0 its left, above 0 its right, 0
    neither; bool (n,)."""
    left, right = (classes[near[column].to_numpy()] for column in ("left", "right"))
    named = np.zeros(int(classes.max(initial=-1)) + 2, bool)  # the last one is that of failures, class -1
    named[left[side < 0]] = named[right[side > 0]] = True
    return named[classes]


def _settled(files: pd.DataFrame, classes: Rows, pairs: pd.DataFrame, review: Review) -> NDArray[np.bool_]:
    """Pairs that a person said are different, by content, bool (m,)."""
    if not review.different:
        return np.zeros(len(pairs), bool)
    class_of = dict(zip(files["sha256"], classes.tolist(), strict=True))
    settled = {frozenset(class_of.get(sha, -1) for sha in pair) for pair in review.different}
    left, right = classes[pairs["left"].to_numpy()].tolist(), classes[pairs["right"].to_numpy()].tolist()
    return np.array([frozenset(pair) in settled for pair in zip(left, right, strict=True)], bool)


def _roles(groups: stars.Groups) -> NDArray[np.str_]:
    rows = np.arange(len(groups.group))
    grouped = np.where(groups.keeper == rows, Role.KEEPER, Role.DUPLICATE)
    return np.where(groups.group < 0, Role.NONE, grouped)


@dataclass(frozen=True)
class _Deciding:
    """Place among `rows` of every group's keeper, the place of the rule that decides for it and that of whom it decides
    against; both -1 where the copies are equal. `rows` are those of the images with copies."""

    rows: Rows
    keeper: Rows
    rule: Rows
    rival: Rows

    @classmethod
    def of(cls, groups: stars.Groups, rows: Rows, scores: keepers.Scores) -> _Deciding:
        """`scores` (k, rules) are those of `rows` (k,)."""
        number, keeper = groups.group[rows], groups.keeper[rows]
        order = np.lexsort((keeper != rows, number))
        order = order[number[order] >= 0]
        starts = np.flatnonzero(np.diff(number[order], prepend=-1))
        if not len(order):
            return cls(rows, order, order, order)
        rule, rival = keepers.deciding(scores[order], starts)
        return cls(rows, order[starts], rule, np.where(rival < 0, -1, order[rival]))

    def reasons(self, files: pd.DataFrame, rules: list[keepers.Rule], count: int) -> NDArray[np.object_]:
        """For each keeper among `count` images why it stays, '' for all others. `files` are those of `rows`."""
        reasons = np.full(count, "", object)
        places = np.unique(np.concatenate([self.keeper, self.rival[self.rival >= 0]]))
        image = dict(zip(places.tolist(), relations.records(files[keepers.REASON_COLUMNS].iloc[places]), strict=True))
        decided = zip(self.keeper.tolist(), self.rule.tolist(), self.rival.tolist(), strict=True)
        told = [keepers.reason(image[keeper], image.get(rival), rule, rules) for keeper, rule, rival in decided]
        reasons[self.rows[self.keeper]] = np.array(told, object)
        return reasons

    def counted(self, rules: list[keepers.Rule]) -> dict[str, int]:
        """Name of every rule in force, and "" for none, to the number of groups whose keeper it decides."""
        names = [*(rule.name for rule in rules), ""]
        return dict(zip(names, np.bincount(self.rule % len(names), minlength=len(names)).tolist(), strict=True))


# --- what is nearest --------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Links:
    """For each image its nearest one: row `nearest` (-1 none), `bits`, and `pair`, the place among the near pairs of
    the verified pair that links them (-1 none), with the image as its right side where `is_right`. `is_copy`: the
    nearest one is an exact copy and stays for it. `distance`: the verified one, 0..1, NaN for only near hashes."""

    nearest: Rows
    bits: NDArray[np.int16]
    pair: Rows
    is_right: NDArray[np.bool_]
    is_copy: NDArray[np.bool_]
    distance: NDArray[np.float64]


def _links(files: pd.DataFrame, classes: Rows, groups: stars.Groups, close: pd.DataFrame, rank: Rows) -> _Links:
    rows = np.arange(len(files))
    is_copy = (groups.stays >= 0) & (groups.stays != rows)
    pair, is_right = _closest_pairs(classes, groups, close, rank)
    linked = (pair >= 0) & ~is_copy
    pair = np.where(linked, pair, -1)
    left, right = (groups.stays[close[side].to_numpy(np.int64)] for side in ("left", "right"))
    other = np.where(is_right, left[pair], right[pair]) if len(close) else np.full(len(files), -1)
    hashed = files["nearest"].to_numpy(np.int64)
    hashed = np.where(hashed >= 0, groups.stays[hashed], -1)
    nearest = np.where(is_copy, groups.stays, np.where(linked, other, hashed))
    distances = close["distance"].to_numpy(np.float64)
    distance = np.where(is_copy, 0.0, np.where(linked, distances[pair] if len(close) else np.nan, np.nan))
    pair_bits = close["bits"].to_numpy(np.int16)
    bits = np.where(linked, pair_bits[pair] if len(close) else -1, files["nearest_bits"].to_numpy(np.int16))
    return _Links(nearest, np.where(is_copy, 0, bits).astype(np.int16), pair, is_right, is_copy, distance)


def _closest_pairs(
    classes: Rows, groups: stars.Groups, close: pd.DataFrame, rank: Rows
) -> tuple[Rows, NDArray[np.bool_]]:
    """Per image the near pair that explains it and whether the image is its right side.

    For a group's duplicate that is the pair with its keeper; for others the least distance, then the better rank.
    """
    pair = np.full(len(classes), -1, np.int64)
    is_right = np.zeros(len(classes), bool)
    if not len(close):
        return pair, is_right
    left, right = (classes[close[side].to_numpy(np.int64)] for side in ("left", "right"))
    number = np.tile(np.arange(len(close)), 2)
    own = np.concatenate([left, right])
    other = np.concatenate([right, left])
    from_right = np.repeat([False, True], len(close))
    stays_of_class = np.empty(int(classes.max()) + 1, np.int64)
    stays_of_class[classes[groups.stays >= 0]] = groups.stays[groups.stays >= 0]
    own_row, other_row = stays_of_class[own], stays_of_class[other]
    with_keeper = groups.keeper[own_row] == other_row
    distance = close["distance"].to_numpy()[number]
    order = np.lexsort((rank[other_row], distance, ~with_keeper, own))
    first = order[np.flatnonzero(np.diff(own[order], prepend=-1))]
    pair_of_class = np.full(int(classes.max()) + 1, -1, np.int64)
    right_of_class = np.zeros(len(pair_of_class), bool)
    pair_of_class[own[first]], right_of_class[own[first]] = number[first], from_right[first]
    readable = classes >= 0
    pair[readable], is_right[readable] = pair_of_class[classes[readable]], right_of_class[classes[readable]]
    return pair, is_right


def _scored(files: pd.DataFrame, links: _Links, threshold: float) -> dict[str, NDArray[np.generic]]:
    failed = (files["status"] == Status.FAILED).to_numpy()
    is_near = links.pair >= 0
    scores = singularity.unique(links.bits)
    if is_near.any():
        scores[is_near] = singularity.near(links.distance[is_near], threshold)
    scores[failed] = np.nan
    scores[links.is_copy] = 0.0  # also of files that cannot be decoded: their bytes are the same
    kind = np.select([links.is_copy, failed, is_near], [Kind.EXACT, Kind.FAILED, Kind.NEAR], default=Kind.UNIQUE)
    return {
        "kind": kind,
        "singularity": scores,
        "nearest": links.nearest.astype(np.int32),
        "nearest_bits": links.bits,
        "distance": links.distance.astype(np.float32),
    }


# --- in words ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Told:
    """What each image is relative to its nearest, for people and as names. An exact copy of a member of a group that is
    not its keeper says of which, and what that one is."""

    sentences: list[str]
    names: list[tuple[str, ...]]

    @classmethod
    def of(cls, files: pd.DataFrame, groups: stars.Groups, links: _Links, close: pd.DataFrame) -> _Told:
        sentences, names = [""] * len(files), cast("list[tuple[str, ...]]", [()] * len(files))
        rows, pairs = _explaining(links, close)
        for row, sentence, joined in zip(rows, relations.describe(pairs), pairs["relations"].tolist(), strict=True):
            sentences[row], names[row] = sentence, relations.split_names(joined)
        copies = np.flatnonzero(links.is_copy)
        alike, paths = {word: (word,) for word in IDENTICAL}, files["path"]
        for row, stays, keeper, word in zip(
            copies.tolist(),
            groups.stays[copies].tolist(),
            groups.keeper[copies].tolist(),
            _identical(files, copies, links.nearest[copies]),
            strict=True,
        ):
            through = "" if stays == keeper else _through(str(paths.iat[stays]), sentences[stays])
            sentences[row], names[row] = word + through, alike[word]
        return cls(sentences, names)


def _through(path: str, sentence: str) -> str:
    return f" as {path}, which is: {sentence}" if sentence else f" as {path}"


def _explaining(links: _Links, close: pd.DataFrame) -> tuple[list[int], pd.DataFrame]:
    """Rows that a near pair explains, and for each that pair with the image on its right side."""
    rows = np.flatnonzero(links.pair >= 0)
    pairs = close.iloc[links.pair[rows]]
    return rows.tolist(), relations.turned(pairs, ~links.is_right[rows])


def _identical(files: pd.DataFrame, rows: Rows, others: Rows) -> list[str]:
    """In which way exact copies are the same, (n,)."""
    sha256 = files["sha256"].to_numpy(object)
    words: list[str] = np.where(sha256[rows] == sha256[others], *IDENTICAL).tolist()
    return words


IDENTICAL = (relations.IDENTICAL_FILE, relations.IDENTICAL_PIXELS)


def _exact_pairs(files: pd.DataFrame, groups: stars.Groups) -> pd.DataFrame:
    """One pair for each exact copy, with the image that stays on its left."""
    rows = np.flatnonzero((groups.stays >= 0) & (groups.stays != np.arange(len(files))))
    stays = groups.stays[rows]
    values: dict[str, object] = NEUTRAL | {"left": stays, "right": rows, "kind": Kind.EXACT.value}
    for side in ("left", "right"):
        values |= {f"{side}_{name}": files[name].to_numpy()[rows] for name in ("width", "height", "bits", "frames")}
    values["relations"] = _identical(files, rows, stays)
    return pd.DataFrame(values, index=range(len(rows))).astype(PAIR_COLUMNS)


COLUMNS = [*FACTS, *(metric.name for metric in METRICS if metric.name not in FACTS), *FOUND]
"""Of the frame, in their order: what is known of the file, its metrics, and what was found between images."""


def _ordered(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame's columns in their documented order."""
    more = [name for name in frame.columns if name in PLACE or name.startswith(COLUMN)]
    return frame[[*COLUMNS, *more]]
