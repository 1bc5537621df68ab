"""Leaks: the matrix counts them, a repair ends them with the fewest moves, and COCO files follow."""

from __future__ import annotations

import io
import itertools
import json

import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pycocotools.coco import COCO

from dedup.errors import ExportError, UsageError
from dedup.exports import csv
from dedup.labels.coco import Coco
from dedup.model import EVALUATION_SPLITS, Kind
from dedup.splits import leaks
from tests.frames import make_frame


def frame_of(images: list[tuple[int, str, str]]) -> pd.DataFrame:
    """A frame of images given as (group, split, class)."""
    frame = make_frame([f"{number:03d}.jpg" for number in range(len(images))], tags=())
    groups, splits, classes = zip(*images, strict=True)
    return frame.assign(
        group=list(groups), split=list(splits), classes=pd.Series([(c,) if c else () for c in classes], dtype=object)
    )


def parts(*pairs: tuple[int, int]) -> pd.DataFrame:
    """Pairs of rows of which the first contains the second."""
    kinds = [Kind.CONTAINS.value] * len(pairs)
    left, right = ([min(pair) for pair in pairs], [max(pair) for pair in pairs])
    cropped = [1 if whole == min(whole, part) else -1 for whole, part in pairs]
    return pd.DataFrame({"left": left, "right": right, "kind": kinds, "cropped": cropped})


def test_what_holds_a_part_of_another_split_moves_with_it():
    frame = frame_of(
        [
            *[(-1, "train", ""), (-1, "test", ""), (-1, "train", "")],  # a collage of two, and its other picture
            *[(0, "train", ""), (0, "train", ""), (-1, "val", "")],  # a group of which a screenshot shows one
            *[
                (-1, "train", ""),
                (-1, "", ""),
                (-1, "train", ""),
            ],  # no split, or the same: no leak
        ]
    )
    pairs = parts((0, 1), (0, 2), (5, 4), (6, 7), (6, 8))
    assert leaks.parts_across(frame, pairs) == [(0, 1), (5, 4)]
    proposal = leaks.repair(frame, pairs)
    assert proposal.splits() == {"000.jpg": "test", "002.jpg": "test", "003.jpg": "val", "004.jpg": "val"}
    assert (proposal.containing, proposal.evaluation_moves) == (2, 0)
    after = frame.assign(split=frame["path"].map(proposal.splits()).fillna(frame["split"]))
    assert leaks.parts_across(after, pairs) == [] and leaks.repair(after, pairs).moves == ()
    written = leaks.moves_csv(proposal).decode().splitlines()
    assert written[1] == '"000.jpg",,"train","test"' and written[3] == '"003.jpg",0,"train","val"'


def test_the_matrix_counts_groups_by_pair_of_splits():
    frame = frame_of(
        [
            *[(0, "train", ""), (0, "train", ""), (0, "test", ""), (1, "train", ""), (1, "val", ""), (1, "test", "")],
            *[(2, "train", ""), (2, "train", ""), (3, "val", ""), (3, "", ""), (-1, "train", ""), (-1, "extra", "")],
        ]
    )
    matrix = leaks.matrix(frame)
    assert list(matrix) == ["train", "val", "test", "extra"]
    assert matrix.to_numpy().tolist() == [[1, 1, 2, 0], [1, 0, 1, 0], [2, 1, 0, 0], [0, 0, 0, 0]]
    assert leaks.crossing_groups(frame) == [0, 1]
    assert leaks.groups_across(frame, "test", "train") == [0, 1]
    assert leaks.groups_across(frame, "val", "test") == [1]
    assert leaks.groups_across(frame, "train", "train") == [2]
    assert leaks.groups_across(frame, "train", "nowhere") == []


def test_without_splits_there_is_nothing_to_leak():
    frame = frame_of([(0, "", ""), (0, "", "")])
    assert leaks.matrix(frame).empty
    assert leaks.repair(frame, parts()).moves == ()


@pytest.mark.parametrize(
    ("splits", "remark"),
    [
        (["", ""], "no image has a split"),
        (["train", "train"], "every image is in train"),
        (["train", "", "dev", ""], "2 images without a split, such as 001.jpg"),
    ],
)
def test_what_no_count_of_leaks_can_see_is_told(splits, remark):
    told = leaks.out_of_sight(frame_of([(0, split, "") for split in splits]))
    assert told.startswith(f"{remark}: ") and "dedup splits" in told
    assert leaks.out_of_sight(frame_of([(0, "train", ""), (0, "dev", "")])) == ""


@pytest.mark.parametrize("split", ["dev", "eval", "holdout"])
def test_evaluation_data_of_any_name_stays(split):
    frame = frame_of([(0, "train", "cat"), (0, split, "cat")])
    assert leaks.repair(frame, parts()).splits() == {"000.jpg": split}


