"""The home: which datasets there are, what they are called, and what each says of itself. Loads no tables."""

from __future__ import annotations

import json
import os
import re
import unicodedata
import uuid
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import UTC, datetime
from pathlib import Path

import platformdirs

from dedup.errors import DatasetError, UnknownDataset, UsageError
from dedup.files import expanded
from dedup.model import SOFTWARE_VERSION

INFO_FILE = "dataset.json"
LONGEST_NAME = 80
FORBIDDEN_IN_NAMES = re.compile(r'[\x00-\x1f<>:"/\\|?*\ud800-\udfff]')


def home_directory(home: Path | str | None = None) -> Path:
    """Where datasets live: the argument, else DEDUP_HOME, else the platform's user data directory."""
    chosen = home or os.environ.get("DEDUP_HOME") or platformdirs.user_data_dir("dedup", appauthor=False)
    return expanded(chosen).absolute()


@dataclass(frozen=True)
class Info:
    """dataset.json. `key` stands for the dataset in URLs; `scan_id` names the scan the tables were written by;
    `thorough` says that parts of pictures are looked for as well, `vectors` stands for those whose neighbours it looked
    at, "" for none; `annotations` are the files and folders of its
    labels, `labels_said` whether a person chose them, or none, `labels_unread` sentences on files that hold labels
    and were not read, `labels_seen` stands for the files that were there when labels were looked for, and `labels_left`
    are names of COCO files that were found beside those that are used."""

    name: str
    root: str
    source: str
    key: str = field(default_factory=lambda: uuid.uuid4().hex[:12])
    created: str = field(default_factory=lambda: now())
    scan_id: str = ""
    scanned_at: str = ""
    software: str = SOFTWARE_VERSION
    max_pixels: int = 0
    thorough: bool = False
    vectors: str = ""
    annotations: tuple[str, ...] = ()
    labels_said: bool = False
    labels_unread: tuple[str, ...] = ()
    labels_seen: str = ""
    labels_left: tuple[str, ...] = ()
    images: int = 0
    failed: int = 0
    passed_over: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class DatasetInfo(Info):
    """What dataset.json says, and where it is."""

    directory: Path = field(default_factory=Path)

    @classmethod
    def of(cls, directory: Path, info: Info) -> DatasetInfo:
        """The info of the dataset in a directory."""
        return cls(**asdict(info), directory=directory)


def read_info(directory: Path) -> Info:
    """What dataset.json says; the name is that of the directory, whatever stands there from before it was renamed.

    Raises `DatasetError` when it is missing or damaged.
    """
    path = directory / INFO_FILE
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        known = {each.name for each in fields(Info)}
        info = Info(**{name: value for name, value in values.items() if name in known})
    except FileNotFoundError as error:
        raise DatasetError(f"{directory} is not a dataset: {INFO_FILE} is missing.") from error
    except (ValueError, TypeError, AttributeError, OSError, RecursionError) as error:
        raise DatasetError(f"{path} is damaged. Scan the folder again under this name; tags are kept.") from error
    annotations = tuple(os.path.join(directory, path) for path in info.annotations)  # absolute ones stay as they are
    unread, left = tuple(info.labels_unread), tuple(info.labels_left)
    return replace(info, name=directory.name, annotations=annotations, labels_unread=unread, labels_left=left)


def as_written(info: Info, directory: Path) -> Info:
    """The info with labels that lie in the dataset's directory named from there, so that it can be renamed."""
    inside = f"{directory}{os.sep}"
    return replace(info, annotations=tuple(path.removeprefix(inside) for path in info.annotations))


def directories(home: Path) -> list[Path]:
    """Those of the datasets of a home, by name; other folders there are ignored. Raises `DatasetError` where that one
    may not be read, which is not to be empty."""
    try:
        names = os.listdir(home)
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise DatasetError(
            f"Cannot read the home {home}: {error.strerror}. Choose another with --home or DEDUP_HOME."
        ) from error
    return sorted(home / name for name in names if not name.startswith(".") and (home / name / INFO_FILE).exists())


def find_directory(home: Path, name: str) -> Path:
    """That of the dataset of that name. Raises `UnknownDataset` with what there is."""
    if name and Path(name).name == name and os.path.isfile(home / name / INFO_FILE):  # a name may be too long for one
        return home / name
    names = ", ".join(each.name for each in directories(home)) or "none yet; scan a folder first"
    raise UnknownDataset(f"There is no dataset {name!r}. Datasets: {names}.")


def datasets(home: Path | str | None = None) -> list[DatasetInfo]:
    """All datasets, by name; damaged ones are left out."""
    found = []
    for directory in directories(home_directory(home)):
        try:
            found.append(DatasetInfo.of(directory, read_info(directory)))
        except DatasetError:
            continue
    return found


def check_name(name: str) -> str:
    """A name as given by a person, unchanged. Raises `UsageError` when no folder can be called that, or no command
    could be told of it."""
    if not name or name != name_after(name):
        raise UsageError(
            f"{name!r} cannot name a dataset. Use letters, digits, spaces and dashes, e.g. {name_after(name)!r}."
        )
    return name


def name_after(text: str) -> str:
    """The nearest text to `text` that can name a dataset: a folder, and what no command takes for an option."""
    return clean_name(clean_name(text).lstrip("-"))


def clean_name(text: str) -> str:
    """The nearest text to `text` that can name a folder on every system."""
    text = FORBIDDEN_IN_NAMES.sub("-", unicodedata.normalize("NFC", text)).strip(" .")[:LONGEST_NAME].rstrip(" .")
    return text or "dataset"


def now() -> str:
    """The present moment, ISO 8601 in UTC."""
    return datetime.now(UTC).isoformat(timespec="seconds")
