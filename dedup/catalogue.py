"""The ways to a dataset: scan, open, list, rename, forget."""

from __future__ import annotations

import itertools
import os
import shutil
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, nullcontext, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from dedup.dataset import Dataset, contents
from dedup.errors import AnnotationError, DatasetError, UsageError
from dedup.files import expanded
from dedup.images.formats import MAX_PIXELS
from dedup.labels import formats
from dedup.labels.coco import tags_from_coco
from dedup.model import OnProgress
from dedup.progress import watched
from dedup.scanning import parts_elsewhere, shards
from dedup.scanning.engines import Choice
from dedup.sources import Listing, address_of, beside, blobs, folder_of, is_list, is_there, list_source, name_of
from dedup.splits import given
from dedup.store.decisions import Decisions
from dedup.store.directory import Part, Store, name_for, same_source
from dedup.store.home import DatasetInfo, Info, check_name, datasets, find_directory, home_directory


def scan(
    source: Path | str,
    *,
    name: str | None = None,
    home: Path | str | None = None,
    annotations: Path | str | Sequence[Path | str] | None = None,
    use_found: bool = False,
    workers: int | None = None,
    max_pixels: int | None = None,
    thorough: bool | None = None,
    engine: str = "local",
    ray_address: str = "",
    on_progress: OnProgress | None = None,
) -> Dataset:
    """Scan a folder of images, or whatever else `dedup.sources` reads (a .zip, .tar, .parquet or .lmdb, a .txt or .csv
    list, `s3://bucket/prefix`), and return its dataset.

    The same source keeps its dataset, and only what changed is read. `annotations` are files or folders of labels
    (`dedup.labels.formats`), an empty list for none; with `use_found`, those beside the images are used as long as
    nobody said which (`find_labels`). `workers` are processes (all processors by default);
    `max_pixels` the largest picture that is decoded. A `thorough` scan also looks for parts of pictures: crops to a
    fifth, rotations by any angle, pictures set into others, collages, screenshots, stickers; a dataset keeps what it
    was told, False until then. With the engine "ray" files are read by a cluster, that of
    `ray_address` or of this machine; what is found is the same. Raises `SourceError`, `UsageError`,
    `AnnotationError`, `ScanRunning`, `DatasetError`; `Cancelled` from Ctrl-C keeps what was finished. Without
    `on_progress`, progress is shown in notebooks and on terminals, and nowhere else.
    """
    choice = Choice(engine, workers, ray_address)
    asked = _Asked(name, home, annotations, use_found, max_pixels, thorough)
    return _scan(address_of(source), asked, choice, on_progress)


def scan_shard(
    source: Path | str,
    shard: str,
    parts: Path | str,
    *,
    workers: int | None = None,
    max_pixels: int | None = None,
    engine: str = "local",
    ray_address: str = "",
    on_progress: OnProgress | None = None,
) -> shards.Shard:
    """Read the share of a source's files that is `shard`, such as "3/64", into a folder below `parts`, which `merge`
    makes a dataset of. Run again it goes on; where `parts` is an address, it was put there when all of it was read.
    Raises what `scan` raises, but for labels."""
    number, of = shards.parse(shard)
    origin, place = address_of(source), _place_of(parts)
    folder = folder_of(origin)
    within = isinstance(place, Path) and folder and place.resolve().is_relative_to(folder.resolve())
    if within or (isinstance(place, str) and place.startswith(origin)):
        raise UsageError(
            f"{place} lies within {origin}, whose files are listed. Choose a folder elsewhere for --parts."
        )
    choice, limit = Choice(engine, workers, ray_address), max_pixels or MAX_PIXELS
    listing = list_source(origin)
    there = (
        nullcontext(place)
        if isinstance(place, Path)
        else parts_elsewhere.replaced(place, shards.folder_name(number, of), origin)
    )
    with watched(on_progress) as told, there as here:
        return shards.read(origin, listing, number, of, here, max_pixels=limit, choice=choice, on_progress=told)


