"""What folder names say: classes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dedup.labels.folder_names import classes_from_folder, folder_classes, layout


@pytest.mark.parametrize(
    ("path", "classes"),
    [
        ("dog/a.jpg", ("dog",)),
        ("train/dog/a.jpg", ("dog",)),
        ("dog/train/a.jpg", ("dog",)),
        ("train/Fruit/Apple/a.jpg", ("Apple",)),
        ("dog/JPEGImages/a.jpg", ("dog",)),
        ("images/train2017/a.jpg", ()),
        ("a.jpg", ()),
        ("cats.zip/a.jpg", ("cats",)),
        ("n01440764.tar/a.jpg", ("n01440764",)),
        ("train-000.tar/dog/a.jpg", ("dog",)),
        ("part-000.tar/a.jpg", ()),
        ("000.tar/a.jpg", ()),
        ("images.zip/a.jpg", ()),
        ("images_001/images/a.png", ()),
        ("HAM10000_images_part_1/a.jpg", ()),
        ("cats/batch_2/a.jpg", ("cats",)),
        ("particle 12/a.jpg", ("particle 12",)),
    ],
)
def test_classes_are_the_innermost_telling_folder(path, classes):
    assert classes_from_folder(path) == classes


def test_one_folder_for_all_is_no_class():
    assert folder_classes(["dogs/a.jpg", "dogs/b.jpg", "c.jpg"]) == [()] * 3
    assert folder_classes(["dogs/a.jpg", "cats/b.jpg", "c.jpg"]) == [("dogs",), ("cats",), ()]
    assert folder_classes([]) == []


@given(st.lists(st.text()))
def test_any_paths_are_survived(paths):
    assert len(folder_classes(paths)) == len(paths)


def tree(folders: dict[str, int]) -> list[str]:
    return [f"{folder}/{number}.jpg" for folder, count in folders.items() for number in range(count)]


@pytest.mark.parametrize(
    ("folders", "couples", "classes", "sure"),
    [
        ({"cat": 40, "dog": 40}, [(0, 40)], True, True),
        ({"cat": 3, "dog": 3}, [], True, True),
        ({"cat": 2, "dog": 2}, [(0, 2)], True, False),  # held back, and asked
        ({"cat": 40, "dog": 40}, [(row, row + 40) for row in range(8)], True, False),
        ({"holiday": 4, "phone": 4, "backup": 4}, [(row, row + 4) for row in range(4)], False, True),
        ({"Anna": 30, "beach": 30}, [(row, row + 30) for row in range(20)], False, False),
        ({"2019-08": 30, "2020": 30}, [(0, 30)], False, True),
        ({"100APPLE": 9, "DCIM/101APPLE": 9}, [(0, 9)], False, True),
        ({"train/cat": 4, "train/dog": 4, "test/cat": 4}, [(0, 4), (1, 5), (2, 6)], True, True),
        ({"holiday": 4, "phone": 4}, [(0, 4)], False, True),
        ({"laptop": 40, "keyboard": 40}, [(0, 40)], True, True),
        ({"holiday": 6}, [(0, 1)], True, True),  # one name alone is no class
    ],
)
def test_folders_are_classes_where_they_look_like_it(folders, couples, classes, sure):
    found = layout(tree(folders), np.array(couples, np.int64).reshape(-1, 2))
    assert (found.classes, found.sure) == (classes, sure)
