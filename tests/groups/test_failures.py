"""Files that cannot be read: those of the same bytes are copies of each other, one stays, and nothing else changes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

import dedup
from dedup import removal
from dedup.checks import gate
from dedup.dataset import Dataset
from dedup.model import Kind, Role
from tests.pictures import folder_of_photos, photo, save

LIMIT = 20_000
JUNK = b"8BPS junk"
REASONS = {
    "junk.psd": "PSD files are not supported",
    "broken.png": "truncated",
    "enormous.png": "too many pixels: 24,000, more than the limit",
}
COPIES = {"junk.psd": 5, "broken.png": 3, "enormous.png": 2}
"""How many files have the same bytes."""
LONE = {"lone.psd": b"8BPS other junk", "empty.jpg": b"", "empty too.jpg": b""}


def copy_of(name: str, number: int) -> str:
    """What programs call a copy."""
    return f"{Path(name).stem} ({number}){Path(name).suffix}"


def readable(folder: Path) -> Path:
    """Photographs with an exact and a near copy."""
    folder_of_photos(folder, 4)
    save(photo(1), folder / "one.png")
    save(photo(1), folder / "two.bmp")
    save(photo(2).transpose(Image.Transpose.FLIP_LEFT_RIGHT), folder / "mirrored.jpg", quality=90)
    return folder


@pytest.fixture(scope="module")
def sound(tmp_path_factory) -> Dataset:
    """Only what can be read."""
    place = tmp_path_factory.mktemp("sound")
    return dedup.scan(readable(place / "in"), home=place / "home", workers=1)


@pytest.fixture(scope="module")
def mixed(tmp_path_factory) -> Dataset:
    """The same, and files that cannot be read: some of the same bytes, some alone."""
    place = tmp_path_factory.mktemp("mixed")
    folder = readable(place / "in")
    bytes_of = {
        "junk.psd": JUNK,
        "broken.png": save(photo(7), place / "whole.png").read_bytes()[:2000],
        "enormous.png": save(photo(8, (200, 120)), place / "enormous.png").read_bytes(),
    }
    for name, count in COPIES.items():
        for number in range(count):
            (folder / (copy_of(name, number) if number else name)).write_bytes(bytes_of[name])
    for name, content in LONE.items():
        (folder / name).write_bytes(content)
    return dedup.scan(folder, home=place / "home", workers=1, max_pixels=LIMIT)


def members(dataset: Dataset, name: str) -> pd.DataFrame:
    names = [name, *(copy_of(name, number) for number in range(1, COPIES.get(name, 1)))]
    return dataset.frame[dataset.frame["name"].isin(names)]


@pytest.mark.parametrize("name", COPIES)
def test_of_unreadable_files_of_the_same_bytes_one_stays_and_the_rest_are_exact_copies(name, mixed):
    found = members(mixed, name)
    assert found["group"].nunique() == 1 and found["group"].iloc[0] >= 0
    assert (mixed.frame["group"] == found["group"].iloc[0]).sum() == len(found) == COPIES[name]
    (keeper,) = found.index[found["role"] == Role.KEEPER]
    assert found["path"][keeper] == name and (found["keeper"] == keeper).all()
    assert found["kind"][keeper] == Kind.FAILED and np.isnan(found["singularity"][keeper])
    copies = found[found["role"] == Role.DUPLICATE]
    assert len(copies) == COPIES[name] - 1
    assert (copies["kind"] == Kind.EXACT).all() and (copies["singularity"] == 0).all()
    assert (copies["nearest"] == keeper).all() and (copies["relation"] == "identical file").all()


@pytest.mark.parametrize("name", COPIES)
def test_copies_stay_failures_with_their_reason(name, mixed):
    found = members(mixed, name)
    assert (found["status"] == "failed").all()
    assert found["error"].str.startswith(REASONS[name]).all() and found["error"].nunique() == 1


@pytest.mark.parametrize("name", LONE)
def test_what_is_unlike_every_other_file_or_empty_is_in_no_group(name, mixed):
    (row,) = members(mixed, name).to_dict("records")
    assert (row["kind"], row["role"], row["group"], row["keeper"]) == (Kind.FAILED, Role.NONE, -1, -1)
    assert np.isnan(row["singularity"]) and row["status"] == "failed"


def test_they_are_pairs_of_exact_copies_with_the_one_that_stays(mixed):
    paths = mixed.frame["path"].to_numpy()
    pairs = mixed.pairs[mixed.pairs["kind"] == Kind.EXACT]
    failed = pairs[(mixed.frame["status"].to_numpy() == "failed")[pairs["left"]]]
    named = sorted(zip(paths[failed["left"]], paths[failed["right"]], strict=True))
    copies = [(name, copy_of(name, number)) for name, count in COPIES.items() for number in range(1, count)]
    assert named == sorted(copies) and (failed["distance"] == 0).all()


def test_check_counts_every_one_of_them_as_a_failure_and_the_redundant_ones_as_copies(mixed, sound):
    limits = gate.Limits(exact=0, failed=0)
    count = {finding.name: finding.count for finding in gate.check(mixed, limits).findings}
    before = {finding.name: finding.count for finding in gate.check(sound, limits).findings}
    assert before["unreadable files"] == 0
    assert count["unreadable files"] == sum(COPIES.values()) + len(LONE) == mixed.info.failed
    assert count["exact duplicates"] - before["exact duplicates"] == sum(COPIES.values()) - len(COPIES)


def test_the_plan_takes_all_of_them_but_one(mixed):
    plan = removal.plan(mixed)
    going = {entry.path: entry for entry in plan.entries}
    for name, count in COPIES.items():
        taken = [going[copy_of(name, number)] for number in range(1, count)]
        assert {entry.keeper_path for entry in taken} == {name} and {entry.identical for entry in taken} == {"file"}
    assert not going.keys() & {*COPIES, *LONE} and plan.stays == ()


def test_no_choice_takes_the_last_of_them(mixed):
    failed = (mixed.frame["status"] == "failed") & (mixed.frame["group"] >= 0)
    plan = removal.plan(mixed, failed.to_numpy())
    assert {stay.path for stay in plan.stays} == set(COPIES)
    assert len(plan.entries) == sum(COPIES.values()) - len(COPIES)


def test_what_can_be_read_is_not_touched_by_what_cannot(mixed, sound):
    def told(dataset: Dataset) -> pd.DataFrame:
        """Rows by path, with paths in place of row numbers and each group's paths in place of its number."""
        frame, paths = dataset.frame, dataset.frame["path"].to_numpy(object)
        columns = {name: np.where(frame[name] >= 0, paths[frame[name]], "") for name in ("keeper", "nearest")}
        columns["group"] = frame.groupby("group")["path"].transform("|".join).where(frame["group"] >= 0, "")
        return frame.assign(**columns)[frame["status"] == "ok"].drop(columns="mtime_ns").set_index("path")

    assert len(told(sound)) == len(sound.frame) == 7
    pd.testing.assert_frame_equal(told(mixed), told(sound))


