"""A selection is a value: its mask equals its slow reference, and a URL carries it there and back."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dedup.errors import UnknownMetric, UnknownTag, UsageError, WhereError
from dedup.query.ordering import arrange
from dedup.query.selection import DECIDED, KINDS, QUERY_KEYS, ROLES, Range, Selection
from tests.frames import PATHS, make_frame

FRAME = make_frame([f"{i:02}/{path}" for i in range(6) for path in PATHS])
ROWS = FRAME.to_dict("records")


def some(*names):
    return st.lists(st.sampled_from(names), max_size=2).map(tuple)


ends = st.none() | st.sampled_from([0.0, 0.05, 0.5, 1.0]) | st.floats(allow_nan=False)
ranges = st.builds(Range, st.sampled_from(["singularity", "brightness", "width", "random", "unheard_of"]), ends, ends)
selections = st.builds(
    Selection,
    ranges=st.lists(ranges, max_size=2).map(tuple),
    tags_any=some("keep", "blurry", "gone"),
    tags_all=some("keep", "a b"),
    tags_none=some("blurry", "gone"),
    kinds=some(*KINDS),
    roles=some(*ROLES),
    decided=some(*DECIDED),
    relations=some("mirrored", "cropped", "nothing"),
    classes=some("cat", "dog"),
    folders=some("", "00", "01/dog", "02/dog/sub", "0"),
    splits=some("", "train", "val"),
    text=st.sampled_from(["", "beach", "B", "/", "é", "zzz"]),
    where=st.sampled_from(["", " ", "singularity <= 0.05", 'not "keep" in tags', "camera or width > 100"]),
)


@settings(max_examples=200)
@given(selections)
def test_mask_equals_the_reference(selection):
    assert selection.mask(FRAME).tolist() == [selection.matches(row) for row in ROWS]


anything = st.text(max_size=8)
wild = st.builds(
    Selection,
    ranges=st.lists(st.builds(Range, anything, ends, ends), max_size=2).map(tuple),
    tags_any=st.lists(anything, max_size=2),
    tags_all=st.lists(anything, max_size=2),
    tags_none=st.lists(anything, max_size=2),
    kinds=some(*KINDS),
    roles=some(*ROLES),
    decided=some(*DECIDED),
    relations=st.lists(anything, max_size=2),
    classes=st.lists(anything, max_size=2),
    folders=st.lists(anything, max_size=2),
    splits=st.lists(anything, max_size=2),
    text=anything,
    where=anything,
)


@given(wild)
def test_a_url_carries_it_there_and_back(selection):
    query = selection.to_query()
    assert Selection.from_query(query) == selection
    assert set(query) <= set(QUERY_KEYS)
    assert bool(query) == bool(selection)


@given(
    st.dictionaries(
        st.sampled_from([*QUERY_KEYS, "dataset", "page"]), st.none() | st.integers() | anything | st.lists(anything)
    )
)
def test_garbage_in_a_url_is_ignored(query):
    Selection.from_query(query).describe()


def test_garbage_examples():
    query = {"range": ["width:a:b", "width", "width:nan:", "height:1:"], "kind": ["exact", "bad"], "page": "3"}
    assert Selection.from_query(query) == Selection(ranges=(Range("height", 1),), kinds=("exact",))


def test_streamlit_query_parameters_give_all_values():
    class Parameters(dict):
        def get_all(self, key):
            return self[key]

    assert Selection.from_query(Parameters(tag=["a", "b"])).tags_any == ("a", "b")


def test_the_empty_selection_is_everything():
    assert Selection().mask(FRAME).all()
    assert Range("bytes", 10_000, 1_234_567).describe() == "bytes 10,000 to 1,234,567"
    assert Range("sharpness", 0.25).describe() == "sharpness at least 0.25"
    assert Selection().describe() == "all images"
    assert not Selection()


def test_ranges_include_their_ends_and_never_nan():
    zero = Selection().with_range("singularity", 0, 0).mask(FRAME)
    assert zero.tolist() == (FRAME["singularity"] == 0).tolist()
    everything = Selection(ranges=(Range("singularity", -math.inf, math.inf),)).mask(FRAME)
    assert everything.tolist() == FRAME["singularity"].notna().tolist()


def test_with_range_replaces_and_removes():
    selection = Selection().with_range("width", 1, 2).with_range("height", None, 5).with_range("width", 3, None)
    assert selection.ranges == (Range("height", None, 5.0), Range("width", 3.0, None))
    assert selection.range_of("width") == Range("width", 3.0)
    assert selection.with_range("width", None, None).ranges == (Range("height", None, 5.0),)
    assert selection.range_of("blur") == Range("blur")


def test_folders_hold_what_lies_below_and_the_empty_one_only_the_roots_files():
    frame = make_frame(["a.jpg", "b/c.jpg", "b/d/e.jpg", "bb/f.jpg"])
    assert frame["path"][Selection(folders=("b",)).mask(frame)].tolist() == ["b/c.jpg", "b/d/e.jpg"]
    assert frame["path"][Selection(folders=("",)).mask(frame)].tolist() == ["a.jpg"]


def test_deleted_tags_and_unknown_metrics_match_nothing_unless_asked_strictly():
    for selection, error in [
        (Selection(tags_any=("kep",)), UnknownTag),
        (Selection(tags_all=("kep",)), UnknownTag),
        (Selection(where='"kep" in tags'), UnknownTag),
        (Selection(ranges=(Range("sharpnes", 0, 1),)), UnknownMetric),
    ]:
        assert not selection.mask(FRAME).any()
        with pytest.raises(error, match="did you mean"):
            selection.mask(FRAME, strict=True)
    assert Selection(tags_none=("kep",)).mask(FRAME).all()
    with pytest.raises(UnknownTag):
        Selection(tags_none=("kep",)).mask(FRAME, strict=True)


def test_one_of_each_leaves_out_copies_and_what_cannot_be_read():
    frame = make_frame([f"{n}.jpg" for n in range(4)])
    frame = frame.assign(role=["keeper", "duplicate", "", ""], kind=["near", "near", "unique", "failed"])
    assert Selection(roles=("keeper", "single")).mask(frame).tolist() == [True, False, True, False]


def test_a_malformed_where_never_selects_more():
    with pytest.raises(WhereError):
        Selection.from_query({"where": "singularity <"}).mask(FRAME)


@pytest.mark.parametrize(
    "make",
    [
        lambda: Range("width", math.nan, 1),
        lambda: Selection(tags_any="keep"),
        lambda: Selection(kinds=("similar",)),
        lambda: Selection(roles=("",)),
    ],
)
def test_checked_at_birth(make):
    with pytest.raises(UsageError):
        make()


def test_describes_itself():
    selection = Selection(
        ranges=(Range("singularity", 0, 0.05), Range("width", 100), Range("height", None, 9), Range("blur", 0, 0)),
        tags_any=("keep", "a"),
        tags_none=("b",),
        kinds=("near", "exact"),
        roles=("keeper", "single"),
        decided=("stays",),
        text="beach",
        where="camera",
    )
    assert selection.describe() == (
        "singularity 0 to 0.05 · width at least 100 · height at most 9 · blur 0 · near duplicates or exact duplicates"
        " · keepers or without a copy · decided to stay"
        ' · tagged "keep" or "a" · not tagged "b" · path contains "beach" · camera'
    )


def test_works_on_an_empty_frame():
    selection = Selection(ranges=(Range("width", 1),), tags_any=("keep",), classes=("a",), folders=("b",), text="x")
    mask = selection.mask(FRAME.iloc[:0])
    assert mask.shape == (0,) and mask.dtype == np.bool_


def test_what_cannot_be_read_has_no_width():
    """Its column holds 0: it is in no range, and comes last in either order."""
    frame = FRAME.head(3).assign(width=[0, 400, 30], status=["failed", "ok", "ok"])
    assert Range("width", None, 100).mask(frame).tolist() == [False, False, True]
    for ascending, told in ((True, [2, 1, 0]), (False, [1, 2, 0])):
        assert arrange(frame, np.ones(3, bool), "width", ascending=ascending).tolist() == told
