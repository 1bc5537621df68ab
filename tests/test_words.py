"""Counts, sizes and suggestions as people read them."""

from __future__ import annotations

import pytest

from dedup.words import other_files, plural, size, unknown_tag


@pytest.mark.parametrize(
    ("count", "noun", "text"),
    [
        (0, "image", "0 images"),
        (1, "image", "1 image"),
        (2_000, "image", "2,000 images"),
        (2, "copy", "2 copies"),
        (3, "label clash", "3 label clashes"),
    ],
)
def test_counts(count, noun, text):
    assert plural(count, noun) == text


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0 B"), (999, "999 B"), (1_500, "1.5 kB"), (20_000_000, "20.0 MB"), (1_234_500_000_000, "1,234.5 GB")],
)
def test_sizes(count, text):
    assert size(count) == text


def test_files_by_suffix():
    assert other_files({".spider": 1, ".bin": 9, "": 1}) == "11 other files: no suffix 1, .bin 9, .spider 1"


def test_an_unknown_tag_names_the_closest():
    assert str(unknown_tag("kep", ["keep", "night"])) == 'There is no tag "kep"; did you mean "keep"?'
    assert str(unknown_tag("night", [])) == 'There is no tag "night".'
