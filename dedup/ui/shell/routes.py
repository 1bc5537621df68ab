"""Images by HTTP, beside the app: `/thumb/{dataset}/{id}/{version}.jpg` and `/image/{dataset}/{id}/{version}`, and what
is known of one as JSON: `/about/{dataset}/{id}`. For the map `/points/{dataset}/{version}` tells where all images lie,
as bytes, and `/pointed/{dataset}/{row}` the image of a row, as JSON.

Addresses hold ids, never paths; what an id means is asked from a resolver. Work happens in a few threads of its own,
so that neither the event loop nor the app's scripts wait. A disk that does not answer holds up no more than its own
dataset: after a while its thread is left to it, and after some of these its pictures are refused at once. Large
pictures are decoded one at a time, which bounds the memory they take. The version in an address changes with the file's
content, which lets the browser keep the answer for ever; under an outdated version it gets today's picture and keeps
nothing.
"""

from __future__ import annotations

import math
import os
import re
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from dedup.errors import DedupError
from dedup.files import open_regular
from dedup.images import thumbnails
from dedup.images.decode import own_process
from dedup.images.formats import MAX_PIXELS
from dedup.machine import Answer
from dedup.sources import Stored, Where, at_hand

WORKERS = 3
"""Images decoded at the same time. More would take the cores from the scripts that draw the page."""

DESCRIBED = 2
"""Images told about at the same time, for the same reason."""

LARGE_PIXELS = 16_000_000
"""Pictures of more are decoded one at a time; decoding takes 4 to 16 bytes a pixel (measured: PNG, TIFF, WebP)."""
WHOLE_PIXELS = 64_000_000
"""No more are decoded for the closer look: a gigabyte at 16 bytes a pixel. What browsers read is sent as it is."""
SENT_BYTES = 64 << 20
"""Files up to this size are read before they are sent, so that a disk which hangs holds up no thread of others."""
PATIENCE_SECONDS = 30.0
"""For one picture, once its turn has come."""
MOST_HUNG = 8
"""Pictures of one dataset that may hang before the others are refused at once."""

_ID = re.compile(r"[0-9a-f]{1,64}")
_GUARDS = {
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Content-Security-Policy": "default-src 'none'; sandbox",
}
_KEEP = {"Cache-Control": "private, max-age=31536000, immutable"}
_FORGET = {"Cache-Control": "no-store"}


@dataclass(frozen=True, slots=True)
class ServedImage:
    """An image that may be shown, wherever it is. `version` (hex) changes with its content; `thumbnails` is
    the cache folder, `pixels` how many it has, and `max_pixels` the most that are decoded."""

    where: Where
    version: str
    thumbnails: Path
    pixels: int = 0
    max_pixels: int = MAX_PIXELS

    def __post_init__(self) -> None:
        if not _ID.fullmatch(self.version):
            raise ValueError(f"a version is hexadecimal, not {self.version!r}")


Resolve = Callable[[str, str], ServedImage | None]
"""Dataset key and image id to the file, None when either is unknown. Called from worker threads."""

Describe = Callable[[str, str], Mapping[str, Any] | None]
"""Dataset key and image id to all that is known of an image, likewise."""


def thumbnail_url(dataset_key: str, image_id: str, version: str) -> str:
    """Address of the thumbnail of one image, relative to every page: a proxy may show the app below a path that it does
    not tell."""
    return f"thumb/{dataset_key}/{image_id}/{version}.jpg"


def image_url(dataset_key: str, image_id: str, version: str) -> str:
    """Address of one image at full size, relative to every page."""
    return f"image/{dataset_key}/{image_id}/{version}"


def about_url(dataset_key: str, image_id: str) -> str:
    """Address of all that is known of one image, relative to every page."""
    return f"about/{dataset_key}/{image_id}"


def points_url(dataset_key: str, version: str) -> str:
    """Address of the points of a map; the version changes with them."""
    return f"points/{dataset_key}/{version}"


def pointed_url(dataset_key: str) -> str:
    """Address of the image of a row, to which `/` and the row are added."""
    return f"pointed/{dataset_key}"


def _nothing(_dataset: str, _asked: str) -> None:
    return None


@dataclass(frozen=True, slots=True)
class Facts:
    """What is told beside pictures, each by dataset key and what is asked for, None where that is unknown: all of an
    image by its id, the points of a map by its version, an image by its row. Called from worker threads."""

    about: Describe = _nothing
    points: Callable[[str, str], bytes | None] = _nothing
    pointed: Describe = _nothing


