"""Words as vectors, by the text side of a model such as CLIP or SigLIP: which images are what a sentence says.

What a text model takes: `input_ids` (n, t), int64 or int32, and an `attention_mask` alike if it asks for one; what it
gives: `text_embeds` or whatever `dedup.vectors.model` takes of a model of pictures. The tokenizer is a
`tokenizer.json`, as Hugging Face has it with every model; where it says nothing of padding, texts are padded with 0 to
the length that the model asks for.
"""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dedup.errors import UsageError
from dedup.vectors.model import flat, output_of, session
from dedup.vectors.signatures import unit

TOKENIZER = "tokenizer.json"
IDS, MASK = "input_ids", "attention_mask"
TYPES = {"tensor(int64)": np.int64, "tensor(int32)": np.int32}
OUTPUTS = ("text_embeds", "text_embeddings")


class TextModel:
    """An ONNX model that gives vectors of texts."""

    def __init__(self, file: Path, tokenizer: Path | None = None) -> None:
        """The tokenizer is the one beside the model or in the folder above, unless told. Raises `UsageError`."""
        self.name = file.name
        self._session = session(file, ())
        self._inputs = {each.name: each for each in self._session.get_inputs()}
        ids = self._inputs.get(IDS)
        if ids is None or ids.type not in TYPES or not self._inputs.keys() <= {IDS, MASK}:
            raise UsageError(
                f"{file.name} takes {', '.join(self._inputs)}; a text model takes {IDS}, and {MASK} at most."
            )
        self._length = ids.shape[1] if isinstance(ids.shape[1], int) else None
        self._output = output_of(self._session.get_outputs(), "", file.name, first=OUTPUTS)
        self._tokenizer = _tokenizer(tokenizer or _beside(file))
        if self._length is not None:
            self._tokenizer.enable_truncation(self._length)

    def vector(self, text: str) -> NDArray[np.float32]:
        """The unit vector (d,) of a text. Raises `UsageError` where the model cannot be run on it."""
        encoded = self._tokenizer.encode(text)
        length = self._length or max(1, len(encoded.ids))
        given: dict[str, Any] = {}
        for name, values in ((IDS, encoded.ids), (MASK, encoded.attention_mask)):
            if name in self._inputs:
                padded = (values + [0] * length)[:length]
                given[name] = np.array([padded], TYPES.get(self._inputs[name].type, np.int64))
        try:
            (found,) = self._session.run([self._output], given)
        except Exception as error:  # whatever onnxruntime raises of a model's own making
            raise UsageError(f"{self.name} cannot be run on this text: {error}"[:400]) from error
        vectors: NDArray[np.float32] = unit(flat(found, self._output, self.name))
        return np.asarray(vectors[0])


def _beside(file: Path) -> Path:
    for folder in (file.parent, file.parent.parent):
        if (folder / TOKENIZER).is_file():
            return folder / TOKENIZER
    raise UsageError(f"There is no {TOKENIZER} beside {file}. Say where it is with --tokenizer.")


def _tokenizer(file: Path) -> Any:
    try:
        tokenizers = importlib.import_module("tokenizers")
    except ImportError as error:
        raise UsageError('This needs tokenizers: pip install "dedup-images[embed]".') from error
    try:
        return tokenizers.Tokenizer.from_file(str(file))
    except Exception as error:  # the library raises Exception itself
        raise UsageError(f"{file} cannot be read as a tokenizer: {error}"[:300]) from error
