"""Copies leave buckets and come back, over a real S3 server: whatever fails on the way, every picture is somewhere."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress

import pytest

import dedup
from dedup import removal
from dedup.errors import DatasetError, RemovalError
from dedup.removal import State, applying, restoring
from dedup.sources import blobs
from tests.pictures import folder_of_photos
from tests.scanning.buckets import Server, served


@pytest.fixture(scope="module")
def running() -> Iterator[Server]:
    with served() as server:
        yield server


@pytest.fixture
def bucket(running, tmp_path) -> Server:
    """Six photographs, two of them twice, one with a caption; another prefix is nobody's business."""
    running.quiet()
    photos = folder_of_photos(tmp_path / "photos", 4)
    for file in photos:
        running.put(f"set/a/{file.name}", file.read_bytes())
    running.put("set/b/copy 1.jpg", photos[0].read_bytes())
    running.put("set/b/copy 1.txt", b"a caption")
    running.put("set/b/ü+%2F.jpg", photos[1].read_bytes())
    running.put("other/x.jpg", photos[1].read_bytes())
    return running


def held(server: Server) -> dict[str, bytes]:
    return {key: obj.value for key, obj in server._backend.buckets["bucket"].keys.items()}


def contents(server: Server) -> Counter[str]:
    return Counter(hashlib.sha256(value).hexdigest() for value in held(server).values())


COPIES = {"set/b/copy 1.jpg", "set/b/ü+%2F.jpg"}


def test_copies_leave_a_bucket_and_come_back(bucket, home):
    before = held(bucket)
    dataset = dedup.scan("s3://bucket/set")
    report = removal.apply(dataset, removal.plan(dataset))
    after = held(bucket)
    assert len(report.done) == 2 and len(report.companions) == 1 and report.refused == ()
    assert {*before} - {*after} == COPIES | {"set/b/copy 1.txt"}
    aside = {key for key in after if key not in before}
    assert len(aside) == 3 and all(key.startswith(f"set.dedup-removed/{dataset.key}/b/") for key in aside)
    assert removal.quarantine_of(dataset) == f"s3://bucket/set.dedup-removed/{dataset.key}/"
    assert contents(bucket) == Counter(hashlib.sha256(each).hexdigest() for each in before.values())
    assert removal.verify(dataset) == removal.Verification(2, ())

    again = dedup.scan("s3://bucket/set")
    assert len(again.frame) == 4 and again.key == dataset.key
    wider = dedup.scan("s3://bucket", name="wider")  # what left is in no dataset
    assert sorted(wider.frame["path"]) == sorted(key for key in after if "removed" not in key)
    with pytest.raises(DatasetError, match=r"holds removed images in s3://bucket/set\.dedup-removed/"):
        dedup.forget("set")
    dedup.rename("set", "other name")
    renamed = dedup.open("other name")
    assert len(removal.restore(renamed).done) == 2
    assert held(bucket) == before
    anew = dedup.rescan(renamed)
    assert removal.apply(anew, removal.plan(anew)).refused == ()


def test_nothing_leaves_that_changed_or_whose_keeper_did(bucket, home):
    dataset = dedup.scan("s3://bucket/set")
    plan = removal.plan(dataset)
    bucket.put("set/b/copy 1.jpg", b"other bytes")
    bucket.put("set/a/0001.jpg", b"other bytes")
    before = held(bucket)
    report = removal.apply(dataset, plan)
    assert {each.path: each.reason for each in report.refused} == {
        "b/copy 1.jpg": "it changed since the scan; scan again",
        "b/ü+%2F.jpg": "its keeper a/0001.jpg is gone or changed since the scan; scan again",
    }
    assert held(bucket) == before


