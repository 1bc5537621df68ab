"""What people decide, in SQLite: the only SQL of the product.

Every decision is one row (kind, subject, object) -> value. A change of any number of them is one operation in one
transaction, recorded with the values before and after, so that each can be undone and redone, also after a restart
and from another process. Nothing here is ever rebuilt or thrown away on an error.

    kind        subject        object        value
    tag         image path     tag id        '1'
    tag-name    tag id         ''            its name
    tag-colour  tag id         ''            '#rrggbb'
    keeper      image path     ''            '1': a person chose it to stay
    drop, keep  image path     sha256        what becomes of a copy (`dedup.review.acts`)
    verdict     sha256         sha256        'different': not a duplicate (`dedup.review.verdicts`)
    example     sha256         sha256        'copy' or 'different': an answer (`dedup.review.examples`)
    reviewed    hash           ''            the members of a group that a person went through (`dedup.review.verdicts`)
    clash       mark           mark          which side of a label clash is right (`dedup.labels.decided`)
    labels      mark           ''            what an image is labelled since copies of it left (`dedup.review.handover`)
    split       image path     ''            train, val, test, set by hand
    folder      folder         ''            'protected' or 'incoming'
    setting     name           ''            a number or JSON
    view        name           ''            the page and parameters of a saved view, as JSON
"""

from __future__ import annotations

import json
import os
import sqlite3
import threading
import uuid
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from difflib import get_close_matches
from itertools import chain
from pathlib import Path

from dedup.errors import DatasetError, UnknownTag, UsageError
from dedup.files import PRIVATE
from dedup.model import Change, Tag, called_otherwise, next_colour

BUSY_SECONDS = 30.0
WRITE_AHEAD = "PRAGMA journal_mode = WAL"
TAG, TAG_NAME, TAG_COLOUR = "tag", "tag-name", "tag-colour"
KEEPER, VERDICT, REVIEWED, SPLIT, FOLDER, SETTING = "keeper", "verdict", "reviewed", "split", "folder", "setting"
DROP, KEEP = "drop", "keep"
CLASH, LABELS = "clash", "labels"
EXAMPLE = "example"
VIEW = "view"
"""A name for what is on the screen: subject the name, value the page and its parameters."""
OF_TAGS = (TAG_NAME, TAG_COLOUR, VIEW)
"""Kinds whose subject is no image, and which change with tags."""
TAGS_OF_VIEWS = ("tag", "tag_all", "tag_none")
"""The parameters of a view that name tags."""
DIFFERENT = "different"
PROTECTED, INCOMING = "protected", "incoming"
OF_PATHS = (TAG, KEEPER, DROP, KEEP, SPLIT)
"""Kinds whose subject is the path of an image."""
ASIDE = "/"
"""Begins the names under which decisions wait; paths are relative, so none begins like that."""
LONGEST_TAG = 60
STANDING = "SELECT id, label, session FROM operation WHERE state = 'done'"
LATEST = f"{STANDING} ORDER BY id DESC LIMIT 1"
UNDONE = "SELECT id, label, session FROM operation WHERE state = 'undone' ORDER BY id LIMIT 1"
RETAGGED = """SELECT name.value, change.subject, tag.value IS NOT NULL FROM change
              JOIN decision name ON name.kind = 'tag-name' AND name.subject = change.object
              LEFT JOIN decision tag
                ON tag.kind = 'tag' AND tag.object = change.object AND tag.subject = change.subject
              WHERE change.operation = ? AND change.kind = 'tag'"""
KINDS_CHANGED = "SELECT kind, count(*) FROM change WHERE operation = ? GROUP BY kind"
RECORD = """INSERT INTO change
            SELECT ?, asked.kind, asked.subject, asked.object, decision.value, asked.after
            FROM asked LEFT JOIN decision USING (kind, object, subject) WHERE decision.value IS NOT asked.after"""
