"""Near duplicates of several frames or pages: what lies behind the first is looked at as well."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

import dedup
from dedup.images import detail
from dedup.matching import notes, second_look
from tests.scanning.test_verify import detailed, form

PAGES = [form(f"Name {number}", str(1000 + number)) for number in range(6)]
FILM = [detailed(3, (240, 180)).rotate(3 * number) for number in range(12)]


def write(file: Path, frames: list[Image.Image], **options: object) -> Path:
    file.parent.mkdir(exist_ok=True)
    frames[0].save(file, save_all=True, append_images=frames[1:], **options)
    return file


def smaller(frames: list[Image.Image]) -> list[Image.Image]:
    return [frame.resize((frame.width * 3 // 4, frame.height * 3 // 4)) for frame in frames]


def told_of(folder: Path) -> list[tuple[str, str]]:
    pairs = dedup.scan(folder).pairs
    return list(zip(pairs["kind"], pairs["note"], strict=True))


@pytest.mark.parametrize("other", [3, 4, 5])
def test_documents_that_differ_in_one_page_are_no_copies(tmp_path, home, other):
    pages = [*PAGES[:other], form("Eve Fox", "2506"), *PAGES[other + 1 :]]
    write(tmp_path / "in/a.tif", PAGES)
    write(tmp_path / "in/b.tif", pages)
    assert told_of(tmp_path / "in") == [("similar", notes.OTHER_FRAMES)]


def test_films_that_differ_in_one_stretch_are_no_copies(tmp_path, home):
    write(tmp_path / "in/a.png", FILM)
    write(tmp_path / "in/b.png", [*FILM[:5], *(detailed(8, (240, 180)).rotate(n) for n in range(2)), *FILM[7:]])
    assert told_of(tmp_path / "in") == [("similar", notes.OTHER_FRAMES)]


def test_copies_of_all_frames_are_found(tmp_path, home):
    blank = Image.new("RGB", PAGES[0].size, "white")
    document = [PAGES[0], blank, *PAGES[2:]]
    write(tmp_path / "in/a.tif", document)
    write(tmp_path / "in/b.tif", smaller(document), compression="jpeg", quality=60)
    write(tmp_path / "in/c.gif", FILM, duration=80)
    write(tmp_path / "in/d.webp", smaller(FILM), quality=60, duration=80)
    assert told_of(tmp_path / "in") == [("near", "")] * 2


def test_frames_of_a_long_film_are_spread_over_it(tmp_path):
    film = [Image.new("L", (32, 24), number) for number in range(120)]
    write(tmp_path / "a.png", film)
    seen = [int(each.gray.mean()) for each in detail.further(tmp_path / "a.png")]
    assert len(seen) == detail.FURTHER and (seen[0], seen[-1]) == (1, 119) and seen == sorted(seen)


def test_what_happens_with_one_pair_costs_that_pair(tmp_path, home, monkeypatch):
    write(tmp_path / "in/a.png", FILM)
    write(tmp_path / "in/b.webp", FILM, quality=60)
    real, calls = second_look.judge, []

    def failing(*given, **options):
        calls.append(1)
        if len(calls) > 1:
            raise ZeroDivisionError("planted")
        return real(*given, **options)

    monkeypatch.setattr(second_look, "judge", failing)
    assert told_of(tmp_path / "in") == [("unjudged", "ZeroDivisionError: planted")]
