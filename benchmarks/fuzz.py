"""Bad label files: samples of every format are damaged at random and read; nothing may escape but what is told.

    python -m benchmarks.fuzz 20000 --seed 1 [--only yolo]

Each round damages one file of a small sample in one to three ways (bytes flipped, cut, doubled; numbers made infinite,
negative, huge, no number; words dropped or swapped; another encoding), finds and reads the labels as a scan does, and
looks: only `AnnotationError` is raised, within a few seconds, and names the file; every number of every annotation is
finite; each annotation is of an image and a class that there are. Exits with 1 on a fault, and keeps
the files that showed it.
"""

from __future__ import annotations

import argparse
import math
import random
import shutil
import signal
import sys
import tempfile
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from PIL import Image

from dedup.errors import AnnotationError
from dedup.labels import formats
from dedup.labels.turned import upright

SIZE = (200, 100)
SECONDS = 10
"""More than any sample takes, on a machine that does other things."""

SAMPLES: dict[str, dict[str, str]] = {
    "coco": {
        "instances.json": '{"images": [{"id": 1, "file_name": "a.png", "width": 200, "height": 100}], "annotations": '
        '[{"id": 1, "image_id": 1, "category_id": 1, "bbox": [40, 20, 80, 50], "area": 4000, "iscrowd": 0, '
        '"segmentation": [[40, 20, 120, 20, 120, 70]], "keypoints": [50, 30, 2], "num_keypoints": 1}, '
        '{"id": 2, "image_id": 1, "category_id": 1, "iscrowd": 1, "bbox": [0, 0, 1, 2], '
        '"segmentation": {"size": [100, 200], "counts": [10, 2, 19988]}}], '
        '"categories": [{"id": 1, "name": "dog", "keypoints": ["nose"]}]}'
    },
    "yolo": {
        "data.yaml": "path: .\ntrain: .\nnames:\n  0: dog\n  1: cat\nkpt_shape: [1, 3]\n",
        "labels/a.txt": "0 0.4 0.45 0.4 0.5\n1 0.2 0.2 0.6 0.2 0.6 0.7\n0 0.4 0.45 0.4 0.5 0.3 0.3 2\n",
        "labels/b.txt": "",
    },
    "voc": {
        "Annotations/a.xml": "<annotation><filename>a.png</filename><size><width>200</width><height>100</height>"
        "</size><object><name>dog</name><difficult>1</difficult><bndbox><xmin>40</xmin><ymin>20</ymin><xmax>120</xmax>"
        "<ymax>70</ymax></bndbox><polygon><x1>1</x1><y1>1</y1><x2>9</x2><y2>1</y2><x3>9</x3><y3>9</y3></polygon>"
        "</object></annotation>",
        "ImageSets/Main/train.txt": "a\nb 1\n",
    },
    "cvat": {
        "annotations.xml": '<?xml version="1.0"?><annotations><meta><labels><label><name>cat</name></label></labels>'
        '</meta><image id="0" name="a.png" width="200" height="100"><box label="dog" occluded="1" xtl="40" ytl="20" '
        'xbr="120" ybr="70" rotation="10"><attribute name="age">3</attribute></box><polygon label="dog" '
        'points="1,2;30,4;50,60"/><points label="cat" points="1,2;3,4"/><mask label="dog" left="1" top="1" width="3" '
        'height="2" rle="1, 3, 2"/><tag label="cat"/></image></annotations>'
    },
    "labelme": {
        "a.json": '{"version": "5", "imagePath": "a.png", "imageWidth": 200, "imageHeight": 100, "shapes": [{"label": '
        '"dog", "shape_type": "rectangle", "points": [[40, 20], [120, 70]]}, {"label": "cat", "shape_type": '
        '"polygon", "points": [[1, 2], [30, 4], [50, 60]]}, {"label": "cat", "shape_type": "circle", "points": '
        '[[50, 50], [60, 50]]}], "flags": {"good": true}}'
    },
    "openimages": {
        "boxes.csv": "ImageID,Source,LabelName,Confidence,XMin,XMax,YMin,YMax,IsOccluded\n"
        'a,x,dog,1,0.2,0.6,0.2,0.7,1\nb,x,cat,1,"0,2","0,6","0,2","0,7",0\n'
    },
    "imagefolder": {
        "metadata.jsonl": '{"file_name": "a.png", "objects": {"bbox": [[40, 20, 80, 50]], "category": ["dog"]}}\n'
        '{"file_name": "b.png", "label": "cat"}\n'
    },
    "samples": {"samples.jsonl": '{"file_name": "a.png", "label": "dog"}\n{"file_name": "b.png", "label": ["cat"]}\n'},
    "csv": {"labels.csv": "path,label,xmin,ymin,xmax,ymax\na.png,dog,40,20,120,70\nb.png,cat,,,,\n"},
    "retinanet": {"rows.csv": "a.png,40,20,120,70,dog\nb.png,,,,,\n"},
    "columns": {"truth.csv": "image,cat,dog\na.png,0,1\nb.png,1,0\n"},
}
ODD_NUMBERS = ["nan", "inf", "-1", "1e308", "-1e308", "99999999999999999999", "0x10", "", "1,5", "null", "1e-320"]
ENCODINGS = ["utf-16", "utf-8-sig", "latin-1", "utf-7", "cp037"]


def bits(data: bytes, random_: random.Random) -> bytes:
    """Some bytes made others."""
    held = bytearray(data)
    for _ in range(random_.randint(1, 8)):
        if held:
            held[random_.randrange(len(held))] = random_.randrange(256)
    return bytes(held)


