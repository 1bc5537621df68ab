"""Decisions: one transaction each, undoable after a restart, safe with several writers."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dedup.errors import DatasetError, UnknownTag, UsageError
from dedup.store.decisions import MIGRATIONS, Decisions


@pytest.fixture
def decisions(tmp_path) -> Decisions:
    return Decisions(tmp_path / "decisions.db", "test")


def test_tagging_counts_what_changed_and_undoes_as_one_step(decisions):
    assert decisions.tag(["a", "b"], "keep") == 2
    assert decisions.would_change(["a", "c"], "keep") == 1
    assert decisions.tag(["a", "c"], "keep") == 1
    assert decisions.tag(["a"], "keep", remove=True) == 1
    assert sorted(decisions.tagged()["keep"]) == ["b", "c"]
    assert decisions.undo() == "Removed tag keep" and sorted(decisions.tagged()["keep"]) == ["a", "b", "c"]
    decisions.undo()
    assert sorted(decisions.tagged()["keep"]) == ["a", "b"]
    assert decisions.redo() == "Added tag keep" and len(decisions.tagged()["keep"]) == 3


def test_undo_and_redo_survive_a_restart_and_end(decisions, tmp_path):
    decisions.tag(["a"], "x")
    again = Decisions(tmp_path / "decisions.db", "later")
    assert again.undo() == "Added tag x" and again.tags() == {} and again.undo() is None
    assert again.redo() == "Added tag x" and again.redo() is None
    assert [(each.session, each.state) for each in again.history()] == [("test", "done")]


def test_what_undo_and_redo_would_do_is_known_before(decisions):
    assert decisions.next_steps() == (None, None)
    decisions.tag(["a"], "x")
    decisions.tag(["b"], "y")
    assert decisions.next_steps() == ("Added tag y", None)
    decisions.undo()
    assert decisions.next_steps() == ("Added tag x", "Added tag y")


OTHER_PROGRAM = """
import sys, pathlib
from dedup.store.decisions import Decisions
decisions = Decisions(pathlib.Path(sys.argv[1]), "other")
decisions.revisions()
with decisions._connected():
    print("reading", flush=True)
    sys.stdin.read()
