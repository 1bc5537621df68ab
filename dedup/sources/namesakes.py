"""What belongs to an image in an archive or bucket by its name, as companions do in folders (`images.companions`)."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from dedup.images.companions import LABELS, SUFFIXES, labels_folders
from dedup.images.formats import SUFFIXES as IMAGE_SUFFIXES
from dedup.images.formats import UNSUPPORTED_SUFFIXES
from dedup.sources import archives, blobs
from dedup.sources.listing import Entry, Stored, below
from dedup.sources.stored import entries_of


def sample_of(name: str) -> str:
    """What WebDataset calls the sample of a file: its path up to the first dot of its name."""
    folder, slash, last = below(name).rpartition("/")
    return folder + slash + last.partition(".")[0]


class Namesakes:
    """Finds them, with one look into each archive or bucket: in a TAR all files of the image's sample, as WebDataset
    has them, elsewhere what is called as companions of files are."""

    def __init__(self) -> None:
        self._looked: dict[str, _Names] = {}

    def of(self, image: Stored) -> list[Stored]:
        """Those of one image, by name; none where nobody tells what lies there."""
        packed = archives.suffix_of(image.place) != ""
        place, name = archives.archive_of(image) if packed else (image.place, image.key)
        if place not in self._looked:
            self._looked[place] = _Names.of(place)
        ahead = image.key.removesuffix(name)
        return [Stored(image.place, ahead + each, entry) for each, entry in self._looked[place].beside(name)]


@dataclass(frozen=True, slots=True)
class _Names:
    """The files of one place that are no images: as they are called in small letters, and by sample where it has
    such."""

    files: Mapping[str, tuple[str, Entry]]
    samples: Mapping[str, list[tuple[str, Entry]]] | None

    @classmethod
    def of(cls, place: str) -> _Names:
        files = {name: entry for name, entry in _entries(place).items() if not _is_image(name)}
        if archives.suffix_of(place) != ".tar":
            return cls({name.lower(): (name, entry) for name, entry in files.items()}, None)
        samples: dict[str, list[tuple[str, Entry]]] = {}
        for name, entry in files.items():
            samples.setdefault(sample_of(name), []).append((name, entry))
        return cls({}, samples)

    def beside(self, image: str) -> list[tuple[str, Entry]]:
        if self.samples is not None:
            return self.samples.get(sample_of(image), [])
        names = dict.fromkeys(name.lower() for name in _candidates(PurePosixPath(image)))
        return [self.files[name] for name in names if name in self.files]


def _entries(place: str) -> Mapping[str, Entry]:
    kind = archives.suffix_of(place)
    if kind and archives.CONTAINERS[kind].images_only:
        return {}
    try:
        if kind:
            return entries_of(place)[0]
        return blobs.find(place) if blobs.can_list(place) else {}
    except OSError:  # nor can the images be read then, and they say so
        return {}


def _is_image(name: str) -> bool:
    return os.path.splitext(name)[1].lower() in {*IMAGE_SUFFIXES, *UNSUPPORTED_SUFFIXES}


def _candidates(image: PurePosixPath) -> Iterator[str]:
    """What companions of an image may be called."""
    for suffix in SUFFIXES:
        yield str(image.with_suffix(suffix))
        yield f"{image}{suffix}"
    for folder in labels_folders(image.parent):
        yield from (str(folder / image.with_suffix(suffix).name) for suffix in LABELS)
