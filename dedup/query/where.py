"""The filter language of `--where`: one expression over the columns of the frame, without any eval.

    singularity <= 0.05 and not "keep" in tags
    0.2 < brightness < 0.8 and format in ("JPEG", "PNG")
    (class == "dog" or "beach" in path) and role != "keeper"

- Numbers compare with `== != < <= > >=`, chained as in Python; `in` and `not in` take a list in parentheses.
- Text compares exactly; `"beach" in path` finds a part of a text and ignores case.
- Names (`tags`, `classes`, `relations`; also written `tag`, `class`) hold several texts: `tag == "keep"` and
  `"keep" in tags` both ask whether one of them is it.
- A yes/no column stands alone: `camera and not alpha`.
- An unknown value (NaN of a failed image, the empty text in an order comparison) matches neither a comparison nor its
  negation: `not (sharpness > 3)` means exactly `sharpness <= 3`.
- In a quoted text only a backslash before a quote or a backslash is an escape.
"""

from __future__ import annotations

import operator
import re
import textwrap
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, NoReturn

import numpy as np
import numpy.typing as npt
import pandas as pd

from dedup.errors import WhereError
from dedup.model import TAG_PREFIX, Kind, Role, Status
from dedup.words import did_you_mean, quote, unknown_tag

Mask = npt.NDArray[np.bool_]

OF_FEW: dict[str, tuple[str, ...]] = {
    "kind": tuple(map(str, (Kind.EXACT, Kind.NEAR, Kind.UNIQUE, Kind.FAILED))),
    "role": tuple(map(str, Role)),
    "status": tuple(map(str, Status)),
    "decided": ("goes", "stays", "open"),
}
"""Columns that say one of a few words: another one would silently select nothing."""
PARTS_HINT = ', and images that contain others have "contains > 0"'
MAX_LENGTH = 10_000
MAX_DEPTH = 50


def outside(name: str, low: float | None, high: float | None) -> str:
    """The expression for a number below `low` or above `high`; "" where neither is a bound."""
    parts = [f"{name} < {low!r}" if low is not None else "", f"{name} > {high!r}" if high is not None else ""]
    return " or ".join(part for part in parts if part)


ALIASES = {"tag": "tags", "class": "classes"}
NAMES = ("tags", "classes", "relations")
ORDER = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}
OPPOSITE = {"==": "!=", "<": ">=", ">": "<=", "in": "not in"}
OPPOSITE |= {value: key for key, value in OPPOSITE.items()}
KEYWORDS = {"and", "or", "not", "in", "true", "false"}
HINTS = {"=": "==", "&": "and", "&&": "and", "|": "or", "||": "or", "!": "not", "<>": "!=", "~": "not"}

