"""Where images lie: a folder, walked, or the files that a list names.

Every file that looks like an image by its name or by its first bytes is listed, readable or not: whether it is a
picture is for `dedup.images.decode` to say. Other files are only counted. A folder that cannot be read is listed with
the reason.
"""

from __future__ import annotations

from pathlib import Path

from dedup.errors import SourceError
from dedup.sources.folder import list_folder
from dedup.sources.listing import Listing, SourceFile
from dedup.sources.lists import LIST_SUFFIXES, list_file


def list_source(source: Path) -> Listing:
    """List a folder, or the files that a .txt or .csv names. Raises `SourceError`."""
    if source.is_dir():
        return list_folder(source)
    if source.is_file() and source.suffix.lower() in LIST_SUFFIXES:
        return list_file(source)
    if not source.exists():
        raise SourceError(f"There is no folder or list {source}. Check the path and try again.")
    raise SourceError(f"{source} is not a folder. Give a folder of images, or a .txt or .csv list of files.")


__all__ = ["Listing", "SourceFile", "list_source"]
