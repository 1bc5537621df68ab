"""What a check found, in the forms that pipelines show: SARIF for code scanning, JUnit for test reports, Markdown for a
summary. Names of files are data in all of them: escaped, never interpreted.

SARIF 2.1.0: https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from html import escape
from pathlib import Path
from urllib.parse import quote
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from dedup.checks.gate import CheckReport, Detail, Finding
from dedup.checks.settings import mark
from dedup.model import SOFTWARE_VERSION
from dedup.sources.blobs import is_address
from dedup.words import plural

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
BASE = "DATASET"
"""What paths are relative to that are not below the place where the check runs."""
SHOWN = 20
"""Lines of a summary for each finding: more is what the machine's forms are for."""


@dataclass(frozen=True)
class Checked:
    """A report with what was checked: the dataset's name, its folder and how many images it has."""

    report: CheckReport
    name: str
    root: str
    images: int

    @property
    def passed(self) -> bool:
        """Whether everything is within its limit."""
        return self.report.passed


def sarif(checked: Checked) -> str:
    """One result for each thing over a limit; each names all images it is about."""
    rules = [
        {"id": _rule(each), "shortDescription": {"text": each.name}, "fullDescription": {"text": each.sentence()}}
        for each in checked.report.findings
    ]
    results = [
        _result(finding, place, detail, _ahead(checked.root))
        for place, finding in enumerate(checked.report.findings)
        if finding.exceeded
        for detail in finding.details or (Detail(finding.sentence()),)
    ]
    driver = {"name": "dedup", "version": SOFTWARE_VERSION, "rules": rules}
    base: dict[str, object] = {"description": {"text": f"The folder of {checked.name}"}}
    if uri := _uri_of(checked.root):
        base["uri"] = uri
    run = {"tool": {"driver": driver}, "originalUriBaseIds": {BASE: base}, "results": results}
    return json.dumps({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}, indent=1) + "\n"


def _rule(finding: Finding) -> str:
    return re.sub(r"[^a-z0-9]+", "-", finding.name.lower()).strip("-")


def _ahead(root: str) -> str | None:
    """What paths begin with, seen from where the check runs, as code scanning shows them: the top of a repository; None
    where the folder lies elsewhere."""
    here = Path.cwd()
    if is_address(root) or not Path(root).is_relative_to(here):
        return None
    return Path(root).relative_to(here).as_posix().removeprefix(".")


def _uri_of(root: str) -> str:
    """What paths are relative to where they are not to the top of a repository."""
    if is_address(root):
        return root if root.endswith("/") else f"{root}/"
    return f"{Path(root).as_uri()}/" if Path(root).is_absolute() else ""


def _result(finding: Finding, place: int, detail: Detail, ahead: str | None) -> dict[str, object]:
    """What has no image is of the folder: code scanning takes nothing without a place."""
    locations = [_location(path, ahead) for path in detail.paths or ("",)]
    told: dict[str, object] = {
        "ruleId": _rule(finding),
        "ruleIndex": place,
        "level": "error",
        "message": {"text": detail.sentence},
        "locations": locations[:1],
        "partialFingerprints": {"paths/v1": hashlib.sha256(mark(detail).encode("utf-8", "replace")).hexdigest()},
    }
    more = [{**each, "id": number} for number, each in enumerate(locations[1:], start=1)]
    return told | ({"relatedLocations": more} if more else {})


def _location(path: str, ahead: str | None) -> dict[str, object]:
    whole = path if ahead is None else "/".join(filter(None, (ahead, path)))
    place = {"uri": quote(whole.encode("utf-8", "replace")) or "."}
    return {"physicalLocation": {"artifactLocation": place | ({"uriBaseId": BASE} if ahead is None else {})}}


def junit(checked: Checked) -> str:
    """One test for each limit."""
    findings = checked.report.findings
    failed = str(sum(finding.exceeded for finding in findings))
    suite = Element("testsuite", name=f"dedup {_plain(checked.name)}", tests=str(len(findings)), failures=failed)
    for finding in findings:
        case = SubElement(suite, "testcase", classname="dedup", name=_plain(finding.name))
        if finding.exceeded:
            failure = SubElement(case, "failure", message=_plain(finding.sentence()))
            failure.text = "\n".join(_plain(each.sentence) for each in finding.details)
    indent(suite)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + tostring(suite, encoding="unicode") + "\n"


def _plain(text: str) -> str:
    """Text without what XML has no way to write."""
    return "".join(each if each.isprintable() or each in "\t\n" else "\N{REPLACEMENT CHARACTER}" for each in text)


def markdown(checked: Checked) -> str:
    """A table of limits, and the first of what is over one, folded away."""
    mark_of = {True: "❌", False: "✅"}
    lines = [
        f"### dedup: {'passed' if checked.passed else 'failed'}",
        "",
        f"{plural(checked.images, 'image')} of {_code(checked.name)}",
        "",
        "| | what | found | allowed |",
        "|---|---|---:|---:|",
    ]
    for each in checked.report.findings:
        found = "not known" if each.blind else f"{each.count:,}"
        lines.append(f"| {mark_of[each.exceeded]} | {each.name} | {found} | {each.limit:,} |")
    for each in checked.report.findings:
        if each.exceeded:
            more = len(each.details) - SHOWN
            lines += ["", f"<details><summary>{each.name}</summary>", ""]
            lines += [f"- {_code(detail.sentence)}" for detail in each.details[:SHOWN]] or [f"- {each.blind}"]
            lines += [f"- and {more:,} more"] if more > 0 else []
            lines += ["", "</details>"]
    return "\n".join(lines) + "\n"


def verdict(checked: Checked) -> str:
    """Each limit and what is over it, as the part of a page of HTML."""
    lines = []
    for each in checked.report.findings:
        more = len(each.details) - SHOWN
        told = [escape(_plain(detail.sentence)) for detail in each.details[:SHOWN]] if each.exceeded else []
        told += [f"and {more:,} more"] if told and more > 0 else []
        inner = f"<ul>{''.join(f'<li>{line}</li>' for line in told)}</ul>" if told else ""
        lines.append(f"<li>{escape(_plain(each.sentence()))}{inner}</li>")
    return f"<h2>Check: {'passed' if checked.passed else 'failed'}</h2><ul>{''.join(lines)}</ul>"


def _code(text: str) -> str:
    """Text as a code span, in which nothing is interpreted."""
    shown = _plain(text).replace("\n", " ").replace("|", "¦")
    fence = "`" * (max((len(run) for run in re.findall("`+", shown)), default=0) + 1)
    pad = " " if shown.startswith("`") or shown.endswith("`") else ""
    return f"{fence}{pad}{shown}{pad}{fence}"


FORMATS: dict[str, Callable[[Checked], str]] = {"sarif": sarif, "junit": junit, "markdown": markdown}
"""By the name that the command line gives them, beside text and JSON."""
