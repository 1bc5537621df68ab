"""COCO out: exactly the selected images, everything else of the source document as it was.

With a source document, every field of every kept image, annotation and category, and every top-level key, is given
back as it was read, in its order; images and annotations outside the selection are left out. Ours is one key, `dedup`:
on each image its tags, singularity, kind and keeper's file name, at the top the version of the score. Selected images
the document does not name are added with new ids after the greatest, without annotations, and the report says so.

An image is named as its document names it, or, in a folder of copies, by its path there, and always so that the name
leads to it. Annotations without an id get one, for readers that ask for it. Documents without classes (captions) do not
mix with those that have some: they are written as files of their own, beside.

Several source documents become one: the first as it is, the others' entries after it under their own ids, or new ones
where an id is taken already. An image whose file name could be another one's, too, is named by its path in the dataset,
so that the written file leads back to every image; the report counts them.

Without one, images get ids from 1 in the order of their paths, there are no annotations, and the classes of folders
are offered as categories; which image belongs to which is in `dedup.classes`.

Label clashes are resolved as people decided (`dedup.labels.decided`): the documents are the resolved ones, and images
dropped because neither side's labels can be trusted are left out.

Selected files that cannot be read are exported like the others (width and height 0) and the report counts them.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from dedup.exports.base import Export, Exportable, Meter, Report, classed
from dedup.exports.csv import parts_told
from dedup.files import require_free, write_chunks
from dedup.labels.coco import NAMESPACE, Attachment, Coco, FileNames
from dedup.labels.coco_join import NAMED_APART, Document, Part, next_id, told_apart
from dedup.labels.entries import Entries, chunks, is_list
from dedup.labels.turned import stored
from dedup.model import SCORE_VERSION, TAG_PREFIX, OnProgress, Status
from dedup.query.where import Mask
from dedup.words import plural

OF_FOLDERS = "No annotations: which image is of which class by its folder stands in its `dedup.classes`."
"""A note on COCO files; other formats have a place for classes of images, or count them as lost."""


def build(
    dataset: Exportable, mask: Mask, output: Path, names: Mapping[int, str] | None = None, *, upright: bool = False
) -> tuple[Document, tuple[str, ...]]:
    """The COCO document of the images in `mask`, to be written to `output`, and notes for a person. `names` are what
    rows are called there, where not as in their documents. With `upright`, boxes are in upright pixels whatever their
    document has them in."""
    frame, labels = dataset.frame, dataset.labels
    wanted, mask = mask, _without(mask, labels.dropped)
    if labels.documents:
        classed_ones = _parted(labels.documents)[0]
        document, notes = _from_sources(dataset, mask, output, classed_ones, names, upright=upright)
    else:
        document, notes = _fresh(classed(dataset), mask, names), []
        if document["categories"]:
            notes.append(OF_FOLDERS)
    notes += labels.notes
    if dataset.labels_left:
        left = ", ".join(dataset.labels_left)
        notes.append(f"Found, not used, and so not written: {left}. Scan with --labels for each to have them too.")
    if dropped := int((wanted & ~mask).sum()):
        notes.append(f"{plural(dropped, 'image')} left out: dropped because of clashing labels.")
    if open_ones := sum(bool(mask[clash.left] or mask[clash.right]) for clash in dataset.open_clashes):
        notes.append(
            f"{plural(open_ones, 'pair')} of copies in it whose labels differ, which nobody decided about: those that "
            "are written may be the wrong ones."
        )
    failed = int((mask & (frame["status"] == Status.FAILED).to_numpy()).sum())
    if failed:
        notes.append(f"{plural(failed, 'image')} cannot be read; select status == 'ok' to leave such out.")
    return document, tuple(notes)


def write(
    dataset: Exportable,
    mask: Mask,
    output: Path,
    on_progress: OnProgress | None = None,
    *,
    overwrite: bool = False,
    names: Mapping[int, str] | None = None,
) -> Report:
    """Write the images in `mask` to the COCO file `output`; `names` as in `build`. Raises `ExportError`."""
    labels = dataset.labels
    apart = _places(output, _parted(labels.documents)[1])
    for place in (output, *apart):  # all before any: half an export would be taken for a whole one
        require_free(place, overwrite)
    document, notes = build(dataset, mask, output, names)
    write_chunks(output, _metered(document, on_progress), overwrite)
    for beside, source in apart.items():
        part, _ = _from_sources(dataset, _without(mask, labels.dropped), beside, [source], names, alone=True)
        write_chunks(beside, _metered(part, on_progress), overwrite)
        notes = (*notes, f"What has no classes in {source.path.name} was written to {beside.name}.")
    return Report(len(document["images"]), output, notes)


def _places(output: Path, documents: Sequence[Coco]) -> dict[Path, Coco]:
    """Where documents that stay apart are written: beside `output` under their names, several of one name by numbers
    (`train/captions.json` and `val/captions.json`), also where capitals make no difference."""
    places: dict[Path, Coco] = {}
    taken: set[str] = set()
    for each in documents:
        stems = itertools.chain([each.path.stem], (f"{each.path.stem}-{number}" for number in itertools.count(2)))
        stem = next(stem for stem in stems if stem.lower() not in taken)
        taken.add(stem.lower())
        places[output.with_name(f"{output.stem}.{stem}{output.suffix}")] = each
    return places


def _without(mask: Mask, dropped: Iterable[int]) -> Mask:
    mask = mask.copy()
    mask[list(dropped)] = False
    return mask


def _parted(documents: Sequence[Coco]) -> tuple[list[Coco], list[Coco]]:
    """The documents that are joined, those with classes or all where none has any, and those that stay apart: readers
    that ask for classes stop at what has none, be it captions among boxes."""
    parts: tuple[list[Coco], list[Coco]] = [], []
    for each in documents:
        if not each.document.get("categories"):
            parts[1].append(each)
            continue
        bare = [id_ is None for id_ in each.annotations.column("category_id")]
        if any(bare):
            plain = each.annotations.where(bare)
            needed = any("segments_info" in entry for entry in plain)  # panoptic: classes are told of segments within
            kept: Document = {key: held for key, held in each.document.items() if needed or key != "categories"}
            parts[1].append(replace(each, document=kept | {"annotations": plain}))
            rest = each.annotations.where(not is_bare for is_bare in bare)
            parts[0].append(replace(each, document=dict(each.document) | {"annotations": rest}))
        else:
            parts[0].append(each)
    return parts if parts[0] else parts[::-1]


def _fresh(frame: pd.DataFrame, mask: Mask, given: Mapping[int, str] | None) -> Document:
    rows = np.flatnonzero(mask)
    names = sorted({name for names in frame["classes"].iloc[rows] for name in names})
    file_names = FileNames(frame["path"].tolist(), given or {})
    images = _described(frame, _added(frame, rows, 1, file_names), rows, file_names)
    for image, classes in zip(images, frame["classes"].iloc[rows], strict=True):
        image[NAMESPACE]["classes"] = list(classes)
    return {
        "info": {"description": "Images selected with dedup"},
        "licenses": [],
        "images": images,
        "annotations": [],
        "categories": [{"id": place, "name": name, "supercategory": ""} for place, name in enumerate(names, start=1)],
        NAMESPACE: {"score_version": SCORE_VERSION},
    }


def _from_sources(
    dataset: Exportable,
    mask: Mask,
    output: Path,
    sources: Sequence[Coco],
    given: Mapping[int, str] | None,
    *,
    alone: bool = False,
    upright: bool = False,
) -> tuple[Document, list[str]]:
    """What `sources` say of the images in `mask`; `alone`, of no others than they name."""
    frame = dataset.frame
    paths = list(frame["path"])
    row_of = {path: row for row, path in enumerate(paths)}
    attachments = [source.attach(paths, root=dataset.labels_root) for source in sources]
    rows = [{id_: row_of[p] for p, ids in met.image_ids.items() for id_ in ids} for met in attachments]
    named = [(held[i["id"]], i) for s, held in zip(sources, rows, strict=True) for i in s.images if i["id"] in held]
    names = FileNames(paths, {row: image["file_name"] for row, image in reversed(named)})
    parts = [
        Part.of(source, {id_: row for id_, row in held.items() if mask[row]})
        for source, held in zip(sources, rows, strict=True)
    ]
    joined = parts[0]
    notes: list[str] = []
    for part, source in zip(parts[1:], sources[1:], strict=True):
        renumbered = joined.take(part)
        if renumbered and source.path.suffix.lower() == ".json":  # in other formats nobody wrote ids
            notes.append(f"{plural(renumbered, 'id')} of {source.path.name} given anew, being taken already.")
    new = [] if alone else [int(row) for row in np.flatnonzero(mask) if row not in names.of_row]
    if new:
        notes.append(f"{plural(len(new), 'selected image')} named in no annotation file; added without annotations.")
    every = (*(source.images for source in sources), joined.document["images"])
    first_id = next_id(image["id"] for images in every for image in images)
    images = [*joined.document["images"], *_added(frame, new, first_id, names)]
    chosen = [*joined.rows, *new]
    if given is not None:
        apart = [{**image, "file_name": given[row]} for row, image in zip(chosen, images, strict=True)]
    else:
        apart = told_apart(output, images, [paths[row] for row in chosen], paths, dataset.root)
    renamed = {row: now["file_name"] for row, was, now in zip(chosen, images, apart, strict=True) if now is not was}
    names.of_row = {**names.of_row, **renamed}
    if renamed and given is None:
        notes.append(f"{plural(len(renamed), 'image')} {NAMED_APART}")
    notes += [note for source, met in zip(sources, attachments, strict=True) for note in _unmet(source, met)]
    document = _with_ids(joined.document | {"images": _described(frame, apart, chosen, names)}, sources)
    turns = {held[id_]: turn for s, held in zip(sources, rows, strict=True) for id_, turn in s.turns.items()}
    if upright:
        return document | {NAMESPACE: {"score_version": SCORE_VERSION}}, notes
    document = stored(
        document, {each["id"]: turns[row] for each, row in zip(apart, chosen, strict=True) if row in turns}
    )
    return document | {NAMESPACE: {"score_version": SCORE_VERSION}}, notes


def _with_ids(document: Document, sources: Sequence[Coco]) -> Document:
    """A document in which every annotation has an id of its own, new ones after all that are or were taken."""
    entries = Entries.of(document.get("annotations") or ())
    taken: set[Any] = set()
    without = []
    for place, id_ in enumerate(entries.column("id")):
        if id_ is None or id_ in taken:
            without.append(place)
        taken.add(id_)
    if not without:
        return document
    first = next_id([*taken, *(id_ for source in sources for id_ in source.annotations.column("id"))])
    given = {place: {"id": id_} for id_, place in enumerate(without, start=first)}
    return document | {"annotations": entries.with_fields(given)}


def _unmet(source: Coco, attachment: Attachment) -> list[str]:
    count, name = len(attachment.missing) + len(attachment.ambiguous), source.path.name
    told = [f"{plural(count, 'image')} named in {name} left out: no single file of the dataset."] if count else []
    if source.orphans:
        told.append(f"{plural(source.orphans, 'annotation')} in {name} left out: of no image that it lists.")
    return told


def _added(frame: pd.DataFrame, rows: Iterable[int], first_id: int, names: FileNames) -> Iterator[Document]:
    rows = [int(row) for row in rows]
    widths, heights = frame["width"].to_numpy()[rows], frame["height"].to_numpy()[rows]
    return (
        {"id": id_, "file_name": names.of(row), "width": int(width), "height": int(height)}
        for id_, (row, width, height) in enumerate(zip(rows, widths, heights, strict=True), start=first_id)
    )


def _described(
    frame: pd.DataFrame, images: Iterable[Document], rows: Iterable[int], names: FileNames
) -> list[Document]:
    return [{**image, NAMESPACE: fields} for image, fields in zip(images, _fields(frame, rows, names), strict=True)]


def _fields(frame: pd.DataFrame, rows: Iterable[int], names: FileNames) -> Iterator[Document]:
    """What we say of each image, under `NAMESPACE`, one by one: of a million, more than these are not held. Unknown
    values are null."""
    rows = list(rows)
    tags = {
        name.removeprefix(TAG_PREFIX): frame[name].to_numpy(bool)
        for name in frame.columns
        if name.startswith(TAG_PREFIX)
    }
    singularity = frame["singularity"].to_numpy(np.float64)
    kinds, keepers = frame["kind"].to_numpy(object), frame["keeper"].to_numpy()
    parts = {name: frame[name].to_numpy() for name in parts_told(frame)}
    return (
        {
            "tags": [tag for tag, carried in tags.items() if carried[row]],
            "singularity": None if np.isnan(singularity[row]) else float(singularity[row]),
            "kind": str(kinds[row]),
            "keeper": names.of(int(keepers[row])) if keepers[row] >= 0 else None,
            **{name: int(counts[row]) for name, counts in parts.items()},
        }
        for row in rows
    )


def _metered(document: Document, on_progress: OnProgress | None) -> Iterator[bytes]:
    meter = Meter(on_progress, "Writing annotations", sum(len(v) for v in document.values() if is_list(v)))
    return chunks(document, meter.advance)


COCO = Export("coco", "COCO annotations", ".json", write)