"""Record what is asked for and does not stand."""
LET_STAND = """INSERT OR REPLACE INTO decision
               SELECT kind, subject, object, {side} FROM change WHERE operation = ? AND {side} IS NOT NULL"""
TAKE_AWAY = """DELETE FROM decision WHERE (kind, object, subject) IN
               (SELECT kind, object, subject FROM change WHERE operation = ? AND {side} IS NULL)"""


MIGRATIONS = (
    (
        (
            "CREATE TABLE decision (kind TEXT, subject TEXT, object TEXT, value TEXT NOT NULL,"
            " PRIMARY KEY (kind, subject, object)) WITHOUT ROWID"
        ),
        "CREATE INDEX decision_object ON decision (kind, object)",
        (
            "CREATE TABLE operation (id INTEGER PRIMARY KEY, at TEXT NOT NULL, session TEXT NOT NULL,"
            " label TEXT NOT NULL, changes INTEGER NOT NULL, state TEXT NOT NULL DEFAULT 'done')"
        ),
        (
            "CREATE TABLE change (operation INTEGER NOT NULL REFERENCES operation, kind TEXT NOT NULL,"
            " subject TEXT NOT NULL, object TEXT NOT NULL, before TEXT, after TEXT)"
        ),
        "CREATE INDEX change_operation ON change (operation)",
        "CREATE INDEX change_subject ON change (subject)",
        "CREATE INDEX decision_subject ON decision (subject)",
        "CREATE TABLE image (path TEXT PRIMARY KEY, sha256 TEXT NOT NULL) WITHOUT ROWID",
        "CREATE TABLE revision (topic TEXT PRIMARY KEY, number INTEGER NOT NULL) WITHOUT ROWID",
        "INSERT INTO revision VALUES ('tags', 0), ('review', 0)",
    ),
    ("CREATE TABLE retagged (revision INTEGER PRIMARY KEY, operation INTEGER NOT NULL)",),
    (  # a million decisions are written in a third of the time where each stands in one tree, beside its like
        "ALTER TABLE decision RENAME TO before",
        (
            "CREATE TABLE decision (kind TEXT, subject TEXT, object TEXT, value TEXT NOT NULL,"
            " PRIMARY KEY (kind, object, subject)) WITHOUT ROWID"
        ),
        "INSERT INTO decision SELECT kind, subject, object, value FROM before ORDER BY kind, object, subject",
        "DROP TABLE before",
        "ALTER TABLE change RENAME TO before",
        (
            "CREATE TABLE change (operation INTEGER NOT NULL REFERENCES operation, kind TEXT NOT NULL,"
            " subject TEXT NOT NULL, object TEXT NOT NULL, before TEXT, after TEXT)"
        ),
        # of several changes of one decision in one operation what was before all and what is after all
        (
            "INSERT INTO change SELECT operation, kind, subject, object, before, after FROM"
            " (SELECT operation, kind, subject, object, first_value(before) OVER whole AS before,"
            "  last_value(after) OVER whole AS after, row_number() OVER whole AS number FROM before"
            "  WINDOW whole AS (PARTITION BY operation, kind, object, subject ORDER BY rowid"
            "  ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING)) WHERE number = 1 ORDER BY operation"
        ),
        "DROP TABLE before",
        "CREATE INDEX change_operation ON change (operation)",
    ),
)
"""Statements of each version of the tables; a version's run once, in one transaction with its record (user_version).
The first version's tables can be read as those of later ones."""


@dataclass(frozen=True, slots=True)
class Operation:
    """One entry of the history. `at` is ISO 8601 UTC, `session` who, `state` done, undone or dropped."""

    id: int
    at: str
    session: str
    label: str
    changes: int
    state: str


