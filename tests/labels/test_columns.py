"""Tables with a column for each class."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from dedup.labels import formats
from dedup.labels.formats.columns import CLASS_COLUMNS
from tests.labels.test_formats import pictures, problems, write

ISIC = "image,MEL,NV,BCC\na,1.0,0.0,0.0\nb,0.0,1.0,0.0\nc,0.0,0.0,0.0\n"
ROBOFLOW = "filename, cat, dog\na.png, 1, 1\nb.png, 0, 1\n"
SPLIT = "any,cat,subset,dog\na.png,1,train,0\nb.png,0,val,1\n"


def classes(coco) -> Iterator[tuple[str, list[str]]]:
    """Each image with its classes."""
    names = {each["id"]: each["name"] for each in coco.document["categories"]}
    for image in coco.images:
        told = [names[each["category_id"]] for each in coco.annotations if each["image_id"] == image["id"]]
        yield image["file_name"], told


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (ISIC, [("a", ["MEL"]), ("b", ["NV"]), ("c", [])]),
        (ROBOFLOW, [("a.png", ["cat", "dog"]), ("b.png", ["dog"])]),
        (SPLIT, [("a.png", ["cat"]), ("b.png", ["dog"])]),
    ],
)
def test_each_image_is_of_the_classes_whose_columns_say_1(tmp_path, text, told):
    known = pictures(write(tmp_path, {"truth.csv": text}), "a.png", "b.png", "c.png")
    (found,) = formats.find(tmp_path)
    assert found.format is CLASS_COLUMNS and set(found.images) >= {"a.png", "b.png"}
    coco = formats.read(tmp_path / "truth.csv", known)
    assert list(classes(coco)) == told and not problems(coco)
    assert not any("bbox" in each for each in coco.annotations)
    assert list(CLASS_COLUMNS.splits(tmp_path / "truth.csv", known)) == (
        [("train", "a.png"), ("val", "b.png")] if text == SPLIT else []
    )


def test_a_cell_that_says_neither_costs_itself(tmp_path):
    rows = "".join(f"{number}.png,0,1\n" for number in range(600))
    text = f"file,cat,dog\n{rows}a.png,maybe,1\n,1,1\nb.png,1\n"
    known = pictures(write(tmp_path, {"t.csv": text}), "a.png", "b.png")
    coco = formats.read(tmp_path / "t.csv", known)
    assert [each for each in classes(coco) if each[0] in ("a.png", "b.png")] == [("a.png", ["dog"]), ("b.png", ["cat"])]
    assert problems(coco) == [
        "t.csv, line 602: its column cat is neither 0 nor 1",
        "t.csv, line 603: it names no image",
        "t.csv, line 604: it has 2 of 3 columns",
    ]


@pytest.mark.parametrize(
    "text",
    [
        "image_id,Smiling,Young\na.png,-1,1\nb.png,1,1\n",  # CelebA's attributes
        "image,cat\na.png,1\n",  # a flag
        "name of a thing,cat,dog\nbolt,1,0\n",
        "image,cat,dog\n",
        "image,cat,dog\na.png,0.5,1\n",
    ],
)
def test_what_says_more_than_0_and_1_is_another_table(tmp_path, text):
    pictures(write(tmp_path, {"t.csv": text}), "a.png", "b.png")
    assert not CLASS_COLUMNS.recognises(tmp_path / "t.csv")
