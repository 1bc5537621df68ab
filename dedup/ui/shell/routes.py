"""Images by HTTP, beside the app: `/thumb/{dataset}/{id}/{version}.jpg` and `/image/{dataset}/{id}/{version}`.

Addresses hold ids, never paths; what an id means is asked from a resolver. Work happens in a few threads of its own,
so that neither the event loop nor the app's scripts wait. The version in an address changes with the file's content,
which lets the browser keep the answer for ever; under an outdated version it gets today's picture and keeps nothing.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import anyio
import anyio.to_thread
from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, Response
from starlette.routing import Route

from dedup.errors import DedupError
from dedup.images import thumbnails
from dedup.images.decode import own_process

WORKERS = 3
"""Images decoded at the same time. More would take the cores from the scripts that draw the page."""

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
    """A file that may be shown. `version` (hex) changes with its content; `thumbnails` is the cache folder."""

    path: Path
    version: str
    thumbnails: Path

    def __post_init__(self) -> None:
        if not _ID.fullmatch(self.version):
            raise ValueError(f"a version is hexadecimal, not {self.version!r}")


Resolve = Callable[[str, str], ServedImage | None]
"""Dataset key and image id to the file, None when either is unknown. Called from worker threads."""


def thumbnail_url(dataset_key: str, image_id: str, version: str) -> str:
    """Address of the thumbnail of one image."""
    return f"/thumb/{dataset_key}/{image_id}/{version}.jpg"


def image_url(dataset_key: str, image_id: str, version: str) -> str:
    """Address of one image at full size."""
    return f"/image/{dataset_key}/{image_id}/{version}"


def routes(resolve: Resolve) -> list[Route]:
    """The two routes, to be handed to `st.App(routes=...)`."""
    own_process()  # the server's
    limiters: list[anyio.CapacityLimiter] = []

    def answer_with(show: Callable[[ServedImage], Response]) -> Callable[[Request], Awaitable[Response]]:
        async def answer(request: Request) -> Response:
            if not limiters:  # made here because a limiter belongs to the running event loop
                limiters.append(anyio.CapacityLimiter(WORKERS))
            return await anyio.to_thread.run_sync(
                _answer, resolve, show, dict(request.path_params), limiter=limiters[0]
            )

        return answer

    return [
        Route("/thumb/{dataset}/{id}/{version}.jpg", answer_with(_thumbnail)),
        Route("/image/{dataset}/{id}/{version}", answer_with(_full)),
    ]


def _answer(resolve: Resolve, show: Callable[[ServedImage], Response], asked: dict[str, str]) -> Response:
    image = _resolved(resolve, asked["dataset"], asked["id"])
    if image is None:
        return _refuse("No such image.", 404)
    try:
        response = show(image)
    except DedupError as error:
        return _refuse(f"Cannot be shown: {error}", 422)
    except OSError as error:
        return _refuse(f"Cannot be shown: {error.strerror}", 404)
    response.headers.update(_GUARDS | (_KEEP if asked["version"] == image.version else _FORGET))
    return response


def _resolved(resolve: Resolve, dataset: str, image_id: str) -> ServedImage | None:
    return resolve(dataset, image_id) if _ID.fullmatch(dataset) and _ID.fullmatch(image_id) else None


def _thumbnail(image: ServedImage) -> Response:
    path = thumbnails.thumbnail(image.path, image.thumbnails, image.version)
    return Response(path.read_bytes(), media_type="image/jpeg")


def _full(image: ServedImage) -> Response:
    media_type = thumbnails.media_type(image.path)
    if media_type is None:
        return Response(thumbnails.convert(image.path), media_type="image/png")
    return FileResponse(image.path, media_type=media_type, stat_result=image.path.stat())


def _refuse(reason: str, status: int) -> Response:
    return PlainTextResponse(reason, status, headers=_GUARDS | _FORGET)