class Decisions:
    """The decisions of one dataset. Safe for several threads and processes at once: a connection per call."""

    def __init__(self, path: Path, session: str = "python") -> None:
        self.path = path
        self.session = session
        with self._connected() as connection:
            self._migrate(connection)

    # --- tags ---------------------------------------------------------------------------------------------------------

    def tags(self) -> dict[str, Tag]:
        """Name to tag, in order of name; counts include images that are not in the folder at the moment."""
        with self._connected() as connection:
            rows = connection.execute(
                """SELECT name.value, colour.value,
                          (SELECT count(*) FROM decision WHERE kind = 'tag' AND object = name.subject)
                   FROM decision name JOIN decision colour
                     ON colour.kind = 'tag-colour' AND colour.subject = name.subject
                   WHERE name.kind = 'tag-name' ORDER BY name.value COLLATE NOCASE, name.value"""
            ).fetchall()
        return {name: Tag(name, colour, count) for name, colour, count in rows}

    def tagged(self) -> dict[str, list[str]]:
        """Tag name to the paths of its images."""
        with self._connected() as connection:
            found: dict[str, list[str]] = {name: [] for name in self._tag_ids(connection)}
            for name, path in connection.execute(
                """SELECT name.value, tag.subject FROM decision tag
                   JOIN decision name ON name.kind = 'tag-name' AND name.subject = tag.object
                   WHERE tag.kind = 'tag'"""
            ):
                found[name].append(path)
        return found

    def retagged(self, before: int, now: int) -> dict[str, dict[str, bool]] | None:
        """Tag name to the paths that got or lost it between two revisions of tags, and whether they carry it now; None
        where that is not known, for tags came or went, or paths were renamed."""
        found: dict[str, dict[str, bool]] = defaultdict(dict)
        with self._connected() as connection:
            operations: list[int] = []
            with suppress(sqlite3.OperationalError):  # tables of an earlier version, that can only be read
                query = "SELECT operation FROM retagged WHERE revision > ? AND revision <= ?"
                operations = [operation for (operation,) in connection.execute(query, (before, now))]
            if len(operations) < now - before:
                return None
            for operation in set(operations):
                for name, path, carried in connection.execute(RETAGGED, (operation,)):
                    found[name][path] = bool(carried)
        return found

    def tag(self, paths: Sequence[str], name: str, *, remove: bool = False) -> int:
        """Put a tag on images, or take it off, in one undoable step; an unknown tag is created when adding.

        Returns how many images changed. Raises `UnknownTag` when removing, `UsageError` for an unusable name.
        """
        return self.tag_all(paths, [name], remove=remove)

    def tag_all(self, paths: Sequence[str], names: Sequence[str], *, remove: bool = False) -> int:
        """`tag` for several tags in one undoable step; returns how many times a tag was given or taken."""
        value = None if remove else "1"
        verb = "Removed" if remove else "Added"
        ids: list[str] = []
        made: list[Change] = []
        with self._transaction() as connection:
            for name in names:
                tag_id, new = self._find_or_make(connection, name, remove, made)
                made += new
                ids.append(tag_id)
            changes = ((TAG, path, tag_id, value) for tag_id in ids for path in paths)
            changed = self._apply(connection, chain(made, changes), f"{verb} tag {', '.join(names)}")
        return changed - len(made)

    def sort_into(self, paths_of: Mapping[str, Sequence[str]], label: str) -> int:
        """Give each tag to its images and take the others of these tags from them, in one undoable step; returns how
        often a tag was given or taken. Raises `UsageError` for an unusable name."""
        changes: list[Change] = []
        made: list[Change] = []
        with self._transaction() as connection:
            ids = {}
            for name in paths_of:
                ids[name], new = self._find_or_make(connection, name, False, made)
                made += new
            for name, paths in paths_of.items():
                changes += [
                    (TAG, path, id_, "1" if name == other else None) for path in paths for other, id_ in ids.items()
                ]
            changed = self._apply(connection, made + changes, label)
        return changed - len(made)

    def would_change(self, paths: Sequence[str], name: str, *, remove: bool = False) -> int:
        """How many images `tag` would change."""
        carrying = set(self.tagged().get(name, ()))
        return sum((path in carrying) == remove for path in set(paths))

    def create_tag(self, name: str, colour: str | None = None) -> None:
        """Raises `UsageError` when the name is taken or unusable."""
        with self._transaction() as connection:
            self._require_free(connection, name)
            self._apply(connection, self._new_tag(connection, name, colour)[1], f"Created tag {name}")

    def rename_tag(self, name: str, new_name: str) -> None:
        """Raises `UnknownTag`, or `UsageError` when the new name is taken or unusable."""
        with self._transaction() as connection:
            tag_id = self._tag_id(connection, name)
            if new_name != name:
                self._require_free(connection, new_name)
                changes: list[Change] = [(TAG_NAME, tag_id, "", new_name), *_in_views(connection, {name}, new_name)]
                self._apply(connection, changes, f"Renamed tag {name} to {new_name}")

    def recolour_tag(self, name: str, colour: str) -> None:
        """Raises `UnknownTag`."""
        with self._transaction() as connection:
            tag_id = self._tag_id(connection, name)
            self._apply(connection, [(TAG_COLOUR, tag_id, "", colour)], f"Recoloured tag {name}")

    def merge_tags(self, names: Sequence[str], into: str) -> int:
        """Give every image of `names` the tag `into` and delete the others. Returns how many images gained it.

        Raises `UnknownTag`.
        """
        with self._transaction() as connection:
            target = self._tag_id(connection, into)
            sources = [self._tag_id(connection, name) for name in names if name != into]
            paths = [path for tag_id in sources for path in self._paths(connection, tag_id)]
            gained = set(paths) - set(self._paths(connection, target))
            changes: list[Change] = [(TAG, path, target, "1") for path in sorted(gained)]
            for tag_id in sources:
                changes += self._deletion(connection, tag_id)
            changes += _in_views(connection, set(names), into)
            self._apply(connection, changes, f"Merged {', '.join(names)} into {into}")
        return len(gained)

    def delete_tag(self, name: str) -> None:
        """Take the tag off every image and forget it (undoable). Raises `UnknownTag`."""
        with self._transaction() as connection:
            changes = self._deletion(connection, self._tag_id(connection, name))
            self._apply(connection, changes, f"Deleted tag {name}")

    # --- any decision -------------------------------------------------------------------------------------------------

    def values(self, kind: str) -> dict[tuple[str, str], str]:
        """All decisions of a kind: (subject, object) to value."""
        with self._connected() as connection:
            rows = connection.execute("SELECT subject, object, value FROM decision WHERE kind = ?", (kind,)).fetchall()
        return {(subject, target): value for subject, target, value in rows}

    def decide(self, changes: Iterable[Change], label: str) -> int:
        """Apply changes as one undoable operation and return how many rows really changed."""
        with self._transaction() as connection:
            return self._apply(connection, changes, label)

    def ever(self, kinds: Collection[str]) -> bool:
        """Whether anything of these kinds was ever decided, be it undone since or about images that are away."""
        query = f"SELECT EXISTS (SELECT 1 FROM change WHERE kind IN ({', '.join('?' * len(kinds))}))"
        with self._connected() as connection:
            return bool(connection.execute(query, tuple(kinds)).fetchone()[0])

    def setting(self, name: str) -> str | None:
        """A stored setting, None when it was never set."""
        return self.values(SETTING).get((name, ""))

    # --- history ------------------------------------------------------------------------------------------------------

    def history(self, limit: int = 100) -> list[Operation]:
        """The latest operations, newest first."""
        with self._connected() as connection:
            rows = connection.execute(
                "SELECT id, at, session, label, changes, state FROM operation ORDER BY id DESC LIMIT ?", (limit,)
            ).fetchall()
        return [Operation(*row) for row in rows]

    def undo(self, *, own: bool = False) -> str | None:
        """Take back the latest operation that stands; returns its label, None when there is none.

        With `own`, a key pressed to take back one's own decision takes back nobody else's: raises `UsageError` when
        the latest is another session's while one of this session's stands.
        """
        with self._transaction() as connection:
            latest = connection.execute(LATEST).fetchone()
            mine = connection.execute(f"{STANDING} AND session = ? LIMIT 1", (self.session,)).fetchone()
            if own and mine is not None and latest[2] != self.session:
                raise UsageError(
                    f"The latest decision is by {latest[2]}: {latest[1]}. Undo in the sidebar takes it back."
                )
            return self._step(connection, latest, "undone")

    def redo(self) -> str | None:
        """Do again what was undone last; returns its label, None when there is nothing to redo."""
        with self._transaction() as connection:
            return self._step(connection, connection.execute(UNDONE).fetchone(), "done")

    def next_steps(self) -> tuple[str | None, str | None]:
        """What `undo` would take back and `redo` do again, by their labels; None where there is nothing."""
        with self._connected() as connection:
            back, again = (connection.execute(query).fetchone() for query in (LATEST, UNDONE))
        return back and back[1], again and again[1]

    def revisions(self) -> tuple[int, int]:
        """Counters that grow with every change of tags and of other decisions, by whichever process."""
        with self._connected() as connection:
            numbers = dict(connection.execute("SELECT topic, number FROM revision").fetchall())
        return numbers["tags"], numbers["review"]

    # --- images -------------------------------------------------------------------------------------------------------

    def follow(
        self,
        images: Sequence[tuple[str, str]],
        removed: Mapping[str, str] | None = None,
        away: Collection[str] = (),
    ) -> int:
        """After a scan, move decisions along with the content they are about; returns how many images' moved.

        `images` are (path, sha256) of all images now whose bytes are known, `removed` those that left by a removal,
        `away` folders and files that could not be read: theirs stay for them, as they come back to their own path.
        Files that were renamed, renumbered or exchanged take their decisions along, all at once. One that was edited
        keeps them; those of one that is gone, or whose path another file has taken, wait until that content is back,
        under a name that no file can have: another file that is called alike has nothing to do with them.
        """
        present = dict(images)
        with self._transaction() as connection:
            seen: dict[str, str] = dict(connection.execute("SELECT path, sha256 FROM image").fetchall())
            within = tuple(f"{folder}/" for folder in away)
            unread = {path: sha256 for path, sha256 in seen.items() if path in away or path.startswith(within)}
            moves = _moves(seen, present, unread | dict(removed or {}))
            _rename(connection, moves)
            waiting = [(new, seen[old]) for old, new in moves.items() if new not in present]
            connection.executemany("DELETE FROM image WHERE path = ?", [(old,) for old in moves])
            connection.executemany("INSERT OR REPLACE INTO image VALUES (?, ?)", [*images, *waiting])
            if moves:
                connection.execute("UPDATE revision SET number = number + 1")
        return len(moves)

    # --- inside -------------------------------------------------------------------------------------------------------

    def _apply(self, connection: sqlite3.Connection, changes: Iterable[Change], label: str) -> int:
        """Write changes and their record; those that change nothing are left out. The last one on a decision counts."""
        asked = {(kind, subject, target): after for kind, subject, target, after in changes}
        connection.execute("CREATE TEMP TABLE asked (kind TEXT, subject TEXT, object TEXT, after TEXT)")
        connection.executemany("INSERT INTO asked VALUES (?, ?, ?, ?)", ((*key, after) for key, after in asked.items()))
        (operation,) = connection.execute("SELECT coalesce(max(id), 0) + 1 FROM operation").fetchone()
        written = connection.execute(RECORD, (operation,)).rowcount
        connection.execute("DROP TABLE asked")
        if written:
            counts: dict[str, int] = dict(connection.execute(KINDS_CHANGED, (operation,)).fetchall())
            counted = sum(count for kind, count in counts.items() if kind not in OF_TAGS) or 1  # a tag is no image
            connection.execute("UPDATE operation SET state = 'dropped' WHERE state = 'undone'")
            connection.execute(
                "INSERT INTO operation (id, at, session, label, changes) VALUES (?, ?, ?, ?, ?)",
                (operation, datetime.now(UTC).isoformat(timespec="seconds"), self.session, label, counted),
            )
            _bring(connection, operation, "after")
            _count_revisions(connection, operation, counts)
        return written

    def _step(self, connection: sqlite3.Connection, operation: tuple[int, str, str] | None, state: str) -> str | None:
        """Bring an operation into `state` ("undone" or "done"); returns its label."""
        if operation is None:
            return None
        number, label, _ = operation
        _bring(connection, number, "before" if state == "undone" else "after")
        connection.execute("UPDATE operation SET state = ? WHERE id = ?", (state, number))
        _count_revisions(connection, number, dict(connection.execute(KINDS_CHANGED, (number,)).fetchall()))
        return label

    def _tag_ids(self, connection: sqlite3.Connection) -> dict[str, str]:
        rows = connection.execute("SELECT value, subject FROM decision WHERE kind = 'tag-name'").fetchall()
        return dict(rows)

    def _tag_id(self, connection: sqlite3.Connection, name: str) -> str:
        ids = self._tag_ids(connection)
        if name not in ids:
            close = get_close_matches(name, list(ids), 1)
            hint = f" Did you mean {close[0]!r}?" if close else ""
            raise UnknownTag(f"There is no tag {name!r}.{hint}")
        return ids[name]

    def _find_or_make(
        self, connection: sqlite3.Connection, name: str, must_exist: bool, made: Sequence[Change]
    ) -> tuple[str, list[Change]]:
        """The id of a tag; one that is new with what makes it, told apart from those just `made` as well."""
        ids = self._tag_ids(connection)
        if name in ids or must_exist:
            return self._tag_id(connection, name), []
        given = [str(value) for kind, _, _, value in made if kind == TAG_COLOUR]
        return self._new_tag(connection, name, next_colour([*self._colours(connection), *given]))

    def _new_tag(self, connection: sqlite3.Connection, name: str, colour: str | None) -> tuple[str, list[Change]]:
        _check_tag_name(name)
        tag_id = uuid.uuid4().hex
        colour = colour or next_colour(self._colours(connection))
        return tag_id, [(TAG_NAME, tag_id, "", name), (TAG_COLOUR, tag_id, "", colour)]

    def _colours(self, connection: sqlite3.Connection) -> list[str]:
        return [value for (value,) in connection.execute("SELECT value FROM decision WHERE kind = 'tag-colour'")]

    def _require_free(self, connection: sqlite3.Connection, name: str) -> None:
        _check_tag_name(name)
        if name in self._tag_ids(connection):
            raise UsageError(f"There is a tag {name!r} already. Choose another name.")

    def _paths(self, connection: sqlite3.Connection, tag_id: str) -> list[str]:
        rows = connection.execute(
            "SELECT subject FROM decision WHERE kind = 'tag' AND object = ?", (tag_id,)
        ).fetchall()
        return [path for (path,) in rows]

    def _deletion(self, connection: sqlite3.Connection, tag_id: str) -> list[Change]:
        changes: list[Change] = [(TAG, path, tag_id, None) for path in self._paths(connection, tag_id)]
        return [*changes, (TAG_NAME, tag_id, "", None), (TAG_COLOUR, tag_id, "", None)]

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._connected() as connection:
            self._bring_up_to_date(connection)
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
            except BaseException:
                connection.execute("ROLLBACK")
                raise
            connection.execute("COMMIT")

    @contextmanager
    def _connected(self) -> Iterator[sqlite3.Connection]:
        try:
            with closing(self._open()) as connection:
                yield connection
        except sqlite3.Error as error:
            raise DatasetError(
                f"The decisions in {self.path} cannot be used: {error}. Nothing was changed; {_remedy(error)}."
            ) from error

    def _open(self) -> sqlite3.Connection:
        """A connection that reads, also where nothing can be written: reading takes a shared file beside, unless one
        process has the tables to itself (a full disk) or nobody writes (a read-only one)."""
        try:
            return self._ready("rwc", WRITE_AHEAD)
        except sqlite3.OperationalError as error:
            if "locked" in str(error):
                raise
            with suppress(sqlite3.Error):
                return self._ready("rw", "PRAGMA locking_mode = EXCLUSIVE")
            log = self.path.with_name(f"{self.path.name}-wal")
            if self.path.exists() and not (log.exists() and log.stat().st_size):
                return self._ready("ro&immutable=1")
            raise

    def _ready(self, mode: str, *settings: str) -> sqlite3.Connection:
        """Raises `sqlite3.Error` when nothing can be read."""
        if mode == "rwc":
            _make_private(self.path)
        address = f"{self.path.absolute().as_uri()}?mode={mode}"
        connection = sqlite3.connect(address, timeout=BUSY_SECONDS, isolation_level=None, uri=True)
        try:
            told = "PRAGMA synchronous = FULL", "PRAGMA temp_store = MEMORY", "SELECT count(*) FROM sqlite_master"
            for setting in (*settings, *told):
                connection.execute(setting).fetchall()
        except BaseException:
            connection.close()
            raise
        return connection

    def _migrate(self, connection: sqlite3.Connection) -> None:
        is_new = not _version(connection)
        try:
            self._bring_up_to_date(connection)
        except sqlite3.OperationalError:
            if is_new:
                raise  # else nothing can be written now, and it is read as it is

    def _bring_up_to_date(self, connection: sqlite3.Connection) -> None:
        version = _version(connection)
        for number, migration in enumerate(MIGRATIONS[version:], start=version + 1):
            connection.execute("BEGIN IMMEDIATE")
            if _version(connection) < number:  # another process may have been faster
                for statement in migration:
                    connection.execute(statement)
                connection.execute(f"PRAGMA user_version = {number}")
            connection.execute("COMMIT")


