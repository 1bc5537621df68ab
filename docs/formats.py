"""Writes the tables of label formats and of issues in README and docs from the code: `python docs/formats.py`.

The tests write them anew and compare, so that they cannot tell what is no longer true.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from dedup.exports.labels import LABEL_FORMATS  # noqa: E402  (as a script, this lies outside of the package)
from dedup.labels.formats import FORMATS  # noqa: E402
from dedup.query.issues import ISSUES  # noqa: E402

DOCUMENTS = (ROOT / "README.md", ROOT / "docs" / "labels.md", ROOT / "docs" / "score.md")
BETWEEN = re.compile(r"(<!-- (formats|issues) -->\n).*?(<!-- /\2 -->)", re.DOTALL)


def formats() -> str:
    """Every format of labels, what of it is read, and what of it is written."""
    written = {each.name: each for each in LABEL_FORMATS}
    lines = ["| labels | read | written beside images |", "|---|---|---|"]
    for form in FORMATS:
        told = written[form.name].holds if form.name in written else "–"
        lines.append(f"| {form.title} | {form.holds} | {told} |")
    return "\n".join(lines) + "\n"


def issues() -> str:
    """Every kind of issue with its threshold."""
    lines = ["| issue | images that are | by | threshold |", "|---|---|---|---|"]
    for each in ISSUES:
        by = "sides ÷ their median" if each.column == "size" else f"`{each.column}`" if each.column else "the scan"
        lines.append(f"| {each.name} | {each.says} | {by} | {each.limits() or '–'} |")
    return "\n".join(lines) + "\n"


TABLES = {"formats": formats, "issues": issues}


def renewed(document: Path) -> str:
    """A document with its tables as they are now."""
    return BETWEEN.sub(lambda found: f"{found[1]}{TABLES[found[2]]()}{found[3]}", document.read_text("utf-8"))


if __name__ == "__main__":
    for each in DOCUMENTS:
        each.write_text(renewed(each), "utf-8")
