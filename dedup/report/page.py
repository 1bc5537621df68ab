"""A report as one page of HTML: no script, nothing fetched, pictures within, for screens and paper.

Names of files and classes are escaped and never interpreted; a policy in the page forbids whatever might get past that.
Pictures are small and have a budget: groups that find no place in it are counted.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path

import pandas as pd

from dedup.errors import UnreadableImage
from dedup.exports.montage import captions
from dedup.files import write_chunks
from dedup.images import thumbnails
from dedup.model import SOFTWARE_VERSION, Kind, OnProgress, Progress, Role
from dedup.report.facts import Distribution, Facts
from dedup.splits import leaks
from dedup.words import plural, size

SIDE = 150
"""Longer side of a picture in pixels: some 6 kB each."""
BUDGET = 8_000_000
"""Bytes of all pictures: with base64's third more, a page stays below what mail lets through (10 MB)."""
SHOWN = 8
"""Copies shown of one group."""


def write(facts: Facts, output: Path, *, overwrite: bool = False, on_progress: OnProgress | None = None) -> None:
    """Write the page. Raises `ExportError`."""
    write_chunks(output, [render(facts, on_progress).encode("utf-8", "replace")], overwrite)


def render(facts: Facts, on_progress: OnProgress | None = None, *, verdict: str = "") -> str:
    """The page's text; `verdict` is HTML on what a check said, which comes first."""
    pictures = _Pictures(facts)
    worst = [row for each in facts.issues for row in each.rows]
    for row in worst:
        pictures.take(row)
    groups = list(_shown_groups(facts, pictures, on_progress))
    name = _e(facts.dataset.name)
    parts = [
        f"<h1>{name}</h1>",
        f"<p class=quiet>{_e(facts.dataset.address)} · {_e(facts.made)} · dedup {SOFTWARE_VERSION}</p>",
        verdict,
        _tiles(facts),
        _plan(facts),
        _leaks(facts),
        _clashes(facts),
        _issues(facts, pictures),
        _groups(facts, groups),
        _parts(facts, pictures),
        _distributions(facts.distributions),
        _failures(facts),
    ]
    head = (
        f'<meta charset=utf-8><meta http-equiv=Content-Security-Policy content="{POLICY}">'
        '<meta name=viewport content="width=device-width, initial-scale=1">'
        f"<title>{name} · dedup</title><style>{STYLE}</style>"
    )
    body = f"<main>{''.join(parts)}</main>"
    return f"<!doctype html><html lang=en><head>{head}</head><body>{body}</body></html>\n"


POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
"""Nothing is fetched and nothing runs, whatever a name might get past the escaping."""


def _e(text: str) -> str:
    """Text that nothing is read into; what cannot be shown is a replacement character."""
    return escape("".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in text))


def _code(text: str) -> str:
    return f"<code>{_e(text)}</code>"


class _Pictures:
    """Small pictures within the budget, each made once."""

    def __init__(self, facts: Facts) -> None:
        self._dataset = facts.dataset
        self._held: dict[int, str] = {}
        self._spent = 0

    @property
    def full(self) -> bool:
        """Whether the budget is spent."""
        return self._spent >= BUDGET

    def take(self, row: int) -> str:
        """An image as HTML, or the reason why it cannot be shown."""
        if row not in self._held:
            self._held[row] = self._made(row)
        return self._held[row]

    def _made(self, row: int) -> str:
        try:
            with self._dataset.at_hand(row) as file:
                made = thumbnails.shrink(file, SIDE)
        except UnreadableImage as error:
            return f"<span class=none>{_e(str(error))}</span>"
        self._spent += len(made)
        alt = _e(str(self._dataset.frame["name"].iat[row]))
        return f'<img src="data:image/jpeg;base64,{base64.b64encode(made).decode()}" alt="{alt}">'


def _shown_groups(
    facts: Facts, pictures: _Pictures, on_progress: OnProgress | None
) -> Iterable[tuple[Sequence[int], list[str]]]:
    for done, rows in enumerate(facts.groups, start=1):
        if pictures.full:
            return
        yield rows, [pictures.take(row) for row in rows[:SHOWN]]
        if on_progress is not None:
            on_progress(Progress("drawing groups", done, len(facts.groups)))


def _tiles(facts: Facts) -> str:
    told = {
        "images": f"{facts.counts['images']:,}",
        "exact copies": f"{facts.counts[Kind.EXACT]:,}",
        "near duplicates": f"{facts.counts[Kind.NEAR]:,}",
        "similar pairs": f"{facts.similar:,}",
        **({"parts of others": f"{facts.part_count:,}"} if facts.dataset.knows_parts else {}),
        "to save": size(facts.saved),
        "groups across splits": f"{facts.crossing:,}",
        "label clashes": f"{facts.clash_count:,}",
        "unreadable": f"{facts.counts[Kind.FAILED]:,}",
    }
    tiles = "".join(f"<div><b>{value}</b>{name}</div>" for name, value in told.items())
    return f"<section class=tiles>{tiles}</section>"


