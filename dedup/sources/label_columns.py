"""Columns of a table that say what its images show: classes and objects, as Hugging Face's datasets have them.

Numbers are named where the table says how (`ClassLabel` in the schema's `huggingface` entry).
https://huggingface.co/docs/datasets/about_dataset_features
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    import pyarrow as pa

LABELS = (
    *("label", "labels", "label_name", "label_text", "class_name", "class", "cls", "category", "categories", "target"),
    "fine_label",
)
"""What columns of classes are called, the likelier first."""
OBJECTS = ("objects", "annotations")
"""What columns of objects are called: a struct of lists, or a list of structs."""

Told = Mapping[str, Any]
"""What a row says of its image: `label`, one or several classes, and `objects` with their boxes."""


@dataclass(frozen=True, slots=True)
class LabelColumns:
    """Which columns of a table are read, "" for none, and what their numbers mean."""

    label: str
    objects: str
    class_names: Mapping[str, list[str]] = field(default_factory=dict)

    @classmethod
    def of(cls, schema: pa.Schema) -> LabelColumns:
        """Those of a table."""
        features = _features(schema)
        named = {name: found for name, feature in features.items() if (found := _class_names(feature))}
        classes = [each.name for each in schema if _is_label(each.type, numbers=True, many=each.name in named)]
        texts = [each.name for each in schema if _is_label(each.type, numbers=False, many=False)]
        wanted = [*(name for name in LABELS if name in classes), *(name for name in classes if name in named)]
        wanted.sort(key=lambda name: name not in named and name not in texts)  # a name tells more than a number
        objects = [name for name in OBJECTS if name in schema.names and _holds_boxes(schema.field(name).type)]
        return cls(next(iter(wanted), ""), next(iter(objects), ""), named)

    @property
    def names(self) -> list[str]:
        """The columns to read."""
        return [name for name in (self.label, self.objects) if name]

    def told(self, table: pa.Table) -> Iterator[Told]:
        """What each row says."""
        columns = [table.column(name).to_pylist() for name in self.names]
        meaning = [("label" if name == self.label else "objects", self.class_names.get(name)) for name in self.names]
        for values in zip(*columns, strict=True):
            yield {key: _named(value, names) for (key, names), value in zip(meaning, values, strict=True)}


def _features(schema: pa.Schema) -> dict[str, Any]:
    """What Hugging Face notes of each column, nothing where it is not theirs."""
    try:
        return dict(msgspec.json.decode((schema.metadata or {})[b"huggingface"])["info"]["features"])
    except (KeyError, TypeError, ValueError, msgspec.DecodeError):
        return {}


def _class_names(feature: Any) -> list[str]:
    """The names of classes that a feature holds, wherever in it; none for one that holds none."""
    if isinstance(feature, list):
        return next((found for each in feature if (found := _class_names(each))), [])
    if not isinstance(feature, dict):
        return []
    if feature.get("_type") == "ClassLabel" and isinstance(names := feature.get("names"), list):
        return list(map(str, names))
    return _class_names(list(feature.values()))


def _is_label(kind: pa.DataType, *, numbers: bool, many: bool) -> bool:
    """Whether a column may hold classes: texts or `numbers`, which in lists may be anything unless `many` are told."""
    from pyarrow import types

    if types.is_list(kind) or types.is_large_list(kind):
        return _is_label(kind.value_type, numbers=many, many=False)
    if types.is_dictionary(kind):
        kind = kind.value_type
    return bool((numbers and types.is_integer(kind)) or types.is_string(kind) or types.is_large_string(kind))


def _holds_boxes(kind: pa.DataType) -> bool:
    from pyarrow import types

    if types.is_list(kind) or types.is_large_list(kind):
        kind = kind.value_type
    return bool(types.is_struct(kind) and any(kind.get_field_index(name) >= 0 for name in ("bbox", "bboxes")))


CLASSES = ("category", "categories", "label", "labels")
"""What the classes of objects are called."""


def _named(value: Any, names: list[str] | None) -> Any:
    """A value with the names of its classes for their numbers; None for a number that no class has, as -1 of images
    whose class is held back."""
    if isinstance(value, dict):
        return {key: _named(each, names) if key in CLASSES else each for key, each in value.items()}
    if isinstance(value, list):
        return [_named(each, names) for each in value]
    if names is not None and isinstance(value, int):
        return names[value] if 0 <= value < len(names) else None
    return value
