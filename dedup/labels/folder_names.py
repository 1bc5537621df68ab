"""What folder names say of the images inside them: splits and classes."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

SPLIT_WORDS = {
    "train": "train(?:ing)?",
    "val": "val(?:id(?:ation)?)?",
    "test": "test[-_ ]?dev|test(?:ing)?",
    "dev": "dev",
    "eval": "eval(?:uation)?",
    "holdout": "(?:hold|held)[-_ ]?out",
}
"""Patterns of the words for each split."""

_SPLIT = re.compile(
    rf"(?<![^\W_])(?:images?[-_ ]?)?(?:{'|'.join(f'(?P<{split}>{words})' for split, words in SPLIT_WORDS.items())})"
    r"(?:[-_ ]?(?:set|split|data|images?|imgs?|\d{1,4}))?(?![^\W_])"
)

GENERIC_FOLDERS = frozenset(
    {
        *("annotations", "archive", "color", "data", "dataset", "datasets", "dcim", "download", "downloads", "export"),
        *("files", "full", "gray", "image", "images", "img", "imgs", "input", "jpeg", "jpegimages", "jpg", "media"),
        *("original", "originals", "output", "photo", "photos", "picture", "pictures", "png", "raw", "rgb", "samples"),
        *("source", "src", "upload", "uploads"),
    }
)
"""Folder names that say where pictures lie, not what they show."""


@lru_cache(maxsize=4096)
def split_name(word: str) -> str:
    """The split of `SPLIT_WORDS` that `word` names (`train2017`, `validation`, `test_set`, `hold-out`), else ''."""
    match = _SPLIT.fullmatch(word.casefold())
    return (match and match.lastgroup) or ""


def splits_in(name: str) -> set[str]:
    """The splits that the words of a file name speak of: `instances_train2017` → {"train"}."""
    return {match.lastgroup or "" for match in _SPLIT.finditer(name.casefold())}


def split_from_path(path: str) -> str:
    """The split a path's folders name, or ''. The innermost naming folder counts."""
    return _split_of_folder(path.rpartition("/")[0])


@lru_cache(maxsize=65536)
def _split_of_folder(folder: str) -> str:
    return next((split for part in reversed(folder.split("/")) if (split := split_name(part))), "")


def classes_from_folder(path: str) -> tuple[str, ...]:
    """The class a path's folders name, or (): the innermost folder that is neither a split's name nor a generic one.

    `train/dog/images/1.jpg` → `("dog",)`; `images/train2017/1.jpg` → `()`. For a whole dataset use `folder_classes`.
    """
    return _class_of_folder(path.rpartition("/")[0])


@lru_cache(maxsize=65536)
def _class_of_folder(folder: str) -> tuple[str, ...]:
    for part in reversed(folder.split("/")):
        if part and not split_name(part) and part.casefold() not in GENERIC_FOLDERS:
            return (part,)
    return ()


def folder_classes(paths: Sequence[str]) -> list[tuple[str, ...]]:
    """Classes by folder for each path of a dataset; none at all unless its folders name at least two classes."""
    classes = [classes_from_folder(path) for path in paths]
    return classes if len(set(classes) - {()}) > 1 else [()] * len(paths)
