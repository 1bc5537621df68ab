"""Vectors and the map of a scanned dataset, by Python and the command line."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest

import dedup
from dedup.cli import main
from dedup.errors import UsageError
from dedup.images.metrics import said
from dedup.vectors import of_dataset
from dedup.vectors.model import Model
from dedup.vectors.signatures import unit
from tests.pictures import folder_of_photos, photo, save
from tests.vectors.models import colour_model, plain_pictures


@pytest.fixture
def dataset(tmp_path):
    """Twelve photos, an exact and a smaller copy of the first, and a file that cannot be read."""
    folder_of_photos(tmp_path / "set", 12)
    shutil.copy(tmp_path / "set/0000.jpg", tmp_path / "set/copy.jpg")
    save(photo(0).resize((80, 60)), tmp_path / "set/small.png")
    (tmp_path / "set/broken.jpg").write_bytes(b"\xff\xd8\xff")
    return dedup.scan(tmp_path / "set", home=tmp_path / "home", workers=1)


def again(dataset):
    return dedup.open(dataset.name, home=dataset.directory.parent)


def test_without_vectors_nothing_is_said_of_them(dataset):
    frame = dataset.frame
    assert frame["semantic_singularity"].isna().sum() == 14 and "map_x" not in frame
    assert frame["semantic_singularity"].max() == 0 and "semantic_singularity" not in [
        each.name for each in said(frame)
    ]
    assert dataset.vectors.source == ""


def test_the_map_has_every_readable_image_and_outlives_a_scan(dataset, tmp_path):
    assert dataset.draw_map() == 14
    frame = dataset.frame
    assert frame.loc[frame["map_x"].isna(), "name"].tolist() == ["broken.jpg"]
    assert (frame["cluster"] > 0).sum() == 14
    held = again(dataset).frame.set_index("path")["map_x"]
    save(photo(99), tmp_path / "set/new.png")
    (tmp_path / "set/0005.jpg").rename(tmp_path / "set/moved.jpg")
    later = dedup.scan(tmp_path / "set", home=tmp_path / "home", workers=1).frame.set_index("path")["map_x"]
    assert later["moved.jpg"] == held["0005.jpg"] and np.isnan(later["new.png"])


def test_whoever_stays_of_exact_copies_has_the_singularity_and_the_others_zero(tmp_path):
    """The copy comes first by its name, the one that stays last: nothing of it may be lost."""
    folder_of_photos(tmp_path / "set/z", 12)
    (tmp_path / "set/a").mkdir()
    for name in ("0000", "0001"):
        shutil.copy(tmp_path / f"set/z/{name}.jpg", tmp_path / f"set/a/{name} copy.jpg")
    made = dedup.scan(tmp_path / "set", home=tmp_path / "home", workers=1)
    made.give_vectors(np.random.default_rng(0).standard_normal((14, 6)), "mine")
    frame = again(made).frame
    assert frame.loc[frame["kind"] != "exact", "semantic_singularity"].gt(0).all()
    assert frame.loc[frame["kind"] == "exact", "semantic_singularity"].eq(0).all()


def test_vectors_that_are_all_the_same_are_refused(dataset):
    with pytest.raises(UsageError, match="All images have the same vector"):
        dataset.give_vectors(np.ones((15, 6)), "blind")


def test_given_vectors_tell_a_singularity(dataset):
    vectors = np.random.default_rng(0).standard_normal((15, 6))
    vectors[3] = 2.5 * vectors[4]
    vectors[7] = np.nan
    vectors[8] = 0
    assert dataset.give_vectors(vectors, "mine") == 1
    frame = again(dataset).frame
    score = frame["semantic_singularity"]
    assert score[[3, 4]].tolist() == pytest.approx([0, 0], abs=1e-6)
    assert frame.loc[score.isna(), "name"].tolist() == [frame["name"][7], frame["name"][8], "broken.jpg"]
    exact = (frame["kind"] == "exact") & (frame["role"] == "duplicate")
    assert (score[exact] == 0).all() and exact.sum() == 1
    unit = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)
    cosine = (
        unit[0]
        @ unit[
            [row for row in range(1, 15) if row not in (7, 8) and frame["name"][row] not in ("broken.jpg", "copy.jpg")]
        ].T
    )
    assert score[0] == pytest.approx(1 - cosine.max(), abs=1e-5)
    held = again(dataset).vectors
    assert held.source == "mine" and held.known.sum() == 12
    assert [each.name for each in said(frame)][1] == "semantic_singularity"


def test_vectors_that_say_nothing_are_refused(dataset):
    with pytest.raises(UsageError, match="None of the images"):
        dataset.give_vectors(np.zeros((15, 3)), "zeros")
    assert again(dataset).vectors.source == ""


def test_a_damaged_file_of_vectors_or_places_is_none(dataset):
    dataset.draw_map()
    dataset.give_vectors(np.random.default_rng(0).standard_normal((15, 6)), "mine")
    for name in ("vectors.parquet", "map.parquet"):
        (dataset.directory / name).write_bytes(b"PAR1 nothing")
    opened = again(dataset)
    assert "map_x" not in opened.frame and opened.vectors.source == ""


def test_most_different_are_each_far_from_those_before(dataset):
    rows = dataset.most_different(5)
    assert len(set(rows.tolist())) == 5
    among = dataset.frame["name"].isin(["0003.jpg", "0004.jpg"]).to_numpy()
    assert set(dataset.most_different(9, among).tolist()) == set(np.flatnonzero(among).tolist())


# --- by the command line ----------------------------------------------------------------------------------------------


def run(capsys, *arguments: str) -> tuple[int, str, str]:
    code = main(list(arguments))
    out, err = capsys.readouterr()
    return code, out, err


def test_a_model_embeds_a_folder(home, tmp_path, capsys):
    plain_pictures(tmp_path / "set", {"red": (250, 0, 0), "reddish": (240, 20, 20), "blue": (0, 0, 250)})
    assert main(["scan", str(tmp_path / "set")]) == 0
    model = str(colour_model(tmp_path / "m.onnx"))
    capsys.readouterr()
    code, out, err = run(capsys, "embed", "set", "--model", model)
    assert (code, err) == (0, "") and out.startswith("3 of 3 readable images have a vector.")
    score = dedup.open("set").frame.set_index("name")["semantic_singularity"]
    assert score["red.png"] == score["reddish.png"] < score["blue.png"]
    code, out, _ = run(capsys, "map", "set", "--json")
    assert json.loads(out) == {"name": "set", "placed": 3, "clusters": 1}
    code, out, _ = run(capsys, "diverse", "set", "--count", "2", "--put-tag", "first")
    assert len(out.splitlines()) == 2 and "blue.png" in out
    assert dedup.open("set").tags["first"].count == 2


def test_images_a_model_cannot_see_are_named(home, tmp_path, capsys):
    folder_of_photos(tmp_path / "set", 3)
    assert main(["scan", str(tmp_path / "set")]) == 0
    (tmp_path / "set/0001.jpg").write_bytes(b"\xff\xd8\xff")
    capsys.readouterr()
    code, out, err = run(capsys, "embed", "set", "--model", str(colour_model(tmp_path / "m.onnx")))
    assert code == 1 and out.startswith("2 of 3 readable images")
    assert err.startswith("0001.jpg: ")


def test_images_of_which_a_model_gives_no_numbers_are_named(home, tmp_path, capsys, monkeypatch):
    plain_pictures(tmp_path / "set", {"red": (250, 0, 0), "green": (0, 240, 20), "blue": (0, 0, 250)})
    main(["scan", str(tmp_path / "set")])
    given = Model.vectors
    monkeypatch.setattr(Model, "vectors", lambda self, pictures: np.where(
        pictures[:, 3, 3, 1:2] > 200, np.nan, given(self, pictures)
    ))  # fmt: skip
    code, _, err = run(capsys, "embed", "set", "--model", str(colour_model(tmp_path / "m.onnx")))
    assert code == 1 and "green.png" in err and "no number" in err


def test_what_was_embedded_is_not_embedded_again(home, tmp_path, capsys, monkeypatch):

    folder_of_photos(tmp_path / "set", 3)
    dataset = dedup.scan(tmp_path / "set", workers=1)
    model = Model(colour_model(tmp_path / "m.onnx"))
    asked: list[int] = []
    plain = Model.embed

    def noted(self, files, **options):
        asked.append(len(files))
        return plain(self, files, **options)

    monkeypatch.setattr(Model, "embed", noted)
    dataset.embed(model)
    before = dataset.vectors.of(np.arange(3))
    save(photo(50), tmp_path / "set/new.png")
    dedup.scan(tmp_path / "set", workers=1).embed(model)
    later = dedup.open("set").vectors
    assert asked == [3, 1] and np.allclose(later.of(np.arange(3)), before, atol=1e-6) and later.known.all()


def test_vectors_of_a_file(home, tmp_path, capsys):
    folder_of_photos(tmp_path / "set", 3)
    assert main(["scan", str(tmp_path / "set")]) == 0
    np.savez(tmp_path / "v.npz", paths=["0000.jpg", "0001.jpg", "x.jpg"], vectors=np.eye(3))
    capsys.readouterr()
    code, out, err = run(capsys, "embed", "set", "--vectors", str(tmp_path / "v.npz"))
    assert code == 1 and out.startswith("2 of 3") and "1 entry of v.npz names no image here, such as 'x.jpg'" in err
    assert run(capsys, "embed", "set")[::2] == (2, "Give --model FILE or --vectors FILE.\n")
    code, _, err = run(capsys, "embed", "set", "--model", str(colour_model(tmp_path / "m.onnx")), "--mean", "1,2")
    assert code == 2 and "--mean is three numbers" in err


def test_what_a_stopped_model_gave_is_kept(home, tmp_path):

    folder_of_photos(tmp_path / "set", 40)
    dataset = dedup.scan(tmp_path / "set", workers=1)
    model = Model(colour_model(tmp_path / "m.onnx"))

    def stop(progress):
        if progress.done == 33:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        dataset.embed(model, stop)
    assert dataset.vectors.source == "", "what is half done tells nothing yet"
    asked: list[int] = []
    dataset.embed(model, lambda progress: asked.append(progress.total))
    assert 0 < asked[0] < 40 and dataset.vectors.known.all()
    assert not (dataset.directory / "vectors-unfinished.parquet").exists()


def test_copies_of_one_file_have_places_of_their_own(home, tmp_path):
    folder_of_photos(tmp_path / "set", 2)
    for number in range(20):
        shutil.copy(tmp_path / "set/0000.jpg", tmp_path / f"set/copy{number}.jpg")
    dataset = dedup.scan(tmp_path / "set", workers=1)
    assert dataset.draw_map() == 22
    places = dataset.frame[["map_x", "map_y"]]
    assert len(places.drop_duplicates()) == 22
    first = places[dataset.frame["name"] == "0000.jpg"].to_numpy()
    apart = np.linalg.norm(places[dataset.frame["name"].str.startswith("copy")].to_numpy() - first, axis=1)
    assert apart.min() > 0 and apart.max() < 0.05


def test_embedding_again_changes_no_vector(dataset, tmp_path):
    model = Model(colour_model(tmp_path / "m.onnx"))
    dataset.embed(model)
    first = dataset.vectors.of(np.flatnonzero(dataset.vectors.known))
    dataset.embed(model)
    assert np.array_equal(dataset.vectors.of(np.flatnonzero(dataset.vectors.known)), first)


def test_the_order_of_the_most_different_ones_is_bounded_however_many_there_are(monkeypatch):
    """A page waits for it: of more images a fair sample is ordered, and the others have no place."""
    assert of_dataset.steps(of_dataset.MOST_ORDERED) * of_dataset.MOST_ORDERED <= of_dataset.COMPARED
    monkeypatch.setattr(of_dataset, "MOST_ORDERED", 10)
    vectors = unit(np.random.default_rng(0).normal(size=(50, 4)))
    held = of_dataset.Vectors("mine", np.arange(50) != 7, lambda rows: vectors[rows])
    random = np.random.default_rng(1).random(50)
    ranks = of_dataset.ranks_by_difference(held, np.arange(50) < 40, random)
    placed = np.flatnonzero(np.isfinite(ranks))
    assert sorted(ranks[placed].tolist()) == list(range(10)) and 7 not in placed and placed.max() < 40
    others = np.setdiff1d(np.arange(40), [*placed.tolist(), 7])
    assert random[placed].max() < random[others].min()
