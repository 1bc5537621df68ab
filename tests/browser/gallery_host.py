"""A small app around the gallery and the compare view alone. Environment: IMAGES, a folder; CACHE, for thumbnails."""

from __future__ import annotations

import os
from pathlib import Path

import streamlit as st

from dedup.ui.shell.routes import Facts, ServedImage, about_url, image_url, routes, thumbnail_url

IMAGES, CACHE = Path(os.environ["IMAGES"]), Path(os.environ["CACHE"])


def resolve(dataset: str, image_id: str) -> ServedImage | None:
    number = int(image_id, 16)
    files = sorted(IMAGES.iterdir())
    return ServedImage(files[number], f"a{number:x}", CACHE) if dataset == "d0" and number < len(files) else None


def describe(dataset: str, image_id: str) -> dict[str, object] | None:
    number = int(image_id, 16)
    files = sorted(IMAGES.iterdir())
    if dataset != "d0" or number >= len(files):
        return None
    other = (number + 1) % len(files)
    side = {
        "id": f"{other:016x}",
        "name": files[other].name,
        "path": files[other].name,
        "thumb": thumbnail_url("d0", f"{other:016x}", f"a{other:x}"),
        "full": image_url("d0", f"{other:016x}", f"a{other:x}"),
        "about": about_url("d0", f"{other:016x}"),
        "width": 400,
        "height": 300,
    }
    metric = {"title": "Brightness", "help": "", "value": "0.5000", "below": 0.25, "place": 0.5, "bars": [0.5, 1.0]}
    return {
        "id": image_id,
        "path": str(files[number]),
        "copied": str(files[number]),
        "tags": [],
        "facts": [("Picture", "400 × 300 px")],
        "hashes": [("SHA-256 of the file", "ab" * 32)],
        "metrics": [metric],
        "group": [{"side": side, "words": "mirrored", "fate": "stays"}],
        "related": [],
        "annotations": [{"category": "cat", "box": [0.1, 0.2, 0.5, 0.5]}],
        "more_annotations": 3,
    }


app = st.App(Path(__file__).parent / "gallery_page.py", routes=routes(resolve, Facts(describe)))
