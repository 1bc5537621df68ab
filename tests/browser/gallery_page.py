"""The page of `gallery_host`: applies the gallery's events to session state and shows what arrived."""

from __future__ import annotations

import os
import time
from pathlib import Path

import streamlit as st
from PIL import Image

from dedup.model import Tag
from dedup.ui.browser.gallery import Event, Item, compare, events, gallery
from dedup.ui.browser.sides import Side
from dedup.ui.shell.routes import about_url, image_url, thumbnail_url

st.set_page_config(layout="wide", page_title="Gallery")
state = st.session_state
for name, empty in {"selected": [], "tags": {}, "got": [], "similar": None, "runs": 0, "view": {}}.items():
    state.setdefault(name, empty)
state.runs += 1
SLOW = float(st.query_params.get("slow", "0"))
TAGS = [Tag("keep", "#009e73", 0), Tag("blurry", "#d55e00", 0), Tag("check again", "#56b4e9", 0)]


@st.cache_data
def facts() -> list[tuple[str, int, int, int]]:
    return [
        (path.name, *Image.open(path).size, path.stat().st_size)
        for path in sorted(Path(os.environ["IMAGES"]).iterdir())
    ]


def side(number: int) -> Side:
    name, width, height, size = facts()[number]
    image_id = f"{number:016x}"
    return {
        "id": image_id,
        "name": name,
        "path": f"photos/{name}",
        "thumb": thumbnail_url("d0", image_id, f"a{number:x}"),
        "full": image_url("d0", image_id, f"a{number:x}"),
        "about": about_url("d0", image_id),
        "width": width,
        "height": height,
        "format": "JPEG",
        "bytes": size,
    }


# Position in the page, kind, role, group, description, match; the rest is unique.
PLANTED = {
    0: ("unique", "keeper", 0, "", None),
    1: ("exact", "duplicate", 0, "Duplicate of {match}", 0),
    2: ("unique", "keeper", 1, "", None),
    3: ("near", "duplicate", 1, "Near duplicate of {match}: mirrored, cropped to 85 %", 2),
    4: ("near", "duplicate", 1, "Near duplicate of {match}: resized", 2),
    9: ("failed", "", -1, "", None),
}


def item(number: int, place: int) -> Item:
    kind, role, group, words, match = PLANTED.get(place, ("unique", "", -1, "", None))
    first = number - place
    shown: Item = {
        **side(number),
        "value": f"{0.02 * place:.3f}",
        "kind": kind,
        "role": role,
        "group": group,
        "description": words.format(match=facts()[first + match][0]) if match is not None else "",
        "tags": sorted(state.tags.get(side(number)["id"], set())),
    }
    if kind == "failed":
        shown["error"] = "truncated: image file is truncated (12 bytes not processed)"
    if match is not None:
        mirrored = [[-1, 0, 380], [0, 1, 30]]
        shown |= {
            "match": side(first + match),
            "distance": 0.0 if kind == "exact" else 0.271,
            "relation": words.split(": ")[-1] if kind == "near" else "identical file",
            "affine": mirrored if "mirrored" in words else None,
        }
    return shown


def apply(event: Event) -> None:
    state.got.append([event["type"], event["tag"] or event["action"], len(event["ids"])])
    if event["type"] == "select":
        state.selected = event["ids"]
    elif event["type"] == "tag":
        for each in event["ids"]:
            tags = state.tags.setdefault(each, set())
            (tags.discard if event["remove"] else tags.add)(event["tag"])
    elif event["type"] == "view":
        state.view[event["action"]] = int(event["tag"])
    elif event["type"] == "similar":
        state.similar = int(event["id"], 16)


for event in events("grid"):
    apply(event)
for event in events("pair"):
    state.got.append([event["type"], event["action"], len(event["ids"])])
    if event["type"] == "close":
        state.similar = None
    elif event["action"] == "next":
        state.similar += 1

size, number = state.view.get("size", 24), state.view.get("page", 1)
first = (number - 1) * size
if st.toggle("Show the grid", True, key="shown"):
    gallery(
        [item(first + place, place) for place in range(min(size, len(facts()) - first))],
        key="grid",
        columns=state.view.get("columns", 6),
        selected=state.selected,
        tags=TAGS,
        decides=True,
        paging={
            "number": number,
            "of": -(-len(facts()) // size),
            "total": len(facts()),
            "company": 0,
            "size": size,
            "sizes": [24, 60, 120],
        },
    )
if state.similar is not None:
    others = [(state.similar + step) % len(facts()) for step in (1, 2, 3, 40, 41, 42, 43)]
    candidates: list[Side] = [
        {**side(other), "kind": "similar", "distance": 0.5 + 0.05 * place, "relation": "similar content"}
        for place, other in enumerate(others)
    ]
    compare(
        side(state.similar),
        candidates,
        key="pair",
        actions=[
            {"name": "keep_left", "label": "Keep left", "key": "k"},
            {"name": "next", "label": "Next", "key": "n"},
        ],
        preload=[side(state.similar + 1)["full"]],
    )
if SLOW:
    time.sleep(SLOW)
st.text(f"selected={len(state.selected)} similar={state.similar} events={len(state.got)}")
st.text(
    "tags=" + " ".join(f"{each[-2:]}:{'+'.join(sorted(tags))}" for each, tags in sorted(state.tags.items()) if tags)
)
st.text("last=" + str(state.got[-1:]))
