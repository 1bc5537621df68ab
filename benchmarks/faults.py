"""Kill, fill up, swap and race the acts that move files or write decisions, and count what was lost.

    python -m benchmarks.faults 500 --seed 1

Each round makes a folder of small pictures with copies, starts one act over and over in a process of its own, kills it
at a random moment (or lets it fail: a full disk, a folder swapped for a link, two writers at once), and looks: is every
picture there, in its place or in a quarantine, byte for byte; is every decision that was acknowledged there; can the
dataset be opened, and does `restore` bring all back; is nothing left over after the next act. Exits with 1 on a loss.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from PIL import Image

import dedup
from dedup import removal
from dedup.errors import DedupError

NAME = "set"
ALIVE_SECONDS = (0.0, 0.25)
"""How long an act runs before it is killed: its steps take milliseconds, and it is repeated until then."""
PICTURES = 6
LOOKING_SECONDS = 5.0
"""Longer than any act lives: the thread that looks ends with its process."""


@dataclass
class World:
    """The folder and home of one round, and what must not be lost: contents, and decisions that were acknowledged."""

    place: Path
    home: Path
    rng: random.Random
    contents: Counter[str] = field(default_factory=Counter)
    acknowledged: list[str] = field(default_factory=list)

    @property
    def root(self) -> Path:
        """The pictures."""
        return self.place / "photos"

    def dataset(self) -> dedup.Dataset:
        """The dataset, whatever it is called by now."""
        for _ in range(50):
            for info in dedup.datasets(self.home):
                with suppress(DedupError):
                    return dedup.open(info.name, home=self.home)
            time.sleep(0.01)
        raise DedupError("there is no dataset any more")


def make(place: Path, seed: int) -> World:
    """A scanned folder in which every picture is there three times: twice as it is and once as a hard link."""
    world = World(place, place / "home", random.Random(seed))
    for number in range(PICTURES):
        noise = np.random.default_rng(number).integers(0, 256, (6, 8, 3), dtype=np.uint8)
        file = world.root / "a" / f"{number}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(noise).resize((64, 48), Image.Resampling.BICUBIC).save(file)
        for folder in ("b", "c"):
            (world.root / folder).mkdir(exist_ok=True)
        shutil.copy2(file, world.root / "b" / file.name)
        os.link(file, world.root / "c" / file.name)
        (world.root / "b" / f"{number}.txt").write_text(f"caption {number}")
    world.contents = held(world.root)
    dedup.scan(world.root, name=NAME, home=world.home, workers=1)
    return world


def held(*folders: Path) -> Counter[str]:
    """How often each content lies below folders, half-made files left out."""
    files = (path for folder in folders for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
    return Counter(hashlib.sha256(path.read_bytes()).hexdigest() for path in files if path.suffix in {".png", ".txt"})


# --- the acts ---------------------------------------------------------------------------------------------------------


def removing(world: World, _tell: Callable[[str], None]) -> None:
    """Remove the copies and bring them back."""
    dataset = world.dataset()
    removal.apply(dataset, removal.plan(dataset))
    removal.restore(dataset)


def linking(world: World, _tell: Callable[[str], None]) -> None:
    """Make copies links to their keepers and files of their own again, moved in between."""
    dataset = world.dataset()
    for how in ("hardlink", "quarantine"):
        removal.apply(dataset, removal.plan(dataset), how=how)
        removal.restore(dataset)


def scanning(world: World, _tell: Callable[[str], None]) -> None:
    """Scan again, with other files each time."""
    extra = world.root / f"extra {os.getpid() % 3}.png"
    noise = np.random.default_rng().integers(0, 256, (48, 64, 3), dtype=np.uint8)
    Image.fromarray(noise).save(extra)
    dedup.scan(world.root, home=world.home, workers=1)
    extra.unlink()


def tagging(world: World, tell: Callable[[str], None]) -> None:
    """Give tags, and say so once each is given."""
    dataset = world.dataset()
    for number in range(50):
        name = f"tag {os.getpid()} {number}"
        dataset.tag([number % 5], name)
        tell(name)


def serving(world: World, tell: Callable[[str], None]) -> None:
    """Give tags in one thread while another looks at them all the time, as the app does."""
    looking = threading.Thread(target=_looking, args=(world.dataset(),), daemon=True)
    looking.start()
    while looking.is_alive():
        tagging(world, tell)


def _looking(dataset: dedup.Dataset) -> None:
    end = time.monotonic() + LOOKING_SECONDS
    while time.monotonic() < end:
        dataset.decisions.revisions()


def reading(world: World, _tell: Callable[[str], None]) -> None:
    """Look at the decisions, as any command does, and let go of them."""
    world.dataset().decisions.revisions()


def renaming(world: World, _tell: Callable[[str], None]) -> None:
    """Give the dataset another name."""
    name = world.dataset().name
    dedup.rename(name, "other" if name == NAME else NAME, home=world.home)


def exporting(world: World, _tell: Callable[[str], None]) -> None:
    """Write a folder of files, the same again until it is whole."""
    output = world.place / "exported"
    world.dataset().export("folder", output)
    shutil.rmtree(output)


ACTS = {
    "remove": removing,
    "link": linking,
    "scan": scanning,
    "tag": tagging,
    "serve": serving,
    "read": reading,
    "rename": renaming,
    "export": exporting,
}


def start(world: World, act: Callable[[World, Callable[[str], None]], None]) -> tuple[int, int]:
    """Repeat an act in a process of its own; its number, and where it tells what it acknowledges."""
    reader, writer = os.pipe()
    child = os.fork()
    if child:
        os.close(writer)
        return child, reader
    os.setsid()
    os.close(reader)
    devnull = os.open(os.devnull, os.O_WRONLY)
    os.dup2(devnull, 1)
    os.dup2(devnull, 2)
    while True:
        with suppress(Exception):
            act(world, lambda text: os.write(writer, f"{text}\n".encode()) and None)


def killed(world: World, names: list[str]) -> None:
    """Run acts side by side for a moment, then kill them."""
    running = [start(world, ACTS[name]) for name in names]
    time.sleep(world.rng.uniform(*ALIVE_SECONDS))
    for child, _ in running:
        with suppress(ProcessLookupError):
            os.killpg(child, signal.SIGKILL)
        with suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    for _, reader in running:
        with os.fdopen(reader, "rb") as stream:
            world.acknowledged += [line.decode() for line in stream.read().split(b"\n")[:-1]]


def swapped(world: World) -> None:
    """Swap a folder for a link to another and back, all the time, while copies are removed and brought back."""
    elsewhere = world.place / "elsewhere"
    elsewhere.mkdir(exist_ok=True)
    child, reader = start(world, removing)
    end = time.monotonic() + world.rng.uniform(*ALIVE_SECONDS)
    while time.monotonic() < end:
        with suppress(OSError):
            (world.root / "b").rename(world.place / "aside")
            (world.root / "b").symlink_to(elsewhere)
            (world.root / "b").unlink()
            (world.place / "aside").rename(world.root / "b")
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    os.close(reader)
    if not (world.root / "b").exists() and (world.place / "aside").exists():
        (world.place / "aside").rename(world.root / "b")
    if any(elsewhere.rglob("*")):
        raise AssertionError("something was written through a link")


def worker_killed(world: World) -> None:
    """Kill a worker of a scan at any moment, starting, in a file or between two: the scan must not show it."""
    for path in world.root.rglob("*.png"):
        os.utime(path, ns=(world.rng.randrange(1 << 60),) * 2)  # so that every file is read again
    with subprocess.Popen(
        [sys.executable, "-m", "dedup", "scan", os.fspath(world.root), "--workers", "1"],
        env={**os.environ, "DEDUP_HOME": os.fspath(world.home)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as scan:
        threads = Path(f"/proc/{scan.pid}/task")
        workers: list[str] = []
        while scan.poll() is None and not workers:
            with suppress(OSError):
                workers = [child for thread in threads.iterdir() for child in (thread / "children").read_text().split()]
        time.sleep(world.rng.uniform(*ALIVE_SECONDS) * 8)  # a worker has to start, too
        for worker in workers:
            with suppress(ProcessLookupError):
                os.kill(int(worker), signal.SIGKILL)
    if scan.returncode or (world.dataset().frame["status"] == "failed").any():
        raise AssertionError("a killed worker ended the scan or cost a file")


class ImpossibleError(Exception):
    """A scene that cannot be played on this machine, and why."""


def filled(world: World) -> None:
    """Fill up the disk that the home lies on and act."""
    with tempfile.TemporaryDirectory() as folder:
        disk = Path(folder)
        if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", folder], check=False).returncode:
            raise ImpossibleError("no disk may be mounted")
        try:
            shutil.copytree(world.home, disk / "home")
            full = replace(world, home=disk / "home")
            with suppress(DedupError):
                removal.apply(full.dataset(), removal.plan(full.dataset()))
            ballast = disk / "ballast"
            with suppress(OSError), ballast.open("wb", buffering=0) as stream:
                while stream.write(b"x" * 4096):
                    pass
            with suppress(DedupError):
                full.dataset().tag([0], "on a full disk")
            removal.restore(full.dataset())
        finally:
            subprocess.run(["umount", "--lazy", folder], check=True)


def losses(world: World) -> list[str]:
    """What is not as it must be after a round."""
    found = []
    try:
        dataset = world.dataset()
        quarantine = dataset.directory / "quarantine"
        if missing := world.contents - held(world.root, quarantine):
            found.append(f"{missing.total()} files are nowhere")
        removal.restore(dataset)
        if missing := world.contents - held(world.root):
            found.append(f"{missing.total()} files did not come back")
        if problems := removal.verify(dataset).problems:
            found.append(f"verify: {problems[0]}")
        tags = set(dataset.decisions.tags())
        if gone := [name for name in world.acknowledged if name not in tags]:
            found.append(f"{len(gone)} acknowledged decisions are gone")
        again = dedup.scan(world.root, home=world.home, workers=1)
        if len(again.frame) != sum(1 for path in world.root.rglob("*.png")):
            found.append("the scan that follows misses files")
        with suppress(DedupError):
            removal.apply(again, removal.plan(again))
            removal.restore(again)
        own = [path.parent for path in world.home.rglob("*") if path.name.startswith(".dedup-")]
        mine = list(world.root.rglob(".dedup-*"))
        if own or mine:
            found.append(f"{len(own) + len(mine)} half-made files are left over")
        if len(dedup.datasets(world.home)) != 1:
            found.append(f"{len(dedup.datasets(world.home))} datasets of one folder")
    except (DedupError, OSError, AssertionError) as error:
        found.append(f"{type(error).__name__}: {error}")
    return found


SCENES: dict[str, Callable[[World], None]] = {
    **{f"kill in {name}": (lambda world, name=name: killed(world, [name])) for name in ACTS},
    "two removals": lambda world: killed(world, ["remove", "remove"]),
    "removal and renaming": lambda world: killed(world, ["remove", "rename"]),
    "removal, tags and a scan": lambda world: killed(world, ["remove", "tag", "scan"]),
    "two writers of tags": lambda world: killed(world, ["tag", "tag"]),
    "the app and a command that looks": lambda world: killed(world, ["serve", "read"]),
    "folders swapped for links": swapped,
    "a full disk": filled,
    "a worker killed": worker_killed,
}


def main() -> int:
    """Run the rounds and report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rounds", type=int)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    rng = random.Random(arguments.seed)
    rounds: Counter[str] = Counter()
    impossible: Counter[str] = Counter()
    lost = 0
    for number in range(arguments.rounds):
        name = rng.choice(list(SCENES))
        rounds[name] += 1
        with tempfile.TemporaryDirectory(prefix="dedup-faults-") as folder:
            world = make(Path(folder), rng.randrange(1 << 30))
            try:
                SCENES[name](world)
                problems = losses(world)
            except AssertionError as error:
                problems = [str(error)]
            except ImpossibleError as error:
                impossible[f"{name}: {error}"] += 1
                problems = []
        for problem in problems:
            lost += 1
            print(f"round {number}, {name}: {problem}", flush=True)
    print(f"{arguments.rounds:,} rounds, {lost:,} losses")
    for name, count in sorted(rounds.items()):
        print(f"  {name}: {count:,}")
    for name, count in sorted(impossible.items()):
        print(f"  not played, {name}: {count:,}")
    return 1 if lost else 0


if __name__ == "__main__":
    sys.exit(main())
