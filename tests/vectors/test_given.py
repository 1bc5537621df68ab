"""Vectors that somebody made: every kind of file, and what is wrong with it in words."""

from __future__ import annotations

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
    assert found.unknown == 0


def test_paths_that_no_image_has_are_counted(tmp_path):
    np.savez(tmp_path / "v.npz", paths=["a.jpg", "gone.jpg"], vectors=VECTORS)
    found = read(tmp_path / "v.npz", tmp_path)
    assert (found.unknown, found.example) == (1, "gone.jpg")


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
    refuse(tmp_path / "v.npy", tmp_path, "1 paths and vectors of shape", tmp_path / "paths")
    np.savez(tmp_path / "n.npz", paths=["x.jpg", "y.jpg"], vectors=VECTORS)
    refuse(tmp_path / "n.npz", tmp_path, "names no image of the dataset, such as 'x.jpg'")
    pq.write_table(pa.table({"path": ["a.jpg", "c.jpg"], "vector": [[1.0], [1.0, 2.0]]}), tmp_path / "r.parquet")
    refuse(tmp_path / "r.parquet", tmp_path, "of several lengths")
    pq.write_table(pa.table({"path": ["a.jpg"], "vector": [["text"]]}), tmp_path / "t.parquet")
    refuse(tmp_path / "t.parquet", tmp_path, "cannot be read as vectors")
    pq.write_table(pa.table({"picture": ["a.jpg"]}), tmp_path / "p.parquet")
    refuse(tmp_path / "p.parquet", tmp_path, "no column path")