def _plan(facts: Facts) -> str:
    return f"<h2>Before and after</h2><p>Without {_e(facts.plan_words)}.</p>{_table(facts.plan)}"


def _table(table: pd.DataFrame) -> str:
    head = "".join(f"<th>{_e(str(name))}</th>" for name in table.columns)
    rows = "".join(
        f"<tr><th>{_e(str(name))}</th>{''.join(f'<td>{value:,}</td>' for value in row)}</tr>"
        for name, row in zip(table.index, table.to_numpy().tolist(), strict=True)
    )
    return f"<div class=scroll><table><tr><th></th>{head}</tr>{rows}</table></div>"


def _leaks(facts: Facts) -> str:
    if not len(facts.splits):
        return f"<h2>Leaks</h2><p>{_e(facts.remark)}.</p>"
    found = f"{plural(facts.crossing, 'group')} in more than one split"
    repair = f"; {plural(facts.moves, 'move')} would repair that" if facts.moves else ""
    remark = f"<p>{_e(facts.remark)}.</p>" if facts.remark else ""
    words = f"<p>{found}{repair}. Groups with images in both splits, on the diagonal within one:</p>"
    parts = f"<p>{leaks.containing(facts.parts_crossing)}, whole or in part.</p>" if facts.parts_crossing else ""
    return f"<h2>Leaks</h2>{words}{_table(facts.splits)}{parts}{remark}"


def _clashes(facts: Facts) -> str:
    if not facts.clash_count:
        return "<h2>Label clashes</h2><p>None that is open.</p>"
    lines = "".join(f"<li>{_code(left)} and {_code(right)}: {_e(says)}</li>" for left, right, says in facts.clashes)
    more = facts.clash_count - len(facts.clashes)
    return f"<h2>Label clashes</h2><ul>{lines}</ul>" + (f"<p>And {more:,} more.</p>" if more else "")


def _issues(facts: Facts, pictures: _Pictures) -> str:
    parts = []
    for each in facts.issues:
        cards = "".join(_card(facts, row, pictures.take(row), path_only=True) for row in each.rows)
        parts.append(f"<h3>{_e(each.name)}: {each.count:,}</h3><p class=quiet>{_e(each.limits)}</p>")
        parts.append(f"<div class=cards>{cards}</div>" if cards else "")
    return f"<h2>Issues of single images</h2>{''.join(parts)}"


def _groups(facts: Facts, shown: list[tuple[Sequence[int], list[str]]]) -> str:
    if not facts.groups:
        return "<h2>Groups</h2><p>There are no duplicates.</p>"
    parts = []
    for number, (rows, pictures) in enumerate(shown, start=1):
        cards = "".join(
            _card(facts, row, picture) for row, picture in zip(rows[:SHOWN], pictures, strict=True)
        )  # fmt: skip
        more = f"<p class=quiet>and {plural(len(rows) - SHOWN, 'more copy')}</p>" if len(rows) > SHOWN else ""
        parts.append(f"<article><h3>Group {number}</h3><div class=cards>{cards}</div>{more}</article>")
    left = len(facts.groups) - len(shown)
    rest = f"<p>And {plural(left, 'group')} more, for which there was no room.</p>" if left else ""
    return f"<h2>Groups, most to save first</h2>{''.join(parts)}{rest}"


def _parts(facts: Facts, pictures: _Pictures) -> str:
    """Images within others, where any are known or a scan looked for them; none of them is a copy."""
    if not facts.dataset.knows_parts:
        return ""
    if not facts.part_count:
        return "<h2>Parts of others</h2><p>No image shows a part of another.</p>"
    shown = []
    for each in facts.parts:
        if pictures.full:
            break
        cards = "".join(_card(facts, row, pictures.take(row), path_only=True) for row in (each.whole, each.part))
        where = " · in two splits" if each.crosses else ""
        shown.append(f"<article><h3>{_e(each.says)}{where}</h3><div class=cards>{cards}</div></article>")
    more = facts.part_count - len(shown)
    rest = f"<p>And {more:,} more.</p>" if more else ""
    words = "<p>Collages, screenshots, crops: no copies, so no rule lets any of them go.</p>"
    return f"<h2>Parts of others</h2>{words}{''.join(shown)}{rest}"


