"""Annotations in the pixels that a file stores, where EXIF says to show it turned.

Tools that ignore EXIF write boxes in stored pixels. The size that a document gives for an image shows it: it is the
stored one and not the upright one. Where the sizes cannot tell (squares, half turns, mirrored pictures, no size given)
it is with an image as with the others of its document; where none of these shows it either, its boxes are taken as
shown, and it is said. Within the program every box is upright, as viewers show pictures; an export gives the entry back
in the pixels it came in. Where a document gives neither size nothing is turned, and it is said.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Mapping, Sequence, Set
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Any

from dedup.labels import masks
from dedup.labels.coco import Attachment, Coco, ImageId
from dedup.labels.coco_sound import are_finite, is_box
from dedup.labels.entries import Entries
from dedup.labels.turn import Move, Point, Turn
from dedup.words import plural

SIDEWAYS = 5
"""From this EXIF orientation on, width and height change places."""
DECIMALS = 10
"""Turned forth and back, numbers of up to so many decimals are what they were."""

Entry = Mapping[str, Any]


def upright(coco: Coco, met: Attachment, sizes: Mapping[str, tuple[int, int, int]]) -> tuple[Coco, Attachment]:
    """A document with every entry in upright pixels. `sizes` are (upright width, upright height, EXIF orientation) of
    readable images by their path; notes on sizes that fit neither way, and on what nothing tells, join those of
    `met`."""
    path_of = {id_: path for path, ids in met.image_ids.items() for id_ in ids}
    turns: dict[ImageId, Turn] = {}
    untold: dict[ImageId, Turn] = {}
    unfit: list[tuple[Entry, tuple[int, int]]] = []
    shown = False
    for image in coco.images:
        width, height, orientation = sizes.get(path_of.get(image["id"], ""), (0, 0, 1))
        if not width:
            continue
        said = [image.get("width"), image.get("height")]
        turn = Turn(orientation, *((height, width) if orientation >= SIDEWAYS else (width, height)))
        is_told = turn.swaps and width != height and are_finite(said)
        if is_told and said == [height, width]:
            turns[image["id"]] = turn
        elif are_finite(said) and said != [width, height]:
            unfit.append((image, (width, height)))
        elif is_told:
            shown = True
        elif orientation > 1:
            untold[image["id"]] = turn
    if unfit:
        met = replace(met, notes=(*met.notes, _unfit(coco, unfit)))
    if turns and not shown:
        turns |= untold
    elif untold and not shown and (images := _placed(coco, untold)):
        met = replace(met, notes=(*met.notes, _untold(coco, images)))
    if not turns:
        return coco, met
    document = dict(coco.document) | {"images": [_swapped(image, turns.get(image["id"])) for image in coco.images]}
    if "annotations" in coco.document:
        document["annotations"] = _all_moved(coco.annotations, {id_: turn.up for id_, turn in turns.items()})
    return replace(coco, document=document, turns=turns), met


def stored(document: dict[str, Any], turns: Mapping[ImageId, Turn]) -> dict[str, Any]:
    """A document to write, with the entries of the images of `turns` (by their ids in it) in stored pixels again."""
    if not turns:
        return document
    turned = document | {"images": [_swapped(image, turns.get(image["id"])) for image in document["images"]]}
    if document.get("annotations"):
        back = {id_: turn.back for id_, turn in turns.items()}
        turned["annotations"] = _all_moved(Entries.of(document["annotations"]), back)
    return turned


def _all_moved(annotations: Entries, moves: Mapping[ImageId, Move]) -> Entries:
    places = enumerate(annotations.column("image_id"))
    return annotations.changed({place: partial(moved, move=moves[id_]) for place, id_ in places if id_ in moves})


def moved(annotation: dict[str, Any], move: Move) -> dict[str, Any]:
    """An annotation whose box, polygons, mask and keypoints are moved by `move`; a damaged mask stays as it is."""
    found = dict(annotation)
    box, outlines, keypoints = (annotation.get(name) for name in ("bbox", "segmentation", "keypoints"))
    if is_box(box):
        (x, y), (x2, y2) = move.point(box[0], box[1]), move.point(box[0] + box[2], box[1] + box[3])
        found["bbox"] = _rounded((min(x, x2), min(y, y2), abs(x2 - x), abs(y2 - y)))
    if isinstance(outlines, list):
        found["segmentation"] = [_points(each, move.point) if are_finite(each) else each for each in outlines]
    elif isinstance(outlines, Mapping):
        with suppress(ValueError):
            found["segmentation"] = masks.remade(outlines, move.mask)
    if are_finite(keypoints) and len(keypoints) % 3 == 0:
        triples = zip(keypoints[::3], keypoints[1::3], keypoints[2::3], strict=True)
        seen = ((*move.point(x, y), v) if v or x or y else (x, y, v) for x, y, v in triples)
        found["keypoints"] = _rounded(number for triple in seen for number in triple)
    return found


def _points(flat: Sequence[float], move: Callable[[float, float], Point]) -> list[float]:
    pairs = zip(flat[::2], flat[1::2], strict=False)
    return _rounded(number for pair in pairs for number in move(*pair))


def _rounded(numbers: Iterable[float]) -> list[float]:
    return [number if isinstance(number, int) else round(number, DECIMALS) for number in numbers]


def _swapped(image: dict[str, Any], turn: Turn | None) -> dict[str, Any]:
    if turn is None or not turn.swaps or "width" not in image:
        return image
    return {**image, "width": image["height"], "height": image["width"]}


def _placed(coco: Coco, images: Container[ImageId]) -> set[ImageId]:
    """Those of `images` of which something is told that has a place in them."""
    wanted = [id_ in images for id_ in coco.annotations.column("image_id")]
    told = coco.annotations.where(wanted)
    return {each["image_id"] for each in told if any(each.get(name) for name in ("bbox", "segmentation", "keypoints"))}


def _untold(coco: Coco, images: Set[ImageId]) -> str:
    such = next(image["file_name"] for image in coco.images if image["id"] in images)
    return (
        f"{plural(len(images), 'image')} that EXIF turns or mirrors, such as {such}, and nothing in {coco.path.name} "
        "tells whether boxes are in stored pixels or as shown; taken as shown."
    )


def _unfit(coco: Coco, unfit: Sequence[tuple[Entry, tuple[int, int]]]) -> str:
    (image, (width, height)), name = unfit[0], coco.path.name
    return (
        f"{plural(len(unfit), 'image')} of other sizes in {name} than their files have, such as {image['file_name']} "
        f"({image.get('width')} x {image.get('height')}, the file {width} x {height}); boxes are taken as they are."
    )
