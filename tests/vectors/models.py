"""Tiny ONNX models that are real: what they give can be computed by hand."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from onnx import TensorProto, checker, helper, numpy_helper, save
from PIL import Image

SIDE = 16


def colour_model(path: Path, *, last: bool = False, kind: int = TensorProto.FLOAT, batch: int | str = "n") -> Path:
    """A model whose vector is the mean red, green and blue of what it is given, and a 4 after them."""
    shape = [batch, SIDE, SIDE, 3] if last else [batch, 3, SIDE, SIDE]
    four = numpy_helper.from_array(np.array([[0, 0, 0, 4]], np.float32), "four")
    widen = numpy_helper.from_array(np.eye(3, 4, dtype=np.float32), "widen")
    nodes = [
        helper.make_node("Cast", ["pixels"], ["floats"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["floats"], ["means"], axes=[1, 2] if last else [2, 3], keepdims=0),
        helper.make_node("MatMul", ["means", "widen"], ["wide"]),
        helper.make_node("Add", ["wide", "four"], ["image_embeds"]),
        helper.make_node("Identity", ["floats"], ["other"]),
    ]
    graph = helper.make_graph(
        nodes,
        "colours",
        [helper.make_tensor_value_info("pixels", kind, shape)],
        [
            helper.make_tensor_value_info("other", TensorProto.FLOAT, shape),
            helper.make_tensor_value_info("image_embeds", TensorProto.FLOAT, [batch, 4]),
        ],
        [four, widen],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)])
    model.ir_version = 9  # what every onnxruntime of the last years reads
    checker.check_model(model)
    save(model, str(path))
    return path


WORDS = ("nothing", "red", "green", "blue")
"""What the text model knows."""


def text_model(folder: Path, *, length: int | str = "t", mask: bool = False, width: int = 4) -> Path:
    """A model whose vector is the sum of the colours that its words say, and its tokenizer beside it."""
    from tokenizers import Tokenizer, models, pre_tokenizers

    known = Tokenizer(models.WordLevel({word: place for place, word in enumerate(WORDS)}, unk_token="nothing"))
    known.pre_tokenizer = pre_tokenizers.Whitespace()
    known.save(str(folder / "tokenizer.json"))
    table = numpy_helper.from_array(np.eye(4, width, -1, dtype=np.float32), "table")
    nodes = [
        helper.make_node("Gather", ["table", "input_ids"], ["words"]),
        helper.make_node("ReduceSum", ["words", "one"], ["text_embeds"], keepdims=0),
    ]
    inputs = [helper.make_tensor_value_info("input_ids", TensorProto.INT64, ["n", length])]
    if mask:
        inputs.append(helper.make_tensor_value_info("attention_mask", TensorProto.INT64, ["n", length]))
        nodes[0] = helper.make_node("Gather", ["table", "kept"], ["words"])
        nodes.insert(0, helper.make_node("Mul", ["input_ids", "attention_mask"], ["kept"]))
    outputs = [helper.make_tensor_value_info("text_embeds", TensorProto.FLOAT, ["n", width])]
    one = numpy_helper.from_array(np.array([1], np.int64), "one")
    model = helper.make_model(
        helper.make_graph(nodes, "words", inputs, outputs, [table, one]), opset_imports=[helper.make_opsetid("", 13)]
    )
    model.ir_version = 9
    checker.check_model(model)
    save(model, str(folder / "text_model.onnx"))
    return folder / "text_model.onnx"


def plain_pictures(folder: Path, colours: Mapping[str, tuple[int, int, int]]) -> None:
    """A picture of each colour by name, with a dark pixel somewhere, so that none is blank."""
    folder.mkdir()
    for name, colour in colours.items():
        picture = Image.new("RGB", (40, 30), colour)
        picture.putpixel((len(name), 3), (9, 9, 9))
        picture.save(folder / f"{name}.png")