"""


def test_what_another_connection_of_the_process_did_costs_no_decision(decisions):
    """Its locks must outlive it: a program that reads beside would take itself for the last one, and drop the log."""
    decisions.create_tag("x")
    with decisions._connected() as connection:
        decisions.revisions()
        command = [sys.executable, "-c", OTHER_PROGRAM, str(decisions.path)]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
            assert other.stdout is not None and other.stdout.readline() == b"reading\n"
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("INSERT INTO decision VALUES ('setting', 'kept', '', '1')")
            connection.execute("COMMIT")
            connection.close()
            other.communicate()
    assert decisions.setting("kept") == "1"


def test_a_new_decision_drops_what_was_undone(decisions):
    decisions.tag(["a"], "x")
    decisions.undo()
    decisions.tag(["b"], "y")
    assert decisions.redo() is None and list(decisions.tags()) == ["y"]


def test_history_counts_images_and_not_what_makes_a_tag(decisions):
    decisions.tag(["a", "b"], "x")
    decisions.create_tag("y")
    decisions.delete_tag("x")
    assert [each.changes for each in decisions.history()] == [2, 1, 2]


def test_nothing_changed_is_no_step(decisions):
    decisions.tag(["a"], "x")
    assert decisions.tag(["a"], "x") == 0 and len(decisions.history()) == 1


def test_tags_have_colours_counts_and_can_be_renamed_merged_and_deleted(decisions):
    decisions.create_tag("one", "#123456")
    decisions.tag(["a", "b"], "one")
    decisions.tag(["b", "c"], "two")
    decisions.rename_tag("one", "first")
    decisions.recolour_tag("first", "#abcdef")
    assert (decisions.tags()["first"].colour, decisions.tags()["first"].count) == ("#abcdef", 2)
    assert decisions.merge_tags(["first", "two"], "two") == 1
    assert list(decisions.tags()) == ["two"] and sorted(decisions.tagged()["two"]) == ["a", "b", "c"]
    decisions.undo()
    assert sorted(decisions.tagged()["first"]) == ["a", "b"] and sorted(decisions.tagged()["two"]) == ["b", "c"]
    decisions.delete_tag("first")
    assert list(decisions.tags()) == ["two"]
    decisions.undo()
    assert decisions.tags()["first"].colour == "#abcdef" and sorted(decisions.tagged()["first"]) == ["a", "b"]


def test_tags_that_are_made_together_are_told_apart(decisions):
    decisions.tag_all(["a"], ["one", "two", "three"])
    decisions.sort_into({"four": ["a"], "five": ["b"]}, "Sorted")
    assert len({tag.colour for tag in decisions.tags().values()}) == 5


def test_unknown_and_unusable_tags_are_said(decisions):
    decisions.create_tag("keep")
    with pytest.raises(UnknownTag, match="Did you mean 'keep'"):
        decisions.tag(["a"], "kepe", remove=True)
    with pytest.raises(UnknownTag):
        decisions.delete_tag("nothing")
    for bad in ("", " ", " padded", "x" * 61, "line\nbreak"):
        with pytest.raises(UsageError):
            decisions.create_tag(bad)
    with pytest.raises(UsageError, match="already"):
        decisions.create_tag("keep")


def test_revisions_tell_tags_from_the_rest(decisions):
    tags, review = decisions.revisions()
    decisions.tag(["a"], "x")
    assert decisions.revisions() == (tags + 1, review)
    decisions.decide([("keeper", "a", "", "1")], "Kept a")
    assert decisions.revisions() == (tags + 1, review + 1)
    decisions.undo()
    assert decisions.revisions() == (tags + 1, review + 2) and decisions.values("keeper") == {}


def test_many_writers_lose_nothing(tmp_path):
    path = tmp_path / "decisions.db"
    Decisions(path).create_tag("x")
    errors: list[BaseException] = []

    def write(writer: int) -> None:
        try:
            own = Decisions(path, f"writer {writer}")
            for number in range(20):
                own.tag([f"{writer}-{number}"], "x")
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=write, args=(writer,)) for writer in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors and Decisions(path).tags()["x"].count == 80 and len(Decisions(path).history(1000)) == 81


def test_a_damaged_file_is_said_and_left_alone(tmp_path):
    path = tmp_path / "decisions.db"
    path.write_bytes(b"this is no database, but somebody may still rescue it" * 100)
    before = path.read_bytes()
    with pytest.raises(DatasetError, match="cannot be used"):
        Decisions(path)
    assert path.read_bytes() == before


def test_a_failing_transaction_changes_nothing(decisions, monkeypatch):
    decisions.tag(["a"], "x")

    def fail(*_args):
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr("dedup.store.decisions._count_revisions", fail)
    with pytest.raises(DatasetError, match="disk is full"):
        decisions.tag(["b", "c"], "x")
    monkeypatch.undo()
    assert decisions.tagged() == {"x": ["a"]}


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("tag"), st.sets(st.sampled_from("abcde")), st.sampled_from("xyz"), st.booleans()),
        st.tuples(st.sampled_from(["undo", "redo"])),
    ),
    max_size=25,
)


@settings(max_examples=25)
@given(steps=STEPS)
def test_undo_and_redo_walk_a_line_of_states(steps, tmp_path_factory):
    """Against a slow model: a list of whole states and a place in it."""
    decisions = Decisions(tmp_path_factory.mktemp("line") / "decisions.db")
    states: list[dict[str, set[str]]] = [{}]
    here = 0
    for step, *rest in steps:
        if step == "tag":
            paths, name, remove = rest
            now = {tag: set(carried) for tag, carried in states[here].items()}
            if remove and name not in now:
                continue
            decisions.tag(sorted(paths), name, remove=remove)
            now[name] = now.get(name, set()) - paths if remove else now.get(name, set()) | paths
            if now != states[here]:
                states[here + 1 :] = [now]
                here += 1
        elif step == "undo":
            assert (decisions.undo() is not None) == (here > 0)
            here = max(0, here - 1)
        else:
            assert (decisions.redo() is not None) == (here < len(states) - 1)
            here = min(len(states) - 1, here + 1)
        assert {tag: set(carried) for tag, carried in decisions.tagged().items()} == states[here]


def follow(decisions, files, **options) -> int:
    """After a scan of `files`, path to content."""
    return decisions.follow(sorted(files.items()), **options)


def numbered(contents) -> dict[str, str]:
    """Files named by their place, as renumbering names them: path to content."""
    return {f"{number:03}.jpg": content for number, content in enumerate(contents)}


def carried(decisions, files) -> set[tuple[str, str]]:
    """Tag and content of every file that carries one."""
    return {(tag, files[path]) for tag, paths in decisions.tagged().items() for path in paths if path in files}


ORDERS = st.permutations("abcdef").flatmap(lambda order: st.integers(0, 6).map(lambda count: order[:count]))


@settings(max_examples=50)
@given(known=st.integers(1, 6), later=st.permutations("abcdef"), orders=st.lists(ORDERS, max_size=6))
def test_decisions_stay_with_their_content_however_files_are_renumbered(known, later, orders, tmp_path_factory):
    """First new files come between renumbered ones, then any of them leave, come back and exchange their names."""
    decisions = Decisions(tmp_path_factory.mktemp("numbers") / "decisions.db")
    first = numbered("abcdef"[:known])
    follow(decisions, first)
    for path, content in first.items():
        decisions.tag([path], content)
    for order in [later, *orders]:
        files = numbered(order)
        follow(decisions, files)
        assert carried(decisions, files) == {(content, content) for content in order if content in first.values()}
    for _ in first:
        decisions.undo()
    assert decisions.tags() == {}


def test_an_edited_file_keeps_its_decisions_and_an_exchanged_one_does_not(decisions):
    follow(decisions, {"a": "1", "b": "2", "c": "3"})
    for kind in ("keeper", "split"):
        decisions.decide([(kind, "a", "", "1"), (kind, "b", "", "2")], "Decided")
    decisions.decide([("folder", "a", "", "protected")], "A folder of that name")
    assert follow(decisions, {"a": "1 edited", "b": "2", "c": "3"}) == 0
    assert follow(decisions, {"a": "2", "b": "1 edited", "c": "new"}) == 2
    for kind in ("keeper", "split"):
        assert decisions.values(kind) == {("a", ""): "2", ("b", ""): "1"}
    assert decisions.values("folder") == {("a", ""): "protected"}


def test_another_file_at_the_path_of_one_that_is_gone_has_no_decisions(decisions):
    follow(decisions, {"a": "1", "b": "1", "c": "3"})
    for path in "abc":
        decisions.decide([("split", path, "", f"of {path}")], "Decided")
    follow(decisions, {"c": "3"}, away=("a",))  # one cannot be read, one is gone
    assert decisions.values("split") == {("a", ""): "of a", ("/b", ""): "of b", ("c", ""): "of c"}
    follow(decisions, {"b": "another"})
    assert decisions.values("split").keys() == {("/a", ""), ("/b", ""), ("/c", "")}
    follow(decisions, {"b": "1", "c": "3"})  # its own again, of two that have this content
    assert decisions.values("split") == {("/a", ""): "of a", ("b", ""): "of b", ("c", ""): "of c"}
    follow(decisions, {"a": "1", "b": "1", "c": "3"})
    assert decisions.values("split") == {("a", ""): "of a", ("b", ""): "of b", ("c", ""): "of c"}
    for _ in range(3):
        decisions.undo()
    assert not decisions.values("split")


def test_saved_views_follow_the_tags_that_they_name(decisions):
    def view(*tags: str) -> str:
        return json.dumps({"page": "Explorer", "query": {"tag": list(tags), "tag_none": ["other"]}})

    def named() -> dict[str, list[str]]:
        return {name: json.loads(told)["query"]["tag"] for (name, _), told in decisions.values("view").items()}

    for tag in ("one", "two", "other"):
        decisions.create_tag(tag)
    decisions.decide([("view", "a", "", view("one", "two")), ("view", "b", "", view("other"))], "views")
    decisions.rename_tag("one", "first")
    assert named() == {"a": ["first", "two"], "b": ["other"]}
    decisions.merge_tags(["first", "two"], "two")
    assert named() == {"a": ["two"], "b": ["other"]}
    decisions.undo(), decisions.undo()
    assert named() == {"a": ["one", "two"], "b": ["other"]}


def test_what_left_by_a_removal_is_not_renamed_and_nobody_takes_its_decisions(decisions):
    follow(decisions, {"a": "1", "b": "1", "c": "2"})
    decisions.tag(["b"], "of b")
    decisions.tag(["c"], "of c")
    removed = {"b": "1"}
    assert follow(decisions, {"a": "1", "c": "2", "new": "1"}, removed=removed) == 0
    assert decisions.tagged() == {"of b": ["b"], "of c": ["c"]}
    follow(decisions, {"a": "1", "b": "2", "new": "1"}, removed=removed)  # c takes the path of what was removed
    follow(decisions, {"a": "1", "b": "other", "c": "2", "new": "1", "newer": "1"}, removed=removed)
    assert decisions.tagged()["of c"] == ["c"]
    follow(decisions, {"a": "1", "b": "1", "c": "2", "new": "1", "newer": "1"})
    assert decisions.tagged() == {"of b": ["b"], "of c": ["c"]}


def tables(connection: sqlite3.Connection) -> list[tuple[str, str]]:
    """Of a database: its tables and indexes, as they were made."""
    return sorted(connection.execute("SELECT name, replace(sql, char(34), '') FROM sqlite_master WHERE sql NOT NULL"))


@pytest.fixture
def first_version(tmp_path):
    """Decisions as the first version kept them: a tag given to two images, to one of them by way of another value."""
    path = tmp_path / "old.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for statement in (*MIGRATIONS[0], "PRAGMA user_version = 1"):
            connection.execute(statement)
        connection.execute("INSERT INTO operation VALUES (1, '2026-01-01', 'test', 'Added tag x', 2, 'done')")
        changes = [("a", None, "0"), ("a", "0", "1"), ("b", None, "1")]
        connection.executemany("INSERT INTO change VALUES (1, 'tag', ?, 't', ?, ?)", changes)
        stand = [("tag", "a", "t", "1"), ("tag", "b", "t", "1"), ("tag-name", "t", "", "x")]
        connection.executemany("INSERT INTO decision VALUES (?, ?, ?, ?)", stand)
    return path


def test_decisions_of_the_first_version_stay_and_can_be_undone(first_version, tmp_path):
    old = Decisions(first_version)
    assert sorted(old.tagged()["x"]) == ["a", "b"]
    assert old.undo() == "Added tag x" and old.tagged() == {"x": []}
    assert old.redo() == "Added tag x" and old.values("tag") == {("a", "t"): "1", ("b", "t"): "1"}
    Decisions(tmp_path / "new.db")
    with closing(sqlite3.connect(first_version)) as old_file, closing(sqlite3.connect(tmp_path / "new.db")) as new_file:
        assert tables(old_file) == tables(new_file)


def test_what_cannot_be_written_is_read_as_it_is(first_version, monkeypatch):
    def full(*_):
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(Decisions, "_bring_up_to_date", full)
    old = Decisions(first_version)
    assert sorted(old.tagged()["x"]) == ["a", "b"]
    for act in (lambda: Decisions(first_version.with_name("new.db")), lambda: old.tag(["c"], "x")):
        with pytest.raises(DatasetError, match="disk is full"):
            act()
    monkeypatch.undo()
    assert old.tag(["c"], "x") == 1 and sorted(old.tagged()["x"]) == ["a", "b", "c"], "once there is room again"


def tagged_paths(decisions: Decisions) -> set[tuple[str, str]]:
    """Tag and path of everything that is tagged."""
    return {(name, path) for name, paths in decisions.tagged().items() for path in paths}


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["give", "take", "undo", "redo", "rename", "delete", "keep", "follow"]),
            st.sets(st.sampled_from("abcd"), min_size=1),
            st.sampled_from("xy"),
        ),
        max_size=12,
    ),
    st.integers(1, 4),
)
def test_what_changed_since_is_what_changed(steps, pace):
    """Asked after so many steps each, by one connection about what another one did."""
    with TemporaryDirectory() as folder:
        acting, asking = (Decisions(Path(folder) / "decisions.db", who) for who in ("one", "other"))
        for name in "xy":
            acting.create_tag(name)
        acting.follow([(path, path) for path in "abcd"])
        (seen, _), known = asking.revisions(), tagged_paths(asking)
        for number, (step, paths, name) in enumerate(steps):
            with suppress(UnknownTag, UsageError):
                match step:
                    case "give" | "take":
                        acting.tag(sorted(paths), name, remove=step == "take")
                    case "undo" | "redo":
                        getattr(acting, step)()
                    case "rename":
                        acting.rename_tag(name, f"{name}{number}")
                    case "delete":
                        acting.delete_tag(name)
                    case "keep":
                        acting.decide([("keep", path, "", name) for path in paths], "kept")
                    case "follow":
                        acting.follow([(path, "dcba"["abcd".index(path)]) for path in "abcd"])
            if number % pace:
                continue
            now, _ = asking.revisions()
            changed = asking.retagged(seen, now)
            if changed is not None:
                for tag, paths_of in changed.items():
                    for path, has in paths_of.items():
                        known = known | {(tag, path)} if has else known - {(tag, path)}
                assert known == tagged_paths(asking)
            seen, known = now, tagged_paths(asking)


def test_what_is_rolled_back_is_no_change_of_tags(decisions, monkeypatch):
    decisions.tag(["a"], "x")
    before, _ = decisions.revisions()
    monkeypatch.setattr("dedup.store.decisions._bring", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        decisions.tag(["b"], "x")
    monkeypatch.undo()
    assert decisions.revisions()[0] == before
    decisions.tag(["c"], "x")
    assert decisions.retagged(before, before + 1) == {"x": {"c": True}}


def error_of(code: int) -> sqlite3.Error:
    error = sqlite3.OperationalError("something")
    error.sqlite_errorcode = code
    return error


@pytest.mark.parametrize(
    ("code", "remedy"),
    [
        (sqlite3.SQLITE_NOTADB, "put a copy of the file back"),
        (sqlite3.SQLITE_FULL, "free some space"),
        (sqlite3.SQLITE_READONLY, "writable"),
        (sqlite3.SQLITE_CANTOPEN, "renamed meanwhile"),
        (sqlite3.SQLITE_ERROR, "renamed meanwhile"),
    ],
)
def test_a_copy_is_put_back_only_where_the_file_is_damaged(decisions, monkeypatch, code, remedy):
    """Over a good file, which merely cannot be written now, it would take the decisions since then along."""

    def refused():
        raise error_of(code)

    monkeypatch.setattr(decisions, "_open", refused)
    with pytest.raises(DatasetError) as raised:
        decisions.tag(["a.jpg"], "blurry")
    assert remedy in str(raised.value)
    assert ("put a copy" in str(raised.value)) == (code == sqlite3.SQLITE_NOTADB)