TOKEN = re.compile(
    r"""(?P<space>\s+)
    |(?P<number>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)
    |(?P<text>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')
    |(?P<word>[^\W\d]\w*)
    |(?P<sign>==|!=|<=|>=|<>|&&|\|\||.)""",
    re.VERBOSE | re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Literal:
    """A number, text or truth value written in the expression."""

    value: float | str | bool
    at: int


@dataclass(frozen=True, slots=True)
class Column:
    """A column by its name."""

    name: str
    at: int


@dataclass(frozen=True, slots=True)
class Values:
    """A list in parentheses or brackets, for `in`."""

    items: tuple[Literal, ...]
    at: int


Operand = Literal | Column | Values


@dataclass(frozen=True, slots=True)
class Compare:
    """`left op right`, with op one of == != < <= > >= in, not in."""

    left: Operand
    op: str
    right: Operand
    at: int


@dataclass(frozen=True, slots=True)
class Truth:
    """A yes/no column or `true`/`false` standing alone."""

    operand: Literal | Column


@dataclass(frozen=True, slots=True)
class Not:
    """The opposite."""

    item: Node


@dataclass(frozen=True, slots=True)
class Both:
    """`and`."""

    items: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Either:
    """`or`."""

    items: tuple[Node, ...]


Node = Compare | Truth | Not | Both | Either


@dataclass(frozen=True, slots=True)
class Expression:
    """A parsed filter. `text` is what was written."""

    text: str
    node: Node

    def mask(self, frame: pd.DataFrame, *, strict: bool = False) -> Mask:
        """Which rows of `frame` match: bool, shape (n,).

        Raises `WhereError` for a name or a comparison that the frame's columns do not allow, and with `strict`
        `UnknownTag` for a tag the frame does not have (else such a tag is one that no image carries).
        """
        types = _Types(self.text, frame, strict)
        types.check(self.node)
        return _mask(self.node, frame, types, wanted=True)

    def matches(self, row: Mapping[str, Any]) -> bool:
        """Whether one row of the frame matches: the slow reference of `mask`, for rows that passed its checks."""
        return _judge(self.node, row) is True


def compile(text: str) -> Expression:
    """Parse `text`. Raises `WhereError`, whose message says where it went wrong and what was expected there."""
    if len(text) > MAX_LENGTH:
        raise WhereError(f"The filter is longer than {MAX_LENGTH:,} characters; make it shorter.")
    return Expression(text, _Parser(text).parse())


# --- text to tree ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Token:
    sort: str
    text: str
    at: int

    def __str__(self) -> str:
        return "the end" if self.sort == "end" else quote(self.text) if self.sort != "text" else self.text


def _fail(text: str, at: int, problem: str) -> NoReturn:
    where = "at its end" if at >= len(text) else f"at character {at + 1}"
    raise WhereError(
        f"The filter `{textwrap.shorten(text, 200)}` went wrong {where}: {problem}"
        + ("" if problem[-1] == "?" else ".")
    )


def _tokens(text: str) -> Iterator[_Token]:
    for match in TOKEN.finditer(text):
        sort = str(match.lastgroup)
        if sort == "space":
            continue
        if match[0] in "\"'":
            _fail(text, match.start(), "this quote is never closed")
        if sort == "word" and match[0].lower() in KEYWORDS:
            yield _Token("sign", match[0].lower(), match.start())
        else:
            yield _Token(sort, match[0], match.start())
    yield _Token("end", "", len(text))


class _Parser:
    """Recursive descent; each method reads one rule of the grammar and leaves `self.now` at what follows."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens = _tokens(text)
        self.now = next(self.tokens)
        self.depth = 0

    def parse(self) -> Node:
        node = self.either()
        if self.now.sort != "end":
            self.unexpected('"and", "or" or the end')
        return node

    def advance(self) -> _Token:
        token = self.now
        if token.sort != "end":
            self.now = next(self.tokens)
        return token

    def accept(self, *signs: str) -> _Token | None:
        return self.advance() if self.now.sort == "sign" and self.now.text in signs else None

    def unexpected(self, expected: str) -> NoReturn:
        hint = HINTS.get(self.now.text, "")
        suffix = f"; write {quote(hint)} instead" if hint and self.now.sort == "sign" else ""
        _fail(self.text, self.now.at, f"expected {expected}, found {self.now}{suffix}")

    def deeper(self) -> None:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            _fail(self.text, self.now.at, f'more than {MAX_DEPTH} levels of parentheses or "not"')

    def either(self) -> Node:
        items = [self.both()]
        while self.accept("or"):
            items.append(self.both())
        return items[0] if len(items) == 1 else Either(tuple(items))

    def both(self) -> Node:
        items = [self.negation()]
        while self.accept("and"):
            items.append(self.negation())
        return items[0] if len(items) == 1 else Both(tuple(items))

    def negation(self) -> Node:
        if not self.accept("not"):
            return self.test()
        self.deeper()
        node = Not(self.negation())
        self.depth -= 1
        return node

    def test(self) -> Node:
        if not self.accept("("):
            return self.chain(self.operand("a column, a number, a quoted text or a parenthesis"))
        self.deeper()
        node = self.either()
        self.depth -= 1
        if not self.accept(")"):
            self.unexpected('")", "and" or "or"')
        return node

    def chain(self, left: Operand) -> Node:
        links: list[Node] = []
        while op := self.comparison():
            right = (
                self.values() if op.text in ("in", "not in") else self.operand("a column, a number or a quoted text")
            )
            links.append(Compare(left, op.text, right, op.at))
            left = right
        if not links:
            return self.alone(left)
        return links[0] if len(links) == 1 else Both(tuple(links))

    def alone(self, operand: Operand) -> Node:
        if isinstance(operand, Column) or (isinstance(operand, Literal) and isinstance(operand.value, bool)):
            return Truth(operand)
        return self.unexpected("a comparison such as == or <=")

    def comparison(self) -> _Token | None:
        if token := self.accept("not"):
            if not self.accept("in"):
                self.unexpected('"in" after "not"')
            return _Token("sign", "not in", token.at)
        return self.accept("==", "!=", "<", "<=", ">", ">=", "in")

    def values(self) -> Operand:
        opened = self.accept("(", "[")
        if not opened:
            return self.operand('a list such as ("a", "b") or a column')
        close = {"(": ")", "[": "]"}[opened.text]
        items = [self.literal()]
        while self.accept(","):
            if self.now.text == close:
                break
            items.append(self.literal())
        if not self.accept(close):
            self.unexpected(f'"," or {quote(close)}')
        return Values(tuple(items), opened.at)

    def literal(self) -> Literal:
        operand = self.operand("a number or a quoted text")
        if not isinstance(operand, Literal):
            _fail(self.text, operand.at, "a list holds numbers and quoted texts only; put the text in quotes")
        return operand

    def operand(self, expected: str) -> Literal | Column:
        token = self.now
        if minus := self.accept("-"):
            if self.now.sort != "number":
                self.unexpected('a number after "-"')
            return Literal(-float(self.advance().text), minus.at)
        if self.accept("true", "false"):
            return Literal(token.text == "true", token.at)
        if token.sort not in ("number", "text", "word"):
            self.unexpected(expected)
        self.advance()
        if token.sort == "number":
            return Literal(float(token.text), token.at)
        if token.sort == "text":
            return Literal(re.sub(r"\\([\\'\"])", r"\1", token.text[1:-1]), token.at)
        return Column(ALIASES.get(token.text, token.text), token.at)


# --- types ----------------------------------------------------------------------------------------------------------


class _Types:
    """What sort of value each operand is, so that a nonsensical comparison is an error and never silently nothing."""

    def __init__(self, text: str, frame: pd.DataFrame, strict: bool) -> None:
        self.text = text
        self.frame = frame
        self.strict = strict

    def check(self, node: Node) -> None:
        """Raise `WhereError` or `UnknownTag` for the first comparison that cannot be meant."""
        match node:
            case Compare():
                self.compare(node)
            case Truth(operand):
                if self.sort(operand) != "yes/no":
                    _fail(
                        self.text,
                        operand.at,
                        f"{self.name(operand)} is {self.sort(operand)}; compare it with something",
                    )
            case Not(item):
                self.check(item)
            case Both(items) | Either(items):
                for item in items:
                    self.check(item)

    def sort(self, operand: Literal | Column) -> str:
        """One of number, text, yes/no, names."""
        if isinstance(operand, Literal):
            return {bool: "yes/no", str: "text", float: "number"}[type(operand.value)]
        if operand.name in NAMES:
            return "names"
        if operand.name not in self.frame:
            known = [*self.frame.columns[~self.frame.columns.str.startswith(TAG_PREFIX)], *NAMES, *ALIASES]
            hint = did_you_mean(operand.name, known)
            _fail(self.text, operand.at, f"there is no column {quote(operand.name)} (a text needs quotes){hint}")
        dtype = self.frame[operand.name].dtype
        if pd.api.types.is_bool_dtype(dtype):
            return "yes/no"
        return "number" if pd.api.types.is_numeric_dtype(dtype) else "text"

    def name(self, operand: Operand) -> str:
        if isinstance(operand, Column):
            return f"the column {quote(operand.name)}"
        return "this list" if isinstance(operand, Values) else f"the value {operand.value!r}"

    def compare(self, node: Compare) -> None:
        left, right = node.left, node.right
        if isinstance(left, Values):
            _fail(self.text, left.at, 'a list stands to the right of "in" only')
        rights = right.items if isinstance(right, Values) else (right,)
        for item in rights:
            if not self.allowed(self.sort(left), "==" if isinstance(right, Values) else node.op, self.sort(item)):
                self.refuse(left, node, item)
            self.check_tag(left, item)
            self.check_tag(item, left)
            if isinstance(right, Values) or node.op in ("==", "!="):
                self.check_word(left, item)
                self.check_word(item, left)

    def allowed(self, left: str, op: str, right: str) -> bool:
        if op in ("in", "not in"):
            return left == "text" and right in ("names", "text")
        if op in ("==", "!="):
            return (left == right != "names") or {left, right} == {"names", "text"}
        return left == right and left in ("number", "text")

    def refuse(self, left: Literal | Column, node: Compare, right: Literal | Column) -> NoReturn:
        sides = f"{self.name(left)} ({self.sort(left)}) and {self.name(right)} ({self.sort(right)})"
        _fail(self.text, node.at, f"{sides} cannot be compared with {quote(node.op)}")

    def check_tag(self, names: Literal | Column, value: Literal | Column) -> None:
        if self.strict and isinstance(names, Column) and names.name == "tags" and isinstance(value, Literal):
            check_tags(self.frame, [str(value.value)])

    def check_word(self, column: Literal | Column, value: Literal | Column) -> None:
        known = OF_FEW.get(column.name, ()) if isinstance(column, Column) else ()
        if self.strict and known and isinstance(value, Literal) and value.value not in known:
            words = ", ".join(f'"{each}"' for each in known)
            hint = PARTS_HINT if value.value == Kind.CONTAINS else ""
            _fail(self.text, value.at, f"{self.name(column)} is one of {words}{hint}")


def check_tags(frame: pd.DataFrame, names: Iterable[str]) -> None:
    """Raise `UnknownTag`, with the closest known one, for the first of `names` that is no tag of `frame`."""
    known = {column.removeprefix(TAG_PREFIX) for column in frame.columns if column.startswith(TAG_PREFIX)}
    for name in names:
        if name not in known:
            raise unknown_tag(name, known)


# --- the mask -------------------------------------------------------------------------------------------------------


def _mask(node: Node, frame: pd.DataFrame, types: _Types, *, wanted: bool) -> Mask:
    """Rows where `node` is known to be `wanted`: "not" is pushed down to the comparisons, where unknown is neither."""
    match node:
        case Not(item):
            return _mask(item, frame, types, wanted=not wanted)
        case Both(items) | Either(items):
            joined = np.logical_and if isinstance(node, Both) is wanted else np.logical_or
            return np.asarray(joined.reduce([_mask(item, frame, types, wanted=wanted) for item in items]), dtype=bool)
        case Truth(operand):
            return np.asarray(_values(operand, frame, types) == wanted, dtype=bool)
        case Compare(left, op, right):
            return _compare(left, op if wanted else OPPOSITE[op], right, frame, types)


def _compare(left: Operand, op: str, right: Operand, frame: pd.DataFrame, types: _Types) -> Mask:
    assert not isinstance(left, Values)
    if isinstance(right, Values):
        equal = [_compare(left, "==" if op == "in" else "!=", item, frame, types) for item in right.items]
        return np.asarray((np.logical_or if op == "in" else np.logical_and).reduce(equal), dtype=bool)
    sorts = types.sort(left), types.sort(right)
    if "names" in sorts:
        names, value = (left, right) if sorts[0] == "names" else (right, left)
        return np.equal(_member(names, value, frame, types), op in ("==", "in"))
    if sorts == ("text", "text") and op in ("==", "!=") and isinstance(left, Column) and isinstance(right, Literal):
        with suppress(UnicodeEncodeError):  # of the name of a file that is no text: compared one by one, below
            return np.equal((frame[left.name] == right.value).to_numpy(bool), op == "==")
    first, second = _values(left, frame, types), _values(right, frame, types)
    if op in ("in", "not in"):
        return np.equal(_contains(first, second), op == "in")
    return _ordered(first, op, second)


def _values(operand: Literal | Column, frame: pd.DataFrame, types: _Types) -> npt.NDArray[Any]:
    """The operand for every row: float64, bool or object (texts), shape (n,)."""
    dtype: type = {"number": np.float64, "yes/no": np.bool_, "text": object}[types.sort(operand)]
    if isinstance(operand, Literal):
        values: npt.NDArray[Any] = np.empty(len(frame), dtype=dtype)
        values.fill(operand.value)  # np.full would drop a trailing NUL of a text
        return values
    return frame[operand.name].to_numpy(dtype=dtype)


def _ordered(left: npt.NDArray[Any], op: str, right: npt.NDArray[Any]) -> Mask:
    if op == "==":
        return np.asarray(left == right, dtype=bool)
    known = np.ones(len(left), dtype=bool)
    if left.dtype == np.float64:
        known = ~(np.isnan(left) | np.isnan(right))
    elif op in ORDER:
        known = np.asarray((left != "") & (right != ""), dtype=bool)
    compare: Callable[[Any, Any], Any] = operator.ne if op == "!=" else ORDER[op]
    return np.asarray(compare(left, right), dtype=bool) & known


def _contains(parts: npt.NDArray[Any], texts: npt.NDArray[Any]) -> Mask:
    pairs = zip(parts, texts, strict=True)
    return np.fromiter((part.casefold() in text.casefold() for part, text in pairs), dtype=bool, count=len(texts))


def _member(names: Operand, value: Operand, frame: pd.DataFrame, types: _Types) -> Mask:
    assert isinstance(names, Column) and not isinstance(value, Values)
    if names.name != "tags":
        pairs = zip(_values(value, frame, types), frame[names.name], strict=True)
        return np.fromiter((text in held for text, held in pairs), dtype=bool, count=len(frame))
    if isinstance(value, Literal):
        column = f"{TAG_PREFIX}{value.value}"
        return frame[column].to_numpy(dtype=bool) if column in frame else np.zeros(len(frame), dtype=bool)
    columns = {f"{TAG_PREFIX}{text}" for text in frame[value.name]} & set(frame.columns)
    held = [
        (frame[column] & (frame[value.name] == column.removeprefix(TAG_PREFIX))).to_numpy(bool) for column in columns
    ]
    return np.asarray(np.logical_or.reduce([np.zeros(len(frame), dtype=bool), *held]), dtype=bool)


# --- the reference --------------------------------------------------------------------------------------------------


def _judge(node: Node, row: Mapping[str, Any]) -> bool | None:
    """True, False or None for unknown, by the three-valued logic of SQL."""
    match node:
        case Not(item):
            answer = _judge(item, row)
            return None if answer is None else not answer
        case Both(items):
            answers = [_judge(item, row) for item in items]
            return False if False in answers else None if None in answers else True
        case Either(items):
            answers = [_judge(item, row) for item in items]
            return True if True in answers else None if None in answers else False
        case Truth(operand):
            return bool(_value(operand, row))
        case Compare(left, op, right):
            if OPPOSITE[op] in ("==", "in"):
                return _judge(Not(Compare(left, OPPOSITE[op], right, node.at)), row)
            return _relate(left, op, right, row)


def _relate(left: Operand, op: str, right: Operand, row: Mapping[str, Any]) -> bool | None:
    if isinstance(right, Values):
        return _judge(Either(tuple(Compare(left, "==", item, item.at) for item in right.items)), row)
    first, second = _value(left, row), _value(right, row)
    if isinstance(first, frozenset) or isinstance(second, frozenset):
        return first in second if isinstance(second, frozenset) else second in first
    if op == "in":
        return str(first).casefold() in str(second).casefold()
    if any(isinstance(value, float) and np.isnan(value) for value in (first, second)):
        return None
    if op == "==":
        return bool(first == second)
    return None if "" in (first, second) else bool(ORDER[op](first, second))


def _value(operand: Operand, row: Mapping[str, Any]) -> Any:
    assert not isinstance(operand, Values)
    if isinstance(operand, Literal):
        return operand.value
    if operand.name == "tags":
        return frozenset(key.removeprefix(TAG_PREFIX) for key in row if key.startswith(TAG_PREFIX) and row[key])
    value = row[operand.name]
    if operand.name in NAMES:
        return frozenset(value)
    return value if isinstance(value, str | bool | np.bool_) else float(value)
