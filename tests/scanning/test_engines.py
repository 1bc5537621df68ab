"""The local engine: every file gets its result, whatever happens to the workers."""

from __future__ import annotations

import pytest

from dedup.errors import DedupError
from dedup.images.examine import examine
from dedup.scanning.engines import examine_all, local
from tests.pictures import folder_of_photos, photo, save


def test_results_equal_those_of_one_process(tmp_path):
    paths = folder_of_photos(tmp_path, 40)
    found = dict(examine_all(paths, workers=2))
    assert sorted(found) == list(range(40))
    for place, path in enumerate(paths):
        alone = examine(path)
        assert found[place].signature == alone.signature
        assert {k: v for k, v in found[place].row.items() if v == v} == {k: v for k, v in alone.row.items() if v == v}


def test_a_crash_or_a_hang_costs_its_file_only(tmp_path, monkeypatch):
    monkeypatch.setattr(local, "WORKER_MODULE", "tests.scanning.hostile_worker")
    paths = folder_of_photos(tmp_path, 20)
    paths[3:3] = [save(photo(90), tmp_path / "crash.jpg"), save(photo(91), tmp_path / "hang.jpg")]
    found = {paths[place].name: result.row for place, result in examine_all(paths, workers=2, timeout=3)}
    assert found.pop("crash.jpg")["error"] == "crashed the decoder"
    assert found.pop("hang.jpg")["error"] == "took longer than 3 seconds to decode"
    assert {row["status"] for row in found.values()} == {"ok"} and len(found) == 20


def test_stopping_early_ends_the_workers(tmp_path):
    results = examine_all(folder_of_photos(tmp_path, 40), workers=2)
    next(results)
    results.close()


def test_a_worker_that_cannot_start_is_an_error_not_a_hang(tmp_path, monkeypatch):
    monkeypatch.setattr(local.sys, "executable", "/nonexistent/python")
    with pytest.raises(OSError):
        list(examine_all(folder_of_photos(tmp_path, 2), workers=1))


def test_workers_that_end_at_once_are_an_error_not_a_thousand_failures(tmp_path, monkeypatch):
    monkeypatch.setattr(local, "WORKER_MODULE", "tests.no_such_module")
    with pytest.raises(DedupError, match="cannot start"):
        list(examine_all(folder_of_photos(tmp_path, 2), workers=1))


def test_nothing_to_do():
    assert list(examine_all([])) == []


@pytest.mark.shared
def test_hostile_files_say_nothing_on_the_terminal(shared_data, capfd):
    paths = sorted(path for path in (shared_data / "D-nasty").rglob("*") if path.is_file())
    results = dict(examine_all(paths, workers=2))
    assert len(results) == len(paths)
    assert all(result.row["status"] == "ok" or result.row["error"] for result in results.values())
    captured = capfd.readouterr()
    assert captured.out == "" and captured.err == ""
