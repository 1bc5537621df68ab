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
GROUND = {"errors", "files", "machine", "machine_code", "model", "plugins", "progress", "words"}
"""Modules that every package may import."""
ORDER = {
    "launch": set(),
    "served": {"launch"},
    "images": set(),
    "sources": {"images"},
    "query": {"images"},
    "matching": {"images"},
    "store": {"images", "matching"},
    "labels": {"sources", "images", "matching", "store"},
    "scanning": {"sources", "images", "matching", "store"},
    "vectors": {"sources", "images", "store", "scanning"},
    "removal": {"sources", "images", "query", "store"},
    "groups": {"sources", "images", "query", "matching", "store", "labels"},
    "display": {"sources", "images", "groups"},
    "exports": {"sources", "images", "query", "matching", "labels", "groups"},
    "splits": {"sources", "images", "query", "store", "labels", "groups", "exports"},
    "dataset": {
        "sources",
        "images",
        "query",
        "matching",
        "store",
        "labels",
        "scanning",
        "vectors",
        "removal",
        "groups",
        "exports",
        "served",
        "display",
    },
    "catalogue": {"sources", "images", "matching", "store", "labels", "scanning", "removal", "splits", "dataset"},
    "review": {"query", "matching", "store", "labels", "removal", "groups", "exports", "dataset"},
    "checks": {"sources", "images", "query", "matching", "store", "labels", "splits", "exports"},
    "report": {"sources", "images", "query", "matching", "groups", "exports", "dataset", "splits", "review"},
    "sample": {"images"},
}
"""From the ground up: what each package, or module that stands alone, may import of ours beside the ground."""
ON_TOP = {"__init__", "__main__", "cli", "ui"}
"""How people reach it: these may import everything below, and nothing below imports them."""


_SHARED = {"shell", "browser", "parts"}
ROOMS: dict[str, set[str]] = {
    "shell": set(),
    "browser": {"shell"},
    "parts": {"shell", "browser"},
    "datasets": _SHARED,
    "clashes": _SHARED,
    "duplicates": _SHARED | {"clashes"},
    "leaks": _SHARED | {"duplicates"},
    "export": _SHARED | {"datasets"},
    "partition": _SHARED,
    "summary": _SHARED,
    "map": _SHARED,
}
"""The same within the app: a room a page above those they share."""


def package_of(module: str) -> str:
    return module.split(".")[1] if "." in module else "__init__"


def imports(path: Path) -> set[str]:
    """Modules imported at run time anywhere in a file; imports for type checkers alone do not count."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= names if names <= MODULES.keys() else names | {node.module}
    return found


def ours(path: Path) -> set[str]:
    """The modules of ours that a file names; `import dedup` is the package itself, which loads all below it."""
    return {name for name in imports(path) if name in MODULES}


def test_every_package_has_its_place():
    assert {package_of(module) for module in MODULES} == GROUND | ORDER.keys() | ON_TOP


def test_the_order_has_no_way_back():
    places = list(ORDER)
    for place, (package, below) in enumerate(ORDER.items()):
        assert below <= set(places[:place]), f"{package} may import what stands above it"


@pytest.mark.parametrize("module", MODULES)
def test_imports_point_down(module):
    package = package_of(module)
    if package in ON_TOP:
        return
    allowed = GROUND if package in GROUND else GROUND | ORDER[package] | {package}
    above = [name for name in ours(MODULES[module]) if package_of(name) not in allowed]
    assert not above, f"{module} imports {above}, which {package} may not"


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


@pytest.mark.parametrize("module", [module for module in MODULES if module.startswith("dedup.ui.")])
def test_rooms_of_the_ui_point_down(module):
    room = ".".join(module.split(".")[2:3])
    allowed = ROOMS[room] | {room}
    above = [
        name for name in ours(MODULES[module]) if name.startswith("dedup.ui.") and name.split(".")[2] not in allowed
    ]
    assert not above, f"{module} imports {above}, which {room} may not"


def test_pages_are_short_scripts():
    pages = sorted((ROOT / "pages").glob("*.py"))
    assert len(pages) >= 3
    for page in pages:
        assert len(page.read_text(encoding="utf-8").splitlines()) <= 80, page
