"""A small app around the gallery and the compare view alone. Environment: IMAGES, a folder; CACHE, for thumbnails."""

from __future__ import annotations

import os
from pathlib import Path

import streamlit as st

from dedup.ui.shell.routes import ServedImage, routes

IMAGES, CACHE = Path(os.environ["IMAGES"]), Path(os.environ["CACHE"])


def resolve(dataset: str, image_id: str) -> ServedImage | None:
    number = int(image_id, 16)
    files = sorted(IMAGES.iterdir())
    return ServedImage(files[number], f"a{number:x}", CACHE) if dataset == "d0" and number < len(files) else None


app = st.App(Path(__file__).parent / "gallery_page.py", routes=routes(resolve))