def _version(connection: sqlite3.Connection) -> int:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    return int(version)


_MAKING = threading.Lock()
"""A file is made by one thread at a time, so that none uses it before it was closed."""


def _make_private(path: Path) -> None:
    """Make a file that only its owner reads, where there is none; SQLite says what is wrong where it cannot be made.

    One that is there is never opened: a process that closes a file gives up all its locks on it (POSIX), those of its
    other connections too. Another process would then take itself for the last one and drop what is being written
    (https://www.sqlite.org/howtocorrupt.html, 2.2).
    """
    with _MAKING, suppress(OSError):
        if not path.exists():
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, PRIVATE))


def _bring(connection: sqlite3.Connection, operation: int, side: str) -> None:
    """Let what an operation changed stand as it was "before" or "after" it."""
    for statement in (LET_STAND, TAKE_AWAY):
        connection.execute(statement.format(side=side), (operation,))


def _moves(seen: Mapping[str, str], present: Mapping[str, str], removed: Mapping[str, str]) -> dict[str, str]:
    """Old to new subject of decisions that move after a scan, no two to one. `seen` holds the content each subject had
    at the last scan, `present` what paths have now, `removed` what they had when it was removed."""
    changed = sorted(subject for subject, sha256 in seen.items() if present.get(subject) != sha256)
    left = {subject for subject in changed if removed.get(subject.lstrip(ASIDE)) == seen[subject]}
    moves = _returns([subject for subject in changed if subject not in left], seen, present)
    lost: dict[str, list[str]] = defaultdict(list)
    for subject in reversed(changed):
        if subject not in left and subject not in moves:
            lost[seen[subject]].append(subject)
    back = set(moves.values())
    gained = sorted(path for path, sha256 in present.items() if seen.get(path) != sha256 and path not in back)
    moves |= {lost[present[path]].pop(): path for path in gained if lost.get(present[path])}
    gone = {subject for subject in changed if subject not in present and not subject.startswith(ASIDE)} - left
    for subject in sorted(((left & present.keys()) | gone | (seen.keys() & set(moves.values()))) - moves.keys()):
        moves[subject] = _aside(subject, seen)
    return moves