def merge(
    parts: Path | str | Sequence[Path | str],
    *,
    source: Path | str | None = None,
    name: str | None = None,
    home: Path | str | None = None,
    annotations: Path | str | Sequence[Path | str] | None = None,
    use_found: bool = False,
    workers: int | None = None,
    engine: str = "local",
    ray_address: str = "",
    thorough: bool | None = None,
    on_progress: OnProgress | None = None,
) -> Dataset:
    """The dataset of all shards below the folders or addresses `parts`: that of one scan of their source, bit for bit.

    `source` is where that lies on this machine, if elsewhere. Files that came since are read now, and for a `thorough`
    one all once more. Raises `UsageError` where a shard is missing, unfinished, damaged or of another version, and what
    `scan` raises.
    """
    given = [parts] if isinstance(parts, Path | str) else list(parts)
    with ExitStack() as until_read:
        folders = [
            each if isinstance(each, Path) else until_read.enter_context(parts_elsewhere.fetched(each))
            for each in map(_place_of, given)
        ]
        merged = shards.gather(folders, one_source=source is None)
        origin = address_of(source or merged.source)
        choice = Choice(engine, workers, ray_address)
        asked = _Asked(name, home, annotations, use_found, merged.max_pixels, thorough)
        return _scan(origin, asked, choice, on_progress, merged.parts)


@dataclass(frozen=True)
class _Asked:
    """What is asked of a scan's dataset, as in `scan`; None for what it was told before."""

    name: str | None
    home: Path | str | None
    annotations: Path | str | Sequence[Path | str] | None
    use_found: bool
    max_pixels: int | None
    thorough: bool | None = None


def _scan(
    origin: str, asked: _Asked, choice: Choice, on_progress: OnProgress | None, parts: Sequence[Part] = ()
) -> Dataset:
    place = home_directory(asked.home)
    chosen = check_name(asked.name) if asked.name else name_for(place, origin, name_of(origin))
    store = Store(place / chosen)
    known = store.known_info()
    listing = _listed(origin, known)
    info = _info_for(known, chosen, origin, listing, asked.max_pixels)
    if asked.thorough is not None:
        info = replace(info, thorough=asked.thorough)
    if asked.annotations is not None:
        info = replace(info, annotations=_checked_annotations(asked.annotations), labels_said=True)
    seen = formats.Seen([], ())
    unsaid = asked.annotations is None and not info.labels_said
    there = listing.may_hold_labels
    same_files = info.labels_seen == there and not formats.lie_beside(origin) and not is_list(origin)
    looked = bool(info.annotations) and not info.labels_unread and same_files  # to look again may cost more than a scan
    with watched(on_progress) as told:
        if asked.use_found and unsaid and not looked:
            seen = _labels_found(origin, store, listing, told)
            used = formats.used_from_now_on(seen.found, info.annotations)
            left = formats.left_by(seen.found, used)
            info = replace(info, annotations=used, labels_unread=seen.unread, labels_seen=there, labels_left=left)
        elif asked.annotations is not None:
            info = replace(info, labels_unread=(), labels_left=())  # who says which labels has seen what there is
        listing = _with_labels_here(store, info, listing, told)
        dataset = _scanned(store, info, listing, known, choice, told, parts)
    dataset.labels_found, dataset.labels_strange = seen.found, seen.strange
    return dataset


def find_labels(folder: Path | str) -> list[formats.Found]:
    """Labels in a folder and beside it, in every format that is read, each with the images that it tells of."""
    return formats.find(_absolute(folder))


def _labels_found(origin: str, store: Store, listing: Listing, on_progress: OnProgress | None) -> formats.Seen:
    """Labels beside images: in their folder, in other columns of the list of them, or brought here to be read."""
    folder = folder_of(origin)
    if folder is not None:
        return formats.see(folder)
    paths = [file.path for file in listing.files]
    if is_list(origin):
        return formats.see_in_list(Path(origin), formats.Pictures(Path(listing.root), paths, {}))
    beside.bring(listing, store.labels, on_progress)
    return formats.see_of(formats.Pictures(store.labels, paths, {}))


