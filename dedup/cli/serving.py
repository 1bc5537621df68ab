"""app: the browser app, without needing to know where it is installed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer

from dedup.cli.common import Home
from dedup.errors import UsageError

APP = Path(__file__).resolve().parents[2] / "app.py"


def app(
    port: Annotated[int, typer.Option("--port", help="Port on this machine.")] = 8501,
    home: Home = None,
) -> int:
    """Open the app in the browser (the same as `streamlit run app.py`)."""
    if not APP.is_file():
        raise UsageError("The app is not beside this package. Run `streamlit run app.py` in the project's folder.")
    environment = os.environ | ({"DEDUP_HOME": str(home.expanduser().absolute())} if home else {})
    command = [sys.executable, "-m", "streamlit", "run", APP.name, f"--server.port={port}"]
    return subprocess.call(command, cwd=APP.parent, env=environment)
