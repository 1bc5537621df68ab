"""A dataset whose images lie in an archive: every page works, and what needs files says so."""

from __future__ import annotations

import shutil
import zipfile
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

import dedup
from dedup.review import acts
from dedup.ui.browser import about
from dedup.ui.datasets import folders
from dedup.ui.shell.library import LIBRARY
from dedup.ui.shell.routes import image_url, routes, thumbnail_url
from tests.building import picture
from tests.ui.apptest import run_page, texts

PAGES = ("summary", "explorer", "duplicates", "leaks", "clashes", "splits", "map", "export", "datasets")


@pytest.fixture(scope="module")
def scanned(tmp_path_factory) -> dedup.Dataset:
    """Eight pictures in train and test of an archive, one of them twice, and one that is none."""
    folder = tmp_path_factory.mktemp("scanned")
    for seed in range(8):
        picture(folder / "in" / ("test" if seed % 2 else "train") / f"{seed:02}.png", seed, (160, 120))
    with zipfile.ZipFile(folder / "packed.zip", "w") as archive:
        for file in sorted((folder / "in").rglob("*.png")):
            archive.write(file, file.relative_to(folder / "in").as_posix())
        archive.write(folder / "in/train/00.png", "test/copy.png")
        archive.writestr("empty.jpg", b"")
    return dedup.scan(folder / "packed.zip", name="packed", home=folder / "home", workers=1)


@pytest.fixture
def dataset(scanned, home) -> dedup.Dataset:
    shutil.copytree(scanned.directory, home / scanned.name)
    return dedup.open("packed")


@pytest.mark.parametrize("name", PAGES)
def test_every_page_shows_a_dataset_in_an_archive(dataset, name):
    at = run_page(name, {"dataset": dataset.info.key})
    assert "internal" not in texts(at)


def test_its_pictures_are_served_and_all_is_told(dataset):
    LIBRARY.open(dataset.info.key)
    client = TestClient(Starlette(routes=routes(LIBRARY.resolve)))
    frame = dataset.frame
    for row, (image_id, status) in enumerate(zip(frame["id"], frame["status"], strict=True)):
        for url in (thumbnail_url, image_url):
            answer = client.get(f"/{url(dataset.info.key, image_id, 'a')}")
            assert answer.status_code == (200 if status == "ok" else 422), answer.text
        told = about.answer(dataset.info.key, image_id)
        assert told is not None and told["path"] == f"{dataset.address}/{frame['path'].iat[row]}"
    with zipfile.ZipFile(dataset.address) as archive:
        row = dataset.frame["path"].tolist().index("test/copy.png")
        whole = client.get(f"/{image_url(dataset.info.key, frame['id'].iat[row], 'a')}")
        assert whole.content == archive.read("test/copy.png")


def test_the_plan_says_that_an_archive_is_only_read(dataset):
    now = acts.state(dataset)
    step = acts.by_rule(now, acts.previews(now)[0])
    dataset.decisions.decide(step.changes, step.label)
    at = run_page("duplicates", {"dataset": dataset.info.key, "panel": "plan"})
    assert "1 file** would go" in texts(at) and "which is only read" in texts(at)
    labels = " ".join(each.label for each in at.button)
    assert "Export without them" in labels and "quarantine" not in labels


@pytest.mark.parametrize(
    ("typed", "usable", "says"),
    [
        ("{folder}/packed.zip", True, "Images in an archive."),
        ("{folder}/pack*.zip", True, "Images in several archives."),
        ("s3://bucket/prefix", True, "Looked up when it is scanned."),
        ("https://host/folder", False, "web servers do not list"),
        ("s3://user:password@bucket/x", False, "holds a name or password"),
        ("{folder}/none.zip", False, "There is no such folder."),
    ],
)
def test_what_is_typed_is_told_at_once(typed, usable, says, scanned):
    seen = folders.check(typed.format(folder=Path(scanned.address).parent))
    assert seen.usable is usable and says in seen.words