@pytest.mark.parametrize("step", ["copy", "delete"])
def test_what_changes_between_the_proof_and_the_act_stays(bucket, home, monkeypatch, step):
    """S3 is asked to act on the version that was proven, and on no other."""
    dataset = dedup.scan("s3://bucket/set")
    plan, key = (
        removal.plan(dataset, dataset.frame.index[dataset.frame["name"] == "copy 1.jpg"].tolist()),
        "set/b/copy 1.jpg",
    )
    name = "copy" if step == "copy" else "remove"
    act = getattr(blobs, name)

    def late(address, *args):
        if address.endswith("copy 1.jpg") and "removed" not in address:
            bucket.put(key, b"a newer picture")
        return act(address, *args)

    monkeypatch.setattr(blobs, name, late)
    report = removal.apply(dataset, plan)
    assert held(bucket)[key] == b"a newer picture"
    assert len(report.done) == (step == "delete")  # the old one lies in the quarantine by then
    assert removal.verify(dataset).problems == ()


def test_nothing_comes_back_over_another_object(bucket, home, monkeypatch):
    dataset = dedup.scan("s3://bucket/set")
    removal.apply(dataset, removal.plan(dataset))
    bucket.put("set/b/copy 1.jpg", b"newer")
    report = removal.restore(dataset)
    assert [each.reason for each in report.refused] == ["another file lies in its place; move that one first"]
    assert held(bucket)["set/b/copy 1.jpg"] == b"newer" and removal.verify(dataset).problems == ()
    del bucket._backend.buckets["bucket"].keys["set/b/copy 1.jpg"]
    copy = blobs.copy

    def late(source, target, version):
        bucket.put("set/b/copy 1.jpg", b"at the last moment")
        return copy(source, target, version)

    monkeypatch.setattr(blobs, "copy", late)
    assert len(removal.restore(dataset).refused) == 1
    assert held(bucket)["set/b/copy 1.jpg"] == b"at the last moment"
    monkeypatch.undo()
    assert removal.verify(dataset).problems == ()


@pytest.mark.parametrize("act", ["remove", "restore"])
@pytest.mark.parametrize("at", range(6))
@pytest.mark.parametrize("kind", [KeyboardInterrupt, OSError])
def test_interrupted_anywhere_and_run_again_it_finishes(bucket, home, monkeypatch, act, at, kind):
    """Before and after each copy and each deletion: bytes are never fewer, and the next run ends it."""
    before = held(bucket)
    dataset = dedup.scan("s3://bucket/set")
    plan = removal.plan(dataset)
    run = {"remove": lambda: removal.apply(dataset, plan), "restore": lambda: removal.restore(dataset)}
    if act == "restore":
        run["remove"]()
    calls = [0]

    def failing(real):
        def step(*args):
            calls[0] += 1
            if calls[0] == at + 1:
                raise kind("before")
            done = real(*args)
            calls[0] += 1
            if calls[0] == at + 1:
                raise kind("after")
            return done

        return step

    with monkeypatch.context() as context:
        context.setattr(blobs, "copy", failing(blobs.copy))
        context.setattr(blobs, "remove", failing(blobs.remove))
        with suppress(KeyboardInterrupt):
            run[act]()
    every = {hashlib.sha256(value).hexdigest() for value in before.values()}
    assert every <= set(contents(bucket))
    assert not any(each.startswith(dataset.root.as_posix()) for each in removal.verify(dataset).problems)
    again = run[act]()
    assert again.refused == ()
    if act == "remove":
        assert COPIES.isdisjoint(held(bucket)) and removal.verify(dataset).problems == ()
        removal.restore(dataset)
    assert held(bucket) == before


