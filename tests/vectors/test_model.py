"""Models in ONNX format: real ones, tiny, whose vectors can be computed by hand."""

from __future__ import annotations

import json

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper
from onnx import save as save_model
from PIL import Image

from dedup.errors import UsageError
from dedup.images.model_input import Shape, fitted, prepare
from dedup.vectors.model import IMAGENET, Model, _preparation, flat
from tests.pictures import photo, save
from tests.vectors.models import SIDE, colour_model


def by_hand(pixels: np.ndarray, mean=IMAGENET[0], std=IMAGENET[1]) -> np.ndarray:
    return np.append(((pixels / 255 - mean) / std).reshape(-1, 3).mean(axis=0), 4)


def noise(count: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (count, SIDE, SIDE, 3), np.uint8)


@pytest.mark.parametrize("last", [False, True])
@pytest.mark.parametrize("batch", ["n", 1, 4])
def test_a_vector_is_what_the_model_says_of_the_picture(tmp_path, last, batch):
    model = Model(colour_model(tmp_path / "m.onnx", last=last, batch=batch))
    assert model.output == "image_embeds" and model.preparation.shape == Shape(SIDE, SIDE, SIDE, 3)
    pictures = noise(7)
    assert np.allclose(model.vectors(pictures), [by_hand(each) for each in pictures], atol=1e-4)


@pytest.mark.parametrize(("kind", "scale"), [(TensorProto.UINT8, None), (TensorProto.FLOAT16, IMAGENET)])
def test_a_model_gets_numbers_of_its_own_type(tmp_path, kind, scale):
    pictures = noise(2)
    found = Model(colour_model(tmp_path / "m.onnx", kind=kind)).vectors(pictures)
    wanted = [by_hand(each) if scale else np.append(each.reshape(-1, 3).mean(axis=0), 4) for each in pictures]
    assert np.allclose(found, wanted, rtol=0.01, atol=0.01)


def test_a_config_beside_or_above_the_model_says_how_pictures_are_prepared(tmp_path):
    (tmp_path / "onnx").mkdir()
    file = colour_model(tmp_path / "onnx/m.onnx")
    plain = Model(file)
    config = {"image_mean": [0.5] * 3, "image_std": [0.25] * 3, "size": {"shortest_edge": 20}, "do_center_crop": True}
    (tmp_path / "preprocessor_config.json").write_text(json.dumps(config | {"resample": 2}))
    told = Model(file)
    assert told.preparation.shape == Shape(SIDE, SIDE, 20, 2)
    pictures = noise(1)
    assert np.allclose(told.vectors(pictures)[0], by_hand(pictures[0], 0.5, 0.25), atol=1e-4)
    assert told.source != plain.source, "prepared otherwise, they are other vectors"
    assert Model(file, mean=IMAGENET[0], std=IMAGENET[1]).preparation.mean == IMAGENET[0]
    (tmp_path / "preprocessor_config.json").write_text(json.dumps({"size": {"height": 9, "width": 9}}))
    assert Model(file).preparation.shape.shorter == 0, "whole pictures, squeezed"
    (tmp_path / "preprocessor_config.json").write_text("{")
    with pytest.raises(UsageError, match="is no JSON"):
        Model(file)


@pytest.mark.parametrize(("size", "shorter"), [(448, 512), (64, 73), (224, 256)])
def test_another_size_than_the_config_tells_shows_as_much_of_the_picture(size, shorter, tmp_path):
    config = {"size": {"shortest_edge": 256}, "crop_size": {"height": 224, "width": 224}, "do_center_crop": True}
    (tmp_path / "preprocessor_config.json").write_text(json.dumps(config))
    assert _preparation(tmp_path / "m.onnx", None, size, None, None).shape == Shape(size, size, shorter, 3)


def test_features_are_averaged_over_places_wherever_their_channels_are():
    features = np.random.default_rng(0).random((2, 7, 7, 5), np.float32)
    found = flat(features, "features", "m", last=True)
    assert np.allclose(found, features.mean(axis=(1, 2)))
    assert np.allclose(flat(features.transpose(0, 3, 1, 2), "features", "m"), found)
    with pytest.raises(UsageError, match="one number as features"):
        flat(np.ones((2, 1, 1, 5)), "features", "m")


def test_the_middle_of_a_picture_is_taken():
    picture = Image.new("RGB", (400, 100))
    picture.paste((255, 0, 0), (150, 0, 250, 100))
    middle = np.asarray(fitted(picture, Shape(10, 10, 10)))
    assert (middle[:, 1:9] == (255, 0, 0)).all()
    whole = np.asarray(fitted(picture, Shape(8, 8, 0)))
    assert (whole[:, 0] == 0).all() and whole[4, 4, 0] > 200
    assert fitted(Image.new("RGB", (1, 500)), Shape(10, 10, 5)).size == (10, 10)


