from __future__ import annotations

import numpy as np
import pyarrow as pa

from dedup.matching.window_keys import WindowKeys
from dedup.store import by_content, windows
from dedup.store.by_content import SMALL_JOINED, ByContent
from dedup.store.windows import KeptWindows

VERSION = {"made": "1"}


def some(count: int, seed: int = 0) -> WindowKeys:
    generator = np.random.default_rng(seed)
    names = np.array([f"{seed}-{number}" for number in range(count)], object)
    keys = generator.integers(0, 2**63, (count, 5, 2), dtype=np.uint64)
    return WindowKeys(names, generator.integers(0, 4, count).astype(np.uint8), keys)


def _rows(keys: WindowKeys) -> list[tuple[object, int, np.ndarray]]:
    return [*zip(keys.sha256, keys.kind.tolist(), keys.keys, strict=True)]


def test_windows_come_back_as_they_were_kept(tmp_path, monkeypatch):
    monkeypatch.setattr(windows, "AT_ONCE", 10)
    files = ByContent(tmp_path / "windows", VERSION, noise=True)
    kept = KeptWindows(files)
    parts = [some(6, seed) for seed in range(3)]
    for part in parts:
        kept.add(part)
    assert len(list(files.folder.iterdir())) == 1  # the third waits
    assert sum(len(each.kind) for each in kept) == 18  # and is kept all the same
    kept.finish([])
    found = {str(name): (kind, key.tobytes()) for each in kept for name, kind, key in _rows(each)}
    assert found == {str(name): (kind, key.tobytes()) for part in parts for name, kind, key in _rows(part)}
    kept.clear()
    assert not list(kept) and not list(files.folder.iterdir())


def test_what_is_damaged_or_of_another_version_is_no_more(tmp_path):
    files = ByContent(tmp_path / "windows", VERSION, noise=True)
    for seed in range(2):
        kept = KeptWindows(files)
        kept.add(some(4, seed))
        kept.finish([])
    damaged, sound = sorted(files.folder.iterdir())
    damaged.write_bytes(b"PAR1" + b"\0" * 40)
    assert len(list(KeptWindows(files))) == 1
    assert not list(KeptWindows(ByContent(files.folder, {"made": "2"}, noise=True)))
    assert not sound.exists()
    files.add(pa.table({"sha256": ["a"], "something": [1]}))
    assert not list(KeptWindows(files))


def test_a_changed_bit_is_damage(tmp_path):
    files = ByContent(tmp_path / "windows", VERSION, noise=True)
    kept = KeptWindows(files)
    kept.add(some(1000))
    kept.finish([])
    (file,) = files.folder.iterdir()
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    assert not list(kept)


def test_windows_that_cannot_be_written_are_not_kept_and_end_nothing(tmp_path):
    (tmp_path / "windows").write_text("a file where the folder would be")
    kept = KeptWindows(ByContent(tmp_path / "windows", VERSION, noise=True))
    kept.add(some(3))
    kept.finish([])
    assert not list(kept)


def test_many_small_files_become_one_of_what_is_wanted(tmp_path):
    files = ByContent(tmp_path / "windows", VERSION, noise=True)
    for seed in range(SMALL_JOINED):
        kept = KeptWindows(files)
        kept.add(some(3, seed))
        kept.finish([f"{seed}-0" for seed in range(4)])
    (found,) = KeptWindows(files)
    told = {name: (kind, key.tobytes()) for name, kind, key in _rows(found)}
    firsts = [_rows(some(3, seed))[0] for seed in range(4)]
    assert told == {name: (kind, key.tobytes()) for name, kind, key in firsts}


def test_what_is_gone_or_damaged_does_not_pile_up(tmp_path, monkeypatch):
    monkeypatch.setattr(by_content, "SMALL", 10)
    files = ByContent(tmp_path / "windows", VERSION, noise=True)
    for seed in range(4 * SMALL_JOINED):
        kept = KeptWindows(files)
        kept.add(some(20, seed))
        kept.finish([f"{seed}-{number}" for number in range(20)])  # what was there before is gone
        if seed == 2:
            next(files.folder.iterdir()).write_bytes(b"none")
    assert len(list(files.folder.iterdir())) <= SMALL_JOINED
    assert f"{seed}-19" in {name for each in KeptWindows(files) for name in each.sha256}
