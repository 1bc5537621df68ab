"""Listing: what belongs to a dataset, whatever it is called and however it is linked."""

from __future__ import annotations

import csv
import os

import pytest

from dedup.errors import SourceError
from dedup.sources import SourceFile, list_source
from dedup.words import displayable
from tests.pictures import photo, save, shut_off

ODD_NAMES = ["a b.jpg", "quote'\".jpg", "100%.jpg", "#1.jpg", "😀.jpg", "ünïcode.jpg", "x" * 245 + ".jpg", "a\nb.jpg"]


def paths(source) -> list[str]:
    return [file.path for file in list_source(source).files]


@pytest.mark.parametrize("name", ODD_NAMES)
def test_odd_names_are_listed_as_they_are(name, tmp_path):
    save(photo(1), tmp_path / name, format="JPEG")
    assert paths(tmp_path) == [name]


def test_names_that_are_not_utf8_are_shown_and_found(tmp_path):
    raw = os.fsencode(tmp_path) + b"/caf\xe9.jpg"
    with open(raw, "wb") as stream:
        photo(1).save(stream, "JPEG")
    (file,) = list_source(tmp_path).files
    assert file.path == "caf\\xe9.jpg" and (tmp_path / file.relative).exists()
    assert displayable("plain.jpg") == "plain.jpg"


def test_deep_folders_in_path_order(tmp_path):
    deep = "/".join(["d"] * 30)
    for name in ("b.jpg", f"{deep}/a.jpg", "A/c.png"):
        save(photo(1), tmp_path / name)
    assert paths(tmp_path) == sorted(["b.jpg", f"{deep}/a.jpg", "A/c.png"])


def test_hidden_and_trash_folders_are_skipped(tmp_path):
    for name in (".hidden/a.jpg", "$RECYCLE.BIN/a.jpg", "__MACOSX/a.jpg", ".a.jpg", "kept/a.jpg"):
        save(photo(1), tmp_path / name)
    assert paths(tmp_path) == ["kept/a.jpg"]


def test_content_counts_and_other_files_are_only_counted(tmp_path):
    save(photo(1), tmp_path / "picture.dat", format="PNG")
    (tmp_path / "broken.jpg").write_bytes(b"")
    (tmp_path / "notes.txt").write_text("words")
    (tmp_path / "labels.json").write_text("{}")
    listing = list_source(tmp_path)
    assert [file.path for file in listing.files] == ["broken.jpg", "picture.dat"]
    assert listing.passed_over == {".txt": 1, ".json": 1}


def test_links_never_make_copies_or_loops(tmp_path):
    save(photo(1), tmp_path / "root/a/one.jpg")
    save(photo(2), tmp_path / "elsewhere/two.jpg")
    (tmp_path / "root/loop").symlink_to(tmp_path / "root", target_is_directory=True)
    (tmp_path / "root/a/again").symlink_to(tmp_path / "root/a", target_is_directory=True)
    (tmp_path / "root/same.jpg").symlink_to(tmp_path / "root/a/one.jpg")
    (tmp_path / "root/out").symlink_to(tmp_path / "elsewhere", target_is_directory=True)
    (tmp_path / "root/out-again").symlink_to(tmp_path / "elsewhere", target_is_directory=True)
    (tmp_path / "root/dangling.jpg").symlink_to(tmp_path / "nowhere.jpg")
    assert paths(tmp_path / "root") == ["a/one.jpg", "dangling.jpg", "out/two.jpg"]


def test_a_home_inside_the_folder_is_not_scanned(tmp_path):
    save(photo(1), tmp_path / "a.jpg")
    save(photo(2), tmp_path / "home/set/quarantine/b.jpg")
    for name in ("dataset.json", "decisions.db"):
        (tmp_path / "home/set" / name).touch()
    assert paths(tmp_path) == ["a.jpg"]


# --- content stores ---------------------------------------------------------------------------------------------------


def linked(root, links: dict[str, str]) -> None:
    for name, target in links.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).symlink_to(os.path.relpath(root / target, (root / name).parent))


def test_links_into_a_hidden_store_are_the_images(tmp_path):
    key = ".git/annex/objects/aa/bb/SHA256E-s12--{0}.jpg/SHA256E-s12--{0}.jpg"
    for number in (1, 2):
        save(photo(number), tmp_path / key.format(str(number) * 64))
    linked(tmp_path, {f"{name}.jpg": key.format(digit * 64) for name, digit in (("a", "1"), ("x/b", "2"), ("c", "1"))})
    linked(tmp_path, {"gone.jpg": ".git/annex/objects/nothing.jpg"})
    assert paths(tmp_path) == ["a.jpg", "c.jpg", "gone.jpg", "x/b.jpg"]


