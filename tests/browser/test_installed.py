"""The wheel alone, in an environment and a folder of its own: the gate installs it and names its command in
DEDUP_INSTALLED."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml

import dedup
from tests.browser.conftest import ROOT, free_port

playwright = pytest.importorskip("playwright.sync_api")
pytestmark = pytest.mark.browser
FIRST_START_SECONDS = 240
"""Making and scanning the sample, and compiling for the first time."""
TEST_TOOLS = {"pytest", "playwright", "mypy", "ruff", "hypothesis", "pandas-stubs", "pycocotools", "pytest-xdist"}


@pytest.fixture(scope="module")
def command() -> Path:
    """The installed command."""
    if not (named := os.environ.get("DEDUP_INSTALLED")):
        pytest.skip("no installed wheel is named in DEDUP_INSTALLED")
    return Path(named)


@pytest.fixture(scope="module")
def compiled(tmp_path_factory) -> Path:
    """Where the wheel keeps its compiled code: once for all tests here, whichever fills it."""
    return tmp_path_factory.mktemp("compiled")


def ran(*arguments: str | Path, folder: Path) -> str:
    """What a command says, run in a folder where nothing of ours lies."""
    done = subprocess.run(arguments, cwd=folder, env=apart(), capture_output=True, text=True, check=True)
    return done.stdout


def apart() -> dict[str, str]:
    """The environment without what leads to the project's own folder or to a home of datasets."""
    return {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "DEDUP_HOME")}


@contextmanager
def served(command: Sequence[str | Path], folder: Path, environment: Mapping[str, str]) -> Iterator[str]:
    """What an app says once it is ready, started by a command in a folder; it is ended afterwards."""
    log = folder / "log"
    with log.open("wb") as stream:
        process = subprocess.Popen(
            command, cwd=folder, env=environment, stdout=stream, stderr=stream, start_new_session=True
        )
    try:
        end = time.monotonic() + FIRST_START_SECONDS
        while "dedup is at" not in log.read_text():
            assert process.poll() is None and time.monotonic() < end, log.read_text()
            time.sleep(0.2)
        yield log.read_text()
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGTERM)
        process.wait(20)


def test_no_test_tool_comes_along_and_it_is_typed(command, tmp_path):
    python = command.with_name("python")
    said = ran(python, "-m", "pip", "list", "--format=freeze", folder=tmp_path)
    assert not {line.split("==")[0].lower() for line in said.splitlines()} & TEST_TOOLS
    where = Path(ran(python, "-c", "import dedup; print(dedup.__file__)", folder=tmp_path).strip())
    assert "site-packages" in where.parts and (where.parent / "py.typed").is_file()
    assert not (where.parents[1] / "tests").exists() and not (where.parents[1] / "pages").exists()
    assert ran(command, "--version", folder=tmp_path).strip() == f"dedup {dedup.__version__}"
    assert "dedup-images" in ran(python, "-m", "pip", "show", "dedup-images", folder=tmp_path)


def _steps(dockerfile: str) -> tuple[dict[str, str], list[str], list[str]]:
    """Environment, steps and command of the last stage of a Dockerfile."""
    lines = dockerfile.split("\nFROM ")[-1].replace("\\\n", " ").splitlines()
    words = [line.split(maxsplit=1) for line in lines[1:] if line and not line.startswith("#")]
    environment = dict(rest.split("=", 1) for name, rest in words if name == "ENV")
    command = [part for name, rest in words if name in ("ENTRYPOINT", "CMD") for part in json.loads(rest)]
    health = [rest.split("CMD ", 1)[1] for name, rest in words if name == "HEALTHCHECK"]
    return environment, [rest for name, rest in words if name == "RUN"] + health, command


def test_the_steps_of_the_image_lead_to_an_app_that_is_well(command, compiled, tmp_path):
    """What `docker build` and `docker run` would do, in the environment of the wheel; the user and pip are there."""
    dockerfile = (ROOT / "Dockerfile").read_text()
    assert "\nUSER dedup\n" in dockerfile and "VOLUME /home/dedup/data" in dockerfile

    def here(text: str) -> str:
        return (
            text.replace("/home/dedup/compiled", str(compiled))
            .replace("/home/dedup", str(tmp_path))
            .replace("8501", str(port))
        )

    port = free_port()
    environment, steps, run = _steps(dockerfile)
    variables = apart() | {name: here(value) for name, value in environment.items()}
    variables["PATH"] = f"{command.parent}:{variables['PATH']}"
    *build, health = [here(step) for step in steps if not step.startswith(("useradd", "pip install"))]
    for step in build:
        subprocess.run(["sh", "-euc", step], cwd=tmp_path, env=variables, check=True)
    assert list(compiled.rglob("*.nbc")), "nothing was compiled ahead"
    with served(run, tmp_path, variables) as said:
        subprocess.run(["sh", "-euc", health], cwd=tmp_path, env=variables, check=True)
        assert f"http://localhost:{port}/?token=" in said


def test_compose_mounts_images_read_only_and_publishes_to_this_machine_alone():
    told = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]["dedup"]
    assert told["ports"] == ["127.0.0.1:8501:8501"] and told["read_only"] and told["cap_drop"] == ["ALL"]
    assert [mount for mount in told["volumes"] if mount.endswith(":/images:ro")]
    assert "home:/home/dedup/data" in told["volumes"]


@pytest.fixture
def sample_app(command, compiled, tmp_path) -> Iterator[str]:
    """`dedup app --sample` from the wheel, in an empty folder; its address."""
    arguments = [command, "app", "--sample", "--no-browser", f"--port={free_port()}", f"--home={tmp_path / 'home'}"]
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    with served(arguments, folder, apart() | {"NUMBA_CACHE_DIR": str(compiled)}) as said:
        yield re.findall(r"http\S+", said)[0]


def test_the_sample_is_shown_with_its_pictures(sample_app, page):
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(sample_app)
    page.get_by_role("button", name="Explore", exact=True).first.click()
    first = page.locator(".card img").first
    first.wait_for()
    assert first.evaluate("image => image.decode().then(() => image.naturalWidth)") > 0
    page.get_by_role("link", name="Duplicates").click()
    page.locator(".strip-row").first.wait_for()
    ours = (sample_app, sample_app.replace("http", "ws"), "data:", "blob:")
    assert [url for url in asked if not url.startswith(ours)] == []
