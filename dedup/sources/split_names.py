"""The splits that names of folders and files speak of."""

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
    r"(?<![^\W_])(?:(?:images?|obj)[-_ ]?)?"
    rf"(?:{'|'.join(f'(?P<{split}>{words})' for split, words in SPLIT_WORDS.items())})"
    r"(?:[-_ ]?(?:set|split|data|images?|imgs?|\d{1,4}))?(?![^\W_])"
)

ARCHIVE = re.compile(r"(?P<name>.*?)(?P<number>(?:^|[-_.])\d+(?:-of-\d+)?)?\.(?:zip|tar|parquet)", re.IGNORECASE)
"""An archive among several, whose name comes first in the paths of its images, and the number of a shard."""


@lru_cache(maxsize=4096)
def split_name(word: str) -> str:
    """The split of `SPLIT_WORDS` that `word` names (`train2017`, `validation`, `test_set`, `hold-out`), or which the
    name of an archive speaks of (`imagenet-train-0001.tar`), else ''."""
    if packed := ARCHIVE.fullmatch(word):
        named = splits_in(packed["name"])
        return next(iter(named)) if len(named) == 1 else ""
    match = _SPLIT.fullmatch(word.casefold())
    return (match and match.lastgroup) or ""


def splits_in(name: str) -> set[str]:
    """The splits that the words of a file name speak of: `instances_train2017` → {"train"}."""
    return {match.lastgroup or "" for match in _SPLIT.finditer(name.casefold())}


def split_from_path(path: str) -> str:
    """The split a path's folders name, or ''. The innermost naming folder counts."""
    return _split_of_folder(path.rpartition("/")[0])


def splits_of_folders(folders: Sequence[str]) -> list[str]:
    """`split_from_path` of paths in these folders."""
    said = {folder: _split_of_folder(folder) for folder in set(folders)}
    return [said[folder] for folder in folders]


@lru_cache(maxsize=65536)
def _split_of_folder(folder: str) -> str:
    return next((split for part in reversed(folder.split("/")) if (split := split_name(part))), "")
