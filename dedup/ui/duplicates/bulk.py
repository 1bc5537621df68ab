"""Deciding many groups at once: bulk rules with their counts, the keeper rules, protected and incoming folders."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import streamlit as st

from dedup.groups import keepers
from dedup.review import acts, bulk_rules
from dedup.store.decisions import INCOMING, PROTECTED
from dedup.ui.clashes import folder_names
from dedup.ui.duplicates.review import decide, state
from dedup.ui.shell import session
from dedup.ui.shell.library import Opened
from dedup.ui.shell.notices import guarded, say
from dedup.words import plural, size

ALWAYS = "chosen"
"""The keeper rule that cannot be switched off: what a person chose stays."""

EXACT = "exact"
"""The bulk rule about exact copies."""

ROLES = {PROTECTED: "Protected folders", INCOMING: "Incoming folders"}
ROLE_HELP = {
    PROTECTED: "Images in these folders are never suggested for removal, and no plan takes them.",
    INCOMING: "Where a copy elsewhere can stay, those in these folders are suggested for removal first.",
}


def rules_for_all(opened: Opened) -> None:
    """Each rule with what it would do, and the button that does it in one undoable step."""
    st.markdown("## Decide by rule")
    st.caption("Only copies that are still open are counted. Every rule is one step: Undo takes all of it back.")
    with st.container(border=True):
        for preview in previews(opened):
            _bulk_rule(opened, preview)
    folder_names.switch(opened)


def accept_exact(opened: Opened) -> None:
    """What most people come for, at one click: the redundant exact copies go, the one that stays of each stays."""
    # Alone, for the rules about near copies look at every relation: a second and a half each for a million images.
    preview: bulk_rules.Preview = opened.remembered("exact rule", lambda: acts.preview(state(opened), EXACT))
    if preview.count:
        held = f" · {preview.held:,} held back" if preview.held else ""
        st.button(
            f"Let {plural(preview.count, 'exact copy')} go{held}",
            key="accept exact",
            icon=":material/done_all:",
            help=f"{_effect(preview)}. Nothing is moved before the removal plan is carried out; Undo takes it back.",
            on_click=guarded(apply_rule),
            args=(opened, preview.rule.name, preview.count),
        )


def previews(opened: Opened) -> Sequence[bulk_rules.Preview]:
    """What each rule would do now."""
    found: Sequence[bulk_rules.Preview] = opened.remembered("bulk rules", lambda: acts.previews(state(opened)))
    return found


def _bulk_rule(opened: Opened, preview: bulk_rules.Preview) -> None:
    words, button = st.columns([5, 1.4], vertical_alignment="center")
    words.markdown(f"**{preview.rule.title}**  \n:gray[{_effect(preview)}]")
    button.button(
        f"Keep {preview.count:,}" if preview.rule.keep else f"Let {preview.count:,} go",
        key=f"bulk {preview.rule.name}",
        type="primary",
        width="stretch",
        disabled=not preview.count,
        on_click=guarded(apply_rule),
        args=(opened, preview.rule.name, preview.count),
    )


def _effect(preview: bulk_rules.Preview) -> str:
    count = preview.count
    images = plural(count, "image")
    if not count:
        told = "nothing to decide"
    elif preview.rule.keep:
        told = f"{images} told apart from the keeper; both stay, and are not asked about again"
    else:
        told = f"{images} would go, {size(preview.bytes)}"
    return told + (f" · {preview.held:,} held back (protected folder or clashing labels)" if preview.held else "")


def apply_rule(opened: Opened, name: str, count: int) -> None:
    """Do what a rule says now; says so when that is not what was shown."""
    now = state(opened)
    preview = acts.preview(now, name)
    if preview.count != count:
        say(
            f"It is {plural(preview.count, 'image')} now, for another tab decided meanwhile. Look again.",
            icon=":material/sync:",
        )
        return
    step = acts.by_rule(now, preview)
    decide(opened, step)
    images = plural(preview.count, "image")
    say(f"{'Kept' if preview.rule.keep else 'Decided to go'}: {images}. Undo takes it back.")


def keeper_rules(opened: Opened) -> None:
    """Which copy stays: the rules in order, each with a switch and the number of groups that it decides."""
    st.markdown("## Which copy stays")
    st.caption(
        "The first rule that tells the copies of a group apart decides. The number is that of groups it decides."
    )
    counts = opened.dataset.keeper_rules
    names = [name for name in counts if name]
    off = [rule.name for rule in keepers.KEEPER_RULES if rule.name not in names]
    with st.container(border=True, gap="xxsmall"):
        for place, name in enumerate([*names, *off]):
            _keeper_rule(opened, names, name, place, counts)
        if counts[""]:
            st.caption(f"{plural(counts[''], 'group')} of equal copies: the first by content and path stays.")


def _keeper_rule(opened: Opened, names: list[str], name: str, place: int, counts: dict[str, int]) -> None:
    title = next(rule.title for rule in keepers.KEEPER_RULES if rule.name == name)
    on, count, up, down = st.columns([6, 1, 0.6, 0.6], vertical_alignment="center")
    on.toggle(
        f"{place + 1}. {title}" if name in names else title,
        disabled=name == ALWAYS,
        **session.held(f"keeper rule {name}", name in names, lambda wanted: switch_rule(opened, name, wanted)),
    )
    count.markdown(f"**{counts[name]:,}**" if name in counts else ":gray[off]")
    for column, icon, step, words in ((up, "arrow_upward", -1, "Earlier"), (down, "arrow_downward", 1, "Later")):
        column.button(
            "",
            icon=f":material/{icon}:",
            key=f"{words} {name}",
            help=words,
            type="tertiary",
            disabled=name == ALWAYS or name not in names or not 0 < place + step < len(names),
            on_click=guarded(set_rules),
            args=(opened, moved(names, name, step)),
        )


def moved(names: Sequence[str], name: str, step: int) -> list[str]:
    """`names` with one of them `step` places later."""
    if name not in names:
        return list(names)
    rest = [each for each in names if each != name]
    place = names.index(name) + step
    return [*rest[:place], name, *rest[place:]]


def switch_rule(opened: Opened, name: str, wanted: bool) -> None:
    """Put a keeper rule in force, as the last one, or out of it."""
    names = [each for each in opened.dataset.keeper_rules if each]
    if wanted != (name in names):
        set_rules(opened, [*names, name] if wanted else [each for each in names if each != name])


def set_rules(opened: Opened, names: Sequence[str]) -> None:
    """Put these keeper rules in force."""
    decide(opened, acts.rules_step(names))


def folders(opened: Opened) -> None:
    """Folders whose copies never go, and those whose copies go first."""
    st.markdown("## Folders")
    offered = opened.remembered("folders", lambda: below_root(opened.dataset.frame["folder"].unique().tolist()))
    if not offered:
        st.caption("All images lie in one folder; there is none to protect.")
        return
    for column, (role, label) in zip(st.columns(2), ROLES.items(), strict=True):
        chosen = list(opened.dataset.folders(role))
        column.multiselect(
            label,
            sorted({*offered, *chosen}),
            placeholder="none",
            help=ROLE_HELP[role],
            **session.held(f"{role} folders", chosen, partial(set_folders, opened, role)),
        )


def below_root(folders: Sequence[str]) -> list[str]:
    """Every folder and those above it, but not the root."""
    parts = [folder.split("/") for folder in folders if folder]
    return sorted({"/".join(names[:depth]) for names in parts for depth in range(1, len(names) + 1)})


def set_folders(opened: Opened, role: str, wanted: Sequence[str]) -> None:
    """Give these folders, and no others, the role."""
    before = opened.dataset.folders(role)
    for folder in sorted({*before, *wanted}):
        if (folder in before) != (folder in wanted):
            decide(opened, acts.folder_step(folder, role if folder in wanted else None))
