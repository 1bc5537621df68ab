"""CSV of images: right columns and types, nothing for a spreadsheet to run, everything back as it was."""

from __future__ import annotations

import csv
import io

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dedup.errors import Cancelled, ExportError
from dedup.exports import csv as export
from dedup.model import SCORE_VERSION
from tests.frames import METRICS, TAGS, FakeDataset, make_frame, written

DATASET = FakeDataset(make_frame())
FORMULAS = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "  =1", "＝1", "＋1", "－1", "＠a"]


def test_columns_are_the_documented_ones_in_order():
    header = written(export.write, DATASET).decode().splitlines()[0]
    names = next(csv.reader([header]))
    assert names == [
        *("path", "sha256", "bytes", "width", "height", "format", "captured_at", "status", "error", "split", "class"),
        *("kind", "singularity", "group", "role", "keeper", "keeper_reason", "nearest", "distance", "nearest_bits"),
        *(
            "relation",
            "decided",
            *METRICS[:-1],
            "annotations",
            METRICS[-1],
            *(f"tag:{tag}" for tag in TAGS),
            "score_version",
        ),
    ]


def test_plain_pandas_reads_right_types():
    frame = pd.read_csv(io.BytesIO(written(export.write, DATASET)))
    assert frame["path"].tolist() == DATASET.frame["path"].tolist()
    assert frame["tag:keep"].dtype == bool and frame["tag:keep"].tolist() == DATASET.frame["tag:keep"].tolist()
    assert frame["bytes"].dtype == np.int64 and frame["score_version"].unique().tolist() == [SCORE_VERSION]
    np.testing.assert_array_equal(frame["singularity"], DATASET.frame["singularity"])
    np.testing.assert_array_equal(frame["distance"].astype(np.float32), DATASET.frame["distance"])
    assert frame.convert_dtypes()["group"].dtype == "Int64"


def test_our_reader_gives_everything_back():
    frame = export.read(io.BytesIO(written(export.write, DATASET)))
    expected = export.table(DATASET.frame, DATASET.everything())
    for name in expected:
        assert (
            frame[name].tolist() == pytest.approx(expected[name].tolist(), nan_ok=True)
            if frame[name].dtype == float
            else frame[name].fillna(-9).tolist() == expected[name].fillna(-9).tolist()
        ), name
    assert [str(frame[name].dtype) for name in ("width", "group", "nearest_bits")] == ["Int64"] * 3


def test_values_mean_what_their_columns_say():
    rows = export.table(DATASET.frame, DATASET.everything())
    for source, row in zip(DATASET.frame.to_dict("records"), rows.to_dict("records"), strict=True):
        assert row["keeper"] == ("" if source["keeper"] < 0 else DATASET.frame["path"][source["keeper"]])
        assert row["nearest"] == ("" if source["nearest"] < 0 else DATASET.frame["path"][source["nearest"]])
        assert row["class"] == " | ".join(source["classes"])
        assert pd.isna(row["group"]) == (source["group"] < 0)
        assert pd.isna(row["width"]) == (source["status"] == "failed")


def test_unknown_values_are_empty_and_never_nan():
    text = written(export.write, DATASET).decode()
    cells = {cell for row in csv.reader(io.StringIO(text)) for cell in row}
    assert not cells & {"nan", "NaN", "None", "<NA>", "-1", "True", "False"}


def test_only_the_selected_and_also_none_of_them():
    mask = DATASET.everything()
    mask[1:] = False
    assert export.read(io.BytesIO(written(export.write, DATASET, mask)))["path"].tolist() == [DATASET.frame["path"][0]]
    mask[:] = False
    empty = export.read(io.BytesIO(written(export.write, DATASET, mask)))
    assert len(empty) == 0 and "path" in empty and "tag:keep" in empty


@pytest.mark.parametrize("text", FORMULAS)
def test_nothing_is_left_for_a_spreadsheet_to_run(text):
    frame = make_frame([f"{text}.jpg", "b.jpg"]).assign(error=text, relation=text)
    frame["classes"] = pd.Series([(text,)] * 2, dtype=object)
    dataset = FakeDataset(frame)
    rows = list(csv.DictReader(io.StringIO(written(export.write, dataset).decode(), newline="")))
    for row in rows:
        for cell in row.values():
            assert cell[:1] not in tuple("=+-@\t\r\n＝＋－＠") and cell.lstrip()[:1] not in tuple("=+@＝＋－＠")
    assert f"./{text}.jpg" in [row["path"] for row in rows]
    back = export.read(io.BytesIO(written(export.write, dataset)))
    assert f"{text}.jpg" in back["path"].tolist()
    assert set(back["error"]) == set(back["class"]) == {text}


def test_negative_numbers_are_untouched():
    frame = make_frame(["a.jpg", "b.jpg"])
    frame["entropy"] = -0.25
    dataset = FakeDataset(frame)
    assert pd.read_csv(io.BytesIO(written(export.write, dataset)))["entropy"].tolist() == [-0.25] * 2


texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)
awkward = texts | st.sampled_from(
    ["NA", "None", "nan", "null", "'", "''=1", "'a", 'say "hi"', "a,b", "a;=1", "a\r\nb", "\r", *FORMULAS]
)


@settings(max_examples=40)
@given(
    st.lists(
        awkward.filter(lambda text: text != "" and not text.startswith("./")), min_size=1, max_size=16, unique=True
    ),
    st.data(),
)
def test_any_text_survives_the_round_trip(paths, data):
    frame = make_frame(paths).assign(error=[data.draw(awkward) for _ in paths])
    dataset = FakeDataset(frame)
    back = export.read(io.BytesIO(written(export.write, dataset)))
    assert back["path"].tolist() == frame["path"].tolist()
    assert back["error"].tolist() == frame["error"].tolist()


def test_writes_atomically_and_never_over_a_file_unasked(tmp_path):
    output = tmp_path / "out.csv"
    report = export.write(DATASET, DATASET.everything(), output)
    assert report.rows == len(DATASET.frame) and report.path == output
    assert output.read_bytes() == written(export.write, DATASET)
    with pytest.raises(ExportError, match="exists already"):
        export.write(DATASET, DATASET.everything(), output)
    none = ~DATASET.everything()
    export.write(DATASET, none, output, overwrite=True)
    assert len(export.read(output)) == 0
    with pytest.raises(ExportError, match="There is no folder"):
        export.write(DATASET, none, tmp_path / "no" / "out.csv")
    with pytest.raises(ExportError, match="is a folder"):
        export.write(DATASET, none, tmp_path, overwrite=True)


def test_cancelling_leaves_nothing(tmp_path):
    seen = []

    def cancel(progress):
        seen.append(progress)
        raise Cancelled("Stopped.")

    with pytest.raises(Cancelled):
        export.write(DATASET, DATASET.everything(), tmp_path / "out.csv", cancel)
    assert list(tmp_path.iterdir()) == [] and seen[0].done == seen[0].total == len(DATASET.frame)