def cut(data: bytes, random_: random.Random) -> bytes:
    """A part taken out, most often the end."""
    if not data:
        return data
    start = random_.randrange(len(data))
    return data[:start] + (data[random_.randrange(start, len(data)) :] if random_.random() < 0.4 else b"")


def doubled(data: bytes, random_: random.Random) -> bytes:
    """A part of it once more, or very often."""
    if not data:
        return data
    start = random_.randrange(len(data))
    part = data[start : start + random_.randint(1, 60)]
    return data[:start] + part * random_.choice([2, 3, 200]) + data[start:]


def numbers(data: bytes, random_: random.Random) -> bytes:
    """A number made an odd one."""
    text = data.decode("utf-8", "replace")
    places = [place for place, letter in enumerate(text) if letter.isdigit()]
    if not places:
        return data
    start = end = random_.choice(places)
    while end < len(text) and (text[end].isdigit() or text[end] == "."):
        end += 1
    return (text[:start] + random_.choice(ODD_NUMBERS) + text[end:]).encode("utf-8", "replace")


def words(data: bytes, random_: random.Random) -> bytes:
    """Two parts between spaces, commas, brackets and tags exchanged, or one dropped."""
    text = data.decode("utf-8", "replace")
    marks = [place for place, letter in enumerate(text) if letter in ' ,:;<>[]{}"\n/']
    if len(marks) < 4:
        return data
    a, b, c, d = sorted(random_.sample(marks, 4))
    parts = [text[:a], text[c:d], text[b:c], text[a:b] if random_.random() < 0.7 else "", text[d:]]
    return "".join(parts).encode("utf-8", "replace")


def encoded(data: bytes, random_: random.Random) -> bytes:
    """The text in another encoding."""
    return data.decode("utf-8", "replace").encode(random_.choice(ENCODINGS), "replace")


def nested(data: bytes, random_: random.Random) -> bytes:
    """Deep nesting in the middle."""
    opening = random_.choice([b"[", b"{", b"<a>", b'{"a":', b"- "])
    start = random_.randrange(len(data) + 1)
    return data[:start] + opening * random_.choice([50, 5_000, 100_000]) + data[start:]


DAMAGES: tuple[Callable[[bytes, random.Random], bytes], ...] = (bits, cut, doubled, numbers, words, encoded, nested)


def _late(*_: object) -> None:
    raise TimeoutError(f"more than {SECONDS} seconds")


def check(folder: Path) -> Iterator[str]:
    """Find and read as a scan does; yields what is wrong with what came out."""
    pictures = formats.Pictures(folder, ["a.png", "b.png"], {"a.png": (*SIZE, 1), "b.png": (*SIZE, 6)})
    found = formats.find(folder)
    formats.chosen(found)
    for path in {each.path for each in found} | {file for file in folder.rglob("*") if file.suffix != ".png"}:
        try:
            coco = formats.read(path, pictures)
            met = coco.attach(pictures.paths, root=pictures.root)
            coco, met = upright(coco, met, pictures.sizes)
            formats.splits_of(path, pictures)
        except AnnotationError as error:
            if str(folder) not in str(error):
                yield f"told without its file: {error}"
            continue
        images = {image["id"] for image in coco.document["images"]}
        for entry in coco.annotations:
            if path.name not in SAMPLES["coco"]:  # of which such annotations are kept as they are, and counted
                if entry["image_id"] not in images:
                    yield "an annotation of no image"
                if entry.get("category_id") not in coco.category_names:
                    yield "an annotation of no class"
            yield from (f"not finite: {name}" for name in ("bbox", "area", "keypoints") if not _finite(entry.get(name)))
        for each in coco.unsound:
            each.sentence()


def _finite(value: Any) -> bool:
    if isinstance(value, list | tuple):
        return all(map(_finite, value))
    return not isinstance(value, float) or math.isfinite(value)


def main() -> int:
    """Run so many rounds; print how many files were read, refused, and what went wrong."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rounds", type=int)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", choices=SAMPLES)
    asked = parser.parse_args()
    random_ = random.Random(asked.seed)
    signal.signal(signal.SIGALRM, _late)
    faults: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as room:
        for number in range(asked.rounds):
            name = asked.only or random_.choice(list(SAMPLES))
            folder = Path(room) / "sample"
            shutil.rmtree(folder, ignore_errors=True)
            for file, text in SAMPLES[name].items():
                (folder / file).parent.mkdir(parents=True, exist_ok=True)
                (folder / file).write_text(text)
            for picture in ("a.png", "b.png"):
                Image.new("RGB", (2, 1)).save(folder / picture)
            hit = folder / random_.choice(list(SAMPLES[name]))
            told = []
            for damage in random_.choices(DAMAGES, k=random_.randint(1, 3)):
                hit.write_bytes(damage(hit.read_bytes(), random_))
                told.append(damage.__name__)
            signal.alarm(SECONDS)
            try:
                wrong = sorted(set(check(folder)))
            except Exception as error:
                place = traceback.extract_tb(error.__traceback__)[-1]
                wrong = [f"{type(error).__name__} at {Path(place.filename).name}:{place.lineno}: {error!s:.80}"]
            finally:
                signal.alarm(0)
            for each in wrong:
                key = f"{name}: {each}"
                faults[key] += 1
                if faults[key] == 1:
                    kept = Path(tempfile.mkdtemp(prefix="dedup-fuzz-"))
                    shutil.copytree(folder, kept, dirs_exist_ok=True)
                    print(f"round {number}, {'+'.join(told)} of {hit.name}: {key}\n  kept in {kept}")
    print(f"{asked.rounds:,} rounds, {sum(faults.values()):,} faults of {len(faults)} kinds")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
