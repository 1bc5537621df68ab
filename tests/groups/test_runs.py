"""Runs of frames and bursts: found where names and times say so, and thinned."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import dedup
from dedup.cli import main
from dedup.groups import runs
from dedup.matching.notes import ANOTHER_MOMENT, ANOTHER_SHOT, SAME_TEMPLATE
from tests.pictures import detailed, photo, save


def frame_of(names: list[str], times: dict[str, str] | None = None, **columns) -> pd.DataFrame:
    parts = [name.rpartition("/") for name in names]
    usual = {
        "folder": [folder for folder, _, _ in parts],
        "name": [name for _, _, name in parts],
        "captured_at": [(times or {}).get(name, "") for name in names],
        "status": "ok",
        "kind": "unique",
        "role": "",
        "group": -1,
        "keeper": -1,
    }
    return pd.DataFrame(usual | columns, index=range(len(names)))


def pairs_of(*couples: tuple[int, int], kind: str = "similar") -> pd.DataFrame:
    left, right = zip(*couples, strict=True) if couples else ((), ())
    columns = {"left": list(left), "right": list(right), "kind": kind, "note": "", "unexplained": 0.0}
    return pd.DataFrame(columns).astype({"left": int, "right": int})


NO_PAIRS = pairs_of()


def test_numbered_frames_that_are_alike_are_a_run():
    names = [f"clip/frame_{number:04}.jpg" for number in (2, 1, 3, 4, 9, 10)]
    frame = frame_of(names)
    assert runs.runs(frame, pairs_of((0, 1), (0, 2), (2, 3), (4, 5))) == [[1, 0, 2, 3]]
    assert runs.runs(frame, NO_PAIRS) == [], "numbers alone make no run"


def test_the_step_of_a_folder_may_be_any():
    names = [f"clip/{number}.png" for number in (0, 30, 60, 90, 100)]
    assert runs.runs(frame_of(names), pairs_of((0, 1), (1, 2), (2, 3), (3, 4))) == [[0, 1, 2, 3]]


def test_folders_and_words_beside_the_number_part_runs():
    names = ["a/x1.jpg", "a/x2.jpg", "a/x3.jpg", "a/y4.jpg", "b/x4.jpg", "a/x4 copy.jpg"]
    couples = [(one, other) for one in range(6) for other in range(one + 1, 6)]
    assert runs.runs(frame_of(names), pairs_of(*couples)) == [[0, 1, 2]]


def test_shots_within_two_seconds_are_a_burst_whatever_their_names():
    times = {"p/c.jpg": "2024-01-01T10:00:00", "p/a.jpg": "2024-01-01T10:00:01", "p/b.jpg": "2024-01-01T10:00:03",
             "p/d.jpg": "2024-01-01T10:00:08", "q/e.jpg": "2024-01-01T10:00:04"}  # fmt: skip
    assert runs.runs(frame_of(sorted(times), times), NO_PAIRS) == [[2, 0, 1]]


def test_exact_copies_and_a_raw_beside_its_jpeg_are_no_steps_of_a_run():
    times = {f"p/{name}": "2024-01-01T10:00:00" for name in ("1.dng", "1.jpg", "2.jpg", "3.jpg", "3 copy.jpg")}
    names = sorted(times)
    kind = ["exact" if "copy" in name else "unique" for name in names]
    role = ["duplicate" if "copy" in name else "" for name in names]
    couples = [(one, other) for one in range(5) for other in range(one + 1, 5)]
    found = runs.runs(frame_of(names, times, kind=kind, role=role), pairs_of(*couples))
    assert [[names[row] for row in run] for run in found] == [["p/1.jpg", "p/2.jpg", "p/3.jpg"]]


def test_exact_copies_bridge_a_run():
    """A film that stands still for two frames, and a shot of a burst that is there again."""
    names = [f"clip/{number}.png" for number in range(1, 7)]
    kind = ["unique", "exact", "exact", "exact", "unique", "unique"]
    role = ["", "keeper", "duplicate", "duplicate", "", ""]
    group, keeper = [-1, 0, 0, 0, -1, -1], [-1, 1, 1, 1, -1, -1]
    film = frame_of(names, kind=kind, role=role, group=group, keeper=keeper)
    assert runs.runs(film, pairs_of((0, 1), (1, 4), (4, 5))) == [[0, 1, 4, 5]]
    times = {f"p/{name}": f"2024-01-01T10:00:0{second}" for second, name in enumerate("dbcae")}
    shots = frame_of(sorted(times), times, kind=["exact", *["unique"] * 4], role=["duplicate", *[""] * 4])
    assert [[sorted(times)[row] for row in run] for run in runs.runs(shots, NO_PAIRS)] == [["p/d", "p/b", "p/c", "p/e"]]


def test_a_time_that_a_whole_folder_was_given_makes_no_burst():
    times = {f"p/{name}.jpg": "2001-01-01T00:00:00" for name in "abcdef"}
    frame = frame_of(sorted(times), times)
    assert runs.runs(frame, NO_PAIRS) == []
    assert runs.runs(frame, pairs_of((1, 2), (2, 3))) == [[1, 2, 3]]


def test_copies_stand_for_each_other():
    """Frames 0 to 3 are near copies of one picture: pairs are listed with the one that stays alone."""
    names = [f"f{number}.jpg" for number in range(4)]
    frame = frame_of(names, group=0, keeper=2, role=["duplicate", "duplicate", "keeper", "duplicate"])
    assert runs.runs(frame, pairs_of((2, 0), (2, 1), (2, 3), kind="near")) == [[0, 1, 2, 3]]


@given(st.lists(st.integers(3, 30), max_size=5), st.integers(2, 9))
def test_thinned_evenly_a_run_keeps_its_first_and_one_in_so_many(lengths, step):
    starts = np.cumsum([0, *lengths])
    found = [list(range(start, start + length)) for start, length in zip(starts, lengths, strict=False)]
    mask = runs.every(found, step, int(starts[-1]) + 2)
    assert not mask[int(starts[-1]) :].any(), "what is in no run is never named"
    for run in found:
        left = [row for row in run if not mask[row]]
        assert left == run[::step]


def test_thinned_by_change_stays_what_is_unlike_the_last_that_stayed():
    frame = frame_of([f"{number}.jpg" for number in range(6)])
    pairs = pairs_of((0, 1), (1, 2), (0, 2), (2, 3), (3, 4), (3, 5), kind="near")
    mask = runs.unchanged([[0, 1, 2, 3, 4, 5]], frame, pairs)
    assert np.flatnonzero(~mask).tolist() == [0, 3]


def test_what_shares_a_template_or_in_which_a_thing_moved_has_changed():
    frame = frame_of([f"{number}.jpg" for number in range(4)])
    pairs = pairs_of((0, 1), (0, 2), (0, 3))
    pairs["note"] = [ANOTHER_MOMENT, ANOTHER_MOMENT, SAME_TEMPLATE]
    pairs["unexplained"] = [0.002, 0.2, 0.002]
    assert np.flatnonzero(runs.unchanged([[0, 1, 2, 3]], frame, pairs)).tolist() == [1]


def test_of_a_part_of_a_run_some_images_stay():
    mask = np.ones(10, bool)
    mask[::3] = False
    left = runs.within([list(range(10))], mask)
    assert left == [[1, 2, 4, 5, 7, 8]]
    assert np.flatnonzero(runs.every(left, 3, 10)).tolist() == [2, 4, 7, 8]
    assert runs.within([[0, 3], [1]], mask) == [[1]]


@pytest.fixture
def film(home, tmp_path):
    """Nine shots of one burst, and a photograph that is none of it."""
    for number in range(9):
        exif = photo(0).getexif()
        exif.get_ifd(0x8769)[36867] = f"2024:05:01 10:00:{number:02}"
        save(photo(number), tmp_path / f"in/shot{number}.jpg", exif=exif)
    save(photo(50), tmp_path / "in/other.jpg")
    return dedup.scan(tmp_path / "in", workers=1)


def test_runs_are_listed_and_thinned_by_a_tag(film, capsys):
    assert [len(run) for run in film.runs] == [9]
    assert main(["runs", "in"]) == 0
    assert capsys.readouterr().out == "9 images\tshot0.jpg\tshot8.jpg\n"
    assert main(["runs", "in", "--every", "4", "--put-tag", "thin"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "Added tag thin: 6 images of 6 changed."
    frame = dedup.open("in").frame
    assert frame.loc[frame["tag:thin"], "name"].tolist() == [f"shot{number}.jpg" for number in (1, 2, 3, 5, 6, 7)]
    assert main(["undo", "in"]) == 0
    assert not any(tag.count for tag in dedup.open("in").tags.values())
    assert main(["runs", "in", "--unchanged", "--json"]) == 0
    for wrong in (["--every", "4", "--unchanged"], ["--put-tag", "x"]):
        assert main(["runs", "in", *wrong]) == 2


def test_a_film_that_pans_is_a_run(tmp_path, home):
    wide = detailed(5, (560, 400))
    for step in range(4):  # by more than a hundredth of a side, at which no frame is a copy of the one before
        save(
            wide.crop((7 * step, 4 * step, 7 * step + 480, 4 * step + 360)), tmp_path / f"in/{step:03}.jpg", quality=92
        )
    dataset = dedup.scan(tmp_path / "in")
    assert set(dataset.pairs["note"]) == {ANOTHER_SHOT} and dataset.pairs["distance"].max() <= 1
    assert [len(run) for run in dataset.runs] == [4]


def test_times_and_numbers_that_contradict_each_other_lose_no_run():
    times = {f"p/p{number}.jpg": "2024-01-01T10:00:00" for number in (8, 9, 10)}
    names = sorted(times)
    found = runs.runs(frame_of(names, times), pairs_of((0, 1), (0, 2), (1, 2)))
    assert [[names[row] for row in run] for run in found] == [["p/p8.jpg", "p/p9.jpg", "p/p10.jpg"]]
    ring = {"p/a1.jpg": "2024-01-01T10:00:03", "p/a2.jpg": "2024-01-01T10:00:01", "p/b1.jpg": "2024-01-01T10:00:02"}
    assert [len(run) for run in runs.runs(frame_of(list(ring), ring), pairs_of((0, 1)))] == [3]


def test_a_number_of_thousands_of_digits_is_no_trouble():
    names = [f"f{'9' * 5000}{number}.jpg" for number in range(3)]
    assert len(runs.runs(frame_of(names), pairs_of((0, 1), (1, 2)))) == 1
