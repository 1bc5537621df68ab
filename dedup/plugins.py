"""What other installed packages add to dedup, by entry points: see docs/plugins.md.

A plug-in that cannot be used is left out and told, with its package and why; everything else works as without it.
"""

from __future__ import annotations

import keyword
import sys
from collections.abc import Collection
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Protocol, TypeVar

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

EXPORTS, LABELS, METRICS, KEEPER_RULES = (
    f"dedup.{kind}" for kind in ("exports", "label_formats", "metrics", "keeper_rules")
)
GROUPS = (EXPORTS, LABELS, METRICS, KEEPER_RULES)
"""The groups of entry points that are looked for."""


class Named(Protocol):
    """What every plug-in has."""

    @property
    def name(self) -> str:
        """One word of letters, digits and underscores, by which it is asked for."""


Kind = TypeVar("Kind", bound=Named)


@dataclass(frozen=True, slots=True)
class Plugin:
    """An entry point in use: its group, its name, and the package (with version) that brings it."""

    group: str
    name: str
    package: str


_USED: dict[tuple[str, str], Plugin] = {}
_PROBLEMS: dict[tuple[str, str], str] = {}


def added(group: str, kind: type[Kind], taken: Collection[str]) -> tuple[Kind, ...]:
    """The plug-ins of a group, in order of their names; `taken` are names that they cannot have."""
    found: dict[str, Kind] = {}
    for point in sorted(_points(group), key=lambda each: (each.name, each.value)):
        place = group, point.value
        if _half_loaded(point.module):
            _PROBLEMS[place] = f"{_said(point)} is in a module with another kind: give each a module of its own."
            continue
        try:
            made = point.load()
        except (Exception, SystemExit) as error:  # another's code: whatever it does, ours goes on
            _PROBLEMS[place] = f"{_said(point)} cannot be loaded: {type(error).__name__}: {error}"
            continue
        if not isinstance(made, kind):
            _PROBLEMS[place] = f"{_said(point)} is no {kind.__module__}.{kind.__qualname__}."
        elif not _is_name(made.name):
            _PROBLEMS[place] = f"{_said(point)} is called {made.name!r}; names are words of letters, digits and _."
        elif made.name in found or made.name in taken:
            _PROBLEMS[place] = f"{_said(point)} is called {made.name!r}, as another is."
        else:
            found[made.name] = made
            _USED[group, made.name] = Plugin(group, made.name, _package(point))
    return tuple(found.values())


def used() -> list[Plugin]:
    """The plug-ins in use, of the groups that were asked for so far."""
    return sorted(_USED.values(), key=lambda each: (each.group, each.name))


def problems() -> list[str]:
    """A sentence for each plug-in that is left out, of the groups that were asked for so far."""
    return [_PROBLEMS[place] for place in sorted(_PROBLEMS)]


def versions(group: str) -> str:
    """Names and packages of what is used of a group: changes when what they give out may."""
    return ",".join(f"{each.name}={each.package}" for each in used() if each.group == group)


def failed(group: str, name: str, error: BaseException) -> None:
    """Remember that a plug-in failed at its work."""
    package = _USED[group, name].package
    _PROBLEMS[group, name] = f"The plug-in {name!r} of {package} failed: {type(error).__name__}: {error}"


def _is_name(name: object) -> bool:
    """Whether what is called so can be asked for in an expression."""
    plain = isinstance(name, str) and name.isascii() and name.isidentifier()
    return plain and not keyword.iskeyword(str(name)) and str(name) not in ("true", "false")


def _half_loaded(module: str) -> bool:
    """Whether a module is being loaded: it loads what we give to plug-ins of another kind, which brought us here."""
    return bool(getattr(getattr(sys.modules.get(module), "__spec__", None), "_initializing", False))


def _said(point: EntryPoint) -> str:
    return f"The plug-in {point.name!r} of {_package(point)}"


def _package(point: EntryPoint) -> str:
    return f"{point.dist.name} {point.dist.version}" if point.dist else "an unknown package"


def _points(group: str) -> list[EntryPoint]:
    return [point for point in _every() if point.group == group]


@cache
def _every() -> list[EntryPoint]:
    """Those of all groups: they are looked for in every installed package, once."""
    from importlib.metadata import entry_points  # a fiftieth of a second, which `--help` needs not wait for

    every = entry_points()
    return [point for group in GROUPS for point in every.select(group=group)]
