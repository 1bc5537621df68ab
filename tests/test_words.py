"""Counts, sizes and suggestions as people read them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dedup.words import middle, other_files, plural, size, unknown_tag


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


@given(st.text(max_size=80), st.integers(4, 60))
def test_what_is_too_long_is_cut_in_the_middle_and_keeps_both_ends(text, most):
    cut = middle(text, most)
    assert len(cut) == min(len(text), most)
    assert cut == text or (text.endswith(cut.split("…")[-1]) and text.startswith(cut.split("…")[0]))


def test_names_that_differ_at_the_end_still_do_when_cut():
    names = [f"holiday/2024/summer/IMG_20240712_1830{n}.jpg" for n in (" (1)", " (2)")]
    assert len({middle(name, 30) for name in names}) == 2