def test_the_training_copy_moves_to_the_evaluation_copy():
    frame = frame_of([(0, "train", "cat"), (0, "train", "cat"), (0, "test", "cat")] + [(-1, "train", "cat")] * 100)
    proposal = leaks.repair(frame, parts())
    assert [(move.row, move.before, move.after) for move in proposal.moves] == [
        (0, "train", "test"),
        (1, "train", "test"),
    ]
    assert proposal.evaluation_moves == 0
    assert proposal.before.loc["train", "test"] == 1
    assert proposal.after.loc["train", "test"] == 0
    assert proposal.splits() == {"000.jpg": "test", "001.jpg": "test"}


def test_the_fewest_moves_between_equals():
    frame = frame_of([(0, "val", ""), (0, "val", ""), (0, "test", "")] + [(-1, s, "") for s in ("val", "test")] * 50)
    assert [(move.row, move.after) for move in leaks.repair(frame, parts()).moves] == [(2, "val")]


def test_a_class_is_not_drained_from_a_split():
    """Ten groups of the same two classes between val and test: they are shared out rather than all moved one way."""
    leaking = [(number, split, "cat") for number in range(10) for split in ("val", "test")]
    proposal = leaks.repair(frame_of(leaking), parts())
    assert sorted(move.after for move in proposal.moves) == ["test"] * 5 + ["val"] * 5
    assert proposal.imbalance == 0


images = st.lists(
    st.tuples(st.integers(-1, 3), st.sampled_from(["train", "val", "test", ""]), st.sampled_from(["cat", "dog", ""])),
    min_size=1,
    max_size=14,
)


@settings(max_examples=150)
@given(images)
def test_after_a_repair_nothing_crosses_and_only_leaking_images_moved(given_images):
    frame = frame_of(given_images)
    proposal = leaks.repair(frame, parts())
    after = frame.assign(
        split=[proposal.splits().get(p, s) for p, s in zip(frame["path"], frame["split"], strict=True)]
    )
    assert leaks.crossing_groups(after) == []
    assert {move.group for move in proposal.moves} == set(leaks.crossing_groups(frame))
    assert (leaks.matrix(after).reindex_like(proposal.after).fillna(0) == proposal.after).all(axis=None)


def objective(frame: pd.DataFrame, splits: list[str]) -> tuple[int, float]:
    """The objective written out as in the docstring."""
    pairs = list(zip(frame["split"], splits, strict=True))
    moves = sum(a != b for a, b in pairs)
    evaluation = sum(a != b and a in EVALUATION_SPLITS for a, b in pairs)
    before, after = {}, {}
    for (a, b), names in zip(pairs, frame["classes"], strict=True):
        for name in names or ("",):
            before[a, name] = before.get((a, name), 0) + 1
            after[b, name] = after.get((b, name), 0) + 1
    keys = (set(before) | set(after)) - {key for key in before if not key[0]}
    chi = sum((after.get(k, 0) - before.get(k, 0)) ** 2 / max(before.get(k, 0), 1) for k in keys)
    return evaluation, moves + chi


@settings(max_examples=80)
@given(images)
@example(
    [(0, "train", "cat"), (0, "val", "cat"), (0, "test", "dog"), *[(1, s, "cat") for s in ("train", "val", "test")]]
)
def test_the_cost_is_the_stated_objective_and_a_local_minimum(given_images):
    """No single group placed elsewhere lowers it, and no placement at all has fewer evaluation moves."""
    frame = frame_of(given_images)
    proposal = leaks.repair(frame, parts())
    splits = [proposal.splits().get(p, s) for p, s in zip(frame["path"], frame["split"], strict=True)]
    assert proposal.cost == pytest.approx(objective(frame, splits))
    crossing = leaks.crossing_groups(frame)
    options = [sorted(set(frame["split"][frame["group"] == number]) - {""}) for number in crossing]

    def cost(placed: dict[int, str]) -> tuple[int, float]:
        members = zip(frame["group"], frame["split"], strict=True)
        evaluation, rest = objective(frame, [placed.get(group, split) if split else "" for group, split in members])
        return evaluation, round(rest, 6)

    proposed = {
        group: split for group, split, before in zip(frame["group"], splits, frame["split"], strict=True) if before
    }
    chosen = {number: proposed[number] for number in crossing}
    for number, targets in zip(crossing, options, strict=True):
        assert cost(chosen) == min(cost(chosen | {number: target}) for target in targets)
    every = (dict(zip(crossing, choice, strict=True)) for choice in itertools.product(*options))
    assert proposal.cost[0] == min(cost(placed)[0] for placed in every)


def test_the_list_is_a_csv(tmp_path):
    frame = frame_of([(0, "train", ""), (0, "test", "")])
    frame.loc[0, "path"] = "=evil.jpg"
    leaks.write_csv(leaks.repair(frame, parts()), tmp_path / "moves.csv")
    rows = pd.read_csv(io.BytesIO((tmp_path / "moves.csv").read_bytes()))
    assert rows.to_dict("list") == {"path": ["./=evil.jpg"], "group": [0], "before": ["train"], "after": ["test"]}
    assert csv.unguard(rows["path"][0], path=True) == "=evil.jpg"
    with pytest.raises(ExportError, match="exists"):
        leaks.write_csv(leaks.repair(frame, parts()), tmp_path / "moves.csv")


