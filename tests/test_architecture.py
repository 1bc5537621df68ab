"""Imports point one way, and only the app's floor knows Streamlit."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
MODULES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
    for path in sorted((ROOT / "dedup").rglob("*.py"))
}
FLOORS = (
    {"errors", "model", "words"},
    {"files", "decode", "sources", "foldernames", "metrics", "signature", "traces", "ordering"},
    {"candidates", "alignment", "nearest", "banded", "judging", "relations"},
    {
        "examine",
        "engines",
        "tables",
        "relate",
        "grouping",
        "keepers",
        "singularity",
        "annotations",
        "joining",
        "where",
        "selection",
    },
    {"storage", "decisions", "fates", "frame", "matching", "origins", "warmup", "scanning"},
    {"clashes", "resolutions", "labels", "exports", "removal"},
    {"dataset"},
)
"""From the ground up. A module may import its own floor and those below; modules not named stand above all of them."""


def floor_of(module: str) -> int:
    part = module.split(".")[1] if "." in module else ""
    return next((place for place, names in enumerate(FLOORS) if part in names), len(FLOORS))


def imports(path: Path) -> set[str]:
    """Modules imported at run time anywhere in a file; imports for type checkers alone do not count."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def ours(path: Path) -> set[str]:
    return {name for name in imports(path) if name in MODULES and name != "dedup"}


@pytest.mark.parametrize("module", MODULES)
def test_imports_point_down(module):
    above = [name for name in ours(MODULES[module]) if floor_of(name) > floor_of(module)]
    assert not above, f"{module} imports {above} from a floor above it"


def test_there_are_no_cycles():
    graph = {module: ours(path) - {module} for module, path in MODULES.items()}
    done: set[str] = set()

    def visit(module: str, trail: tuple[str, ...]) -> None:
        assert module not in trail, f"cycle: {' -> '.join((*trail, module))}"
        if module not in done:
            for name in graph[module]:
                if not module.startswith(f"{name}."):  # a package's own __init__ gathers its modules
                    visit(name, (*trail, module))
            done.add(module)

    for module in graph:
        visit(module, ())


@pytest.mark.parametrize("module", MODULES)
def test_only_the_ui_imports_streamlit(module):
    if not module.startswith("dedup.ui"):
        assert not {name for name in imports(MODULES[module]) if name.split(".")[0] == "streamlit"}


def test_nothing_below_imports_the_ui_or_the_command_line():
    for module, path in MODULES.items():
        if not module.startswith(("dedup.ui", "dedup.cli", "dedup.__main__")):
            assert not {name for name in ours(path) if name.startswith(("dedup.ui", "dedup.cli"))}, module


def test_pages_are_short_scripts():
    pages = sorted((ROOT / "pages").glob("*.py"))
    assert len(pages) >= 3
    for page in pages:
        assert len(page.read_text(encoding="utf-8").splitlines()) <= 80, page
