"""Images over HTTP: what is sent, what is refused, and what a browser may keep."""

from __future__ import annotations

import io
import os
import threading
from collections import Counter
from pathlib import Path

import anyio
import numpy as np
import pytest
from PIL import Image
from starlette.applications import Starlette

import dedup
from dedup.images import thumbnails
from dedup.ui.shell import routes as shell_routes
from dedup.ui.shell.library import Library, Opened
from dedup.ui.shell.routes import Facts, ServedImage, about_url, image_url, routes, thumbnail_url
from tests.ui.asgi import Answer, scope_of
from tests.ui.asgi import get as ask

PHOTO = Image.fromarray((np.random.default_rng(5).random((300, 500, 3)) * 255).astype(np.uint8))


@pytest.fixture
def folder(tmp_path) -> Path:
    PHOTO.save(tmp_path / "a.jpg", quality=90)
    PHOTO.save(tmp_path / "b.tif")
    (tmp_path / "broken.jpg").write_bytes(b"\xff\xd8\xff nothing more")
    return tmp_path


@pytest.fixture
def get(folder):
    """`get(path)` or `get(path, path, ...)` at the same time."""
    files = {"0a": "a.jpg", "0b": "b.tif", "0c": "broken.jpg", "0d": "gone.jpg"}
    asked: Counter[str] = Counter()

    def resolve(dataset: str, image_id: str) -> ServedImage | None:
        asked[image_id] += 1
        name = files.get(image_id) if dataset == "d5" else None
        return ServedImage(folder / name, "ab12" + image_id, folder / "thumbnails") if name else None

    app = Starlette(routes=routes(resolve))

    async def one(path: str, answer: Answer) -> None:
        await app(scope_of(path), answer.receive, answer.send)

    def get(*paths: str):
        answers = [Answer() for _ in paths]

        async def all_of_them() -> None:
            async with anyio.create_task_group() as group:
                for path, answer in zip(paths, answers, strict=True):
                    group.start_soon(one, path, answer)

        anyio.run(all_of_them)
        return answers if len(answers) > 1 else answers[0]

    get.asked = asked
    return get


def test_a_thumbnail_is_a_small_jpeg_that_the_browser_keeps(get, folder):
    answer = get(thumbnail_url("d5", "0a", "ab120a"))
    assert answer.status == 200
    assert answer.headers["content-type"] == "image/jpeg"
    assert answer.headers["cache-control"] == "private, max-age=31536000, immutable"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert Image.open(io.BytesIO(answer.body)).size == (400, 240)
    assert [path.name for path in (folder / "thumbnails").rglob("*.jpg")] == ["ab120a.jpg"]


def test_a_photo_goes_out_byte_for_byte(get, folder):
    answer = get(image_url("d5", "0a", "ab120a"))
    assert answer.headers["content-type"] == "image/jpeg"
    assert answer.body == (folder / "a.jpg").read_bytes()
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in answer.headers["content-security-policy"]


def test_a_tiff_goes_out_as_a_png_with_the_same_pixels(get):
    answer = get(image_url("d5", "0b", "ab120b"))
    assert answer.headers["content-type"] == "image/png"
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(answer.body))), np.asarray(PHOTO))


def test_under_an_outdated_version_todays_picture_comes_and_is_not_kept(get):
    for address in (thumbnail_url("d5", "0a", "old"), image_url("d5", "0a", "old")):
        answer = get(address)
        assert answer.status == 200
        assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    ("address", "status"),
    [
        ("/thumb/d5/ff/ab12.jpg", 404),
        ("/thumb/dd/0a/ab12.jpg", 404),
        ("/image/d5/0d/ab12", 404),
        ("/thumb/d5/0d/ab12.jpg", 422),
        ("/thumb/d5/0c/ab12.jpg", 422),
        ("/image/d5/0c/ab12", 422),
    ],
)
def test_what_cannot_be_shown_says_why_and_is_not_kept(get, address, status):
    answer = get(address)
    assert answer.status == status
    assert answer.headers["content-type"].startswith("text/plain")
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.body.endswith(b".") or b"Cannot be shown: " in answer.body