def rescan(
    dataset: Dataset,
    *,
    thorough: bool | None = None,
    workers: int | None = None,
    on_progress: OnProgress | None = None,
) -> Dataset:
    """Scan a dataset's source again, `thorough` as it was told before unless said, and return the dataset as it is
    then. Raises what `scan` raises, and `UnknownDataset` when it was renamed or forgotten since it was opened."""
    store = Store(find_directory(dataset.directory.parent, dataset.name))
    known, origin = store.read_info(), dataset.info.source
    listing = _listed(origin, known)
    info = _info_for(known, dataset.name, origin, listing, None)
    if thorough is not None:
        info = replace(info, thorough=thorough)
    with watched(on_progress) as told:
        listing = _with_labels_here(store, info, listing, told)
        return _scanned(store, info, listing, known, Choice(workers=workers), told)


def _with_labels_here(store: Store, info: Info, listing: Listing, on_progress: OnProgress | None) -> Listing:
    """The listing without what lies beside its images, once labels that are used are brought here from there: a million
    samples have more of it than of images."""
    if any(Path(path).is_relative_to(store.labels) for path in info.annotations):
        beside.bring(listing, store.labels, on_progress)
    return replace(listing, beside={})


def _scanned(
    store: Store,
    info: Info,
    listing: Listing,
    known: Info | None,
    choice: Choice,
    on_progress: OnProgress | None,
    parts: Sequence[Part] = (),
) -> Dataset:
    """The dataset of `store` after a scan; `known` is what it said of itself before."""
    from dedup.scanning.scan import scan_into

    scan_into(store, info, listing, known, read=parts, choice=choice, on_progress=on_progress)
    dataset = Dataset(store.directory)
    decisions = Decisions(store.decisions, "scan")
    _adopt(dataset, decisions, listing.away)
    if known is None or known.annotations != info.annotations:
        dataset.splits_told = _splits_told(dataset, decisions)
    return dataset


def open(name: str, *, home: Path | str | None = None, session: str = "python") -> Dataset:
    """The dataset of that name. Raises `UnknownDataset` with the names there are, or `DatasetError`."""
    return Dataset(find_directory(home_directory(home), name), session=session)


def moved_from(dataset: Dataset) -> DatasetInfo | None:
    """The dataset whose folder is gone and most of whose images lie here as they lay there, None when there is none:
    scanned under its name, this folder goes on with its tags and decisions."""
    here = set(dataset.contents())
    for info in datasets(dataset.directory.parent):
        if is_there(info.source):
            continue
        try:
            there = contents(Store(info.directory).read_images(info))
        except DatasetError:
            continue
        if 2 * sum(each in here for each in there) > len(there):
            return info
    return None


def rename(name: str, new_name: str, *, home: Path | str | None = None) -> None:
    """Give a dataset another name. Raises `UnknownDataset`, or `UsageError` when the new one is taken or unusable."""
    place = home_directory(home)
    target = place / check_name(new_name)
    with _alone(place, name) as store:
        if os.path.lexists(target):
            raise UsageError(f"There is a dataset {new_name!r} already. Choose another name.")
        _move(store.directory, target)


def forget(name: str, *, home: Path | str | None = None) -> None:
    """Take a dataset off the list with its results, tags and decisions. Images are never touched.

    Raises `UnknownDataset`, or `DatasetError` while removed images wait in its quarantine.
    """
    from dedup.removal.journal import waiting

    place = home_directory(home)
    with _alone(place, name) as store:
        if quarantine := waiting(store.directory):
            raise DatasetError(
                f"{name} holds removed images in {quarantine}. Restore them first, or take them elsewhere."
            )
        forgotten = place / f"{FORGOTTEN}{uuid.uuid4().hex}"
        _move(store.directory, forgotten)  # at once, so that nothing finds half of it
    for leftover in place.glob(f"{FORGOTTEN}*"):
        shutil.rmtree(leftover, ignore_errors=True)


def _move(directory: Path, target: Path) -> None:
    """Give a dataset's directory another name in one step. Raises `DatasetError` where nothing may be written."""
    try:
        directory.rename(target)
    except OSError as error:
        reason = f"{error.strerror}; nothing was changed. Make the home {directory.parent} writable."
        raise DatasetError(f"Cannot rename {directory}: {reason}") from error


FORGOTTEN = ".forgotten-"
"""What the directory of a dataset is called while it is taken away; no dataset's name begins with a dot."""


