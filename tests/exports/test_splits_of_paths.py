"""Images that are of another split than their folder says are written where they belong."""

from __future__ import annotations

from pathlib import PurePosixPath

from hypothesis import given
from hypothesis import strategies as st

from dedup.exports.splits_of_paths import in_their_splits
from dedup.sources.split_names import split_from_path


def placed(split_of: dict[str, str]) -> list[str]:
    """Where these paths, each with the split of its image, are written."""
    paths = {row: PurePosixPath(path) for row, path in enumerate(split_of)}
    return [str(path) for path in in_their_splits(paths, dict(enumerate(split_of.values()))).values()]


def test_the_folder_of_the_split_is_the_one_that_is_there():
    before = {"train2017/a.jpg": "val", "valid/b.jpg": "val", "set/train/x/c.jpg": "test", "d.jpg": "val"}
    assert placed(before) == ["valid/a.jpg", "valid/b.jpg", "set/test/x/c.jpg", "d.jpg"]


def test_images_in_no_split_and_in_folders_of_none_stay():
    assert placed({"train/a.jpg": "", "cats/b.jpg": "train"}) == ["train/a.jpg", "cats/b.jpg"]


def test_two_images_of_one_name_stay_two():
    found = placed({"train/a.jpg": "val", "val/a.jpg": "val"})
    assert found == ["val/a (train).jpg", "val/a.jpg"]


def test_captions_and_labels_stay_with_their_image():
    """Another image of the same stem has its own file of that name; two that share one go on sharing it."""
    assert placed({"train/a.jpg": "val", "val/a.png": "val"}) == ["val/a (train).jpg", "val/a.png"]
    assert placed({"train/a.jpg": "val", "train/a.png": "val"}) == ["val/a.jpg", "val/a.png"]
    both = placed({"train/a.jpg": "val", "train/a.png": "val", "val/a.gif": "val", "val/a (train).gif": "val"})
    assert both[:2] == ["val/a (train) (train).jpg", "val/a (train) (train).png"]


SPLITS = st.sampled_from(["", "train", "val", "test", "fold 1"])
PATHS = st.lists(
    st.tuples(st.sampled_from(["train", "val", "x", "train/x", "x/test"]), st.sampled_from("abc")),
    unique=True,
    max_size=12,
)


@given(PATHS, st.data())
def test_every_image_keeps_a_place_of_its_own_in_its_split(named, data):
    paths = {row: PurePosixPath(folder, f"{name}.jpg") for row, (folder, name) in enumerate(named)}
    splits = {row: data.draw(SPLITS) for row in paths}
    found = in_their_splits(paths, splits)
    assert len({str(path).casefold() for path in found.values()}) == len(paths) and list(found) == list(paths)
    for row, path in found.items():
        if splits[row] and split_from_path(str(paths[row])):
            assert split_from_path(str(path)) in (splits[row], "") and splits[row] in str(path)
        else:
            assert path == paths[row]