@pytest.mark.parametrize("store", ["blobs/{0}", "cache/files/md5/{1}/{2}", "pool/{1}/{0}.jpg"])
def test_a_store_beside_the_links_is_left_out(store, tmp_path):
    digests = [f"{number:x}" * 64 for number in range(1, 5)]
    stored = [store.format(digest, digest[:2], digest[2:]) for digest in digests]
    for number, name in enumerate(stored):
        save(photo(number), tmp_path / name, format="JPEG")
    names = ["train/cat/a.jpg", "train/dog/b.jpg", "test/cat/a.jpg"]  # and an older version that nothing names
    linked(tmp_path, dict(zip(names, [stored[0], stored[1], stored[0]], strict=True)))
    listing = list_source(tmp_path)
    assert [file.path for file in listing.files] == sorted(names)
    assert listing.passed_over["content store"] == 4


def test_a_pool_with_plain_names_is_a_store_when_most_of_it_is_pointed_at(tmp_path):
    for number in range(3):
        save(photo(number), tmp_path / f"pool/{number}.jpg")
    links = {f"{folder}/{number}.jpg": f"pool/{number}.jpg" for number, folder in enumerate(("train", "val", "test"))}
    linked(tmp_path, links)
    assert paths(tmp_path) == sorted(links)
    save(photo(9), tmp_path / "pool/own.jpg")  # nothing else names it
    assert paths(tmp_path) == ["pool/own.jpg", *sorted(links)]
    for number in range(10, 16):
        save(photo(number), tmp_path / f"pool/{number}.jpg")
    assert len(paths(tmp_path)) == 13  # both, for links say splits


@pytest.mark.parametrize("place", ["pool/{0}/img.png", "objects/{0}/cdef012345.png", "pool/{0}.png"])
def test_links_in_splits_are_the_images_however_the_pool_is_laid_out(place, tmp_path):
    for number in range(3):
        save(photo(number), tmp_path / place.format(f"a{number}"))
    links = {"train/a.png": 0, "test/b.png": 0, "test/c.png": 1}
    linked(tmp_path, {name: place.format(f"a{number}") for name, number in links.items()})
    assert paths(tmp_path) == sorted([place.format("a2"), *links])


def test_a_pool_of_one_image_is_one(tmp_path):
    save(photo(1), tmp_path / "pool/img.png")
    linked(tmp_path, {"train/a.png": "pool/img.png", "test/b.png": "pool/img.png"})
    assert paths(tmp_path) == ["test/b.png", "train/a.png"]


def test_links_that_say_no_split_take_no_names_from_what_they_choose_among(tmp_path):
    for number in range(4):
        save(photo(number), tmp_path / f"photos/cat/{number}.jpg")
    linked(tmp_path, {f"best/{number}.jpg": f"photos/cat/{number}.jpg" for number in range(3)})
    save(photo(9), tmp_path / "a/one.jpg")
    linked(tmp_path, {"b/one.jpg": "a/one.jpg", "c/one.jpg": "a/one.jpg"})
    assert paths(tmp_path) == ["a/one.jpg", *(f"photos/cat/{number}.jpg" for number in range(4))]


def test_a_link_into_another_split_is_an_image_and_any_other_is_counted(tmp_path):
    for name in ("train/a.png", "train/b.png"):
        save(photo(1 if "a" in name else 2), tmp_path / name)
    linked(tmp_path, {"test/c.png": "train/a.png", "test/d.png": "train/b.png", "train/again.png": "train/a.png"})
    listing = list_source(tmp_path)
    assert [file.path for file in listing.files] == ["test/c.png", "test/d.png", "train/a.png", "train/b.png"]
    assert listing.passed_over == {"link to an image listed": 1}


def test_two_stores_are_left_out_with_what_nothing_names_in_them(tmp_path):
    for hub in ("one", "two"):
        blobs = [f"models--{hub}/blobs/{number:x}" + "ab" * 20 for number in (1, 2)]
        for number, name in enumerate(blobs):
            save(photo(number + (10 if hub == "two" else 0)), tmp_path / name, format="PNG")
        linked(tmp_path, {f"models--{hub}/snapshots/main/a.png": blobs[0]})
    assert paths(tmp_path) == ["models--one/snapshots/main/a.png", "models--two/snapshots/main/a.png"]


# --- folders out of reach ---------------------------------------------------------------------------------------------