def _returns(changed: Sequence[str], seen: Mapping[str, str], present: Mapping[str, str]) -> dict[str, str]:
    """Those that wait and whose content is back at its own path, to that path: of several of one content each has its
    own again."""
    found: dict[str, str] = {}
    for subject in changed:
        path = subject.lstrip(ASIDE)
        if path != subject and present.get(path) == seen[subject] != seen.get(path):
            found.setdefault(path, subject)
    return {subject: path for path, subject in found.items()}


def _aside(path: str, taken: Collection[str]) -> str:
    """A name that no file has, for decisions about an image that another one took the path of."""
    name = ASIDE + path
    while name in taken:
        name = ASIDE + name
    return name


def _rename(connection: sqlite3.Connection, moves: Mapping[str, str]) -> None:
    """Give decisions and their history other paths, all at once: by way of names that are no paths, for they end in
    a slash."""
    if not moves:
        return
    steps = ({old: f"{new}/" for old, new in moves.items()}, {f"{new}/": new for new in moves.values()})
    kinds = ", ".join(f"'{kind}'" for kind in OF_PATHS)
    connection.execute("CREATE TEMP TABLE step (old TEXT PRIMARY KEY, new TEXT) WITHOUT ROWID")
    for step in steps:
        connection.execute("DELETE FROM step")
        connection.executemany("INSERT INTO step VALUES (?, ?)", step.items())
        for table in ("decision", "change"):
            connection.execute(
                f"UPDATE OR REPLACE {table} SET subject = (SELECT new FROM step WHERE old = subject)"
                f" WHERE kind IN ({kinds}) AND subject IN (SELECT old FROM step)"
            )
    connection.execute("DROP TABLE step")