def test_a_killed_process_leaves_a_journal_that_ends_it(bucket, home, monkeypatch):
    dataset = dedup.scan("s3://bucket/set")
    before = held(bucket)
    with monkeypatch.context() as context:
        context.setattr(applying, "withdraw", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        context.setattr(applying, "settle", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            removal.apply(dataset, removal.plan(dataset))
    assert {*before} < {*held(bucket)}  # a copy lies in the quarantine already
    assert "under way" in removal.verify(dataset).problems[0]
    removal.restore(dataset)
    assert held(bucket) == before and not removal.standing(dataset.directory)


def test_deleting_needs_an_identical_copy_and_links_are_no_way(bucket, home):
    dataset = dedup.scan("s3://bucket/set")
    plan = removal.plan(dataset)
    report = removal.apply(dataset, plan, how="hardlink")
    assert {each.reason for each in report.refused} == {"objects of a bucket cannot be links to each other"}
    report = removal.apply(dataset, plan, how="delete", allow_delete=True)
    assert len(report.done) == 2 and COPIES.isdisjoint(held(bucket))
    assert [each.state for each in removal.standing(dataset.directory)] == [State.DELETED] * 2
    last = removal.plan(dedup.rescan(dataset), [0, 1])
    kept = removal.apply(dedup.open("set"), last)
    assert {each.path for each in kept.refused} | {stay.path for stay in last.stays} == {"a/0000.jpg", "a/0001.jpg"}


def test_a_storage_that_refuses_is_a_sentence_for_each_image(bucket, home):
    dataset = dedup.scan("s3://bucket/set")
    plan, before = removal.plan(dataset), held(bucket)
    bucket.refuse = lambda path: "removed" in path
    report = removal.apply(dataset, plan)
    assert report.done == () and all("could not be changed" in each.reason for each in report.refused)
    bucket.refuse = lambda path: False
    assert held(bucket) == before


def test_in_memory_as_well_and_nothing_on_web_servers(home, tmp_path):
    for file in folder_of_photos(tmp_path / "photos", 2):
        blobs.write(f"memory://kept/{file.name}", file.read_bytes())
        blobs.write(f"memory://kept/again/{file.name}", file.read_bytes())
    dataset = dedup.scan("memory://kept")
    assert len(removal.apply(dataset, removal.plan(dataset)).done) == 2
    assert len(dedup.rescan(dataset).frame) == 2 and removal.verify(dataset).problems == ()
    assert len(removal.restore(dedup.open("kept")).done) == 2
    assert not blobs.can_change("http://host/") and not blobs.can_change("s3://bucket/x.zip")


def test_documents_and_shared_captions_stay(bucket, home):
    bucket.put("set/b/copy 1.png", b"no picture at all")  # of the same name: the caption is of both
    bucket.put("set/b/ü+%2F.json", b'{"images": [], "annotations": []}')
    dataset = dedup.scan("s3://bucket/set", use_found=False)
    plan = removal.plan(dataset)
    assert {entry.path: entry.companions for entry in plan.entries} == {"b/copy 1.jpg": (), "b/ü+%2F.jpg": ()}


def test_the_restoring_of_a_lost_dataset_finds_its_objects(bucket, home):
    before = held(bucket)
    dataset = dedup.scan("s3://bucket/set")
    removal.apply(dataset, removal.plan(dataset))
    (dataset.directory / "dataset.json").unlink()
    again = dedup.scan("s3://bucket/set", name="anew")
    assert any(
        "removed images of this folder" in each or "removed image" in each for each in removal.verify(again).problems
    )
    assert len(removal.restore(again).done) == 2 and held(bucket) == before


def test_archives_are_only_read(home, tmp_path, bucket):
    from tests.packed import zipped

    photos = folder_of_photos(tmp_path / "p", 2)
    (tmp_path / "p/copy.jpg").write_bytes(photos[0].read_bytes())
    bucket.put("set.zip", zipped(tmp_path / "p", tmp_path / "set.zip").read_bytes())
    dataset = dedup.scan("s3://bucket/set.zip")
    assert len(removal.plan(dataset).entries) == 1
    for act in (lambda: applying.apply(dataset, removal.plan(dataset)), lambda: restoring.restore(dataset)):
        with pytest.raises(RemovalError, match="which is only read"):
            act()
