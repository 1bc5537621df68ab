"""Pictures that are labels: the masks of a segmentation dataset, each beside the image that it is of.

Thousands of masks are equal (nothing in sight, the same box), and none of them is a copy that may go.
"""

from __future__ import annotations

import os
import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path

from dedup.files import open_regular

FOLDERS = re.compile(
    r"(?:(?:train|val|test)[-_ ])?"
    r"(?:segmentation[-_ ]?(?:class|object)?(?:raw|aug|es)?|seg(?:mentation)?s?|(?:seg(?:mentation)?[-_ ]?)?masks?"
    r"|gt[-_ ]?(?:fine|coarse|masks?)?|ground[-_ ]?truths?|annotations?|trimaps|label(?:s|[-_ ]?ids|[-_ ]?images?)?)"
    r"(?:[-_ ]?(?:png|train|val|test|\d{4}))?",
    re.IGNORECASE,
)
"""Names of folders that masks lie in: Pascal VOC, Cityscapes, ADE20K, CamVid, Oxford pets and those of one's own."""
ENDINGS = re.compile(
    r"(?:[-_ ](?:masks?|seg(?:mentation)?|gt(?:fine|coarse)?|labels?|label(?:train)?ids|instance(?:train)?ids|colou?r"
    r"|l|leftimg8bit))+$",
    re.IGNORECASE,
)
"""What the name of a mask, or of the image that it is of, ends with beyond the name of both."""
SUFFIXES = frozenset({".png", ".bmp", ".gif", ".tif", ".tiff"})
"""Formats that keep the numbers of classes; JPEG does not."""
LOOKED_AT = 5
"""So many pictures of a folder are looked at to tell whether it holds masks."""
FEW, MOSTLY = 32, 0.8
"""Of a mask that part of the pixels, and more, has one of so few values: classes, and edges that were smoothed."""


def masks_among(root: Path, relatives: Sequence[str]) -> set[str]:
    """Those of the listed images below `root` that are masks of others: in a folder whose name says so, each beside an
    image of the same name elsewhere, and made of a few values only."""
    named: dict[str, list[str]] = defaultdict(list)
    others: set[str] = set()
    for relative in relatives:
        folder = _mask_folder(relative)
        if folder is None:
            others.add(_name(relative))
        else:
            named[folder].append(relative)
    return {
        relative
        for held in named.values()
        if all(os.path.splitext(each)[1].lower() in SUFFIXES and _name(each) in others for each in held)
        and all(_is_mask(root / each) for each in _spread(held))
        for relative in held
    }


def _mask_folder(relative: str) -> str | None:
    """The path down to the outermost folder that is named as those of masks are; None where there is none."""
    parts = relative.split("/")[:-1]
    depth = next((depth for depth, part in enumerate(parts, 1) if FOLDERS.fullmatch(part)), None)
    return None if depth is None else "/".join(parts[:depth])


def _name(relative: str) -> str:
    return ENDINGS.sub("", os.path.splitext(relative.rpartition("/")[2])[0])


def _spread(held: Sequence[str]) -> Iterable[str]:
    """A few from all over a folder."""
    return held[:: -(-len(held) // LOOKED_AT)]


def _is_mask(path: Path) -> bool:
    """Whether a picture is made of a few values; False of one that cannot be read, which is to be listed."""
    import numpy as np  # most folders have nothing to look at
    from PIL import Image

    try:
        with open_regular(path) as stream, Image.open(stream) as image:
            values = np.asarray(image if image.mode in ("P", "L", "1", "I", "I;16") else image.convert("RGB"))
    except Exception:  # Pillow's readers raise what they like
        return False
    flat = values.reshape(-1, values.shape[2]) @ np.array([1, 256, 65536]) if values.ndim == 3 else values.ravel()
    counts = np.sort(np.unique(flat, return_counts=True)[1])
    return bool(counts[-FEW:].sum() >= MOSTLY * flat.size)