def routes(resolve: Resolve, facts: Facts = Facts(), base: str = "") -> list[Route]:
    """The routes, to be handed to `st.App(routes=...)`; `base` is the path below which the app lies."""
    own_process()  # the server's
    desk = _Desk(resolve)
    turns: list[anyio.CapacityLimiter] = []

    async def told(tell: Callable[[str, str], Any], request: Request) -> Response:
        dataset, asked = request.path_params["dataset"], request.path_params["id"]
        if not (_ID.fullmatch(dataset) and _ID.fullmatch(asked)):
            return _refuse("No such image.", 404)
        if not turns:  # made here because limiters belong to the running event loop
            turns.append(anyio.CapacityLimiter(DESCRIBED))
        try:
            found = await anyio.to_thread.run_sync(tell, dataset, asked, limiter=turns[0])
        except DedupError as error:
            return _refuse(str(error), 422)
        if found is None:
            return _refuse("No such image.", 404)
        if isinstance(found, bytes):
            return Response(found, media_type="application/octet-stream", headers=_GUARDS | _FORGET)
        return JSONResponse(found, headers=_GUARDS | _FORGET)

    return [
        Route(base + "/about/{dataset}/{id}", partial(told, facts.about)),
        Route(base + "/points/{dataset}/{id}", partial(told, facts.points)),
        Route(base + "/pointed/{dataset}/{id}", partial(told, facts.pointed)),
        Route(base + "/thumb/{dataset}/{id}/{version}.jpg", partial(desk.answer, _thumbnail)),
        Route(base + "/image/{dataset}/{id}/{version}", partial(desk.answer, _full)),
    ]


Show = Callable[[ServedImage], Response]


class _Desk:
    """Takes requests in turn: a few at a time, large pictures one at a time, none for longer than a while."""

    def __init__(self, resolve: Resolve) -> None:
        self._resolve = resolve
        self._turns: anyio.CapacityLimiter | None = None
        self._hung: Counter[str] = Counter()

    async def answer(self, show: Show, request: Request) -> Response:
        """One picture, or why there is none."""
        if self._turns is None:  # made here because limiters belong to the running event loop
            self._turns, self._large = anyio.CapacityLimiter(WORKERS), anyio.CapacityLimiter(1)
            self._threads = anyio.CapacityLimiter(math.inf)  # turns are counted before: a thread may be left behind
        asked = dict(request.path_params)
        if self._hung[asked["dataset"]] >= MOST_HUNG:
            return _refuse("The disk of this dataset does not answer.", 504)
        async with self._turns:
            image = await self._patiently(asked, lambda: _resolved(self._resolve, asked["dataset"], asked["id"]))
        if isinstance(image, Response):
            return image
        if image is None:
            return _refuse("No such image.", 404)
        async with self._large if image.pixels > LARGE_PIXELS else AsyncExitStack(), self._turns:
            return await self._patiently(asked, partial(_answer, show, image, asked["version"]))

    async def _patiently(self, asked: Mapping[str, str], work: Callable[[], Answer]) -> Answer | Response:
        """What `work` returns, in a thread that is left behind when it takes too long."""
        lock, ends = threading.Lock(), []

        def end(who: str) -> None:
            """Of the thread and the request the one that ends first decides whether the picture hangs."""
            with lock:
                ends.append(who)
                if ends[0] == "request":
                    self._hung[asked["dataset"]] += 1 if who == "request" else -1

        def counted() -> Answer:
            try:
                return work()
            finally:
                end("thread")

        with anyio.move_on_after(PATIENCE_SECONDS):
            return await anyio.to_thread.run_sync(counted, limiter=self._threads, abandon_on_cancel=True)
        end("request")
        return _refuse("The disk takes too long to answer.", 504)


def _answer(show: Show, image: ServedImage, version: str) -> Response:
    try:
        response = show(image)
    except DedupError as error:
        return _refuse(f"Cannot be shown: {error}", 422)
    except OSError as error:
        return _refuse(f"Cannot be shown: {error.strerror}", 404)
    response.headers.update(_GUARDS | (_KEEP if version == image.version else _FORGET))
    return response


def _resolved(resolve: Resolve, dataset: str, image_id: str) -> ServedImage | Response | None:
    if not (_ID.fullmatch(dataset) and _ID.fullmatch(image_id)):
        return None
    try:
        return resolve(dataset, image_id)
    except DedupError as error:  # forgotten by another program while it is open here
        return _refuse(f"Cannot be shown: {error}", 422)


def _thumbnail(image: ServedImage) -> Response:
    path = thumbnails.thumbnail(at_hand(image.where), image.thumbnails, image.version, max_pixels=image.max_pixels)
    return Response(path.read_bytes(), media_type="image/jpeg")


def _full(image: ServedImage) -> Response:
    with at_hand(image.where) as file:
        media_type = thumbnails.media_type(file)
        if media_type is None:
            picture = thumbnails.convert(file, max_pixels=min(image.max_pixels, WHOLE_PIXELS))
            return Response(picture, media_type="image/png")
        with open_regular(file) as stream:
            status = os.fstat(stream.fileno())
            if status.st_size <= SENT_BYTES or isinstance(image.where, Stored):  # the file at hand is gone soon
                return Response(stream.read(), media_type=media_type)
        return FileResponse(file, media_type=media_type, stat_result=status)


def _refuse(reason: str, status: int) -> Response:
    return PlainTextResponse(reason, status, headers=_GUARDS | _FORGET)
