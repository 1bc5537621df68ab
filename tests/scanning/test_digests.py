"""Digests asked for after a scan, for a fingerprint: kept by content, so only for the content they were taken of."""

from __future__ import annotations

import os

import dedup
from dedup.images import samples
from dedup.store.directory import Store
from tests.pictures import photo, save


def test_a_file_that_changed_since_the_scan_proves_nothing_of_what_it_was(tmp_path, home):
    path = save(photo(1), tmp_path / "in/a.png")
    save(photo(2), tmp_path / "in/b.png")
    dataset = dedup.scan(tmp_path / "in", workers=1)
    before = path.stat()
    save(photo(3), path)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))  # not even its time tells
    told = dataset.samples([0, 1])
    assert told == ["", samples.digest(tmp_path / "in/b.png")]
    assert dataset.frame["sha256"][0] not in Store(dataset.directory).read_proofs()