def test_a_folder_that_cannot_be_read_is_listed_with_the_reason(tmp_path, monkeypatch):
    for name in ("a.jpg", "shut/b.jpg", "z/c.jpg"):
        save(photo(1), tmp_path / name)
    shut_off(tmp_path / "shut", monkeypatch)
    listing = list_source(tmp_path)
    assert [(file.path, file.problem) for file in listing.files] == [
        ("a.jpg", ""),
        ("shut", "folder cannot be read: Permission denied"),
        ("z/c.jpg", ""),
    ]
    assert listing.away == ("shut",)


def test_a_thousand_folders_deep(tmp_path, deep_folder):
    save(photo(1), deep_folder / "a.jpg")
    assert paths(tmp_path / "deep") == [f"{'d/' * 1200}a.jpg"]


def test_pipes_do_not_block(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    save(photo(1), tmp_path / "a.jpg")
    assert paths(tmp_path) == ["a.jpg"]


@pytest.mark.parametrize("name", ["list.txt", "list.csv"])
def test_lists_of_files(name, tmp_path):
    for image in ("x/a.jpg", "y/b.jpg", "y/c.jpg"):
        save(photo(1), tmp_path / image)
    rows = ["x/a.jpg", str(tmp_path / "y/b.jpg"), "x/a.jpg"]
    text = "\n".join(rows) if name.endswith("txt") else "label,file_name\n" + "\n".join(f"1,{row}" for row in rows)
    (tmp_path / name).write_text(text)
    listing = list_source(tmp_path / name)
    assert [file.path for file in listing.files] == ["x/a.jpg", "y/b.jpg"] and listing.root == str(tmp_path)


ODD = ["a\u2028b.jpg", "a\u0085b.jpg", "a\x0cb.jpg", "a\x1cb.jpg", " lead.jpg", "trail.jpg ", "a\rb.jpg", "cr.jpg\r"]


@pytest.mark.parametrize("name", [*ODD, "a\nb.jpg", 'quote"d,.jpg'])
def test_names_in_lists_come_back_as_themselves(name, tmp_path):
    save(photo(1), tmp_path / name, format="JPEG")
    with (tmp_path / "list.csv").open("w", newline="", encoding="utf-8") as stream:
        csv.writer(stream).writerows([["path", "more"], [name, "x" * 200_000]])
    assert paths(tmp_path / "list.csv") == [name]
    if "\n" not in name and not name.endswith("\r"):
        (tmp_path / "list.txt").write_bytes(f"{name}\r\n".encode())
        assert paths(tmp_path / "list.txt") == [name]


@pytest.mark.parametrize("coding", ["utf-16", "utf-16-be", "utf-8-sig"])
def test_lists_are_read_as_windows_writes_them(coding, tmp_path):
    save(photo(1), tmp_path / "a \u00e9.png")
    mark = "\ufeff" if coding == "utf-16-be" else ""
    (tmp_path / "list.txt").write_bytes(f"{mark}a \u00e9.png\r\n".encode(coding))
    assert paths(tmp_path / "list.txt") == ["a \u00e9.png"]


def test_spaces_around_a_name_in_a_list_are_no_part_of_one_that_has_none(tmp_path):
    save(photo(1), tmp_path / "a.jpg")
    (tmp_path / "list.txt").write_text("  a.jpg \n")
    assert paths(tmp_path / "list.txt") == ["a.jpg"]


def test_what_cannot_be_scanned_is_said(tmp_path):
    (tmp_path / "empty.txt").write_text("\n# only a comment\n")
    (tmp_path / "other.csv").write_text("a,b\n1,2\n")
    (tmp_path / "file.jpg").write_bytes(b"")
    for name, words in (
        ("nowhere", "no folder or list"),
        ("empty.txt", "names no files"),
        ("other.csv", "no column called path"),
        ("file.jpg", "not a folder"),
    ):
        with pytest.raises(SourceError, match=words):
            list_source(tmp_path / name)


def test_a_folder_without_permission_is_said(tmp_path, monkeypatch):
    def refuse(_path):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(SourceError, match="Permission denied"):
        list_source(tmp_path)


def test_ids_depend_on_the_path_alone():
    assert SourceFile("a.jpg", "a.jpg").id == SourceFile("a.jpg", "b").id
    assert len({SourceFile(f"{n}", "").id for n in range(1000)}) == 1000 and len(SourceFile("a", "a").id) == 16


def test_a_name_that_begins_like_a_comment_is_one_where_there_is_such_a_file(tmp_path):
    for number, name in enumerate(("#a.jpg", "b.jpg")):
        save(photo(number), tmp_path / name)
    (tmp_path / "list.txt").write_text("# all of it\n#a.jpg\nb.jpg\n")
    assert paths(tmp_path / "list.txt") == ["#a.jpg", "b.jpg"]