def coco_file(path, names: list[str], categories: list[str]) -> Coco:
    document = {
        "info": {"description": path.stem},
        "extra": [1, {"deep": True}],
        "categories": [{"id": number + 1, "name": name, "colour": "red"} for number, name in enumerate(categories)],
        "images": [
            {"id": n + 1, "file_name": name, "width": 9, "height": 9, "note": path.stem} for n, name in enumerate(names)
        ],
        "annotations": [
            {
                "id": n + 1,
                "image_id": n + 1,
                "category_id": len(categories),
                "bbox": [n, 0, 3, 3],
                "area": 9,
                "iscrowd": 0,
            }
            for n in range(len(names))
        ],
    }
    path.write_text(json.dumps(document))
    return Coco.read(path)


def test_coco_files_follow_the_moves(tmp_path):
    train = coco_file(tmp_path / "train.json", ["a.jpg", "b.jpg"], ["cat", "dog"])
    test = coco_file(tmp_path / "test.json", ["c.jpg"], ["bird"])
    paths = ["a.jpg", "b.jpg", "c.jpg"]
    sources = [(each, each.attach(paths)) for each in (test, train)]
    made, notes = leaks.documents(sources, {"a.jpg": "train", "b.jpg": "test", "c.jpg": "test"})
    files = leaks.write_coco(made, tmp_path / "new") if (tmp_path / "new").mkdir() is None else []
    assert sorted(file.name for file in files) == ["test.json", "train.json"]
    loaded = {file.stem: COCO(str(file)) for file in files}
    assert [image["file_name"] for image in loaded["train"].dataset["images"]] == ["a.jpg"]
    assert loaded["train"].dataset["images"][0] == train.images[0]
    assert loaded["train"].dataset["extra"] == [1, {"deep": True}]
    joined = loaded["test"]
    names = {image["id"]: image["file_name"] for image in joined.dataset["images"]}
    assert sorted(names.values()) == ["b.jpg", "c.jpg"]
    labels = {names[a["image_id"]]: joined.cats[a["category_id"]]["name"] for a in joined.dataset["annotations"]}
    assert labels == {"c.jpg": "bird", "b.jpg": "dog"}
    assert len({a["id"] for a in joined.dataset["annotations"]}) == 2
    assert joined.dataset["info"] == {"description": "test"}
    assert [image["id"] for image in test.images] == [1] and not notes


def test_pictures_of_one_name_are_told_apart_in_a_repaired_file(tmp_path):
    """train/1.jpg moves to val, where another picture is called so."""
    paths = [f"{split}/{number}.jpg" for split in ("train", "val") for number in (1, 2)]
    documents = [coco_file(tmp_path / f"{split}.json", ["1.jpg", "2.jpg"], [split]) for split in ("train", "val")]
    sources = [(each, each.attach(paths)) for each in documents]
    made, notes = leaks.documents(sources, dict(zip(paths, ["val", "train", "val", "val"], strict=True)))
    assert [image["file_name"] for image in made["train"]["images"]] == ["2.jpg"]
    assert [image["file_name"] for image in made["val"]["images"]] == ["train/1.jpg", "1.jpg", "2.jpg"]
    assert len(notes) == 1 and notes[0].startswith("val.json: 1 image named by the path in the dataset")
    (tmp_path / "new").mkdir()
    for file in leaks.write_coco(made, tmp_path / "new"):
        again = Coco.read(file).attach(paths)
        wanted = {"train": {"train/2.jpg"}, "val": {"train/1.jpg", "val/1.jpg", "val/2.jpg"}}[file.stem]
        assert set(again.image_ids) == wanted
        assert all(classes == (path.split("/")[0],) for path, classes in again.classes.items())


def test_nothing_is_written_outside_the_folder_nor_a_part_of_a_repair(tmp_path):
    folder = tmp_path / "new"
    folder.mkdir()
    with pytest.raises(UsageError, match="cannot name a split"):
        leaks.write_coco({"train": {}, "../evil": {}}, folder)
    assert [path.name for path in tmp_path.rglob("*")] == ["new"]
    (folder / "val.json").write_text("mine")
    with pytest.raises(ExportError, match="exists already"):
        leaks.write_coco({"train": {}, "val": {}}, folder)
    assert [path.name for path in folder.iterdir()] == ["val.json"]


def test_unmoved_documents_are_as_they_were(tmp_path):
    train = coco_file(tmp_path / "train.json", ["a.jpg", "b.jpg"], ["cat", "dog"])
    made, _ = leaks.documents([(train, train.attach(["a.jpg", "b.jpg"]))], {"a.jpg": "train", "b.jpg": "train"})
    assert made == {"train": dict(train.document)}
