"""The nearest images by hash: in order, without the image itself and without failures."""

from __future__ import annotations

import pytest

import dedup
from dedup.errors import DatasetError
from dedup.matching.nearest_hash import most_alike
from tests.building import picture


@pytest.fixture
def dataset(home, tmp_path):
    for seed in range(6):
        picture(tmp_path / "images" / f"{seed}.png", seed, (160, 120))
    picture(tmp_path / "images" / "0 small.png", 0, (80, 60))
    (tmp_path / "images" / "broken.jpg").write_bytes(b"")
    return dedup.scan(tmp_path / "images", workers=1)


def test_hashes_are_those_of_the_signatures(dataset):
    assert (dataset.hashes == dataset.signatures["hash"]).all()


def test_the_nearest_come_first_and_failures_never(dataset):
    names = dataset.frame["name"].tolist()
    row = names.index("0.png")
    usable = (dataset.frame["status"] == "ok").to_numpy()
    found = most_alike(dataset.hashes, usable, row, 20)
    assert names[found[0][0]] == "0 small.png"
    assert [bits for _, bits in found] == sorted(bits for _, bits in found)
    assert {names[each] for each, _ in found} == set(names) - {"0.png", "broken.jpg"}
    assert len(most_alike(dataset.hashes, usable, row, 2)) == 2


def test_a_damaged_file_is_told(dataset):
    (dataset.directory / "signatures.parquet").write_bytes(b"no")
    with pytest.raises(DatasetError, match="damaged"):
        assert dedup.open(dataset.name).hashes is None
