"""What tries other values of a parameter runs from end to end, and calls pairs what a scan calls them."""

from __future__ import annotations

import csv

import dedup
from benchmarks import calibrate
from dedup.matching.parameters import value
from tests.pictures import detailed, save

SIZE = (320, 240)
EDITS = {
    "mirrored": lambda picture: picture.transpose(0),
    "cropped": lambda picture: picture.crop((16, 12, 304, 228)),
    "resized": lambda picture: picture.resize((160, 120)),
}


def test_a_parameter_is_tried_on_both_halves_and_names_are_those_of_a_scan(tmp_path, home):
    rows = []
    for seed in range(4):
        picture = detailed(seed, SIZE)
        save(picture, tmp_path / "images" / f"{seed}.png")
        for edit, make in EDITS.items():
            save(make(picture), tmp_path / "images" / f"{seed} {edit}.png")
            rows.append((f"{seed} {edit}.png", f"{seed}.png", edit))
    with (tmp_path / "truth.csv").open("w", newline="") as stream:
        csv.writer(stream).writerows([("copy", "base", "edit"), *rows])
    stored = calibrate.Stored.of(tmp_path)
    usual, strict = (calibrate.added(calibrate.tried([stored], "resized", each)) for each in (value("resized"), 10.0))
    assert (usual.copies, usual.found, usual.wrong, usual.named, usual.right) == (12, 12, 0, 12, 12)
    assert (strict.found, strict.right) == (12, 8)  # a copy at half its size is not said to be resized then
    dataset = dedup.scan(tmp_path / "images")
    paths = dataset.frame["path"].tolist()
    scanned = {
        frozenset((paths[pair.left], paths[pair.right])): frozenset(pair.relations.split("|"))
        for pair in dataset.pairs.itertuples()
        if pair.kind == "near"
    }
    assert stored.near(remember=True) == scanned