def test_a_picture_of_a_dataset_that_another_program_forgot_is_refused_with_the_reason(tmp_path):
    home = tmp_path / "home"
    (tmp_path / "photos").mkdir()
    PHOTO.save(tmp_path / "photos" / "a.png")
    dataset = dedup.scan(tmp_path / "photos", home=home)
    shown = Library()
    shown._opened[dataset.info.key] = ("", Opened(dataset))  # open here
    app = Starlette(routes=routes(shown.resolve))
    address = thumbnail_url(dataset.info.key, dataset.frame["id"][0], "ab12")
    assert ask(app, address).status == 200
    whole = image_url(dataset.info.key, dataset.frame["id"][0], "ab12")
    dedup.forget(dataset.name, home=home)
    for each in (address, whole):
        answer = ask(app, each)
        assert (answer.status, answer.text[:17]) == (422, "Cannot be shown: ")


@pytest.mark.parametrize(
    "bad", ["a.jpg", "..", "../a.jpg", "..%2fa.jpg", "/etc/passwd", "0A", "0a ", "0a\n", "", "a" * 65]
)
def test_an_address_holds_ids_and_never_paths(get, bad):
    for address in (f"/thumb/d5/{bad}/ab12.jpg", f"/image/d5/{bad}/ab12", f"/image/{bad}/0a/ab12"):
        assert get(address).status == 404
    assert set(get.asked) <= {"0a"}  # the resolver is never asked about anything but ids


def test_a_version_is_hexadecimal(tmp_path):
    for bad in ("", "../x", "AB", "a/b"):
        with pytest.raises(ValueError, match="hexadecimal"):
            ServedImage(tmp_path / "a.jpg", bad, tmp_path)


def test_many_requests_at_once_for_one_thumbnail_all_get_it(get, folder):
    answers = get(*[thumbnail_url("d5", "0a", "ab120a")] * 12)
    assert {answer.status for answer in answers} == {200}
    assert len({answer.body for answer in answers}) == 1
    assert len(list((folder / "thumbnails").rglob("*"))) == 2  # one folder, one file, nothing half written


# --- files that hang, and large ones ----------------------------------------------------------------------------------


def test_pipes_in_place_of_images_stop_no_picture(folder, get):
    for name in ("a.jpg", "b.tif"):
        (folder / name).unlink()
        os.mkfifo(folder / name)
    PHOTO.save(folder / "gone.jpg")
    answers = get(*[image_url("d5", "0a", "x"), thumbnail_url("d5", "0b", "x")] * 4, image_url("d5", "0d", "x"))
    assert [answer.status for answer in answers] == [404, 422] * 4 + [200]
    assert b"not a file" in answers[0].body


def test_a_disk_that_hangs_holds_up_its_own_dataset_alone(folder, get, monkeypatch):
    """After some pictures that hang the others of the dataset are refused at once; another dataset's are shown."""
    release = threading.Event()
    shrink = thumbnails.shrink

    def hanging(image, *args, **options):
        if image.name == "a.jpg":
            release.wait(30)
        return shrink(image, *args, **options)

    monkeypatch.setattr(thumbnails, "shrink", hanging)
    monkeypatch.setattr(shell_routes, "PATIENCE_SECONDS", 0.2)
    hung = get(*[thumbnail_url("d5", "0a", f"{number}") for number in range(shell_routes.MOST_HUNG)])
    assert {answer.status for answer in hung} == {504}
    release.set()


def test_more_pixels_than_are_shown_are_refused_with_the_reason(folder, get, monkeypatch):
    monkeypatch.setattr(shell_routes, "WHOLE_PIXELS", 1000)
    refused = get(image_url("d5", "0b", "x"))
    assert refused.status == 422 and b"too many pixels" in refused.body
    assert get(thumbnail_url("d5", "0b", "x")).status == 200


def test_what_is_known_of_an_image_is_told_to_nobody_who_asks_for_another():
    app = Starlette(
        routes=routes(lambda *_: None, Facts(lambda dataset, image: {"id": image} if dataset == "d5" else None))
    )
    answer = ask(app, about_url("d5", "0a"))
    assert (answer.status, answer.text) == (200, '{"id":"0a"}')
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert ask(app, about_url("d6", "0a")).status == 404
    assert ask(app, "about/d5/..%2f0a").status == 404
    assert ask(app, "about/d5/0A!").status == 404
