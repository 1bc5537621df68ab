"""Vectors that somebody made: every kind of file, and what is wrong with it in words."""

from __future__ import annotations

import io
import os
import zipfile

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dedup.errors import UsageError
from dedup.vectors import given

ROWS = {"a.jpg": 0, "sub/b.jpg": 1, "c.jpg": 2}
VECTORS = np.arange(6, dtype=np.float32).reshape(2, 3)


def read(file, root, paths=None):
    return given.read(file, ROWS, 3, root, paths)


@pytest.mark.parametrize("kind", ["list", "fixed list", "columns", "npz", "npy"])
def test_every_kind_of_file(kind, tmp_path):
    names, listed = ["./sub/b.jpg", str(tmp_path / "a.jpg")], None
    file = tmp_path / {"npz": "v.npz", "npy": "v.npy"}.get(kind, "v.parquet")
    if kind == "npz":
        np.savez(file, paths=np.array(names), vectors=VECTORS)
    elif kind == "npy":
        np.save(file, VECTORS)
        listed = tmp_path / "paths.txt"
        listed.write_text("\n".join(names) + "\n")
    else:
        column = pa.array(VECTORS.tolist(), pa.list_(pa.float32(), 3 if kind == "fixed list" else -1))
        table = {"path": names, "embedding": column}
        if kind == "columns":
            table = {"file_name": names, "number": [1, 2]} | {f"v{place}": VECTORS[:, place] for place in range(3)}
        pq.write_table(pa.table(table), file)
    found = read(file, tmp_path, listed)
    assert found.vectors[[1, 0]].tolist() == VECTORS.tolist() and np.isnan(found.vectors[2]).all()
    assert found.notes == ()


def test_paths_that_no_image_has_are_counted(tmp_path):
    np.savez(tmp_path / "v.npz", paths=["a.jpg", "gone.jpg"], vectors=VECTORS)
    found = read(tmp_path / "v.npz", tmp_path)
    assert found.notes == ("1 entry of v.npz names no image here, such as 'gone.jpg'.",)
    np.savez(tmp_path / "v.npz", paths=["a.jpg", "./a.jpg"], vectors=VECTORS)
    found = read(tmp_path / "v.npz", tmp_path)
    assert found.notes == ("1 entry of v.npz names an image once more, and counts, such as './a.jpg'.",)
    assert found.vectors[0].tolist() == VECTORS[1].tolist()


def test_vectors_that_tell_nothing_are_named(tmp_path):
    np.savez(tmp_path / "v.npz", paths=["a.jpg", "sub/b.jpg"], vectors=np.array([[1, np.nan, 2], [0, 0, 0]]))
    (note,) = read(tmp_path / "v.npz", tmp_path).notes
    assert note.startswith("2 entries of v.npz hold numbers that are not finite") and "such as 'a.jpg'" in note


def refuse(file, root, words, paths=None):
    with pytest.raises(UsageError, match=words):
        read(file, root, paths)


def test_what_is_no_file_of_vectors_is_told(tmp_path):
    refuse(tmp_path / "missing.npz", tmp_path, "cannot be read as vectors")
    (tmp_path / "v.csv").write_text("a")
    refuse(tmp_path / "v.csv", tmp_path, "unknown suffix")
    np.save(tmp_path / "v.npy", VECTORS)
    refuse(tmp_path / "v.npy", tmp_path, "--paths")
    np.save(tmp_path / "evil.npy", np.array([{"a": 1}], object), allow_pickle=True)
    (tmp_path / "paths").write_text("a.jpg")
    refuse(tmp_path / "evil.npy", tmp_path, "cannot be read as vectors", tmp_path / "paths")
    refuse(tmp_path / "v.npy", tmp_path, "1 paths and float32 of shape", tmp_path / "paths")
    np.savez(tmp_path / "n.npz", paths=["x.jpg", "y.jpg"], vectors=VECTORS)
    refuse(tmp_path / "n.npz", tmp_path, "names no image of the dataset, such as 'x.jpg'")
    pq.write_table(pa.table({"path": ["a.jpg", "c.jpg"], "vector": [[1.0], [1.0, 2.0]]}), tmp_path / "r.parquet")
    refuse(tmp_path / "r.parquet", tmp_path, "of several lengths")
    pq.write_table(pa.table({"path": ["a.jpg"], "vector": [["text"]]}), tmp_path / "t.parquet")
    refuse(tmp_path / "t.parquet", tmp_path, "cannot be read as vectors")
    pq.write_table(pa.table({"picture": ["a.jpg"]}), tmp_path / "p.parquet")
    refuse(tmp_path / "p.parquet", tmp_path, "no column path")


