"""The sample: a folder of varied pictures made by code, with every sort of duplicate planted in it.

    sample/train|val|test/<class>/...   some 300 pictures of 15 classes: originals, planted duplicates, a burst of
                                        different moments of one place, three files that cannot be read
    sample-truth.csv                    beside the folder: path, kind, original, relation of every file
    sample-annotations.json             beside it, too: COCO boxes around things, two of which clash with their copy's

The same seed gives the same bytes with the same library versions.
"""

from __future__ import annotations

import csv
import io
import json
import shutil
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from dedup.errors import DatasetError, SourceError
from dedup.files import write_text
from dedup.images.signature import phash
from dedup.model import OnProgress, Progress
from dedup.sample import boxes
from dedup.sample.edits import EDITS, Edit
from dedup.sample.scenes import SCENES, Rng, Scene, Size, balloons

DATASET_NAME, FOLDER_NAME = "Sample", "sample images"
"""What the app and the command line call the sample, and its folder below the home."""

ORIGINALS_A_CLASS = 12
COPIES_AN_EDIT = 3
BURST, EXACT, FAILURES = 8, 16, 3
GRAINY = {"marble", "sea", "maps"}
"""Classes whose pictures have grain, as photographs do: it tells a copy that was changed a lot from another picture."""
TOLD_BY_GRAIN = {"overlaid", "bent", "unevenly lit"}
"""The edits that make a copy of such pictures only."""
SIZES: tuple[Size, ...] = ((480, 360), (480, 320), (360, 480), (400, 400), (512, 288))
LEAST_BITS = 76
"""Originals are drawn again until their hashes differ by this many of 256 bits, in all eight orientations."""

CAMERAS = (("Lumen", "L-20"), ("Halcyon", "Pocket 3"), ("Aurora", "X100"))


@dataclass(frozen=True, slots=True)
class Truth:
    """What a file of the sample is: kind exact, near, unique or failed; `original` and `relation` of a duplicate."""

    path: str
    kind: str
    original: str = ""
    relation: str = ""


@dataclass
class _Folder:
    """The sample while it is made: where files go, what they are, how far it is."""

    root: Path
    rng: Rng
    on_progress: OnProgress | None
    total: int
    truth: list[Truth] = field(default_factory=list)
    hashes: list[NDArray[np.uint8]] = field(default_factory=list)
    pictures: dict[str, Image.Image] = field(default_factory=dict)
    start: float = field(default_factory=time.perf_counter)

    def add(self, truth: Truth, content: bytes) -> None:
        """Write one file."""
        target = self.root / truth.path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
        self.truth.append(truth)
        if self.on_progress is not None:
            done = len(self.truth)
            self.on_progress(
                Progress("Painting the sample", done, max(done, self.total), time.perf_counter() - self.start)
            )


def truth_path(folder: Path) -> Path:
    """Where `make` writes what each file is: beside the folder, so that it is no part of it."""
    return folder.with_name(f"{folder.name}-truth.csv")


def annotations_path(folder: Path) -> Path:
    """Where `make` writes the boxes, a COCO file: beside the folder."""
    return folder.with_name(f"{folder.name}-annotations.json")


def annotation_files(folder: Path) -> list[Path]:
    """That file, if it is there: samples of earlier versions have none."""
    path = annotations_path(folder)
    return [path] if path.is_file() else []


def make(folder: Path | str, *, seed: int = 0, on_progress: OnProgress | None = None) -> Path:
    """Make the sample as `folder`, which must be absent, empty or a finished sample (then nothing is done).

    Takes a few seconds. The folder appears when it is complete; a cancelled or failed run leaves nothing.
    Raises `SourceError` if the folder holds anything else, `DatasetError` if it cannot be written.
    """
    folder = Path(folder)
    if folder.is_dir() and any(folder.iterdir()):
        if truth_path(folder).is_file():
            return folder
        raise SourceError(f"{folder} is not empty. Choose another place for the sample.")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        unfinished = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    except OSError as error:
        raise DatasetError(f"Cannot make the sample in {folder.parent}: {error.strerror}.") from error
    try:
        made = _fill(unfinished, seed, on_progress)
        write_text(annotations_path(folder), json.dumps(_annotations(made)))
        write_text(truth_path(folder), _truth_csv(made.truth))
        unfinished.chmod(0o755)
        if folder.is_dir():
            folder.rmdir()
        unfinished.rename(folder)
    except OSError as error:
        raise DatasetError(f"Cannot make the sample in {folder.parent}: {error.strerror}.") from error
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    return folder


