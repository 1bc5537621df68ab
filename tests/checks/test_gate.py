"""The gate counts what it should, and a new batch is told what it repeats."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from PIL import ImageOps

import dedup
from dedup.checks import fingerprint, gate
from dedup.checks.gate import Limits
from dedup.labels.resolve import Choice
from tests.pictures import folder_of_photos, photo, save

SIZE = (320, 240)


@pytest.fixture(scope="module")
def home(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("gate")


@pytest.fixture(scope="module")
def curated(home):
    for seed in range(6):
        save(photo(seed, SIZE), home / "curated" / f"{seed:04d}.jpg", quality=92)
    return dedup.scan(home / "curated", home=home / "home", workers=1)


@pytest.fixture(scope="module")
def batch(home, curated):
    """New images: two copies of the file, one as PNG, one smaller, one mirrored, one new, one flat, one broken."""
    new = home / "new"
    new.mkdir()
    for name in ("file.jpg", "file again.jpg"):
        shutil.copy(home / "curated" / "0000.jpg", new / name)
    for name, seed in (("small", 2), ("small again", 2)):
        save(photo(seed, SIZE).resize((200, 150)), new / f"{name}.jpg", quality=80)
    with dedup.images.decode.Image.open(home / "curated" / "0001.jpg") as picture:
        save(picture, new / "lossless.png")
    save(ImageOps.mirror(photo(3, SIZE)), new / "mirror.jpg", quality=90)
    save(photo(99, SIZE), new / "really new.jpg")
    save(dedup.images.decode.Image.new("RGB", SIZE, "gray"), new / "flat.png")
    (new / "broken.jpg").write_bytes(b"\xff\xd8\xff nothing")
    return dedup.scan(new, home=home / "home", workers=1)


def found(matches: list[gate.Match]) -> dict[str, tuple[str, str]]:
    return {match.path: (str(match.kind), match.known) for match in matches}


EXACT = {
    "file.jpg": ("exact", "0000.jpg"),
    "file again.jpg": ("exact", "0000.jpg"),
    "lossless.png": ("exact", "0001.jpg"),
}
NEAR = {
    "small.jpg": ("near", "0002.jpg"),
    "small again.jpg": ("near", "0002.jpg"),
    "mirror.jpg": ("near", "0003.jpg"),
}


def test_a_batch_against_a_dataset(batch, curated):
    matches = gate.check_against(batch, curated, workers=1)
    assert found(matches) == EXACT | NEAR
    by_path = {match.path: match for match in matches}
    assert by_path["file.jpg"].relation == "identical file"
    assert by_path["lossless.png"].relation == "identical pixels"
    assert "mirrored" in by_path["mirror.jpg"].relation
    assert "resized from 320x240 to 200x150" in by_path["small.jpg"].relation
    assert all(match.row == batch.frame.index[batch.frame["path"] == match.path][0] for match in matches)


@pytest.mark.parametrize("hash_only", [True, False])
def test_a_batch_against_a_fingerprint_without_names(batch, curated, tmp_path, hash_only):
    fingerprint.write(fingerprint.of(curated, hash_only=hash_only), tmp_path / "print.parquet")
    matches = gate.check_against(batch, fingerprint.read(tmp_path / "print.parquet"), workers=1)
    hashes = curated.frame.set_index("path")["sha256"]
    assert found(matches) == {path: (kind, hashes[known][:12]) for path, (kind, known) in (EXACT | NEAR).items()}


def test_the_threshold_moves_near_matches_and_no_exact_ones(batch, curated):
    assert found(gate.check_against(batch, curated, threshold=0.0, workers=1)) == EXACT


def test_a_dataset_repeats_itself_and_nothing_repeats_an_empty_one(curated, batch):
    assert len(gate.check_against(curated, curated)) == 6
    whole = fingerprint.of(curated)
    nothing = fingerprint.Fingerprint(whole.facts[:0], whole.hashes[:0], whole.signatures[:0], whole.samples)
    assert gate.check_against(batch, nothing) == []


@pytest.fixture(scope="module")
def split(home):
    """Train and test with a leak, an exact copy within train, and a near copy with another box."""
    root = home / "split"
    folder_of_photos(root / "train", 4)
    folder_of_photos(root / "test", 2, start=50)
    shutil.copy(root / "train" / "0000.jpg", root / "test" / "leak.jpg")
    shutil.copy(root / "train" / "0001.jpg", root / "train" / "copy.jpg")
    return dedup.scan(root, home=home / "home", workers=1)


def test_check_counts_against_limits(split):
    report = gate.check(split, Limits(exact=0, near=0, leaks=0, clashes=0))
    assert not report.passed
    counts = {finding.name: finding.count for finding in report.findings}
    assert counts == {
        "exact duplicates": 2,
        "near duplicates except keepers": 0,
        "leaks": 1,
        "label clashes": 0,
        "unreadable files": 0,
    }
    assert report.findings[0].examples == (
        "train/0000.jpg copies test/leak.jpg",
        "train/copy.jpg copies train/0001.jpg",
    )
    assert report.findings[2].examples == ("test/leak.jpg (test), train/0000.jpg (train)",)
    assert report.findings[0].sentence() == "exact duplicates: 2, more than the 0 allowed"
    assert gate.check(split, Limits(exact=2, leaks=1)).passed
    names = [finding.name for finding in gate.check(split, Limits(exact=None, near=3, failed=None)).findings]
    assert names == ["near duplicates except keepers"]


def test_what_cannot_be_read_cannot_pass(batch):
    (finding,) = gate.check(batch, Limits(exact=None)).findings
    assert finding.exceeded and finding.sentence() == "unreadable files: 1, more than the 0 allowed"
    (example,) = finding.examples
    assert example.startswith("broken.jpg: ")
    assert gate.check(batch, Limits(exact=None, failed=1)).passed


def test_leaks_without_splits_are_remarked_upon_and_clashes_without_labels_pass_only_by_name(curated):
    leaks, clashes = gate.check(curated, Limits(exact=None, failed=None, leaks=0, clashes=0)).findings
    assert (leaks.count, leaks.exceeded, clashes.count, clashes.exceeded) == (0, False, 0, True)
    assert "no image has a split" in leaks.sentence() and "dedup splits" in leaks.sentence()
    assert "not known, for no image has a label" in clashes.sentence()
    _, allowed = gate.check(curated, Limits(exact=None, failed=None, leaks=0, clashes=0, unlabelled=True)).findings
    assert not allowed.exceeded and "no image has a label" in allowed.sentence()


def test_check_counts_clashes_that_nobody_decided(split, tmp_path):
    images = [{"id": 1, "file_name": "train/0000.jpg"}, {"id": 2, "file_name": "test/leak.jpg"}]
    document = {
        "images": images,
        "categories": [{"id": 1, "name": "cat"}, {"id": 2, "name": "dog"}],
        "annotations": [
            {"id": n, "image_id": n, "category_id": n, "bbox": [5, 5, 30, 30], "area": 900, "iscrowd": 0}
            for n in (1, 2)
        ],
    }
    (tmp_path / "coco.json").write_text(json.dumps(document))
    labelled = dedup.scan(split.root, home=tmp_path / "home", annotations=tmp_path / "coco.json", workers=1)
    (finding,) = gate.check(labelled, Limits(exact=None, clashes=0, failed=None)).findings
    assert finding.exceeded
    assert finding.examples == ("test/leak.jpg and train/0000.jpg: dog on the left, cat on the right",)
    labelled.decisions.decide([labelled.clashes[0].change(Choice.LEAVE)], "Leave it")
    assert gate.check(labelled, Limits(exact=None, clashes=0)).passed
