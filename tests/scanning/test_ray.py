"""A Ray cluster of several nodes, simulated on this machine: what it finds is what is found here, whatever dies."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

import dedup
from dedup.cli import main
from dedup.errors import Cancelled, EngineError
from dedup.images import examine
from dedup.matching import candidates
from dedup.matching import engine as matching
from dedup.model import Progress
from dedup.scanning import scan
from dedup.scanning.engines import Choice, engine, spread
from dedup.scanning.engines import ray as ray_engine
from tests.conftest import ROOT
from tests.packed import zipped
from tests.pictures import detailed, folder_of_photos, photo, save

ray = pytest.importorskip("ray")

HOSTILE = """
import sys
if any("default_worker" in each for each in sys.argv):  # a process in which Ray runs tasks
    from dedup.scanning.engines import local
    local.WORKER_MODULE = "tests.scanning.hostile_worker"
"""
"""Makes the readers of nodes die on files called crash."""


@pytest.fixture(scope="module")
def cluster(tmp_path_factory) -> Iterator[Any]:
    """A head and a second node, of one processor each."""
    from ray.cluster_utils import Cluster

    site = tmp_path_factory.mktemp("site")
    (site / "sitecustomize.py").write_text(HOSTILE)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", os.pathsep.join([str(site), str(ROOT)]))
        patch.setenv("RAY_TQDM_PATCH_PRINT", "0")  # it must not outlive these tests
        nodes = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
        nodes.add_node(num_cpus=1)
        yield nodes
        nodes.shutdown()


@pytest.fixture(autouse=True)
def left() -> Iterator[None]:
    """Every scan leaves the cluster, however it ends."""
    yield
    assert not ray.is_initialized()


@pytest.fixture(scope="module")
def photos(tmp_path_factory) -> Path:
    """Sixty photographs, a copy and a smaller one."""
    folder = tmp_path_factory.mktemp("made") / "photos"
    folder_of_photos(folder, 60)
    (folder / "copy.jpg").write_bytes((folder / "0003.jpg").read_bytes())
    save(photo(4).resize((64, 48)), folder / "small.png")
    return folder


@pytest.fixture(scope="module")
def here(photos, tmp_path_factory) -> dedup.Dataset:
    """What this machine finds in them."""
    dataset = dedup.scan(photos, name="here", home=tmp_path_factory.mktemp("home"))
    assert len(dataset.frame) == 62
    return dataset


def same(dataset: dedup.Dataset, here: dedup.Dataset) -> bool:
    """Whether all tables are, bit for bit."""
    equal = (dataset.signatures == here.signatures).all()
    return bool(equal and dataset.frame.equals(here.frame) and dataset.pairs.equals(here.pairs))


def on(cluster, source, **options) -> dedup.Dataset:
    return dedup.scan(source, engine="ray", ray_address=cluster.address, **options)


@pytest.fixture
def carried(monkeypatch) -> list[str]:
    """The functions that are called on the nodes, which take all work on arrays, in many small parts."""
    names: list[str] = []
    on_nodes = spread.Spread._on_nodes

    def noted(self, function, calls):
        names.append(getattr(function, "__name__", "") or function.func.__name__)
        return on_nodes(self, function, calls)

    monkeypatch.setattr(spread.Spread, "_on_nodes", noted)
    monkeypatch.setattr(spread, "WORTH", 1)
    monkeypatch.setattr(matching, "CHUNK", 16)
    return names


def test_a_cluster_finds_what_one_machine_finds(cluster, photos, here, home, carried):
    told: list[Progress] = []
    dataset = on(cluster, photos, on_progress=told.append)
    assert same(dataset, here)
    assert {"search", "sparing", "_look_at"} <= set(carried)  # candidates, the first look and the second
    reading = [each for each in told if each.stage == "reading images"]
    assert reading[-1].done == 62 and any(each.rate > 0 and each.seconds_left is not None for each in reading)
    assert not ray.is_initialized()  # it left the cluster
    assert on(cluster, photos).scan_id == dataset.scan_id


def test_shards_and_archives_on_a_cluster(cluster, photos, here, tmp_path, home):
    """One of two shards of an archive here, the other and the merge on the nodes."""
    packed, parts = zipped(photos, tmp_path / "photos.zip"), tmp_path / "parts"
    dedup.scan_shard(packed, "1/2", parts)
    dedup.scan_shard(packed, "2/2", parts, engine="ray", ray_address=cluster.address)
    merged = dedup.merge(parts, engine="ray", ray_address=cluster.address)
    assert merged.frame["sha256"].tolist() == here.frame["sha256"].tolist()
    assert (merged.signatures == here.signatures).all() and merged.pairs.equals(here.pairs)


def test_the_index_of_many_pictures_on_a_cluster(cluster, photos, here, home, carried, monkeypatch):
    """That which is banded, and looked up for each picture, when there are more than 50,000."""
    many = candidates.plan_for(100_000)
    monkeypatch.setattr(matching, "plan_for", lambda _: many)
    assert many.band and same(on(cluster, photos), dedup.scan(photos, name="banded here"))
    assert "search" in carried


def test_parts_of_pictures_on_a_cluster(cluster, tmp_path, home, carried):
    """Keypoints are taken, compared and judged by the nodes, and pairs are read."""
    pictures = [detailed(seed, (400, 300)) for seed in range(3)]
    for number, each in enumerate(pictures):
        save(each, tmp_path / f"in/{number}.png")
    save(pictures[0].crop((100, 60, 300, 210)), tmp_path / "in/cut.png")
    save(pictures[1].rotate(25), tmp_path / "in/turned.png")
    there = on(cluster, tmp_path / "in", thorough=True)
    local = dedup.scan(tmp_path / "in", name="local", thorough=True)
    assert same(there, local)
    assert sorted(there.pairs["kind"]) == ["contains", "near"]
    assert {"table", "_judge"} <= set(carried)


def test_work_on_arrays_survives_the_process_it_is_done_in(cluster, tmp_path):
    """A process that dies is another's work; work that kills every process is told in a sentence."""
    died = tmp_path / "died"

    def once(number: int) -> int:
        if number == 9 and not died.exists():
            died.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return number * number

    def fails(number: int) -> float:
        return 1 / (number - 9)

    with closing(engine(Choice("ray", address=cluster.address))) as there:
        assert list(there.executor.map(once, range(20))) == [each * each for each in range(20)] and died.exists()
        with pytest.raises(ZeroDivisionError):
            list(there.executor.map(fails, range(20)))
        with pytest.raises(EngineError, match="lost what it worked on"):
            list(there.executor.map(lambda _: os.kill(os.getpid(), signal.SIGKILL), range(20)))