def test_pictures_are_upright(tmp_path):
    picture = photo(3)
    turned = picture.getexif()
    turned[0x0112] = 6
    picture.transpose(Image.Transpose.ROTATE_90).save(tmp_path / "a.png", exif=turned)
    save(picture, tmp_path / "b.png")
    one, other = (
        np.frombuffer(prepare(tmp_path / name, shape=Shape(8, 8, 8)), np.uint8) for name in ("a.png", "b.png")
    )
    assert (one == other).all()


def test_what_is_no_model_of_pictures_is_told(tmp_path):
    (tmp_path / "no.onnx").write_bytes(b"nothing")
    with pytest.raises(UsageError, match="cannot be opened as an ONNX model"):
        Model(tmp_path / "no.onnx")
    file = colour_model(tmp_path / "m.onnx")
    with pytest.raises(UsageError, match=r"has no output pooled\. It has: other, image_embeds"):
        Model(file, output="pooled")
    with pytest.raises(UsageError, match="has no GPUExecutionProvider here"):
        Model(file, providers=["GPUExecutionProvider"])
    with pytest.raises(UsageError, match="standard deviations above 0"):
        Model(file, std=(1.0, 0.0, 1.0))


@pytest.mark.parametrize(("config", "shape"), [
    ({"size": 24, "crop_size": 16, "do_center_crop": True}, Shape(SIDE, SIDE, 24, 3)),
    ({"size": {"shortest_edge": 20}}, Shape(SIDE, SIDE, 20, 3)),
    ({"size": [16, 16]}, Shape(SIDE, SIDE, 0, 3)),
    ({"do_center_crop": True}, Shape(SIDE, SIDE, SIDE, 3)),
])  # fmt: skip
def test_configs_of_every_age_are_understood(tmp_path, config, shape):
    (tmp_path / "preprocessor_config.json").write_text(json.dumps(config))
    assert Model(colour_model(tmp_path / "m.onnx")).preparation.shape == shape


def test_levels_are_scaled_as_the_config_says(tmp_path):
    file, pictures = colour_model(tmp_path / "m.onnx"), noise(1)
    for told, scale in (({"rescale_factor": 1 / 127.5}, 1 / 127.5), ({"do_rescale": False}, 1)):
        (tmp_path / "preprocessor_config.json").write_text(json.dumps(told | {"image_mean": 0.5, "image_std": 2}))
        wanted = ((pictures[0] * scale - 0.5) / 2).reshape(-1, 3).mean(axis=0)
        assert np.allclose(Model(file).vectors(pictures)[0][:3], wanted, rtol=1e-4)


@pytest.mark.parametrize("odd", [
    {"size": "16"}, {"size": True}, {"size": {"height": 16}}, {"size": {"shortest_edge": [1]}}, {"size": [1, 2, 3]},
    {"size": {"shortest_edge": -20}}, {"resample": "3"}, {"resample": [3]}, {"resample": 77}, {"rescale_factor": "x"},
    {"rescale_factor": 0}, {"image_mean": "x"}, {"image_std": [1, 1]}, {"image_std": [int("1" * 400), 1, 1]},
    {"image_std": [0, 1, 1]}, {"image_std": [-1, 1, 1]}, {"image_mean": [float("nan"), 0, 0]}, [],
])  # fmt: skip
def test_a_config_of_its_own_kind_is_told(tmp_path, odd):
    (tmp_path / "preprocessor_config.json").write_text(json.dumps(odd))
    with pytest.raises(UsageError):
        Model(colour_model(tmp_path / "m.onnx"))


def test_a_bottomless_config_is_told(tmp_path):
    (tmp_path / "preprocessor_config.json").write_text("[" * 100_000)
    with pytest.raises(UsageError, match="is no JSON"):
        Model(colour_model(tmp_path / "m.onnx"))


@pytest.mark.parametrize("shape", [[], [4], [1, 4]])
def test_an_output_that_is_not_of_each_picture_is_told(tmp_path, shape):
    held = numpy_helper.from_array(np.ones(shape, np.float32), "held")
    nodes = [helper.make_node("Identity", ["held"], ["out"])]
    taken = [helper.make_tensor_value_info("pixels", TensorProto.FLOAT, ["n", 3, SIDE, SIDE])]
    given = [helper.make_tensor_value_info("out", TensorProto.FLOAT, shape)]
    made = helper.make_model(
        helper.make_graph(nodes, "constant", taken, given, [held]), opset_imports=[helper.make_opsetid("", 13)]
    )
    made.ir_version = 9
    save_model(made, str(tmp_path / "m.onnx"))
    with pytest.raises(UsageError, match=r"m\.onnx gives"):
        Model(tmp_path / "m.onnx").vectors(noise(3))


def test_a_model_of_no_pictures_is_told(tmp_path):
    with pytest.raises(UsageError, match="0 pictures at a time"):
        Model(colour_model(tmp_path / "m.onnx", batch=0))
