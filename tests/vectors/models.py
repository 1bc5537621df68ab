"""Tiny ONNX models that are real: what they give can be computed by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from onnx import TensorProto, checker, helper, numpy_helper, save

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