def kill_when_under_way(kill) -> Any:
    """A listener that kills something once, when some files are read; what it could not, for between two batches there
    is nothing to kill, it tries again."""
    done = []

    def listen(progress: Progress) -> None:
        if progress.stage == "reading images" and 0 < progress.done < progress.total and not done:
            done.extend(filter(None, [kill()]))

    listen.done = done  # type: ignore[attr-defined]
    return listen


def readers() -> list[int]:
    """Processes in which Ray reads batches."""
    listed = subprocess.run(["pgrep", "-f", "ray::_read"], capture_output=True, text=True, check=False).stdout.split()
    return [int(each) for each in listed if int(each) != os.getpid()]


def test_a_killed_worker_costs_nothing(cluster, photos, here, home, monkeypatch):
    monkeypatch.setattr(scan, "PROGRESS_SECONDS", 0.0)
    listen = kill_when_under_way(lambda: [os.kill(each, signal.SIGKILL) for each in readers()])
    assert same(on(cluster, photos, on_progress=listen), here) and listen.done and listen.done[0]


def test_a_killed_node_costs_nothing(cluster, photos, here, home, monkeypatch):
    monkeypatch.setattr(scan, "PROGRESS_SECONDS", 0.0)
    cluster.add_node(num_cpus=1)
    cluster.wait_for_nodes()

    def kill() -> bool:
        own = ray.get_runtime_context().get_node_id()  # without which the driver is gone, too
        node = next(each for each in cluster.worker_nodes if each.unique_id != own and each.node_id != own)
        cluster.remove_node(node, allow_graceful=False)
        return True

    listen = kill_when_under_way(kill)
    assert same(on(cluster, photos, on_progress=listen), here) and listen.done


