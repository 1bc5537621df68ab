"""The filter language."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dedup.errors import UnknownTag, WhereError
from dedup.query import where
from dedup.words import quote
from tests.frames import PATHS, make_frame

FRAME = make_frame([f"{i:02}/{path}" for i in range(6) for path in PATHS])
ROWS = FRAME.to_dict("records")


def paths(text: str) -> set[str]:
    return set(FRAME["path"][where.compile(text).mask(FRAME)])


def expected(judge) -> set[str]:
    return {row["path"] for row in ROWS if judge(row)}


@pytest.mark.parametrize(
    ("text", "judge"),
    [
        ("singularity == 0", lambda r: r["singularity"] == 0),
        ("0 < singularity <= 0.05", lambda r: 0 < r["singularity"] <= 0.05),
        ("brightness<.5 and not contrast>=5e-1", lambda r: r["brightness"] < 0.5 and r["contrast"] < 0.5),
        ("bytes > -1", lambda r: True),
        ('kind == "near" or role == "keeper"', lambda r: r["kind"] == "near" or r["role"] == "keeper"),
        ('kind in ("near", "exact",)', lambda r: r["kind"] in ("near", "exact")),
        ('kind not in ["near"]', lambda r: r["kind"] != "near"),
        ("group in (-1, 2)", lambda r: r["group"] in (-1, 2)),
        ('"beach" in path', lambda r: "Beach" in r["path"]),
        ('"beach" not in path', lambda r: "Beach" not in r["path"]),
        ('class == "dog"', lambda r: "dog" in r["classes"]),
        ('"dog" in classes', lambda r: "dog" in r["classes"]),
        ('class != "dog"', lambda r: "dog" not in r["classes"]),
        ('class in ("dog", "cat")', lambda r: bool(r["classes"])),
        ('class not in ("dog", "cat")', lambda r: not r["classes"]),
        ('"mirrored" in relations', lambda r: "mirrored" in r["relations"]),
        ('tag == "keep"', lambda r: r["tag:keep"]),
        ('tag != "keep"', lambda r: not r["tag:keep"]),
        ('"a b" in tags and "quo\\"te" in tags', lambda r: r["tag:a b"] and r['tag:quo"te']),
        ('tag == "nobody has this"', lambda r: False),
        ("camera", lambda r: r["camera"]),
        ("not camera and true", lambda r: not r["camera"]),
        ("camera == false", lambda r: not r["camera"]),
        ("width > height", lambda r: r["width"] > r["height"]),
        ("not (sharpness > 0.5)", lambda r: r["sharpness"] <= 0.5),
        ("sharpness != 0.5", lambda r: r["sharpness"] != 0.5 and not np.isnan(r["sharpness"])),
        ("distance == 0.1", lambda r: False),
        ('captured_at < "2021"', lambda r: r["captured_at"].startswith("2020")),
        ('captured_at == ""', lambda r: not r["captured_at"]),
        ("path == '05/é/ü.jpg'", lambda r: r["path"] == "05/é/ü.jpg"),
        ("(((camera)))", lambda r: r["camera"]),
    ],
)
def test_means_what_it_says(text, judge):
    assert paths(text) == expected(judge)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "at its end: expected a column"),
        ("singularity =", 'at character 13: expected "and", "or" or the end, found "="; write "==" instead'),
        ("singularity == ", "at its end: expected a column, a number or a quoted text"),
        (
            "sharpnes > 1",
            'at character 1: there is no column "sharpnes" (a text needs quotes); did you mean "sharpness"?',
        ),
        ("kind == near", "a text needs quotes"),
        ('sharpness > "3"', "(number) and the value '3' (text) cannot be compared"),
        ("kind == 3", "cannot be compared"),
        ("tag > 3", "cannot be compared"),
        ("sharpness", "compare it with something"),
        ('"abc', "at character 1: this quote is never closed"),
        ("(camera", 'expected ")"'),
        ("camera)", '"and", "or" or the end'),
        ("camera && alpha", 'write "and" instead'),
        ("camera not alpha", '"in" after "not"'),
        ("kind in (near)", "put the text in quotes"),
        ("kind in ()", "a number or a quoted text"),
        ("kind in (1 2)", '","'),
        ("- camera", 'a number after "-"'),
        ("1", "a comparison"),
        ("__import__('os').system('x')", 'found "("'),
        ("width.real > 1", 'found "."'),
        ("a" * 10_001, "shorter"),
        ("(" * 60 + "camera" + ")" * 60, "levels"),
        ("not " * 60 + "camera", "levels"),
        ('kind in ("a") in ("b")', "a list stands"),
        ("camera @ alpha", 'found "@"'),
    ],
)
def test_malformed_is_a_sentence_with_its_place(text, says):
    with pytest.raises(WhereError) as caught:
        where.compile(text).mask(FRAME)
    assert says in str(caught.value)
    assert str(caught.value)[-1] in ".?"


def test_an_unknown_tag_is_an_error_only_when_asked():
    expression = where.compile('"kep" in tags')
    assert not expression.mask(FRAME).any()
    with pytest.raises(UnknownTag, match='did you mean "keep"'):
        expression.mask(FRAME, strict=True)
    with pytest.raises(UnknownTag):
        where.compile('tag in ("keep", "zzz")').mask(FRAME, strict=True)
    where.compile('"keep" in tags').mask(FRAME, strict=True)


def test_an_empty_frame_is_checked_too():
    assert where.compile("sharpness > 1").mask(FRAME.iloc[:0]).shape == (0,)
    with pytest.raises(WhereError):
        where.compile("shrpness > 1").mask(FRAME.iloc[:0])


numbers = st.sampled_from(
    ["singularity", "brightness", "width", "height", "group", "distance", "0", "0.05", "-1", "0.5"]
)
texts = st.sampled_from(["kind", "role", "path", "folder", "captured_at", '""', '"near"', '"dog"', '"2021"', '"Beach"'])
names = st.sampled_from(["tags", "tag", "classes", "class", "relations"])
words = st.sampled_from(['"keep"', '"dog"', '"mirrored"', '"nobody"', "kind", "name"])
SCRAPS = ["and", "or", "not", "in", "(", ")", "[", "]", ",", "==", "<", '"a"', "1", "kind", "width", "tags"]
order = st.sampled_from(["==", "!=", "<", "<=", ">", ">="])
members = st.sampled_from(["in", "not in"])
leaves = st.one_of(
    st.builds("{} {} {}".format, numbers, order, numbers),
    st.builds("{} {} {} {} {}".format, numbers, order, numbers, order, numbers),
    st.builds("{} {} {}".format, texts, order, texts),
    st.builds("{} {} {}".format, texts, members, texts),
    st.builds("{} {} {}".format, words, members, names),
    st.builds("{} {} {}".format, names, st.sampled_from(["==", "!="]), words),
    st.builds("{} {} ({}, {})".format, names, members, st.just('"keep"'), st.just('"cat"')),
    st.builds("{} {} [{}, {}]".format, st.just("group"), members, st.just("1"), st.just("-1")),
    st.sampled_from(["camera", "true", "false"]),
)
expressions = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.builds("({}) and {}".format, inner, inner),
        st.builds("{} or ({})".format, inner, inner),
        st.builds("not ({})".format, inner),
    ),
    max_leaves=8,
)


@settings(max_examples=300)
@given(expressions)
def test_mask_equals_the_reference(text):
    expression = where.compile(text)
    assert expression.mask(FRAME).tolist() == [expression.matches(row) for row in ROWS]


@settings(max_examples=300)
@given(st.text(max_size=40) | st.lists(st.sampled_from(SCRAPS)).map(" ".join))
def test_nonsense_never_does_anything_but_a_where_error(text):
    try:
        mask = where.compile(text).mask(FRAME)
    except WhereError:
        return
    assert mask.dtype == bool and mask.shape == (len(FRAME),)


@given(st.text(max_size=30))
def test_any_text_can_be_quoted(text):
    frame = FRAME.assign(path=text)
    assert where.compile(f"path == {quote(text)}").mask(frame).all()
