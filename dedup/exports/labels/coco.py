"""COCO beside the images: `annotations.json`, or one file for each split."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

import numpy as np

from dedup.errors import ExportError
from dedup.exports import coco
from dedup.exports.base import Exportable, Report
from dedup.exports.labels.base import LabelFormat, Wanted, as_they_are
from dedup.query.where import Mask
from dedup.sources.split_names import split_from_path
from dedup.words import plural

NAME = PurePosixPath("annotations.json")


def write(wanted: Wanted) -> Report:
    """Raises `ExportError`."""
    reports = [
        coco.write(wanted.dataset, mask, wanted.output / name, wanted.on_progress, overwrite=True, names=wanted.names)
        for name, mask in _files(wanted).items()
    ]
    notes = dict.fromkeys(note for report in reports for note in report.notes)  # each says it of the same documents
    return Report(sum(report.rows for report in reports), wanted.output, (*notes, *_untold(wanted)))


def _untold(wanted: Wanted) -> list[str]:
    """What is lost in one file for all: splits that folders do not tell."""
    split = wanted.dataset.frame["split"].to_numpy(object)
    lost = sum(bool(split[row]) and split_from_path(name) != split[row] for row, name in wanted.names.items())
    if wanted.per_split or not lost:
        return []
    return [f"One file of COCO cannot hold the splits of {plural(lost, 'image')}; one file for each split can."]


def _files(wanted: Wanted) -> dict[str, Mask]:
    """The files to write and the images of each; those without a split are in the one without a name."""
    if not wanted.per_split:
        return {NAME.name: wanted.mask}
    split = wanted.dataset.frame["split"].to_numpy(object)
    files = {each: file_of(each) for each in set(split[wanted.mask])}
    return {name: np.asarray(wanted.mask & (split == each)) for each, name in sorted(files.items())}


def check(dataset: Exportable, mask: Mask) -> None:
    """Raises `ExportError` for splits whose files would be one."""
    splits = set(dataset.frame["split"].to_numpy(object)[mask])
    if len({each.casefold() for each in splits}) < len(splits):
        raise ExportError("Two splits differ in capital letters only and would be one file. Rename one of them.")


def file_of(split: str) -> str:
    """The file for a split."""
    return NAME.with_stem(f"{NAME.stem}.{split}").name if split else NAME.name


def sources(output: Path) -> list[Path]:
    """The files that `write` has written, captions in one of their own included."""
    return sorted(output.glob(f"{NAME.stem}*.json"))


def _owns(path: PurePosixPath) -> bool:
    return path.parent == PurePosixPath() and path.name.startswith(NAME.stem) and path.suffix == NAME.suffix


COCO = LabelFormat("coco", "COCO", "everything, as it was read", as_they_are, write, sources, _owns)
