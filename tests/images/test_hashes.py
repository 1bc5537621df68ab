"""Hashes that others have: bit for bit those of the library imagehash, kept, exported, and compared with lists."""

from __future__ import annotations

import json
import shutil

import imagehash
import numpy as np
import pytest
from PIL import Image

import dedup
from dedup.checks import hash_list
from dedup.cli import main
from dedup.errors import UnreadableImage, UsageError
from dedup.exports import csv
from dedup.images import hashes
from tests.pictures import detailed, folder_of_photos, photo, save

THEIRS = {
    "phash": imagehash.phash, "dhash": imagehash.dhash, "ahash": imagehash.average_hash, "whash": imagehash.whash,
}  # fmt: skip


def theirs(kind: str, picture: Image.Image) -> object:
    if kind == "colorhash":
        return imagehash.colorhash(picture)
    if kind == "crop-resistant":
        return imagehash.crop_resistant_hash(picture)
    name, _, size = kind.partition("-")
    return THEIRS[name](picture, hash_size=int(size or 8))


@pytest.mark.parametrize("kind", hashes.KINDS)
@pytest.mark.parametrize("name", ["a.jpg", "turned.jpg", "a.png", "a.gif"])
def test_they_are_what_the_library_gives_for_the_file_as_it_is_opened(tmp_path, kind, name):
    picture = photo(3).resize((200, 150))
    exif = Image.Exif()
    exif[0x0112] = 6 if name == "turned.jpg" else 1
    picture.convert("P" if name.endswith("gif") else "RGB").save(tmp_path / name, exif=exif)
    told = hashes.take(tmp_path / name, kinds=[kind])[kind]
    with Image.open(tmp_path / name) as opened:
        assert told == str(theirs(kind, opened))
    assert str(hashes.parse(kind, told)) == told
    if kind != hashes.CROP_RESISTANT:
        other = hashes.take(tmp_path / name, kinds=[kind])[kind]
        assert (hashes.bits(kind, [told, "", other])[0] == hashes.bits(kind, [other])[0]).all()


def test_bits_count_as_the_library_counts(tmp_path):
    texts = []
    for number in range(6):
        save(photo(number), tmp_path / f"{number}.png")
        texts.append(hashes.take(tmp_path / f"{number}.png", kinds=["dhash"])["dhash"])
    packed = hashes.bits("dhash", texts)
    for one in range(6):
        for other in range(6):
            apart = int(np.bitwise_count(packed[one] ^ packed[other]).sum())
            assert apart == imagehash.hex_to_hash(texts[one]) - imagehash.hex_to_hash(texts[other])


@pytest.mark.parametrize("kind", hashes.KINDS)
def test_distances_are_those_of_the_library(tmp_path, kind):
    texts = []
    for number in range(4):
        save(photo(number), tmp_path / f"{number}.png")
        texts.append(hashes.take(tmp_path / f"{number}.png", kinds=[kind])[kind])
    found = hashes.Hashed(kind, [*texts, ""]).distances(0)
    library = [hashes.parse(kind, texts[0]) - hashes.parse(kind, text) for text in texts]
    assert found[:4].tolist() == library and np.isnan(found[4])


def test_a_bad_file_or_hash_is_told(tmp_path):
    (tmp_path / "a.jpg").write_bytes(b"\xff\xd8\xff no")
    with pytest.raises(UnreadableImage):
        hashes.take(tmp_path / "a.jpg", kinds=["phash"])
    for kind, text in (("phash", "xyz"), ("phash", "00ff"), ("phash-16", "0" * 16), ("crop-resistant", "zz")):
        with pytest.raises(UsageError, match="is no"):
            hashes.parse(kind, text)
    with pytest.raises(UsageError, match="no kind of hash"):
        hashes.check("md5")


@pytest.fixture
def scanned(home, tmp_path):
    folder_of_photos(tmp_path / "in", 4)
    shutil.copy(tmp_path / "in/0000.jpg", tmp_path / "in/copy.jpg")
    (tmp_path / "in/broken.jpg").write_bytes(b"\xff\xd8\xff no")
    assert main(["scan", str(tmp_path / "in"), "--hash", "phash"]) == 1  # of the broken file
    return dedup.open("in")


