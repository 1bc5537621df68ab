"""Hashes that others have: those of the library imagehash, by imagehash itself, for lists that teams keep.

Each is what `imagehash` gives for the file as Pillow opens it (`imagehash.phash(Image.open(file))`: not turned as EXIF
says, its first frame), bit for bit, for that is how such lists are made. The matching has its own hash
(`dedup.images.signature`), made to be turned and cropped.

Source: https://github.com/JohannesBuchner/imagehash
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dedup.errors import UsageError
from dedup.files import open_regular
from dedup.images.formats import MAX_PIXELS

if TYPE_CHECKING:
    import numpy as np
    from imagehash import ImageHash, ImageMultiHash
    from numpy.typing import NDArray

COLUMN = "hash:"
"""A hash of kind `phash` is the text column `hash:phash`."""
SIZES = (8, 16)
"""Sides of the square of bits; 8 is what the library and most lists have."""
_FUNCTIONS = {"phash": "phash", "dhash": "dhash", "ahash": "average_hash", "whash": "whash"}
KINDS = (
    *(name if size == SIZES[0] else f"{name}-{size}" for name in _FUNCTIONS for size in SIZES),
    "colorhash",
    "crop-resistant",
)
"""phash and dhash-16, say; a size of 8 is not told."""
CROP_RESISTANT = "crop-resistant"


def check(kind: str) -> str:
    """The kind, if it is one. Raises `UsageError`."""
    if kind not in KINDS:
        raise UsageError(f"{kind!r} is no kind of hash. Kinds: {', '.join(KINDS)}.")
    return kind


def take(path: Path, *, kinds: Sequence[str], max_pixels: int = MAX_PIXELS) -> dict[str, str]:
    """The hashes of a file, by kind, as the texts that imagehash gives. Raises `UnreadableImage`."""
    from dedup.images.decode import open_image, reasons  # with Pillow, which who only names kinds needs not

    with reasons(), open_regular(path) as stream:
        picture = open_image(stream, max_pixels)
        picture.load()
        return {kind: str(_function(kind)(picture)) for kind in kinds}


def parse(kind: str, text: str) -> ImageHash | ImageMultiHash:
    """The hash that a text tells. Raises `UsageError` where it tells none of that kind."""
    import imagehash

    try:
        if kind == CROP_RESISTANT:
            return imagehash.hex_to_multihash(text)
        if kind == "colorhash":
            return imagehash.hex_to_flathash(text, 3)
        found = imagehash.hex_to_hash(text)
        if found.hash.shape != (_size(kind),) * 2:
            raise ValueError("another size")
        return found
    except (ValueError, IndexError) as error:
        raise UsageError(f"{text[:70]!r} is no {kind}.") from error


def bits(kind: str, texts: Sequence[str]) -> NDArray[np.uint8]:
    """(n, bytes) uint8: the bits of hashes, packed row by row; zeros for ''. Raises `UsageError`."""
    import numpy as np

    rows = [np.asarray(getattr(parse(kind, text), "hash", ()), bool).ravel() for text in texts if text]
    length = len(rows[0]) if rows else 0
    if other := next((text for text, row in zip(filter(None, texts), rows, strict=True) if len(row) != length), ""):
        raise UsageError(f"{other[:70]!r} is of another length than the first {kind}.")
    packed = np.zeros((len(texts), -(-length // 8)), np.uint8)
    if rows:
        packed[[bool(text) for text in texts]] = np.packbits(np.array(rows), axis=1)
    return packed


def segments(texts: Sequence[str]) -> tuple[NDArray[np.uint8], NDArray[np.intp]]:
    """(s, bytes) uint8 the bits of all segments of crop-resistant hashes, one hash after the other, and (n,) how many
    each has, 0 for ''. Raises `UsageError`."""
    import numpy as np

    held = [parse(CROP_RESISTANT, text).segment_hashes if text else [] for text in texts]  # type: ignore[union-attr]
    rows = [np.asarray(segment.hash, bool).ravel() for each in held for segment in each]
    if len({len(row) for row in rows}) > 1:
        raise UsageError(f"Segments of {CROP_RESISTANT} hashes are of several lengths.")
    packed = np.packbits(np.array(rows), axis=1) if rows else np.zeros((0, 1), np.uint8)
    return packed, np.array([len(each) for each in held], np.intp)


class Hashed:
    """Hashes of one kind, read once to be compared often: texts (n,), '' where there is none. Raises `UsageError`."""

    def __init__(self, kind: str, texts: Sequence[str]) -> None:
        self._segmented = kind == CROP_RESISTANT
        self._held: Any
        if self._segmented:
            self._held = [parse(kind, text) if text else None for text in texts]
        else:
            self._held = bits(kind, texts)
        self._missing = [place for place, text in enumerate(texts) if not text]

    def distances(self, one: int) -> NDArray[np.float64]:
        """(n,) how far all are from the one at that place, as imagehash subtracts them: bits that differ, for the
        crop-resistant less the more segments agree. NaN where there is none."""
        import numpy as np

        if one in self._missing:
            return np.full(len(self._held), np.nan)
        if self._segmented:
            mine = self._held[one]
            return np.array([np.nan if each is None else mine - each for each in self._held], np.float64)
        found: NDArray[np.float64] = np.bitwise_count(self._held ^ self._held[one]).sum(axis=1).astype(np.float64)
        found[self._missing] = np.nan
        return found


def kind_of(name: str) -> str:
    """The kind that the name of a list's column tells. Raises `UsageError`."""
    base = name.lower().removeprefix(COLUMN).replace("_", "-").removesuffix("-hash")
    base = {"average": "ahash", "average-hash": "ahash", "perceptual": "phash"}.get(base, base)
    if base in KINDS:
        return base
    stem, _, size = base.rpartition("-")
    if stem in _FUNCTIONS and size == str(SIZES[0]):
        return stem
    raise UsageError(f"{name!r} does not tell the kind of its hashes. Say it with --hash-kind: {', '.join(KINDS)}.")


def of_length(kind: str, text: str) -> str:
    """The kind of the size that a text has, where its name leaves that open: 64 hex digits are 16 by 16."""
    digits = len(text.strip())
    larger = f"{kind}-{SIZES[1]}"
    return larger if larger in KINDS and digits == SIZES[1] ** 2 // 4 else kind


def _size(kind: str) -> int:
    return int(kind.rpartition("-")[2]) if "-" in kind else SIZES[0]


def _function(kind: str) -> Callable[[Any], object]:
    import imagehash

    if kind == CROP_RESISTANT:
        return imagehash.crop_resistant_hash
    if kind == "colorhash":
        return imagehash.colorhash
    chosen: Callable[..., object] = getattr(imagehash, _FUNCTIONS[kind.partition("-")[0]])
    return lambda picture: chosen(picture, hash_size=_size(kind))
