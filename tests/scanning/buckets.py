"""A real S3 server on loopback, with faults on request; only tests talk to it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from dedup.sources import blobs

SECRET = "not-a-secret-of-anybody"
Answer = Callable[..., Any]


class Server:
    """moto's S3 behind a layer that can refuse or delay requests. `requests` are (method, path) that were answered."""

    def __init__(self) -> None:
        from moto.server import DomainDispatcherApplication, create_backend_app
        from werkzeug.serving import make_server

        self._app = DomainDispatcherApplication(create_backend_app)
        self._server = make_server("127.0.0.1", 0, self._answer, threaded=True)
        self.url = f"http://127.0.0.1:{self._server.port}"
        self.requests: list[tuple[str, str]] = []
        self.refuse: Callable[[str], bool] = lambda path: False
        self.delay: Callable[[str], float] = lambda path: 0.0
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def _answer(self, environ: dict[str, Any], start: Answer) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        time.sleep(self.delay(path))
        if self.refuse(path):
            start("503 Slow Down", [("Content-Type", "application/xml")])
            return [b"<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>"]
        self.requests.append((environ["REQUEST_METHOD"], path))
        if not self._may(environ, path):
            start("412 Precondition Failed", [("Content-Type", "application/xml")])
            return [b"<Error><Code>PreconditionFailed</Code><Message>A precondition does not hold.</Message></Error>"]
        return self._app(environ, start)

    def _may(self, environ: dict[str, Any], path: str) -> bool:
        """The conditions of S3 that moto passes over: deleting what has an ETag, copying to where nothing is."""
        bucket, _, key = path.encode("latin-1").decode().removeprefix("/").partition("/")
        held = self._backend.buckets[bucket].keys.get(key) if bucket in self._backend.buckets else None
        if environ["REQUEST_METHOD"] == "DELETE" and (asked := environ.get("HTTP_IF_MATCH")):
            return held is not None and held.etag == asked
        copies = environ["REQUEST_METHOD"] == "PUT" and "HTTP_X_AMZ_COPY_SOURCE" in environ
        return not (copies and environ.get("HTTP_IF_NONE_MATCH") == "*" and held is not None)

    @property
    def _backend(self) -> Any:
        from moto.s3.models import s3_backends

        return s3_backends["123456789012"]["aws"]

    def put(self, key: str, content: bytes, bucket: str = "bucket") -> None:
        """An object, put there without a request."""
        if bucket not in self._backend.buckets:
            self._backend.create_bucket(bucket, "us-east-1")
        self._backend.put_object(bucket, key, content)

    def put_folder(self, folder: Path, prefix: str) -> None:
        """All files of a folder as objects."""
        for file in sorted(folder.rglob("*")):
            if file.is_file():
                self.put(prefix + file.relative_to(folder).as_posix(), file.read_bytes())

    def become_default(self, patch: pytest.MonkeyPatch) -> None:
        """What `s3://` means from now on, with credentials from the environment."""
        patch.setenv("AWS_ENDPOINT_URL", self.url)
        patch.setenv("AWS_ACCESS_KEY_ID", "somebody")
        patch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        forget_clients()

    def quiet(self) -> None:
        """No faults, no objects."""
        self.refuse, self.delay = (lambda path: False), (lambda path: 0.0)
        self._backend.reset()
        self.requests.clear()

    def close(self) -> None:
        """End the server and all that was put there."""
        self.quiet()
        self._server.shutdown()
        forget_clients()


@contextmanager
def served() -> Iterator[Server]:
    """A server that is what `s3://` means, and whose faults are waited for briefly."""
    with pytest.MonkeyPatch.context() as patch:
        server = Server()
        server.become_default(patch)
        patch.setattr(blobs, "FIRST_PAUSE", 0.01)
        yield server
        server.close()


def forget_clients() -> None:
    """Make file systems anew, with the environment as it is then."""
    import s3fs

    blobs._filesystem.cache_clear()
    s3fs.S3FileSystem.clear_instance_cache()