def test_they_are_columns_kept_over_scans_and_exported(scanned, tmp_path, capsys):
    told = dict(zip(scanned.frame["path"], scanned.frame["hash:phash"], strict=True))
    with Image.open(tmp_path / "in/0001.jpg") as picture:
        assert told["0001.jpg"] == str(imagehash.phash(picture))
    assert told["broken.jpg"] == "" and told["0000.jpg"] == told["copy.jpg"]
    (tmp_path / "in/0002.jpg").rename(tmp_path / "in/renamed.jpg")
    again = dedup.rescan(scanned)
    assert dict(zip(again.frame["path"], again.frame["hash:phash"], strict=True))["renamed.jpg"] == told["0002.jpg"]
    again.export("csv", tmp_path / "out.csv")
    table = csv.read(tmp_path / "out.csv")
    assert table["hash:phash"].tolist() == again.frame["hash:phash"].tolist()
    capsys.readouterr()
    assert main(["hash", "in", "--kind", "dhash-16", "--kind", "colorhash", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"hashed": {"dhash-16": 5, "colorhash": 5}}
    assert main(["duplicates", "in"]) == 0
    assert f"phash {told['0000.jpg']}" in capsys.readouterr().out
    assert main(["hash", "in", "--kind", "md5"]) == 2 == main(["scan", str(tmp_path / "in"), "--hash", "md5"])


def test_a_hash_of_one_image_is_the_library_s_own_object(scanned):
    row = scanned.frame["path"].tolist().index("0001.jpg")
    assert isinstance(scanned.imagehash(row), imagehash.ImageHash)
    assert scanned.imagehash(row) - scanned.imagehash(row, "phash") == 0
    assert str(scanned.imagehash(row, "whash")) and len(scanned.imagehash(row, "crop-resistant").segment_hashes) >= 1


def test_a_teams_list_tells_what_it_holds_already(scanned, tmp_path, capsys):
    with Image.open(tmp_path / "in/0001.jpg") as picture:
        held = str(imagehash.phash(picture))
    near = f"{int(held, 16) ^ 0b101:016x}"
    (tmp_path / "list.csv").write_text(f"name;perceptual_hash\nold/a.png;{near}\nold/b.png;{'0f' * 8}\n")
    check = ["check", str(tmp_path / "in"), "--max-failed", "1", "--against", str(tmp_path / "list.csv")]
    capsys.readouterr()
    assert main([*check, "--json"]) == 1
    (found,) = json.loads(capsys.readouterr().out)["known"]
    assert found["path"] == "0001.jpg" and found["relation"] == "2 bits of its phash differ"
    assert main([*check, "--within", "1"]) == 0
    with Image.open(tmp_path / "in/0003.jpg") as picture:
        (tmp_path / "bare.csv").write_text(f"h\n{imagehash.dhash(picture, hash_size=16)}\n")
    against = ["check", str(tmp_path / "in"), "--max-failed", "1", "--against", str(tmp_path / "bare.csv")]
    assert main(against) == 2
    assert main([*against, "--hash-kind", "dhash"]) == 1


@pytest.mark.parametrize("coding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize(
    "row", ["{0}\n", "old/a.png,{0}\n", "12345678901,{0},640\n", "hash\n{0}\n", "id,hash,size\n1,{0},2\n"]
)
def test_a_list_that_tells_no_kind_asks_for_it_and_loses_no_hash(row, coding, tmp_path, capsys):
    """Nobody takes a list of other hashes, or the first of them, for nothing known."""
    held = f"{0x0123456789ABCDEF:016x}"
    (tmp_path / "list.csv").write_text(row.format(held), coding)
    with pytest.raises(UsageError, match="--hash-kind"):
        hash_list.read(tmp_path / "list.csv")
    told = hash_list.read(tmp_path / "list.csv", "dhash")
    assert (told.kind, told.texts) == ("dhash", (held,))
    if "old" in row:
        assert told.names == ("old/a.png",)


def test_the_kind_of_a_list_is_told_by_its_column_and_length(tmp_path):
    for name, kind in (("phash", "phash"), ("average_hash", "ahash"), ("hash:dhash-16", "dhash-16"), ("d", None)):
        if kind is None:
            with pytest.raises(UsageError, match="does not tell the kind"):
                hashes.kind_of(name)
        else:
            assert hashes.kind_of(name) == kind
    (tmp_path / "x.csv").write_text("path,dhash\na.jpg," + "0f" * 32 + "\nb.jpg,\n")
    told = hash_list.read(tmp_path / "x.csv")
    assert (told.kind, told.names, told.bits.shape) == ("dhash-16", ("a.jpg",), (1, 32))
    (tmp_path / "x.csv").write_text("path,dhash\na.jpg,n/a\nb.jpg," + "0f" * 8 + "\n")
    told = hash_list.read(tmp_path / "x.csv")
    assert (told.names, told.unread) == (("b.jpg",), ("n/a",))
    (tmp_path / "x.csv").write_text("path,dhash\na.jpg,zz\n")
    with pytest.raises(UsageError):
        hash_list.read(tmp_path / "x.csv")


def test_a_list_of_crop_resistant_hashes_finds_what_imagehash_matches(tmp_path, home, capsys):
    """Crops and re-saves by the segments that they share, and nothing by places that are flat in every picture."""
    pictures = [detailed(seed, (500, 400)) for seed in range(4)]
    for number, each in enumerate(pictures):
        save(each, tmp_path / f"in/{number}.png")
    save(pictures[1].crop((20, 20, 480, 380)), tmp_path / "in/cut.png")
    save(Image.new("RGB", (300, 200), "white"), tmp_path / "in/white.png")
    known = {"one": pictures[1], "two": pictures[2].resize((250, 200)), "blank": Image.new("RGB", (200, 200))}
    theirs = {name: imagehash.crop_resistant_hash(picture) for name, picture in known.items()}
    rows = "".join(f'{name},"{value}"\n' for name, value in theirs.items())
    (tmp_path / "list.csv").write_text(f"path,crop-resistant\n{rows}")
    assert main(["check", str(tmp_path / "in"), "--against", str(tmp_path / "list.csv"), "--json"]) == 1
    found = {each["path"]: each["known"] for each in json.loads(capsys.readouterr().out)["known"]}
    assert found.items() >= {"1.png": "one", "2.png": "two"}.items() and "white.png" not in found
    dataset = dedup.open("in")
    for name, their in theirs.items():
        if name != "blank":
            matched = {
                path
                for row, path in enumerate(dataset.frame["path"])
                if dataset.imagehash(row, "crop-resistant").matches(their, hamming_cutoff=4)
            }
            assert {path for path, each in found.items() if each == name} == matched
    (tmp_path / "list.csv").write_text("path,crop-resistant\na,zz\n")
    with pytest.raises(UsageError, match="holds no crop-resistant"):
        hash_list.read(tmp_path / "list.csv")


def test_of_several_columns_the_finest_is_compared(tmp_path):
    """As our own CSV has them, which stand by the alphabet: colours alone tell hardly any picture from another."""
    (tmp_path / "x.csv").write_text(
        f"path,hash:colorhash,hash:crop-resistant,hash:phash\na.png,07000e00000,ff,{'0f' * 8}\n"
    )
    assert hash_list.read(tmp_path / "x.csv").kind == "phash"
    assert hash_list.read(tmp_path / "x.csv", "colorhash").kind == "colorhash"


def test_what_failed_once_is_hashed_when_it_can_be_and_nothing_passes_for_want_of_a_hash(home, tmp_path, capsys):
    folder_of_photos(tmp_path / "in", 2)
    dataset = dedup.scan(tmp_path / "in", workers=1)
    away = (tmp_path / "in/0000.jpg").rename(tmp_path / "away.jpg")
    dataset.compute_hashes(["phash"])
    assert dataset.frame["hash:phash"].tolist()[0] == ""
    (tmp_path / "list.csv").write_text("phash\n" + "0f" * 8 + "\nn/a\n")
    away.rename(tmp_path / "in/0000.jpg")
    dataset.compute_hashes(["phash"])
    assert all(dataset.frame["hash:phash"])
    capsys.readouterr()
    assert main(["check", str(tmp_path / "in"), "--against", str(tmp_path / "list.csv"), "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["findings"]["hashes missing"]["count"] == 1
