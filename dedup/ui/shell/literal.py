"""The one door for names from outside into what Streamlit reads as Markdown: they are shown, never interpreted.

Paths, tags, classes, splits, names of datasets and whole sentences of errors hold anything. In Markdown an image would
make the browser call out, dollar signs would be formulas, colons icons. Whatever a page shows of them goes through
`literal`; `tests/ui/test_literal.py` and `tests/browser/test_hostile_names.py` look at every page for what did not.
"""

from __future__ import annotations

import re

from dedup.words import visible

JOINER = "\u2060"
"""WORD JOINER: shows nothing and takes no room, but ends what some of Streamlit's plugins look for in text that was
escaped already."""

_PUNCTUATION = re.compile(r"[!-/:-@\[-`{-~]")
"""All of ASCII's: a backslash before any of them makes it plain text (CommonMark, backslash escapes)."""
_AFTER_ESCAPES = re.compile(
    r"(?<=:)(?=[\w+-]+:)"  # emoji, icons and the logo by name
    r"|(?<=http)(?=s?:)|(?<=www)(?=\.)|(?<=[\w.+-])(?=@)"  # links without brackets
    r"|(?:(?<=\s)|^)(?=(?:<->|->|<-|--|>=|<=|~=)(?:\s|$))",  # arrows and signs
    re.IGNORECASE,
)
_SPACES = re.compile(r"^ +| +$| {2,}")


def literal(text: object) -> str:
    """`text` as Markdown that shows it letter by letter, on one line; control characters as escapes."""
    shown = _AFTER_ESCAPES.sub(JOINER, visible(str(text)))
    shown = _SPACES.sub(lambda spaces: "\N{NO-BREAK SPACE}" * len(spaces[0]), shown)
    return _PUNCTUATION.sub(r"\\\g<0>", shown)