def _in_views(connection: sqlite3.Connection, names: Collection[str], new_name: str) -> list[Change]:
    """The saved views that name one of these tags, with its new name."""
    changes: list[Change] = []
    for name, value in connection.execute("SELECT subject, value FROM decision WHERE kind = ?", (VIEW,)).fetchall():
        told = json.loads(value)
        query = told.get("query", {})
        for key in TAGS_OF_VIEWS:
            given = query.get(key, [])
            tags = given if isinstance(given, list) else [given]
            if set(tags) & set(names):
                query[key] = called_otherwise(tags, names, new_name)
        changes.append((VIEW, name, "", json.dumps(told)))
    return changes


def _count_revisions(connection: sqlite3.Connection, operation: int, kinds: Collection[str]) -> None:
    topics = {"tags" if kind.startswith(TAG) else "review" for kind in kinds}
    connection.executemany("UPDATE revision SET number = number + 1 WHERE topic = ?", [(topic,) for topic in topics])
    if TAG in kinds and not {TAG_NAME, TAG_COLOUR} & set(kinds):
        connection.execute("INSERT INTO retagged SELECT number, ? FROM revision WHERE topic = 'tags'", (operation,))


def _check_tag_name(name: str) -> None:
    if not name.strip() or name != name.strip() or len(name) > LONGEST_TAG or not name.isprintable():
        raise UsageError(f"{name!r} cannot name a tag. Use up to {LONGEST_TAG} visible characters.")


def _remedy(error: sqlite3.Error) -> str:
    """What a person can do: an earlier copy is put back where the file is damaged, and nowhere else, for it would take
    the decisions since then along."""
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF  # without what is said beyond it
    if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
        return "put a copy of the file back"
    if code in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR):
        return "free some space and try again"
    if code in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM):
        return "make the file and its folder writable"
    return "try again, and look whether the dataset was renamed meanwhile"