def _card(facts: Facts, row: int, picture: str, *, path_only: bool = False) -> str:
    frame = facts.dataset.frame
    role = Role.KEEPER if frame["role"].iat[row] == Role.KEEPER else str(frame["kind"].iat[row])
    told = captions(frame, row)[: 1 if path_only else None]
    lines = "".join(f"<span>{_e(line)}</span>" for line in told if line)
    return f'<figure class="{_e(str(role))}">{picture}<figcaption>{lines}</figcaption></figure>'


def _distributions(distributions: Iterable[Distribution]) -> str:
    words = "<p class=quiet>Heights are square roots of counts, so that few images are seen beside many.</p>"
    return f"<h2>Distributions</h2>{words}<div class=plots>{''.join(map(_plot, distributions))}</div>"


def _plot(each: Distribution) -> str:
    most = max(each.counts)
    width, height = 10, 60
    bars = "".join(
        f'<rect x="{place * width}" y="{height - tall:.1f}" width="{width - 1}" height="{tall:.1f}"/>'
        for place, count in enumerate(each.counts)
        if (tall := height * (count / most) ** 0.5 if most else 0)
    )
    title = _e(each.title)
    box = f'viewBox="0 0 {width * len(each.counts)} {height}" preserveAspectRatio=none'
    drawn = f'<svg {box} role=img aria-label="{title}">{bars}</svg>'
    ends = f"<span class=ends><span>{_e(each.low)}</span><span>{_e(each.high)}</span></span>"
    return f"<div><h3>{title}</h3>{drawn}{ends}</div>"


def _failures(facts: Facts) -> str:
    if not facts.failures:
        return ""
    lines = "".join(f"<li>{_code(path)}: {_e(reason)}</li>" for path, reason in facts.failures)
    more = facts.counts[Kind.FAILED] - len(facts.failures)
    rest = f"<p>And {more:,} more.</p>" if more else ""
    return f"<h2>Files that cannot be read</h2><ul>{lines}</ul>{rest}"


STYLE = """
:root{--paper:#fff;--ink:#16202a;--quiet:#5b6672;--line:#d9dee4;--bar:#2f6690;--exact:#c2410c;--near:#a86500;
--keeper:#00805e;color-scheme:light dark}
@media (prefers-color-scheme:dark){:root{--paper:#10161d;--ink:#e8edf2;--quiet:#9aa6b2;--line:#2b3540;--bar:#7ea8cf;
--exact:#f2793a;--near:#f0b323;--keeper:#2cc295}}
*{box-sizing:border-box}body{margin:0;background:var(--paper);color:var(--ink);font:15px/1.5 system-ui,sans-serif}
main{max-width:1100px;margin:0 auto;padding:24px 16px 64px}h1{font-size:28px;margin:0}
h2{margin:40px 0 8px;font-size:21px}h3{margin:20px 0 4px;font-size:15px}
.quiet,.ends{color:var(--quiet)}p{margin:4px 0 12px}
code{font:13px ui-monospace,monospace;overflow-wrap:anywhere}li{margin:2px 0}
.tiles{display:grid;grid-template-columns:repeat(auto-fill,minmax(150px,1fr));gap:12px;margin:20px 0}
.tiles div{border:1px solid var(--line);border-radius:8px;padding:12px;color:var(--quiet)}
.tiles b{display:block;font-size:24px;font-weight:500;color:var(--ink)}
.scroll{overflow-x:auto}table{border-collapse:collapse}
td,th{border:1px solid var(--line);padding:4px 10px;text-align:right}
th{font-weight:500;text-align:left}
.cards{display:flex;flex-wrap:wrap;gap:12px}figure{margin:0;width:166px;border:2px solid var(--line);border-radius:8px;
padding:6px;overflow:hidden}figure.keeper{border-color:var(--keeper)}figure.exact{border-color:var(--exact)}
figure.near{border-color:var(--near)}img{display:block;margin:0 auto;max-width:100%;height:auto}
.none{display:block;padding:30px 8px;color:var(--quiet);font-size:13px}
figcaption span{display:block;font-size:12px;overflow-wrap:anywhere}figcaption span+span{color:var(--quiet)}
.plots{display:grid;grid-template-columns:repeat(auto-fill,minmax(220px,1fr));gap:16px}svg{display:block;width:100%;
height:70px;border-bottom:1px solid var(--line)}rect{fill:var(--bar)}.ends{display:flex;justify-content:space-between;
font-size:12px}
@media print{:root{--paper:#fff;--ink:#000;--quiet:#444;--line:#bbb}main{max-width:none;padding:0}
article,figure,.plots div,tr{break-inside:avoid}h2,h3{break-after:avoid}}
"""
"""Colours as in the app (`dedup.ui.browser.palette`)."""
