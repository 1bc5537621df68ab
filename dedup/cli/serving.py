"""app: the browser app, without needing to know where it is installed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer

import dedup
from dedup.cli.common import Home, progress
from dedup.errors import UsageError

APP = Path(__file__).resolve().parents[2] / "app.py"


def app(
    port: Annotated[int, typer.Option("--port", min=1, max=65535, help="Port on this machine.")] = 8501,
    with_sample: Annotated[bool, typer.Option("--sample", help="Make and scan the sample images first.")] = False,
    home: Home = None,
) -> int:
    """Open the app in the browser (the same as `streamlit run app.py`)."""
    if not APP.is_file():
        raise UsageError("The app is not beside this package. Run `streamlit run app.py` in the project's folder.")
    if with_sample:
        _make_sample(home)
    environment = os.environ | ({"DEDUP_HOME": str(home.expanduser().absolute())} if home else {})
    command = [sys.executable, "-m", "streamlit", "run", APP.name, f"--server.port={port}"]
    return subprocess.call(command, cwd=APP.parent, env=environment)


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
        dedup.scan(folder, name=sample.DATASET_NAME, home=home, on_progress=on_progress)