def test_a_file_that_crashes_its_reader_is_one_failure(cluster, photos, tmp_path, home):
    folder = tmp_path / "in"
    folder_of_photos(folder, 20)
    save(photo(90), folder / "crash.jpg")
    frame = on(cluster, folder).frame.set_index("path")
    assert frame["error"]["crash.jpg"] == "crashed the decoder"
    assert frame["status"].eq("ok").sum() == 20


def test_a_stopped_scan_goes_on_where_it_was(cluster, photos, here, home, asked, monkeypatch):
    monkeypatch.setattr(scan, "PROGRESS_SECONDS", 0.0)
    monkeypatch.setattr(scan, "PART_FILES", 4)

    def stop(progress: Progress) -> None:
        if progress.stage == "reading images" and progress.done >= 16:
            raise Cancelled("stopped")

    with pytest.raises(Cancelled):
        on(cluster, photos, on_progress=stop)
    asked.clear()
    assert same(dedup.scan(photos), here) and 0 < len(asked["examine"]) <= 46


def test_the_command_line_on_a_cluster(cluster, photos, home, capsys):
    command = ["scan", str(photos), "--engine", "ray", "--ray-address"]
    assert main([*command, cluster.address]) == 0
    assert "62 images, 1 exact duplicate" in capsys.readouterr().out
    assert main([*command, "127.0.0.1:1", "--name", "other"]) == 1
    assert "Nothing answers at 127.0.0.1:1." in capsys.readouterr().err


def test_what_a_node_lacks_is_told_before_anything_is_read(cluster, home, monkeypatch):
    with closing(engine(Choice("ray", address=cluster.address))) as chosen:
        chosen.require("")
        chosen.require(str(ROOT))
        with pytest.raises(EngineError, match=r"does not see /nowhere\. Share it"):
            chosen.require("/nowhere")
        monkeypatch.setitem(examine.VERSIONS, "metrics", "another")
        with pytest.raises(EngineError, match="has another version of dedup-images"):
            chosen.require("")


def test_a_node_that_is_lost_while_it_is_asked_is_passed_over(cluster, monkeypatch):
    """Ray lists it among the living for some seconds yet."""
    look = ray_engine._look

    def slowly(folder: str) -> tuple[dict[str, str], bool]:
        time.sleep(3)
        return look(folder)

    victim = cluster.add_node(num_cpus=1)
    cluster.wait_for_nodes()
    monkeypatch.setattr(ray_engine, "_look", slowly)
    with closing(engine(Choice("ray", address=cluster.address))) as chosen:
        own = ray.get_runtime_context().get_node_id()  # without which the driver is gone, too
        assert own != victim.node_id
        here = [node for node in chosen._nodes() if node["NodeID"] == own]
        lost = [node for node in chosen._nodes() if node["NodeID"] == victim.node_id]
        monkeypatch.setattr(chosen, "_nodes", lambda: [*lost, *here])
        killer = threading.Timer(1, lambda: cluster.remove_node(victim, allow_graceful=False))
        killer.start()
        chosen.require("")
        killer.join()
        assert lost and here


def test_what_is_not_there_is_one_sentence(monkeypatch):
    with pytest.raises(EngineError, match="There is no Ray cluster at nonsense"):
        engine(Choice("ray", address="nonsense"))
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(EngineError, match=r"pip install 'dedup-images\[ray\]'"):
        engine(Choice("ray"))


def test_print_stays_what_it_is_after_work_on_a_cluster():
    """Ray's own stands in its place otherwise, and numba compiles nothing more that prints, such as the map's index."""
    code = (
        "import builtins, sys; before = print\n"
        "from contextlib import closing\n"
        "from dedup.errors import EngineError\n"
        "from dedup.scanning.engines import Choice, engine\n"
        "from contextlib import suppress\n"
        "with suppress(EngineError), closing(engine(Choice('ray', address='127.0.0.1:1'))) as chosen:\n"
        "    chosen.require('')\n"
        "from ray.experimental import tqdm_ray; tqdm_ray.instance()\n"
        "sys.exit(builtins.print is not before)\n"
    )
    unset = {name: value for name, value in os.environ.items() if name != "RAY_TQDM_PATCH_PRINT"}
    assert subprocess.run([sys.executable, "-c", code], timeout=120, env=unset).returncode == 0
