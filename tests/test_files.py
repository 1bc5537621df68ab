"""Atomic writing: the old version or the new one, never half of either."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest
from PIL import Image

from dedup.errors import DatasetError, ExportError
from dedup.files import SHA256, atomic_write, require_free, sha256_of, write_chunks, write_text


def test_the_file_appears_whole_with_ordinary_permissions(tmp_path):
    path = tmp_path / ("n" * 250 + ".csv")
    write_text(path, "é")
    plain = tmp_path / "plain"
    plain.touch()
    assert path.read_bytes() == "é".encode() and path.stat().st_mode == plain.stat().st_mode
    assert sorted(each.name for each in tmp_path.iterdir()) == sorted([path.name, "plain"])


def test_a_failure_leaves_the_old_version_and_no_litter(tmp_path, monkeypatch):
    path = tmp_path / "a.txt"
    write_text(path, "old")

    def full(_descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(DatasetError, match="No space left"):
        write_text(path, "new")
    assert path.read_text() == "old" and list(tmp_path.iterdir()) == [path]


def test_an_error_in_the_writer_passes_through(tmp_path):
    with pytest.raises(ValueError, match="mine"), atomic_write(tmp_path / "a.txt") as stream:
        stream.write(b"half")
        raise ValueError("mine")
    assert list(tmp_path.iterdir()) == []


def test_a_file_is_not_overwritten_unasked(tmp_path):
    path = tmp_path / "a"
    write_chunks(path, [b"old", b"er"], overwrite=False)
    with pytest.raises(ExportError, match="exists already"):
        write_chunks(path, [b"new"], overwrite=False)
    assert path.read_bytes() == b"older"
    write_chunks(path, [b"new"], overwrite=True)
    assert path.read_bytes() == b"new"
    for output, message in ((tmp_path, "is a folder"), (tmp_path / "no" / "a", "There is no folder")):
        with pytest.raises(ExportError, match=message):
            write_chunks(output, [b""], overwrite=True)


def test_no_picture_pipe_or_device_is_written_over_even_when_asked(tmp_path):
    """An original is not a list that was written before, and /dev/stdout is not to become a file."""
    picture, link, pipe = tmp_path / "a.jpg", tmp_path / "link.csv", tmp_path / "pipe"
    Image.new("RGB", (8, 8)).save(picture)
    before = picture.read_bytes()
    link.symlink_to(picture)
    os.mkfifo(pipe)
    for output, message in (
        (picture, "is a picture"),
        (link, "is a picture"),
        (pipe, "is no file but a pipe"),
        (Path("/dev/null"), "is no file but a pipe"),
        (Path("/dev/stdout"), "is no file but a pipe"),
    ):
        with pytest.raises(ExportError, match=message):
            require_free(output, overwrite=True)
    with pytest.raises(ExportError, match="is a picture"):
        write_chunks(picture, [b"path"], overwrite=True)
    assert picture.read_bytes() == before and link.is_symlink() and pipe.is_fifo()


def test_a_name_that_no_file_can_have_is_told_in_a_sentence(tmp_path):
    for name, says in (("x" * 300, "File name too long"), ("no/x", "There is no folder")):
        with pytest.raises(ExportError, match=says):
            require_free(tmp_path / name, overwrite=False)


def test_an_address_is_told_where_only_this_machine_is_written_to(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ExportError, match=r"^plan\.json is written on this machine only, and s3:// is elsewhere\."):
        require_free(Path("s3://bucket/plan.json"), overwrite=False)
    (tmp_path / "s3:").mkdir()
    require_free(Path("s3:/plan.json"), overwrite=False)


def test_a_hash_is_that_of_the_bytes(tmp_path):
    (tmp_path / "a").write_bytes(b"abc")
    assert sha256_of(tmp_path / "a") == hashlib.sha256(b"abc").hexdigest()
    assert SHA256.fullmatch(sha256_of(tmp_path / "a"))


@pytest.mark.parametrize("name", ["decisions.db", "quarantine.jsonl", "quarantine/b.txt"])
def test_no_file_of_a_dataset_is_written_over_even_when_asked(tmp_path, name):
    """Decisions and the record of what left are nowhere else."""
    for own in ("dataset.json", "decisions.db", name):
        (tmp_path / own).parent.mkdir(exist_ok=True)
        (tmp_path / own).write_text("kept")
    (tmp_path / "link.csv").symlink_to(tmp_path / name)
    for output in (tmp_path / name, tmp_path / "link.csv"):
        with pytest.raises(ExportError, match="is a file of a dataset, which nothing is written over"):
            write_chunks(output, [b"path"], overwrite=True)
    assert (tmp_path / name).read_text() == "kept"
    (tmp_path / "decisions.db").unlink()
    write_chunks(tmp_path / "dataset.json", [b"{}"], overwrite=True)  # of that name alone, it is anybody's
