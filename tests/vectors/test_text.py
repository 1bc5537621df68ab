"""Images by words: a real text model, tiny, whose vectors are the colours that words say."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image

import dedup
from dedup.cli import main
from dedup.errors import UsageError
from dedup.vectors.text import TextModel
from tests.vectors.models import colour_model, plain_pictures, text_model


@pytest.mark.parametrize("length", ["t", 5])
@pytest.mark.parametrize("mask", [False, True])
def test_a_text_is_the_colours_it_says(tmp_path, length, mask):
    model = TextModel(text_model(tmp_path, length=length, mask=mask))
    assert np.allclose(model.vector("red"), [1, 0, 0, 0])
    assert np.allclose(model.vector("a red and blue thing"), np.array([1, 0, 1, 0]) / np.sqrt(2))
    assert np.allclose(model.vector("nothing at all"), 0)
    if length == 5:
        assert np.allclose(model.vector("red " * 9), [1, 0, 0, 0]), "what is too long is cut"


def test_what_is_no_text_model_is_told(tmp_path):
    with pytest.raises(UsageError, match="a text model takes input_ids"):
        TextModel(colour_model(tmp_path / "m.onnx"))
    file = text_model(tmp_path)
    (tmp_path / "tokenizer.json").write_text("{")
    with pytest.raises(UsageError, match="cannot be read as a tokenizer"):
        TextModel(file)
    (tmp_path / "tokenizer.json").unlink()
    with pytest.raises(UsageError, match=r"There is no tokenizer\.json beside"):
        TextModel(file)


def test_images_are_found_by_words(home, tmp_path, capsys):
    plain_pictures(tmp_path / "set", {"rose": (250, 40, 40), "leaf": (40, 250, 40), "sky": (40, 40, 250)})
    model = str(text_model(tmp_path))
    dedup.scan(tmp_path / "set", workers=1)
    assert main(["embed", "set", "--model", str(colour_model(tmp_path / "m.onnx"))]) == 0
    capsys.readouterr()
    assert main(["search", "set", "a blue thing", "--model", model, "--count", "1", "--put-tag", "found"]) == 0
    assert capsys.readouterr().out.endswith("\tsky.png\n")
    assert dedup.open("set").tags["found"].count == 1
    assert main(["search", "set", "green", "--model", model, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)["images"]
    assert told[0]["path"] == "leaf.png" and len(told) == 3


def test_vectors_of_another_model_are_told(home, tmp_path, capsys):
    (tmp_path / "set").mkdir()
    Image.new("RGB", (40, 30), "red").save(tmp_path / "set/a.png")
    dedup.scan(tmp_path / "set", workers=1)
    model = str(text_model(tmp_path))
    assert main(["search", "set", "red", "--model", model]) == 2
    assert "The vectors of the images have 176 numbers, this one has 4" in capsys.readouterr().err


def test_the_text_side_beside_a_model_is_known(home, tmp_path, capsys):
    plain_pictures(tmp_path / "set", {"rose": (250, 40, 40), "leaf": (40, 250, 40)})
    dedup.scan(tmp_path / "set", workers=1)
    assert main(["search", "set", "green"]) == 2
    assert "Say with --model" in capsys.readouterr().err
    text_model(tmp_path)
    assert main(["embed", "set", "--model", str(colour_model(tmp_path / "vision_model.onnx"))]) == 0
    capsys.readouterr()
    assert main(["search", "set", "green", "--count", "1"]) == 0
    assert capsys.readouterr().out.endswith("\tleaf.png\n")


def test_a_text_side_is_named_for_vectors_of_a_file(home, tmp_path, capsys):
    plain_pictures(tmp_path / "set", {"rose": (250, 40, 40), "leaf": (40, 250, 40)})
    dedup.scan(tmp_path / "set", workers=1)
    np.savez(tmp_path / "v.npz", paths=np.array(["leaf.png", "rose.png"]), vectors=np.eye(2, 4)[::-1])
    given = ["embed", "set", "--vectors", str(tmp_path / "v.npz"), "--text-model"]
    assert main([*given, str(tmp_path / "none.onnx")]) == 2, "what is none is told at once"
    assert main([*given, str(text_model(tmp_path))]) == 0
    capsys.readouterr()
    assert main(["search", "set", "green", "--count", "1"]) == 0
    assert capsys.readouterr().out.endswith("\tleaf.png\n")
