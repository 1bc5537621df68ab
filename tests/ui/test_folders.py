"""The live check of a typed path never raises and says what is there."""

from __future__ import annotations

import pytest

from dedup.ui.datasets.folders import check, typed_place


@pytest.fixture
def album(tmp_path):
    for name in ("a.jpg", "b.PNG", "c.txt", "deep/d.webp", ".hidden/e.jpg"):
        path = tmp_path / "album" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    return tmp_path / "album"


def test_images_are_counted_at_any_depth(album):
    seen = check(str(album))
    assert (seen.usable, seen.images, seen.words) == (True, 3, "3 images")
    assert seen.inside == (str(album / "deep"),)


@pytest.mark.parametrize("dressed", ["{}", '"{}"', "  {}  ", "'{}'"])
def test_a_pasted_path_is_undressed(album, dressed):
    assert typed_place(dressed.format(album)) == album
    assert typed_place(' "s3://bucket/a b/" ') == "s3://bucket/a b/"


def test_a_half_typed_path_offers_what_it_may_become(album):
    seen = check(str(album.parent / "alb"))
    assert not seen.usable
    assert seen.inside == (str(album),)


def test_a_folder_without_images_is_told_apart(tmp_path):
    assert check(str(tmp_path)).words == "There are no images in this folder."


@pytest.mark.parametrize(("name", "usable"), [("list.csv", True), ("list.txt", True), ("photo.jpg", False)])
def test_only_lists_are_usable_files(tmp_path, name, usable):
    (tmp_path / name).write_text("x")
    assert check(str(tmp_path / name)).usable is usable


@pytest.mark.parametrize("text", ["\0", "x" * 5000, "~nobody/x", "/", "//", "."])
def test_no_text_raises(text):
    check(text, patience=0.01)
