"""Hashes of imagehash for the images of a dataset: computed once for each content, and kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing

from dedup.images.formats import MAX_PIXELS
from dedup.model import OnProgress, Progress
from dedup.scanning.engines import engine
from dedup.scanning.engines.base import Failed
from dedup.sources import Where
from dedup.store.directory import Store


def compute(
    store: Store,
    files: Mapping[str, Where],
    kinds: Sequence[str],
    *,
    max_pixels: int = MAX_PIXELS,
    on_progress: OnProgress | None = None,
) -> dict[str, dict[str, str]]:
    """Hashes by SHA-256 and kind, none where a file gives none; `files` maps one content to a file of it.

    Those that are kept are not computed again; what is computed now is kept for later.
    """
    known = store.read_imagehashes()
    missing = [sha256 for sha256 in files if any(kind not in known.get(sha256, {}) for kind in kinds)]
    if missing:
        told = on_progress or (lambda progress: None)
        options = {"kinds": list(kinds), "max_pixels": max_pixels}
        with closing(engine()) as chosen:
            results = chosen.run("hashes", [files[sha256] for sha256 in missing], options)
            for done, (place, found) in enumerate(results, start=1):
                if not isinstance(found, Failed):  # what fails now is tried again
                    known[missing[place]] = known.get(missing[place], {}) | found
                told(Progress("hashing", done, len(missing), 0.0))
        store.write_imagehashes(known)
    return known