def test_a_scan_that_finds_nothing_it_can_read_still_finds_their_copies(tmp_path, home):
    (tmp_path / "in").mkdir()
    for number in range(4):
        (tmp_path / f"in/{number}.psd").write_bytes(JUNK)
    dataset = dedup.scan(tmp_path / "in", workers=1)
    assert dataset.frame["kind"].tolist() == ["failed", "exact", "exact", "exact"]
    report = removal.apply(dataset, removal.plan(dataset))
    assert len(report.done) == 3 and [path.name for path in (tmp_path / "in").iterdir()] == ["0.psd"]


def test_a_readable_file_stays_for_its_copy_under_a_name_that_is_not_read(tmp_path, home):
    tiff = save(photo(1), tmp_path / "in/much longer than the other.tif")
    (tmp_path / "in/a.dng").write_bytes(tiff.read_bytes())
    frame = dedup.scan(tmp_path / "in", workers=1).frame.set_index("name")
    assert frame["status"].to_dict() == {"a.dng": "failed", tiff.name: "ok"}
    assert frame["role"].to_dict() == {"a.dng": "duplicate", tiff.name: "keeper"}
    assert frame["kind"].to_dict() == {"a.dng": "exact", tiff.name: "unique"}


def test_the_documented_filter_leaves_out_copies_of_what_cannot_be_read(mixed):
    """The kind of all but one of them is exact."""
    left = mixed.select("status == 'ok'")
    assert left.sum() == len(mixed.frame) - mixed.info.failed
    assert mixed.select("kind != 'failed'").sum() > left.sum()


def test_no_vector_says_anything_of_what_cannot_be_read(mixed):
    failed = mixed.frame[mixed.frame["status"] == "failed"]
    assert (failed["kind"] == "exact").any() and failed["semantic_singularity"].isna().all()
