"""A fingerprint holds what it says, and no more."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

import dedup
from dedup.checks import fingerprint
from dedup.errors import ExportError, UsageError
from tests.pictures import folder_of_photos


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    root = tmp_path_factory.mktemp("photos")
    folder_of_photos(root / "set", 4)
    (root / "set" / "broken.jpg").write_bytes(b"\xff\xd8\xff nothing")
    return dedup.scan(root / "set", home=root / "home", workers=1)


@pytest.mark.parametrize("names", [True, False])
@pytest.mark.parametrize("hash_only", [True, False])
def test_what_is_written_is_read(dataset, tmp_path, hash_only, names):
    made = fingerprint.of(dataset, hash_only=hash_only, names=names)
    fingerprint.write(made, tmp_path / "print.parquet")
    again = fingerprint.read(tmp_path / "print.parquet")
    assert len(again) == 4
    assert again.hash_only == hash_only
    pd.testing.assert_frame_equal(again.facts[made.facts.columns], made.facts, check_dtype=False)
    assert (again.hashes == made.hashes).all()
    if not hash_only:
        assert (again.signatures == made.signatures).all()


def test_hash_only_holds_88_bytes_an_image_and_no_picture(dataset, tmp_path):
    fingerprint.write(fingerprint.of(dataset, hash_only=True), tmp_path / "print.parquet")
    table = pq.read_table(tmp_path / "print.parquet")
    assert {name: table.schema.field(name).type.byte_width for name in table.column_names} == {
        "sha256": 32,
        "samples": 16,
        "hash": 32,
        "width": 4,
        "height": 4,
    }


def test_the_full_form_holds_thumbnails_and_names_only_when_asked(dataset, tmp_path):
    fingerprint.write(fingerprint.of(dataset), tmp_path / "plain.parquet")
    plain = pq.read_table(tmp_path / "plain.parquet").column_names
    assert "tiny" in plain and "path" not in plain
    assert "gray thumbnail" in fingerprint.__doc__
    fingerprint.write(fingerprint.of(dataset, names=True), tmp_path / "named.parquet")
    assert pq.read_table(tmp_path / "named.parquet").column("path").to_pylist() == [f"{n:04d}.jpg" for n in range(4)]


def test_an_empty_dataset_has_an_empty_fingerprint(dataset, tmp_path):
    made = fingerprint.of(dataset)
    nothing = fingerprint.Fingerprint(made.facts[:0], made.hashes[:0], made.signatures[:0], made.samples)
    fingerprint.write(nothing, tmp_path / "print.parquet")
    assert len(fingerprint.read(tmp_path / "print.parquet")) == 0


def test_files_are_not_overwritten_unasked(dataset, tmp_path):
    made = fingerprint.of(dataset)
    fingerprint.write(made, tmp_path / "print.parquet")
    with pytest.raises(ExportError, match="exists already"):
        fingerprint.write(made, tmp_path / "print.parquet")
    fingerprint.write(made, tmp_path / "print.parquet", overwrite=True)
    with pytest.raises(ExportError, match="no folder"):
        fingerprint.write(made, tmp_path / "nowhere" / "print.parquet")


def test_other_files_are_refused_in_one_sentence(dataset, tmp_path, monkeypatch):
    (tmp_path / "text.parquet").write_text("hello")
    pd.DataFrame({"a": np.arange(3)}).to_parquet(tmp_path / "table.parquet")
    for name, message in (
        ("absent", "not a readable"),
        ("text.parquet", "not a readable"),
        ("table.parquet", "not a f"),
    ):
        with pytest.raises(UsageError, match=message):
            fingerprint.read(tmp_path / name)
    fingerprint.write(fingerprint.of(dataset), tmp_path / "print.parquet")
    monkeypatch.setattr(fingerprint, "SIGNATURE_VERSION", 99)
    with pytest.raises(UsageError, match="another version"):
        fingerprint.read(tmp_path / "print.parquet")
