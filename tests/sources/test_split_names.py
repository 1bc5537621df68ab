"""The splits that names speak of."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dedup.sources.split_names import split_from_path, splits_in


@pytest.mark.parametrize(
    ("path", "split"),
    [
        ("train/a.jpg", "train"),
        ("x/Training/dog/a.jpg", "train"),
        ("images/train2017/a.jpg", "train"),
        ("valid/a.jpg", "val"),
        ("val/a.jpg", "val"),
        ("validation_set/a.jpg", "val"),
        ("images_test/a.jpg", "test"),
        ("test-images/a.jpg", "test"),
        ("testing/a.jpg", "test"),
        ("test-dev2017/a.jpg", "test"),
        ("Dev/a.jpg", "dev"),
        ("dev_set/a.jpg", "dev"),
        ("eval/a.jpg", "eval"),
        ("evaluation/a.jpg", "eval"),
        ("holdout/a.jpg", "holdout"),
        ("held-out/a.jpg", "holdout"),
        ("devices/a.jpg", ""),
        ("medieval/a.jpg", ""),
        ("a/b.jpg", ""),
        ("train.jpg", ""),
        ("trains/a.jpg", ""),
        ("contest/a.jpg", ""),
        ("test/train/a.jpg", "train"),
        ("train-00000-of-00002.parquet/a.jpg", "train"),
        ("imagenet1k-validation-03.tar/a.jpg", "val"),
        ("test.zip/dog/a.jpg", "test"),
        ("train-and-test.zip/a.jpg", ""),
        ("part-000.tar/a.jpg", ""),
        ("", ""),
    ],
)
def test_splits_are_whole_folder_names(path, split):
    assert split_from_path(path) == split


def test_words_of_a_file_name_speak_of_splits():
    assert splits_in("instances_train2017") == {"train"}
    assert splits_in("train and val") == {"train", "val"}
    assert splits_in("image_info_test-dev2017") == {"test"}
    assert splits_in("labels hold-out") == {"holdout"}
    assert splits_in("annotations") == splits_in("medieval devices") == set()


@given(st.text())
def test_any_path_is_survived(path):
    assert isinstance(split_from_path(path), str)