@pytest.mark.parametrize(("column", "words"), [
    (pa.array([1.0, 2.0]), "holds double, not lists of numbers"),
    (pa.array(["[1, 2]", "[3, 4]"]), "holds string, not lists of numbers"),
    (pa.array([["1"], ["2"]]), "holds lists of string"),
    (pa.array([[True], [False]]), "holds lists of bool"),
    (pa.array([[1.0], None]), "1 of vector are missing"),
    (pa.array([[1.0], [1.0, 2.0]]), "of several lengths"),
    (pa.array([[], []], pa.list_(pa.float32())), "one row of numbers for each"),
])  # fmt: skip
def test_a_column_that_holds_no_vectors_is_told(tmp_path, column, words):
    pq.write_table(pa.table({"path": ["a.jpg", "c.jpg"], "vector": column}), tmp_path / "v.parquet")
    refuse(tmp_path / "v.parquet", tmp_path, words)


def test_whole_numbers_and_long_vectors_are_vectors_and_a_label_beside_them_is_none(tmp_path):
    table = {"path": ["a.jpg", "c.jpg"], "score": [0.5, 0.6], "e10": [3, 4], "e2": [1e300, 2]}
    pq.write_table(pa.table(table), tmp_path / "v.parquet")
    assert read(tmp_path / "v.parquet", tmp_path).vectors[[0, 2]].tolist() == [[1e300, 3], [2, 4]]


@pytest.mark.parametrize("made", ["empty", "renamed", "words", "immense"])
def test_what_only_looks_like_npz_is_told(tmp_path, made):
    file = tmp_path / "v.npz"
    if made == "renamed":
        np.save(tmp_path / "v.npy", VECTORS)
        (tmp_path / "v.npy").rename(file)
    elif made == "words":
        np.savez(file, paths=["a.jpg", "c.jpg"], vectors=np.array([["x"], ["y"]]))
    elif made == "immense":
        np.savez(file, paths=["a.jpg", "c.jpg"])
        header = io.BytesIO()
        np.lib.format.write_array_header_1_0(header, {"descr": "<f4", "fortran_order": False, "shape": (10**12, 8)})
        with zipfile.ZipFile(file, "a") as archive:
            archive.writestr("vectors.npy", header.getvalue())
    else:
        file.write_bytes(b"")
    refuse(file, tmp_path, "cannot be read as vectors|more than there is memory for|one row of numbers")


@pytest.mark.parametrize("pipe", ["v.npz", "v.npy", "v.parquet", "paths.txt"])
def test_a_pipe_is_not_waited_for(pipe, tmp_path):
    os.mkfifo(tmp_path / pipe)
    vectors, listed = tmp_path / ("v.npy" if pipe == "paths.txt" else pipe), tmp_path / "paths.txt"
    if pipe == "paths.txt":
        np.save(vectors, VECTORS)
    else:
        listed.write_text("a.jpg\nc.jpg\n")
    with pytest.raises(UsageError, match=pipe):
        read(vectors, tmp_path, listed)


def test_a_list_of_paths_that_cannot_be_read_is_blamed_itself(tmp_path):
    np.save(tmp_path / "v.npy", VECTORS)
    (tmp_path / "paths.txt").write_bytes(b"\xff\xfea")
    with pytest.raises(UsageError, match=r"paths\.txt cannot be read as a list of paths"):
        read(tmp_path / "v.npy", tmp_path, tmp_path / "paths.txt")