def read_truth(folder: Path) -> list[Truth]:
    """What `make` said about the files of `folder`."""
    with truth_path(folder).open(encoding="utf-8", newline="") as stream:
        return [Truth(**row) for row in csv.DictReader(stream)]


def _annotations(made: _Folder) -> dict[str, Any]:
    """The boxes of things, of their identical copies too where these are stored upright."""
    things = {path: picture for path, picture in made.pictures.items() if path.split("/")[1] in boxes.OBJECTS}
    upright = [row for row in made.truth if row.kind == "exact" and "_phone" not in row.path]
    return boxes.coco(things, [(row.path, row.original) for row in upright])


def _fill(root: Path, seed: int, on_progress: OnProgress | None) -> _Folder:
    total = len(SCENES) * ORIGINALS_A_CLASS + len(EDITS) * COPIES_AN_EDIT + BURST + EXACT + FAILURES
    folder = _Folder(root, np.random.default_rng(seed), on_progress, total)
    _paint_originals(folder)
    _paint_burst(folder)
    originals = iter(folder.rng.permutation([truth.path for truth in folder.truth[: len(SCENES) * ORIGINALS_A_CLASS]]))
    _plant_exact(folder, originals)
    _plant_near(folder, originals)
    _plant_failures(folder)
    return folder


# --- originals ------------------------------------------------------------------------------------------------------


def _paint_originals(folder: _Folder) -> None:
    for name, scene in SCENES.items():
        for number in range(1, ORIGINALS_A_CLASS + 1):
            size = SIZES[folder.rng.choice(len(SIZES), p=[0.5, 0.15, 0.15, 0.1, 0.1])]
            picture = _unlike_all(folder, scene, size)
            suffix = ".png" if number % 6 == 0 else ".jpg"
            path = f"{_split(folder.rng)}/{name}/{name}_{number:03}{suffix}"
            folder.pictures[path] = picture
            folder.add(Truth(path, "unique"), _encoded(picture, suffix, exif=_exif(folder.rng) if number % 3 else None))


def _unlike_all(folder: _Folder, scene: Scene, size: Size) -> Image.Image:
    while True:
        picture = scene(folder.rng, size)
        hashes = _hashes(picture)
        if not folder.hashes or _bits(hashes, np.array(folder.hashes)) >= LEAST_BITS:
            folder.hashes.append(hashes[0])
            return picture


def _hashes(picture: Image.Image) -> NDArray[np.uint8]:
    """The perceptual hashes of the eight orientations, shape (8, 32)."""
    small = np.asarray(picture.convert("L").resize((64, 64), Image.Resampling.BOX))
    turns = [np.rot90(side, quarter) for side in (small, small[:, ::-1]) for quarter in range(4)]
    return phash(np.stack(turns))


def _bits(hashes: NDArray[np.uint8], others: NDArray[np.uint8]) -> int:
    """The least Hamming distance between two sets of hashes, 0 to 256."""
    return int(np.bitwise_count(hashes[:, None] ^ others[None]).sum(axis=2, dtype=np.int64).min())


def _split(rng: Rng) -> str:
    return str(rng.choice(["train", "val", "test"], p=[0.7, 0.15, 0.15]))


def _exif(rng: Rng) -> Image.Exif:
    maker, model = CAMERAS[rng.integers(len(CAMERAS))]
    taken = datetime(2021, 1, 1) + timedelta(minutes=int(rng.integers(0, 3 * 365 * 24 * 60)))
    exif = Image.Exif()
    exif[271], exif[272], exif[306] = maker, model, f"{taken:%Y:%m:%d %H:%M:%S}"
    exif.get_ifd(0x8769)[36867] = f"{taken:%Y:%m:%d %H:%M:%S}"
    return exif


def _paint_burst(folder: _Folder) -> None:
    """Eight moments of one afternoon: the same air, other balloons at other places."""
    for number in range(1, BURST + 1):
        picture = _unlike_all(folder, lambda rng, size: balloons(rng, size, weather=1), (480, 320))
        path = f"train/festival/festival_{number:03}.jpg"
        exif = _exif(folder.rng)
        exif[306] = exif.get_ifd(0x8769)[36867] = f"2023:06:18 16:20:{number:02}"
        folder.add(Truth(path, "unique", relation="burst"), _encoded(picture, ".jpg", exif=exif))


# --- duplicates -----------------------------------------------------------------------------------------------------


