"""app: the browser app, without needing to know where it is installed."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

import dedup
from dedup.cli.common import Home, progress
from dedup.launch import Launch

TOKEN_HELP = (
    "Ask for a token, or never do. Without either, one is asked for where other machines reach the app. "
    "DEDUP_TOKEN sets it, else it is made; the app prints a link that has it."
)


def app(
    port: Annotated[int | None, typer.Option("--port", min=0, max=65535, help="Port (8501 when it is free).")] = None,
    host: Annotated[
        str | None, typer.Option("--host", help="Address to listen on: 127.0.0.1 (default), or 0.0.0.0 for every one.")
    ] = None,
    base_path: Annotated[
        str | None, typer.Option("--base-path", help="The path below which a proxy shows the app and passes on.")
    ] = None,
    allow_host: Annotated[
        list[str] | None, typer.Option("--allow-host", metavar="NAME", help="Another host name to answer to; repeat.")
    ] = None,
    allow_origin: Annotated[
        list[str] | None,
        typer.Option(
            "--allow-origin",
            metavar="ORIGIN",
            help="What a page is called (https://name) behind a proxy that changes the host name; repeat.",
        ),
    ] = None,
    token: Annotated[bool | None, typer.Option("--token/--no-token", help=TOKEN_HELP)] = None,
    browser: Annotated[bool, typer.Option("--browser/--no-browser", help="Open a browser, where there is one.")] = True,
    with_sample: Annotated[bool, typer.Option("--sample", help="Make and scan the sample images first.")] = False,
    home: Home = None,
) -> int:
    """Serve the app and open it in the browser (the same as `streamlit run app.py`)."""
    launch = Launch(
        host=host,
        port=port,
        base_path=base_path,
        allow_hosts=allow_host or (),
        allow_origins=allow_origin or (),
        token=token,
        open_browser=browser,
        home=home,
    )
    launch.command()  # nothing is made where there is no app to show it
    if with_sample:
        _make_sample(home)
    return launch.run()


def _make_sample(home: Path | None) -> None:
    """The sample below the home, made where it is missing and scanned, as the app's own button does."""
    from dedup import sample  # the drawing code is of no use to the other verbs
    from dedup.scanning.warmup import warm_up_elsewhere
    from dedup.store.home import home_directory

    folder = home_directory(home) / sample.FOLDER_NAME
    warm_up_elsewhere()
    with progress() as on_progress:
        if not folder.exists():
            sample.make(folder, on_progress=on_progress)
        boxes = sample.annotation_files(folder)
        dedup.scan(folder, name=sample.DATASET_NAME, home=home, annotations=boxes, on_progress=on_progress)