@contextmanager
def _alone(home: Path, name: str) -> Iterator[Store]:
    """The store of a dataset while nothing else changes its directory: no removal or restore, then no scan.

    Raises `UnknownDataset`, `DatasetError` when one keeps running.
    """
    from dedup.removal.journal import holding

    find_directory(home, name)
    with holding(home, DatasetError):
        store = Store(find_directory(home, name))
        with store.scanning(store.read_info()):
            yield store


def _listed(origin: str, known: Info | None) -> Listing:
    """The images of a source, by the paths that the dataset which is `known` of it has for them."""
    listing = list_source(origin)
    return listing.seen_from(known.root) if known and same_source(known.source, origin) else listing


def _info_for(stored: Info | None, name: str, source: str, listing: Listing, max_pixels: int | None) -> Info:
    """The stored info of a dataset that is scanned again, or a new one. Raises `UsageError` for another folder's."""
    fresh = Info(name=name, root=listing.root, source=source, max_pixels=max_pixels or MAX_PIXELS)
    if stored is None:
        return fresh
    if same_source(stored.source, source):  # by whatever way it is named now
        root = stored.root if same_source(stored.root, listing.root) else listing.root  # a list may name other folders
        fresh = replace(fresh, source=stored.source, root=root)
    elif is_there(stored.source):
        raise UsageError(f"{name!r} is the dataset of {stored.source}. Choose another name for {source}.")
    annotations = tuple(_moved_along(path, stored.root, fresh.root) for path in stored.annotations)
    moved = replace(stored, name=name, root=fresh.root, source=fresh.source, annotations=annotations)
    return replace(moved, max_pixels=max_pixels) if max_pixels else moved


def _moved_along(path: str, root: str, new_root: str) -> str:
    """Where a file is now that the folder `root` is `new_root`: there too, when it lay in it and moved with it."""
    file = Path(path)
    if file.is_relative_to(root) and not file.exists():
        moved = Path(new_root) / file.relative_to(root)
        return os.fspath(moved) if moved.exists() else path
    return path


def _place_of(parts: Path | str) -> Path | str:
    """A folder of parts: on this machine its absolute path, else its address, which ends with `/`."""
    text = os.fspath(parts)
    return f"{blobs.check(text).rstrip('/')}/" if blobs.is_address(text) else _absolute(parts)


def _absolute(path: Path | str) -> Path:
    """A path from the top, under the name a person gave: links on the way stay, unless it goes up again after one."""
    path = expanded(path)
    return path.resolve() if ".." in path.parts else path.absolute()


def _checked_annotations(annotations: Path | str | Sequence[Path | str]) -> tuple[str, ...]:
    """Absolute paths of labels in a format that is read; of a folder that holds files of such those. Raises
    `AnnotationError`."""
    asked = [annotations] if isinstance(annotations, Path | str) else list(annotations)
    paths = [path for each in asked for path in formats.sources_in(_absolute(each))]
    for path in paths:
        formats.check(path)
    return tuple(map(os.fspath, paths))


def _splits_told(dataset: Dataset, decisions: Decisions) -> Mapping[str, str]:
    """Path to split as its labels tell it, set where neither folders nor a person say any, and labels say two or more:
    else a leak between splits that only labels know would not be seen."""
    if not dataset.attachments or (dataset.frame["split"] != "").any():
        return {}
    with suppress(AnnotationError):  # a list of names that cannot be read
        told = given.from_labels(dataset.attachments, dataset.pictures)
        dataset.splits_several = told.several
        if len({*told.of.values(), *itertools.chain(*told.several.values())}) > 1:
            given.follow(decisions, told.of, "the labels")
            return told.of
    return {}


def _adopt(dataset: Dataset, decisions: Decisions, away: Sequence[str]) -> None:
    """After a scan: decisions follow renamed images, and tags that an exported COCO file carries come in once."""
    from dedup.removal.journal import contents_removed

    decisions.follow(dataset.contents(), contents_removed(dataset.directory), {*away, *dataset.unread()})
    if decisions.tags():
        return
    for coco, attachment in dataset.sources:
        for name, paths in tags_from_coco(coco, attachment).items():
            decisions.tag(paths, name)