def _plant_exact(folder: _Folder, originals: Iterator[str]) -> None:
    for copies in (1, 1, 1, 2, 4):
        original = next(originals)
        content = (folder.root / original).read_bytes()
        for copy in range(1, copies + 1):
            path = _copy_path(folder, original, f" copy {copy}" if copy > 1 else " copy")
            folder.add(Truth(path, "exact", original, "identical file"), content)
    for suffix in (".bmp", ".tiff", ".png", ".png"):
        original = next(path for path in originals if path.endswith(".jpg"))
        with Image.open(folder.root / original) as picture:
            path = _copy_path(folder, original, "_lossless", suffix)
            folder.add(Truth(path, "exact", original, "identical pixels"), _encoded(picture.convert("RGB"), suffix))
    for orientation, back in (
        (6, Image.Transpose.ROTATE_90),
        (3, Image.Transpose.ROTATE_180),
        (2, Image.Transpose.FLIP_LEFT_RIGHT),
    ):
        original = next(originals)
        exif = Image.Exif()
        exif[274] = orientation
        with Image.open(folder.root / original) as picture:
            stored = picture.convert("RGB").transpose(back)
        path = _copy_path(folder, original, "_phone", ".png")
        folder.add(Truth(path, "exact", original, "identical pixels"), _encoded(stored, ".png", exif=exif))


def _plant_near(folder: _Folder, originals: Iterator[str]) -> None:
    waiting: list[str] = []
    for edit in EDITS:
        for _ in range(COPIES_AN_EDIT):
            original = _suited(edit, waiting, originals)
            picture = edit.change(folder.pictures[original], folder.rng)
            path = _copy_path(folder, original, _EDITED_NAMES[folder.rng.integers(len(_EDITED_NAMES))], edit.suffix)
            folder.add(Truth(path, "near", original, edit.relation), _encoded(picture, edit.suffix, edit))


def _suited(edit: Edit, waiting: list[str], originals: Iterator[str]) -> str:
    """The next original that an edit makes a copy of: whether an overlaid drawing is one, people decide."""
    grain = edit.relation.split(" with ")[0] in TOLD_BY_GRAIN
    for place, original in enumerate(waiting):
        if not grain or _has_grain(original):
            return waiting.pop(place)
    for original in originals:
        if not grain or _has_grain(original):
            return original
        waiting.append(original)
    raise AssertionError("more copies than originals")


def _has_grain(path: str) -> bool:
    return path.split("/")[-2] in GRAINY


_EDITED_NAMES = ("_edited", "_final", "_web", " (1)", "_v2", "_share", "_small")


def _copy_path(folder: _Folder, original: str, ending: str, suffix: str | None = None) -> str:
    """A name beside the original, or, one time in four, in another split: a leak."""
    split, name, file = original.split("/")
    stem, dot, own = file.rpartition(".")
    if folder.rng.random() < 0.25:
        split = {"train": "test", "test": "train", "val": "train"}[split]
    return f"{split}/{name}/{stem}{ending}{suffix or dot + own}"


def _plant_failures(folder: _Folder) -> None:
    whole = (folder.root / folder.truth[0].path).read_bytes()
    for path, content in (
        ("train/mountains/mountains_empty.jpg", b""),
        ("val/sea/sea_truncated.jpg", whole[: len(whole) // 3]),
        ("train/charts/charts_notes.png", b"These are notes, not a picture.\n"),
    ):
        folder.add(Truth(path, "failed"), content)


# --- files ----------------------------------------------------------------------------------------------------------

_FORMATS = {".jpg": "JPEG", ".png": "PNG", ".bmp": "BMP", ".tiff": "TIFF", ".webp": "WEBP"}


def _encoded(picture: Image.Image, suffix: str, edit: Edit | None = None, *, exif: Image.Exif | None = None) -> bytes:
    stream = io.BytesIO()
    options: dict[str, object] = {"exif": exif} if exif is not None else {}
    if suffix in (".jpg", ".webp"):
        options["quality"] = edit.quality if edit else 92
    if suffix == ".png":
        options["compress_level"] = 3
    if suffix == ".webp":
        options["method"] = 2
    picture.save(stream, _FORMATS[suffix], **options)
    return stream.getvalue()


def _truth_csv(truth: list[Truth]) -> str:
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(("path", "kind", "original", "relation"))
    writer.writerows((row.path, row.kind, row.original, row.relation) for row in truth)
    return stream.getvalue()
