"""Plant small faults in the core, one after the other, and count those that its tests notice.

    python -m benchmarks.mutation [MODULE ...] [--most 60]

Runs cosmic-ray (fetched for the moment) on a copy of the project. Of each module at most `--most` faults are planted,
drawn with a fixed seed; each is tried with the tests named here, which are to notice it. Prints a table and the
places of the faults that nobody noticed.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parent.parent
CORE = {
    "dedup/groups/stars.py": ["tests/groups/test_stars.py", "tests/groups/test_scores.py"],
    "dedup/groups/singularity.py": ["tests/groups/test_scores.py"],
    "dedup/groups/fates.py": ["tests/groups/test_fates.py", "tests/review/test_acts.py"],
    "dedup/query/where.py": ["tests/query/test_where.py"],
    "dedup/query/selection.py": ["tests/query"],
    "dedup/query/ordering.py": ["tests/query/test_ordering.py"],
    "dedup/matching/relations.py": ["tests/matching/test_relations.py"],
    "dedup/removal/planning.py": [
        "tests/removal/test_company.py",
        "tests/removal/test_places.py",
        "tests/cli/test_removing.py",
    ],
    "dedup/splits/leaks.py": ["tests/splits/test_leaks.py"],
    "dedup/labels/turn.py": ["tests/labels/test_turned.py"],
    "dedup/launch.py": ["tests/ui/test_door.py"],
    "dedup/ui/shell/door.py": ["tests/ui/test_door.py"],
    "dedup/ui/shell/guard.py": ["tests/ui/test_door.py"],
}
"""The modules that decide what people lose or leak, with the tests that are to guard each."""
SLOWER = 6.0
"""A faulty program may take so many times as long as the sound one before it is taken for noticed."""
SEED = 1


def main() -> int:
    """Plant, test, and tell."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("modules", nargs="*", default=list(CORE), metavar="MODULE")
    parser.add_argument("--most", type=int, default=60)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        tools, copy = Path(folder) / "tools", Path(folder) / "copy"
        fetch = [sys.executable, "-m", "pip", "install", "--quiet", "--target", str(tools), "cosmic-ray"]
        if subprocess.run(fetch, check=False, capture_output=True).returncode:
            print("cosmic-ray cannot be fetched here; run this where packages can be had.")
            return 2
        ignored = shutil.ignore_patterns(".git", ".venv", "node_modules", "__pycache__", ".mypy_cache", ".hypothesis")
        shutil.copytree(ROOT, copy, ignore=ignored)
        print("| module | faults | noticed | |\n|---|---|---|---|")
        missed: list[str] = []
        for module in given.modules:
            planted, noticed, left = _mutate(module, copy, tools, given.most)
            missed += left
            print(f"| `{module}` | {planted} | {noticed} | {noticed / max(planted, 1):.0%} |", flush=True)
    print("\nNot noticed:", *missed, sep="\n")
    return 0


def _mutate(module: str, copy: Path, tools: Path, most: int) -> tuple[int, int, list[str]]:
    """How many faults were planted and noticed, and the places of those that were not."""
    # The tools come last: what the project itself needs is not to be found among theirs.
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(copy), str(tools)]), "PYTHONDONTWRITEBYTECODE": "1"}
    tests = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *CORE[module]]
    start = os.times().elapsed
    subprocess.run(tests, cwd=copy, env=environment, check=True, capture_output=True)
    patience = max(10.0, SLOWER * (os.times().elapsed - start))
    config = copy / "mutation.toml"
    config.write_text(
        f'[cosmic-ray]\nmodule-path = "{module}"\ntimeout = {patience:.0f}\nexcluded-modules = []\n'
        f'test-command = {json.dumps(" ".join(tests))}\n[cosmic-ray.distributor]\nname = "local"\n'
    )
    session = copy / "session.sqlite"
    session.unlink(missing_ok=True)
    ray = [sys.executable, "-m", "cosmic_ray.cli"]
    subprocess.run(
        [*ray, "init", str(config), str(session)], cwd=copy, env=environment, check=True, capture_output=True
    )
    _draw(session, most)
    subprocess.run(
        [*ray, "exec", str(config), str(session)], cwd=copy, env=environment, check=True, capture_output=True
    )
    told = subprocess.run(
        [*ray, "dump", str(session)], cwd=copy, env=environment, check=True, capture_output=True, text=True
    )
    outcomes = [json.loads(line) for line in told.stdout.splitlines()]
    planted, noticed, left = 0, 0, []
    for job, result in outcomes:
        if result is None or result.get("worker_outcome") in ("skipped", "no-test"):
            continue
        planted += 1
        if result.get("test_outcome") == "survived":
            fault = job["mutations"][0]
            left.append(f"{module}:{fault['start_pos'][0]} {fault['operator_name'].removeprefix('core/')}")
        else:
            noticed += 1
    return planted, noticed, left


def _draw(session: Path, most: int) -> None:
    """Leave `most` faults in a session, drawn with a fixed seed; none of `|`, for most are in annotations."""
    query = "select job_id, operator_name, module_path, start_pos_row, start_pos_col from mutation_specs"
    with sqlite3.connect(session) as database:
        specs = sorted(database.execute(query), key=lambda spec: (*spec[2:], spec[1]))
        real = [spec[0] for spec in specs if "BinaryOperator_BitOr_" not in spec[1]]
        kept = set(random.Random(SEED).sample(real, min(most, len(real))))
        for job in (spec[0] for spec in specs if spec[0] not in kept):
            database.execute("delete from mutation_specs where job_id = ?", (job,))
            database.execute("delete from work_items where job_id = ?", (job,))


if __name__ == "__main__":
    sys.exit(main())
