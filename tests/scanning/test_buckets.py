"""Images in buckets, on web servers and in memory, read over the real protocols."""

from __future__ import annotations

import http.server
import json
import os
import threading
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import ClassVar

import pytest

import dedup
from dedup.cli import main
from dedup.errors import ExportError, SourceError, UnreadableImage
from dedup.files import sha256_of
from dedup.removal import planning
from dedup.sources import blobs, list_source
from tests.packed import files_of, sharded, tabled, tarred, zipped
from tests.pictures import folder_of_photos, photo, save
from tests.scanning.buckets import SECRET, Server, forget_clients, served
from tests.scanning.test_archives import by_content

ODD_KEYS = (
    *("a b.jpg", "100%.jpg", "#1.jpg", "x?y=z.jpg", "ü😀.jpg", "a+b.jpg", "a%20b.jpg", "{a}.jpg", "*.jpg", "q'\".jpg"),
    *("/double.jpg", "\x01control.jpg", "no suffix", "<b>.jpg", "x" * 200 + ".jpg", "back\\slash.jpg"),
)


@pytest.fixture(scope="module")
def running() -> Iterator[Server]:
    with served() as server:
        yield server


@pytest.fixture
def bucket(running) -> Server:
    running.quiet()
    return running


@pytest.fixture(scope="module")
def photos(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("made") / "photos"
    folder_of_photos(folder / "a", 6)
    save(photo(4).resize((64, 48)), folder / "b/small.png")
    (folder / "b/copy.jpg").write_bytes((folder / "a/0002.jpg").read_bytes())
    return folder


def test_a_bucket_is_what_the_same_folder_is(photos, bucket, tmp_path, home, asked):
    bucket.put_folder(photos, "set/photos/")
    bucket.put("set/photos/labels.json", b"{}")
    bucket.put("set/photos-of-another-set/x.jpg", files_of(photos)[0].read_bytes())
    dataset, plain = dedup.scan("s3://bucket/set/photos"), dedup.scan(photos, name="plain")
    assert by_content(dataset) == by_content(plain) and dataset.name == "photos"
    assert dataset.frame["path"].tolist() == plain.frame["path"].tolist()
    assert dataset.info.passed_over == {".json": 1} and dataset.address == "s3://bucket/set/photos/"
    asked.clear(), bucket.requests.clear()
    assert dedup.scan("s3://bucket/set/photos/").scan_id == dataset.scan_id
    assert asked["examine"] == [] and {path for _, path in bucket.requests} == {"/bucket"}  # the listing alone


def test_a_selection_is_written_to_a_bucket_and_read_back(photos, bucket, tmp_path, home):
    """Over a server that refuses some requests; keys are names, whatever is in them."""
    folder = tmp_path / "odd"
    names = (
        "a b.jpg",
        "100%.jpg",
        "#1.jpg",
        "x?y=z.jpg",
        "ü😀.jpg",
        "a+b.jpg",
        "deep/er/a%20b.jpg",
        "{a}.jpg",
        "*.jpg",
    )
    for name, file in zip(names, [*files_of(photos), files_of(photos)[0]], strict=False):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(file.read_bytes())
    dataset = dedup.scan(folder)
    bucket.put("elsewhere/x.jpg", b"")
    refused: list[str] = []
    bucket.refuse = lambda path: "jpg" in path and len(refused) < 3 and not refused.append(path)
    report = dataset.export("folder", "s3://bucket/clean", with_csv=True)
    assert len(refused) == 3 and (report.rows, report.notes) == (len(dataset.frame), ())
    again = dedup.scan("s3://bucket/clean", name="again")
    assert again.frame["path"].tolist() == dataset.frame["path"].tolist()
    assert again.frame["sha256"].tolist() == dataset.frame["sha256"].tolist()
    assert again.info.passed_over == {".csv": 1}
    with pytest.raises(ExportError, match="not empty"):
        dataset.export("folder", "s3://bucket/clean/")
    bucket.refuse = lambda path: "clean.tar" in path
    with pytest.raises(ExportError, match=r"Cannot write to s3://bucket/clean\.tar"):
        dataset.export("folder", "s3://bucket/clean.tar")
    bucket.refuse = lambda path: False
    again.export("folder", "s3://bucket/clean.tar", labels="coco")
    packed = dedup.scan("s3://bucket/clean.tar", name="packed", use_found=True)
    assert packed.frame["sha256"].tolist() == dataset.frame["sha256"].tolist()
    assert [Path(each).name for each in packed.info.annotations] == ["annotations.json"]


def test_of_what_changed_only_that_is_fetched(photos, bucket, home, asked):
    bucket.put_folder(photos, "p/")
    dedup.scan("s3://bucket/p")
    changed = (photos / "a/0003.jpg").read_bytes()
    bucket.put("p/a/0001.jpg", changed)
    asked.clear()
    frame = dedup.scan("s3://bucket/p").frame.set_index("path")
    assert asked["examine"] == ["0001.jpg"] and frame["sha256"]["a/0001.jpg"] == frame["sha256"]["a/0003.jpg"]


def test_any_key_is_read_and_shown_as_it_is(photos, bucket, home):
    for number, key in enumerate(ODD_KEYS):
        bucket.put(f"odd/{key}", files_of(photos)[number % 8].read_bytes())
    bucket.put("odd/../up.jpg", files_of(photos)[0].read_bytes())
    bucket.put("odd/folder/", b"")
    dataset = dedup.scan("s3://bucket/odd")
    assert set(dataset.frame["path"]) == {key.lstrip("/") for key in ODD_KEYS} | {"../up.jpg"}
    assert dataset.frame["status"].eq("ok").all()
    for row in range(len(dataset.frame)):
        with dataset.at_hand(row) as file:
            assert sha256_of(file) == dataset.frame["sha256"].iat[row]


@pytest.mark.parametrize("make", [zipped, tarred, tabled])
def test_archives_in_a_bucket_are_read_in_place(make, photos, bucket, tmp_path, home):
    suffix = {zipped: ".zip", tarred: ".tar", tabled: ".parquet"}[make]
    packed = make(photos, tmp_path / f"packed{suffix}")
    bucket.put(f"sets/packed{suffix}", packed.read_bytes())
    there = dedup.scan(f"s3://bucket/sets/packed{suffix}", name="there")
    assert by_content(there) == by_content(dedup.scan(packed, name="here"))


def test_an_archive_in_a_bucket_that_was_replaced_gives_no_other_image(photos, bucket, tmp_path, home):
    """Within one process, which has it open."""
    bucket.put("x.tar", tarred(photos, tmp_path / "old.tar").read_bytes())
    dataset = dedup.scan("s3://bucket/x.tar")
    with dataset.at_hand(0):
        pass
    other = folder_of_photos(tmp_path / "other", 9, start=60)[0].parent
    bucket.put("x.tar", tarred(other, tmp_path / "new.tar").read_bytes())
    again = dedup.scan("s3://bucket/x.tar")
    assert len(again.frame) == 9 and by_content(again) == by_content(dedup.scan(other, name="other"))


def test_shards_in_a_bucket_by_a_pattern(photos, bucket, tmp_path, home):
    bucket.put_folder(sharded(photos, tmp_path / "shards"), "shards/")
    plain = by_content(dedup.scan(photos, name="plain"))
    for pattern in ("part-{000..002}.tar", "part-*.tar", "part-00{0,1,2}.tar"):
        assert by_content(dedup.scan(f"s3://bucket/shards/{pattern}")) == plain


def test_a_bucket_read_by_shards_and_merged_is_one_scan(photos, bucket, tmp_path, home):
    bucket.put_folder(photos, "p/")
    for number in range(1, 4):
        dedup.scan_shard("s3://bucket/p", f"{number}/3", tmp_path / "parts")
    merged = dedup.merge(tmp_path / "parts", name="merged")
    one = dedup.scan("s3://bucket/p", name="one")
    assert merged.frame.equals(one.frame) and merged.address == "s3://bucket/p/"


def test_shards_are_merged_from_a_bucket(photos, bucket, home, capsys):
    """Machines that share nothing but the bucket: a shard that fails leaves none there, and run again replaces it."""
    bucket.put_folder(photos, "p/")
    scan = ["scan", "s3://bucket/p", "--parts", "s3://bucket/parts", "--shard"]
    assert main(["merge", "s3://bucket/parts"]) == 2
    assert "There is no finished shard in s3://bucket/parts/." in capsys.readouterr().err
    assert main([*scan, "1/2"]) == 0 and "dedup merge s3://bucket/parts" in capsys.readouterr().out
    bucket.refuse = lambda path: "parts/shard-2" in path and path.endswith(".json")
    assert main([*scan, "2/2"]) == 1 and "Run this shard again." in capsys.readouterr().err
    bucket.refuse = lambda path: False
    assert main(["merge", "s3://bucket/parts"]) == 2 and "Shard 2 of 2 is not finished" in capsys.readouterr().err
    assert main([*scan, "2/2"]) == main([*scan, "2/2"]) == 0
    assert main(["merge", "s3://bucket/parts", "--name", "merged"]) == 0
    one, merged = dedup.scan("s3://bucket/p", name="one"), dedup.open("merged")
    assert merged.frame.equals(one.frame) and merged.pairs.equals(one.pairs)
    assert main(["scan", str(photos), *scan[2:], "2/2"]) == 2 and "holds shards of s3://" in capsys.readouterr().err
    assert main(["scan", "s3://bucket/p", "--parts", "s3://bucket/p/parts", "--shard", "1/2"]) == 2


def test_ten_thousand_keys_are_listed(bucket):
    for number in range(10_000):
        bucket.put(f"many/{number % 100:02d}/{number:05d}.jpg", b"")
    listing = list_source("s3://bucket/many/")
    assert len(listing.files) == 10_000 and len({file.id for file in listing.files}) == 10_000
    assert [file.path for file in listing.files] == sorted(file.path for file in listing.files)
    assert len(bucket.requests) <= 11  # pages of a thousand


def test_what_fails_for_a_moment_is_tried_again(photos, bucket, home):
    bucket.put_folder(photos, "p/")
    refused: dict[str, int] = {}

    def twice(path: str) -> bool:
        refused[path] = refused.get(path, 0) + 1
        return refused[path] <= 2

    bucket.refuse = twice
    frame = dedup.scan("s3://bucket/p").frame
    assert frame["status"].eq("ok").all() and min(refused.values()) >= 3


@pytest.mark.parametrize("make", [zipped, tarred, tabled])
def test_an_archive_whose_parts_fail_for_a_moment_loses_nothing(make, photos, bucket, tmp_path, home):
    """A library that cannot read takes that for damage: so it must be tried again below it."""
    suffix = {zipped: ".zip", tarred: ".tar", tabled: ".parquet"}[make]
    content = make(photos, tmp_path / f"a{suffix}").read_bytes()
    for first in range(1, 8, 2):
        bucket.quiet()
        bucket.put(f"{first}{suffix}", content)
        asked = iter(range(1, 10_000))
        bucket.refuse = lambda path, asked=asked, first=first: next(asked) in (first, first + 1)
        frame = dedup.scan(f"s3://bucket/{first}{suffix}", workers=1).frame
        assert len(frame) == len(files_of(photos)) and frame["status"].eq("ok").all()


def test_what_is_put_again_as_it_was_is_not_fetched_again(photos, bucket, home, asked):
    bucket.put_folder(photos, "p/")
    dedup.scan("s3://bucket/p")
    time.sleep(1.1)  # S3 tells whole seconds
    bucket.put("p/a/0002.jpg", (photos / "a/0002.jpg").read_bytes())
    asked.clear()
    dedup.scan("s3://bucket/p")
    assert not asked["examine"]


def test_images_of_any_name_are_found_as_in_folders(photos, bucket, tmp_path, home):
    names = ("b.jpg_large", "c.bin", "e.jpg~2", "f", "g.tmp", "h.dat", "words.tmp", "words.npy", "page.html")
    for name in names:
        content = b"no picture" if name.startswith(("words", "page")) else (photos / "a/0001.jpg").read_bytes()
        (tmp_path / "set").mkdir(exist_ok=True)
        (tmp_path / "set" / name).write_bytes(content)
    bucket.put_folder(tmp_path / "set", "odd/")
    places = (tmp_path / "set", "s3://bucket/odd/", zipped(tmp_path / "set", tmp_path / "odd.zip"))
    found = [[file.path for file in list_source(place).files] for place in places]
    assert found[0] == found[1] == found[2] == ["b.jpg_large", "c.bin", "e.jpg~2", "f", "g.tmp", "h.dat"]


def test_a_list_of_two_buckets_can_be_planned_and_moves_nothing(photos, bucket, tmp_path, home, capsys):
    bucket.put_folder(photos, "p/")
    bucket.put("q/x.jpg", (photos / "a/0002.jpg").read_bytes(), "other")
    (tmp_path / "two.txt").write_text("s3://bucket/p/a/0002.jpg\ns3://other/q/x.jpg\n")
    dataset = dedup.scan(tmp_path / "two.txt")
    assert dataset.address == "s3://" and dataset.frame["kind"].eq("exact").sum() == 1
    assert main(["remove", dataset.name, "--exact", "--apply"]) in (1, 2)
    assert "should not have" not in capsys.readouterr().err


def test_what_keeps_failing_is_one_failure_and_tried_in_the_next_scan(photos, bucket, home, asked, monkeypatch):
    monkeypatch.setattr(blobs, "ATTEMPTS", 1)
    bucket.put_folder(photos, "p/")
    bucket.refuse = lambda path: path.endswith("0004.jpg")
    dataset = dedup.scan("s3://bucket/p")
    frame = dataset.frame.set_index("path")
    assert frame["status"].eq("failed").sum() == 1 and "cannot be read" in frame["error"]["a/0004.jpg"]
    bucket.refuse = lambda path: False
    asked.clear()
    assert dedup.scan("s3://bucket/p").frame["status"].eq("ok").all() and asked["examine"] == ["0004.jpg"]


def test_what_vanishes_between_listing_and_reading_is_one_failure(photos, bucket, home, monkeypatch):
    bucket.put_folder(photos, "p/")
    listing = list_source("s3://bucket/p/")
    bucket._backend.delete_object("bucket", "p/a/0002.jpg")
    gone = listing.where([file.path for file in listing.files].index("a/0002.jpg"))
    from dedup.sources import at_hand

    with pytest.raises(UnreadableImage) as caught, at_hand(gone):
        pass
    assert caught.value.transient


def test_a_slow_server_is_waited_for_side_by_side(photos, bucket, home):
    """Requests of a worker overlap: a listing of eight objects of 0.3 s each must not take eight times that."""
    bucket.put_folder(photos, "p/")
    at_once, most, lock = [0], [0], threading.Lock()

    def slow(path: str) -> float:
        if not path.endswith("g"):
            return 0.0
        with lock:
            at_once[0] += 1
            most[0] = max(most[0], at_once[0])
        threading.Timer(0.3, lambda: at_once.__setitem__(0, at_once[0] - 1)).start()
        return 0.3

    bucket.delay = slow
    assert dedup.scan("s3://bucket/p", workers=1).frame["status"].eq("ok").all()
    assert most[0] > 1


def test_credentials_are_never_kept_or_shown(photos, bucket, home, tmp_path):
    bucket.put_folder(photos, "p/")
    dataset = dedup.scan("s3://bucket/p")
    dataset.export("csv", tmp_path / "out.csv")
    written = [file.read_bytes() for file in [*home.rglob("*"), tmp_path / "out.csv"] if file.is_file()]
    assert not any(SECRET.encode() in content for content in written)
    for address in (
        "s3://user:S3CRET@bucket/p",
        "s3://AKIA:ab/S3CRET@bucket/p",
        "https://h/x.zip?X-Amz-Signature=S3CRET",
        "https://h/x.zip?a=2;to%6ben=S3CRET",
        "https://h/x.zip#access_token=S3CRET",
        "zip://a.jpg::https://u:S3CRET@h/photos.zip",
    ):
        with pytest.raises(SourceError) as caught:
            dedup.scan(address)
        assert "S3CRET" not in str(caught.value)


def test_exports_and_plans_of_a_bucket(photos, bucket, home, tmp_path):
    bucket.put_folder(photos, "p/")
    dataset = dedup.scan("s3://bucket/p")
    before = [request for request in bucket.requests if request[0] not in ("GET", "HEAD")]
    dataset.export("folder", tmp_path / "out")
    written = [file.relative_to(tmp_path / "out") for file in files_of(tmp_path / "out")]
    assert written == [file.relative_to(photos) for file in files_of(photos)]
    plan = planning.plan(dataset)
    assert [entry.path for entry in plan.entries] == ["b/copy.jpg"] and plan.root == "s3://bucket/p/"
    after = [request for request in bucket.requests if request[0] not in ("GET", "HEAD")]
    assert before == after == []  # nothing but reading until copies leave (tests/removal/test_objects.py)


@pytest.mark.parametrize(
    ("address", "says"),
    [
        ("s3://nowhere-at-all/x", "There is nothing at s3://nowhere-at-all/x/"),
        ("s3://bucket/none.zip", "there is no such file"),
        ("s3://bucket/none-*.tar", "There is no file like"),
        ("gs://bucket/x", r"pip install 'dedup-images\[gcs\]'"),
        ("az://bucket/x", r"pip install 'dedup-images\[azure\]'"),
        ("nonsense://bucket/x", "There is no way to read nonsense://"),
        ("https://localhost/folder", "web servers do not list"),
        ("https://127.0.0.1:9/x.zip", "there is no such file, or its server does not answer"),
        ("zip://a.jpg::photos.zip", "Give the archive alone"),
        ("s3://[x/a.zip", "cannot be understood"),
        ("s3://bucket/something", "There are no images in s3://bucket/something/"),
        ("s3://bucket/{0..99999999}.zip", "means more than 100,000 files"),
        ("s3://bucket/" + "{a,b}" * 40 + ".zip", "more than 12 choices"),
    ],
)
def test_what_cannot_be_had_is_one_sentence(address, says, bucket, home):
    bucket.put("something", b"")
    with pytest.raises(SourceError, match=says):
        dedup.scan(address)


def test_without_credentials_it_is_said_at_once(bucket, home, monkeypatch):
    bucket.put("p/a.jpg", b"")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nowhere")
    forget_clients()
    with pytest.raises(SourceError, match=r"(?i)credentials"):
        dedup.scan("s3://bucket/p")
    forget_clients()


class _Handler(http.server.SimpleHTTPRequestHandler):
    """A web server that may keep to itself when a file changed."""

    tells = True
    leads = ""
    asked: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        self.asked.append(self.path)
        if self.path.startswith("/lead/"):
            self.send_response(302)
            super().send_header("Location", self.leads)
            self.end_headers()
        elif self.path.startswith("/forbidden/"):
            self.send_error(403, "Forbidden")
        else:
            super().do_GET()

    def send_header(self, keyword: str, value: str) -> None:
        if self.tells or keyword != "Last-Modified":
            super().send_header(keyword, value)

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def web(photos) -> Iterator[tuple[str, type[_Handler]]]:
    handler = type("Handler", (_Handler,), {})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(handler, directory=str(photos)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", handler
    server.shutdown()


def test_refused_addresses_that_differ_in_what_is_not_shown_are_failures_each(web, tmp_path, home):
    url, _ = web
    (tmp_path / "list.txt").write_text(
        "\n".join(f"{url}/image?id={number}&token=secret{number}" for number in range(3))
    )
    frame = dedup.scan(tmp_path / "list.txt").frame
    assert len(frame) == 3 and frame["error"].str.contains("signature or key").all()
    assert not any(b"secret" in file.read_bytes() for file in home.rglob("*") if file.is_file())


def test_a_list_in_a_bucket_names_files_above_it(bucket, photos, home):
    bucket.put_folder(photos, "data/photos/")
    names = [f"../photos/{file.relative_to(photos).as_posix()}" for file in files_of(photos)]
    bucket.put("data/lists/train.txt", "\n".join(names).encode())
    frame = dedup.scan("s3://bucket/data/lists/train.txt").frame
    assert len(frame) == len(names) and frame["status"].eq("ok").all()


def test_a_list_of_web_addresses(photos, web, tmp_path, home, asked):
    url, _ = web
    addresses = [f"{url}/{file.relative_to(photos).as_posix()}" for file in files_of(photos)]
    missing = f"{url}/a/missing.jpg"
    (tmp_path / "list.txt").write_text("\n".join([*addresses, missing, f"{url}/a/0001.jpg?token=secret"]))
    dataset = dedup.scan(tmp_path / "list.txt")
    frame = dataset.frame.set_index("path")
    assert dataset.address == f"{url}/" and frame["status"].eq("ok").sum() == len(addresses)
    assert "cannot be read" in frame["error"]["a/missing.jpg"]
    assert "holds a signature or key" in " ".join(frame["error"])
    assert not any(b"secret" in file.read_bytes() for file in home.rglob("*") if file.is_file())
    asked.clear()
    dedup.scan(tmp_path / "list.txt")
    assert asked["examine"] == ["missing.jpg"]  # the others did not change


def test_a_server_that_tells_nothing_is_read_in_every_scan(photos, web, tmp_path, home, asked):
    url, handler = web
    handler.tells = False
    (tmp_path / "list.csv").write_text(f"path\n{url}/a/0001.jpg\n{url}/a/0002.jpg\n")
    assert dedup.scan(tmp_path / "list.csv").frame["status"].eq("ok").all()
    asked.clear()
    dedup.scan(tmp_path / "list.csv")
    assert sorted(asked["examine"]) == ["0001.jpg", "0002.jpg"]


def test_a_list_asks_for_nothing_that_it_does_not_name(photos, web, tmp_path, home):
    """Pages that lead on and on lie below the same address."""
    url, handler = web
    handler.asked = []
    (tmp_path / "list.txt").write_text(f"{url}/a/0001.jpg\n{url}/a/0002.jpg\n")
    dataset = dedup.scan(tmp_path / "list.txt")
    dataset.export("folder", tmp_path / "out")
    assert len(list((tmp_path / "out").rglob("*.jpg"))) == 2
    assert set(handler.asked) == {"/a/0001.jpg", "/a/0002.jpg"}


def test_where_an_address_leads_is_never_shown(web, tmp_path, home):
    url, handler = web
    handler.leads = f"{url}/signed/1.jpg?X-Amz-Credential=AKIA&X-Amz-Signature=TOPSECRET"
    (tmp_path / "list.txt").write_text(f"{url}/lead/1.jpg\n{url}/no/such.jpg\n{url}/forbidden/1.jpg\n")
    dataset = dedup.scan(tmp_path / "list.txt")
    reasons = dict(zip(dataset.frame["path"], dataset.frame["error"], strict=True))
    assert reasons["no/such.jpg"] == reasons["lead/1.jpg"] == "cannot be read: there is no such file"
    assert reasons["forbidden/1.jpg"] == "cannot be read: 403 Forbidden"
    assert not any(b"TOPSECRET" in file.read_bytes() for file in home.rglob("*") if file.is_file())
    assert blobs.reason(TimeoutError()) == "its server does not answer"
    assert blobs.reason(OSError("Please reduce your request rate.")) == "Please reduce your request rate"
    assert blobs.reason(OSError(f"403, url='{handler.leads}'")) == f"403, url='{url}/signed/1.jpg?…'"


class _WholeOnly(http.server.SimpleHTTPRequestHandler):
    """Python's own server, which knows no ranges."""

    def log_message(self, *args: object) -> None:
        pass


class _NoLength(_WholeOnly):
    """One that does not even say how long a file is."""

    def send_header(self, keyword: str, value: str) -> None:
        if keyword != "Content-Length":
            super().send_header(keyword, value)


@pytest.mark.parametrize("handler", [_WholeOnly, _NoLength])
@pytest.mark.parametrize("make", [zipped, tarred])
def test_an_archive_of_a_server_that_gives_no_parts_is_told(make, handler, photos, tmp_path, home):
    (tmp_path / "served").mkdir()
    file = make(photos, tmp_path / "served" / f"a{'.zip' if make is zipped else '.tar'}")
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(handler, directory=str(tmp_path / "served")))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        with pytest.raises(SourceError, match="its server gives no parts of a file"):
            frame = dedup.scan(f"http://127.0.0.1:{server.server_port}/{file.name}").frame
            assert frame["error"].str.contains("gives no parts of a file").all()
            raise SourceError(frame["error"].iloc[0])
    finally:
        server.shutdown()


@pytest.mark.parametrize("name", ["design", "author", "postcode", "keyword", "monkey", "assignment", "page"])
def test_parameters_that_let_nobody_in_are_no_secrets(name):
    assert blobs.problem_of(f"https://h/a.jpg?{name}=1") == ""


@pytest.mark.parametrize(
    "name",
    [
        "sig",
        "X-Amz-Signature",
        "AWSAccessKeyId",
        "Key-Pair-Id",
        "auth",
        "access_token",
        "apikey",
        "pwd",
        "code",
        "userKey",
    ],
)
def test_parameters_that_let_somebody_in_are(name):
    assert "signature or key" in blobs.problem_of(f"https://h/a.jpg?a=1&{name}=1")


def test_lists_are_of_one_kind(tmp_path):
    (tmp_path / "mixed.txt").write_text("https://host/a.jpg\nb.jpg\n")
    with pytest.raises(SourceError, match=r"both addresses and paths, such as b\.jpg"):
        list_source(tmp_path / "mixed.txt")
    (tmp_path / "two.txt").write_text("https://host/a.jpg\ns3://bucket/b.jpg\n")
    with pytest.raises(SourceError, match="addresses of https and s3"):
        list_source(tmp_path / "two.txt")


def test_a_list_that_lies_elsewhere(photos, bucket, home):
    bucket.put_folder(photos, "p/")
    bucket.put("p/list.txt", "\n".join(file.relative_to(photos).as_posix() for file in files_of(photos)).encode())
    assert by_content(dedup.scan("s3://bucket/p/list.txt", name="a")) == by_content(dedup.scan(photos, name="b"))


def test_what_lies_in_memory_reaches_the_workers(photos, home):
    import fsspec

    memory = fsspec.filesystem("memory")
    for file in files_of(photos):
        memory.pipe_file(f"/pool/{file.relative_to(photos).as_posix()}", file.read_bytes())
    assert by_content(dedup.scan("memory://pool", name="a")) == by_content(dedup.scan(photos, name="b"))


def test_the_gate_and_detect_take_any_source(photos, bucket, tmp_path, home, capsys):

    bucket.put_folder(photos, "p/")
    archive = zipped(photos, tmp_path / "photos.zip")
    for source in ("s3://bucket/p", str(archive)):
        assert main(["check", source, "--max-exact", "0", "--json"]) == 1
        assert json.loads(capsys.readouterr().out)["passed"] is False
        assert main(["check", source, "--max-exact", "1"]) == 0
        assert main(["detect", source, "--montage", str(tmp_path / f"sheets-{os.path.basename(source)}")]) == 0
        assert "1 group" in capsys.readouterr().out
    assert main(["detect", str(archive), "--remove"]) == 1
    assert "only read" in capsys.readouterr().err
    bucket.put_folder(photos / "a", "q/")
    bucket.put("q/copy.jpg", files_of(photos)[0].read_bytes())
    assert main(["detect", "s3://bucket/q", "--remove"]) == 0
    assert "7 images before, 6 after" in capsys.readouterr().out
    assert "q/copy.jpg" not in bucket._backend.buckets["bucket"].keys


def test_addresses_of_a_list_that_cannot_be_understood_cost_themselves(photos, bucket, tmp_path, home):
    bucket.put_folder(photos, "p/")
    lines = ["S3://bucket/p/a/0001.jpg", "s3://bucket/p/a/0002.jpg", "s3://[x/a.png", "s3://bucket/p/a/"]
    (tmp_path / "list.txt").write_text("\n".join(lines))
    frame = dedup.scan(tmp_path / "list.txt").frame
    assert sorted(frame["path"][frame["status"] == "ok"]) == ["0001.jpg", "0002.jpg"]
    errors = " ".join(frame["error"])
    assert "cannot be understood" in errors and "names no file" in errors
