"""Labels beside a folder of images: a new way is one file and one name in LABEL_FORMATS."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from dedup.exports.labels.base import LabelFormat, Place, Wanted
from dedup.exports.labels.coco import COCO
from dedup.exports.labels.tables import CSV, IMAGEFOLDER, PARQUET_TABLE
from dedup.exports.labels.voc import VOC
from dedup.exports.labels.yolo import YOLO
from dedup.labels import formats
from dedup.labels.formats.tables import SAMPLES

LABEL_FORMATS = (COCO, YOLO, VOC, IMAGEFOLDER, CSV, PARQUET_TABLE)

__all__ = ["LABEL_FORMATS", "LabelFormat", "Place", "Wanted", "as_read"]


def as_read(sources: Collection[Path]) -> str:
    """The format to write labels in unless told otherwise: that of the sources they were read from (of samples in
    archives the like of it), COCO where it is not written or there are several; '' where there are none (folders tell
    classes by themselves)."""
    read = {formats.format_of(each).name for each in sources if each.exists()}
    written = {each.name for each in LABEL_FORMATS}
    if read == {SAMPLES.name}:
        return IMAGEFOLDER.name
    if len(read) == 1 and read <= written:
        return read.pop()
    return COCO.name if sources else ""
