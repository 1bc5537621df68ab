"""Draws the packages and the way of the data from the code's own imports: `python docs/picture.py`.

A package stands above all that it imports; a line leads to what it rests on directly, lines that follow from others are
left out. The tests draw it anew and compare, so that it cannot show what is no longer true.
"""

from __future__ import annotations

import ast
import functools
import html
from collections.abc import Iterable, Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PICTURE = ROOT / "docs" / "packages.svg"
GROUND = "ground"
"""Modules that everything may use, drawn as one."""
GROUND_MODULES = {"errors", "files", "machine", "machine_code", "model", "plugins", "progress", "words"}
ENTRANCES = {"__init__", "__main__"}

WAY = (
    ("sources.listing", "list the files"),
    ("images.examine", "decode, measure, sign"),
    ("scanning.proofs", "prove exact copies"),
    ("matching.candidates", "who may be alike"),
    ("matching.verdict", "first look"),
    ("scanning.verify", "second look, on the files"),
    ("store.directory", "keep tables and pairs"),
    ("groups.frame", "groups, keepers, scores"),
    ("review.acts", "people decide"),
    ("removal.applying", "take out, reversibly"),
    ("exports.folder", "a clean dataset"),
)
"""The way of an image through the modules, and what happens to it there."""

WIDTH, HEIGHT, GAP, FLOOR = 100, 34, 44, 82
INK, QUIET, PAPER, BOX = "#1b2a34", "#8a99a3", "#ffffff", "#e9f3f8"


def draw() -> str:
    """The picture as SVG."""
    graph = reduced(packages())
    floors = floors_of(graph)
    rows = [sorted(name for name in floors if floors[name] == floor) for floor in range(max(floors.values()), -1, -1)]
    widest = max(len(row) for row in rows)
    width = max(widest * (WIDTH + GAP) + GAP, 4 * 220 + GAP)
    at = {
        name: (width / 2 + (place - (len(row) - 1) / 2) * (WIDTH + GAP), 40 + line * FLOOR)
        for line, row in enumerate(rows)
        for place, name in enumerate(row)
    }
    lines = [_line(*at[name], *at[below]) for name, under in graph.items() for below in sorted(under)]
    boxes = [_box(x, y, name) for name, (x, y) in sorted(at.items())]
    top = 40 + len(rows) * FLOOR
    way, bottom = _way(top + 30, width)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {bottom:.0f}" '
        f'font-family="system-ui, sans-serif" font-size="13">\n'
        f'<rect width="100%" height="100%" fill="{PAPER}"/>\n'
        f"{_text(GAP, 20, 'Packages: each rests on those below it', 'start')}\n"
        + "\n".join([*lines, *boxes, *way])
        + "\n</svg>\n"
    )


@functools.cache
def packages() -> dict[str, set[str]]:
    """Each package, or module that stands alone, with those it imports at run time, anywhere in its files."""
    found: dict[str, set[str]] = {}
    for path in sorted((ROOT / "dedup").rglob("*.py")):
        package = _package(path.relative_to(ROOT).with_suffix("").parts[1])
        if package in ENTRANCES:
            continue
        used = {_package(name.split(".")[1]) for name in _imports(path) if name.startswith("dedup.")}
        found.setdefault(package, set()).update(used - {package} - ENTRANCES)
    return found


def _package(name: str) -> str:
    return GROUND if name in GROUND_MODULES else name


def _imports(path: Path) -> Iterable[str]:
    tree = ast.parse(path.read_text("utf-8"))
    for checked in [
        node for node in ast.walk(tree) if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test)
    ]:
        checked.body = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module == "dedup":
            yield from (f"dedup.{alias.name}" for alias in node.names if (ROOT / "dedup" / alias.name).exists()
                        or (ROOT / "dedup" / f"{alias.name}.py").exists())  # fmt: skip
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


def reduced(graph: Mapping[str, set[str]]) -> dict[str, set[str]]:
    """The same without the arrows that follow from two others."""
    reach: dict[str, set[str]] = {}

    def below(name: str) -> set[str]:
        if name not in reach:
            reach[name] = set()
            reach[name] = graph[name].union(*(below(each) for each in graph[name]))
        return reach[name]

    return {name: {each for each in under if not any(each in below(other) for other in under if other != each)}
            for name, under in graph.items()}  # fmt: skip


def floors_of(graph: Mapping[str, set[str]]) -> dict[str, int]:
    """How many stand below each: 0 for those that rest on nothing."""
    floors: dict[str, int] = {}

    def floor(name: str) -> int:
        if name not in floors:
            floors[name] = 1 + max((floor(each) for each in graph[name]), default=-1)
        return floors[name]

    for name in graph:
        floor(name)
    return floors


def _way(top: float, width: float) -> tuple[list[str], float]:
    drawn = [_text(GAP, top, "The way of an image", "start")]
    columns, wide, high = 4, (width - GAP) / 4, 64
    for number, (module, does) in enumerate(WAY):
        if not (ROOT / "dedup" / f"{module.replace('.', '/')}.py").is_file():
            raise FileNotFoundError(f"the way leads through dedup.{module}, which is gone")
        x, y = GAP + number % columns * wide, top + 16 + number // columns * high
        drawn.append(f'<rect x="{x:.0f}" y="{y:.0f}" width="{wide - GAP:.0f}" height="48" rx="6" fill="{BOX}"/>')
        drawn.append(_text(x + 10, y + 20, f"{number + 1}. {does}", "start"))
        drawn.append(_text(x + 10, y + 38, module, "start", QUIET))
    return drawn, top + 16 + -(-len(WAY) // columns) * high


def _line(x: float, y: float, to_x: float, to_y: float) -> str:
    start, end = y + HEIGHT / 2, to_y - HEIGHT / 2
    bend = (start + end) / 2
    return (
        f'<path d="M{x:.0f} {start:.0f} C{x:.0f} {bend:.0f} {to_x:.0f} {bend:.0f} {to_x:.0f} {end:.0f}" '
        f'fill="none" stroke="{QUIET}" stroke-width="1"/>'
    )


def _box(x: float, y: float, name: str) -> str:
    left, top = x - WIDTH / 2, y - HEIGHT / 2
    rect = (
        f'<rect x="{left:.0f}" y="{top:.0f}" width="{WIDTH}" height="{HEIGHT}" rx="6" fill="{BOX}" stroke="{QUIET}"/>'
    )
    return rect + _text(x, y + 5, name, "middle")


def _text(x: float, y: float, text: str, anchor: str, ink: str = INK) -> str:
    return f'<text x="{x:.0f}" y="{y:.0f}" text-anchor="{anchor}" fill="{ink}">{html.escape(text)}</text>'


if __name__ == "__main__":
    PICTURE.write_text(draw(), "utf-8")
