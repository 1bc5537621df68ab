"""A view survives the URL."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from dedup.query.selection import Range, Selection
from dedup.review.acts import Order
from dedup.ui.shell.view import MATCHING, METRIC_NAMES, ORDERS, PAGE_SIZES, PANELS, View

views = st.builds(
    View,
    dataset=st.text("0123456789abcdef", max_size=12),
    metric=st.sampled_from(METRIC_NAMES),
    order=st.sampled_from(ORDERS[:3]),
    words=st.sampled_from(["", "a red bus"]),
    page=st.integers(1, 10_000),
    size=st.sampled_from(PAGE_SIZES),
    columns=st.integers(2, 10),
    panel=st.sampled_from(PANELS),
    groups=st.sampled_from(Order),
    undecided=st.booleans(),
    sheet=st.integers(1, 10_000),
    selection=st.builds(
        Selection,
        ranges=st.lists(st.builds(Range, st.sampled_from(METRIC_NAMES), st.floats(0, 1), st.none()), max_size=1).map(
            tuple
        ),
        tags_any=st.lists(st.text(min_size=1, max_size=5), max_size=2).map(tuple),
        kinds=st.sampled_from([(), ("near",), ("near", "exact")]),
        text=st.text(max_size=5),
    ),
)


@given(views)
def test_a_view_comes_back_from_its_query(view):
    assert View.from_query(view.to_query()) == view


@given(
    st.dictionaries(
        st.sampled_from(
            ["metric", "page", "size", "columns", "order", "range", "kind", "panel", "groups", "sheet", "x"]
        ),
        st.text(max_size=8),
    )
)
def test_nonsense_in_a_link_still_opens(query):
    view = View.from_query(query)
    assert view.metric in METRIC_NAMES
    assert view.size in PAGE_SIZES
    assert view.page >= 1


def test_the_usual_view_leaves_the_url_empty():
    assert View().to_query() == {}


def test_an_order_by_words_needs_words():
    assert View.from_query({"order": MATCHING, "words": "  "}).order == View().order
    assert View.from_query({"order": MATCHING, "words": " a bus "}) == View(order=MATCHING, words="a bus")
