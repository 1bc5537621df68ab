"""What a team says of its data beside the data: limits, paths that count for nothing, pairs that are accepted.

`dedup.toml` in the folder that is checked, or in one above, or `[tool.dedup]` of a pyproject.toml there:

    [check]
    max-exact = 0
    max-leaks = 0
    ignore = ["thumbnails/*"]
    accept = [["train/a.jpg", "test/b.jpg"]]

    [check.issues]
    dark = 10

What is said on the command line goes before. A **baseline** is what was found once: with it only what is new counts.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, fields, replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from dedup.checks.gate import CheckReport, Detail, Finding, Limits
from dedup.errors import UsageError
from dedup.files import content_of, write_chunks
from dedup.query.issues import issue

FILE, PROJECT = "dedup.toml", "pyproject.toml"
_SECTIONS = {FILE: "[check]", PROJECT: "[tool.dedup.check]"}
LIMITS = {f"max-{each.name}": each.name for each in fields(Limits) if each.name not in ("unlabelled", "issues")}


@dataclass(frozen=True)
class Settings:
    """What was found: `limits` by their names in `Limits`, path patterns to `ignore`, sets of paths to `accept`."""

    limits: Mapping[str, int] = field(default_factory=dict)
    issues: Mapping[str, int] = field(default_factory=dict)
    unlabelled: bool = False
    ignore: tuple[str, ...] = ()
    accept: tuple[frozenset[str], ...] = ()
    source: Path | None = None

    def leaves_out(self, detail: Detail) -> bool:
        """Whether something that was found counts for nothing."""
        if not detail.paths:
            return False
        return any(set(detail.paths) <= each for each in self.accept) or any(
            all(fnmatchcase(path, pattern) for path in detail.paths) for pattern in self.ignore
        )

    def of_nothing(self, paths: Collection[str]) -> list[str]:
        """What it accepts or ignores and none of the images is called."""
        accepted = sorted({name for each in self.accept for name in each} - {*paths})
        return accepted + [each for each in self.ignore if not any(fnmatchcase(path, each) for path in paths)]


def find(folder: Path) -> Settings:
    """The settings for a folder, of the nearest file in it or above. Raises `UsageError` for one that says nonsense."""
    for place in (folder, *folder.parents):
        for name in (FILE, PROJECT):
            told = _read(place / name)
            if told is not None:
                return _settings(place / name, told)
    return Settings()


def _read(file: Path) -> dict[str, Any] | None:
    """What a file says to us; None where there is none, or it says nothing."""
    try:
        held: Any = tomllib.loads(content_of(file).decode("utf-8"))
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        return None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError, RecursionError) as error:
        if file.name == PROJECT and not _speaks_of_us(file):
            return None  # another tool's matter
        reason = "it is no UTF-8 text" if isinstance(error, UnicodeDecodeError) else getattr(error, "strerror", error)
        raise UsageError(f"{file} cannot be read: {reason}.") from error
    if file.name == PROJECT:
        tool = held.get("tool")
        held = tool.get("dedup") if isinstance(tool, dict) else None
    if not isinstance(held, dict):
        return None
    if strange := sorted(held.keys() - {"check"}):
        raise UsageError(f"{file} says {strange[0]!r}, which means nothing. Settings stand in {_SECTIONS[file.name]}.")
    check = held.get("check", {} if file.name == FILE else None)
    if check is None:
        return None
    if not isinstance(check, dict):
        raise UsageError(f"{file}: {_SECTIONS[file.name]} is a table of settings.")
    return check


def _speaks_of_us(file: Path) -> bool:
    """Whether a damaged pyproject.toml holds settings of ours, which must not be lost in silence."""
    try:
        return re.search(rb"^\s*\[tool\.dedup", content_of(file), re.MULTILINE) is not None
    except OSError:
        return False


def _settings(file: Path, told: dict[str, Any]) -> Settings:
    known = {*LIMITS, "issues", "allow-unlabelled", "ignore", "accept"}
    if strange := sorted(told.keys() - known):
        raise UsageError(f"{file} says {strange[0]!r}, which means nothing. Known are: {', '.join(sorted(known))}.")
    limits = {LIMITS[key]: told[key] for key in LIMITS if key in told}
    issues = {issue(name).name: limit for name, limit in _table(file, told.get("issues", {})).items()}
    for name, limit in (limits | issues).items():
        if not isinstance(limit, int) or isinstance(limit, bool) or limit < 0:
            raise UsageError(f"{file} limits {name} by {limit!r}; a limit is a whole number from 0.")
    unlabelled = told.get("allow-unlabelled", False)
    if not isinstance(unlabelled, bool):
        raise UsageError(f"{file} says allow-unlabelled = {unlabelled!r}; it is true or false.")
    ignore, accept = told.get("ignore", []), told.get("accept", [])
    if not _are_texts(ignore) or not isinstance(accept, list) or not all(map(_are_texts, accept)):
        raise UsageError(f"{file}: ignore is a list of paths with *, accept a list of lists of paths.")
    accepted = tuple(frozenset(map(_as_listed, each)) for each in accept)
    ignored = tuple(map(_as_listed, ignore))
    return Settings(limits, issues, unlabelled, ignored, accepted, file)


def _as_listed(path: str) -> str:
    """A path as images are called, which begin with no `./`."""
    return path.replace("\\", "/").removeprefix("./")


def _table(file: Path, value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise UsageError(f"{file}: [check.issues] is a table of kinds and limits.")
    return value


def _are_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(each, str) for each in value)


def applied(report: CheckReport, settings: Settings, baseline: Mapping[str, frozenset[str]] | None) -> CheckReport:
    """A report without what is ignored, accepted, or in the baseline."""
    return CheckReport(tuple(_without(finding, settings, baseline) for finding in report.findings))


def _without(finding: Finding, settings: Settings, baseline: Mapping[str, frozenset[str]] | None) -> Finding:
    marks = (baseline or {}).get(finding.name, frozenset())
    known = _Known(marks)
    kept = tuple(each for each in finding.details if not settings.leaves_out(each) and not known.holds(each))
    untold = finding.count - len(finding.details)  # of unread labels but the first are told
    count = max(0, len(kept) + untold - _untold(marks))
    if count == finding.count:
        return finding
    remark = ", ".join(filter(None, [finding.remark, f"{finding.count - count:,} known or accepted"]))
    return replace(finding, count=count, details=kept[:count], remark=remark)


UNTOLD = "\nand more: "
"""What a baseline says of things that were counted and not told begins with; no path or sentence does."""


def _untold(marks: Collection[str]) -> int:
    """How many things a baseline counts without telling them."""
    told = (each.removeprefix(UNTOLD) for each in marks if each.startswith(UNTOLD))
    return sum(int(number) for number in told if number.isdecimal())


class _Known:
    """What one finding of a baseline was about: sets of paths, joined where they share one, so that copies of which
    some left, or another is the one that stays by now, are no new ones."""

    def __init__(self, marks: Collection[str]) -> None:
        self._marks = marks
        self._set_of: dict[str, set[str]] = {}
        for each in marks:
            joined = set(each.split("\n"))
            for path in tuple(joined):
                joined |= self._set_of.get(path, set())
            self._set_of |= dict.fromkeys(joined, joined)

    def holds(self, detail: Detail) -> bool:
        """Whether something is known, or a part of it."""
        if not detail.paths:
            return mark(detail) in self._marks
        return {*detail.paths} <= self._set_of.get(detail.paths[0], set())


def mark(detail: Detail) -> str:
    """What one thing is known by in a baseline: the paths it is about."""
    return "\n".join(sorted(detail.paths)) or detail.sentence


def _marks(finding: Finding) -> list[str]:
    """What a baseline says of a finding."""
    untold = finding.count - len(finding.details)
    return sorted(mark(each) for each in finding.details) + ([f"{UNTOLD}{untold}"] if untold else [])


def write_baseline(report: CheckReport, output: Path) -> None:
    """Write what was found, for `read_baseline`. Raises `ExportError`."""
    found = {finding.name: _marks(finding) for finding in report.findings}
    write_chunks(output, [json.dumps({"dedup baseline": 1, "found": found}, indent=1).encode()], overwrite=True)


def read_baseline(file: Path) -> dict[str, frozenset[str]]:
    """What was found then. Raises `UsageError`."""
    try:
        held = json.loads(content_of(file))
        return {str(name): frozenset(map(str, marks)) for name, marks in held["found"].items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise UsageError(f"{file} is no baseline. Write one with --write-baseline {file}.") from error
