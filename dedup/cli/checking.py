"""check, fingerprint: a gate for pipelines, and what others need to compare their images with."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

import dedup
from dedup.cli.common import (
    STANDARD_OUTPUT,
    Home,
    Json,
    Name,
    Output,
    Overwrite,
    complain,
    file_for,
    json_text,
    named,
    one_of,
    opened,
    progress,
    say,
    say_json,
    say_text,
    teller,
)
from dedup.cli.scanning import NewName, Thorough
from dedup.errors import DatasetError, SourceError, UnknownDataset, UsageError
from dedup.files import expanded, write_chunks
from dedup.words import plural

if TYPE_CHECKING:
    from dedup.checks import formats, gate
    from dedup.checks.fingerprint import Fingerprint
    from dedup.checks.hash_list import HashList
    from dedup.dataset import Dataset

    Known = Dataset | Fingerprint | HashList

MaxExact = Annotated[
    int | None, typer.Option(min=0, help="The most redundant exact copies there may be (default: not checked).")
]
MaxNear = Annotated[
    int | None,
    typer.Option(min=0, help="The most near duplicates there may be, but for those that stay (default: not checked)."),
]
MaxLeaks = Annotated[
    int | None, typer.Option(min=0, help="The most groups and parts across splits there may be (default: not checked).")
]
MaxClashes = Annotated[
    int | None, typer.Option(min=0, help="The most copies with other labels there may be (default: not checked).")
]
MaxFailed = Annotated[int | None, typer.Option(min=0, help="The most unreadable files there may be (default: 0).")]
MaxUnread = Annotated[int | None, typer.Option(min=0, help="The most unread labels there may be (default: 0).")]
UNLABELLED_HELP = "Let --max-clashes pass where no image has a label."
KNOWN_ALREADY = "images known already"
HASHES_ALONE = "This fingerprint holds hashes alone: crops and other changes of what a picture shows cannot be found."


def check(
    folder: Annotated[
        str,
        typer.Argument(
            metavar="FOLDER",
            help="A folder of images or another source (see scan); where there is none, the name of a dataset.",
        ),
    ],
    max_exact: MaxExact = None,
    max_near: MaxNear = None,
    max_leaks: MaxLeaks = None,
    max_clashes: MaxClashes = None,
    max_failed: MaxFailed = None,
    max_unread: MaxUnread = None,
    max_issue: Annotated[
        list[str] | None, typer.Option("--max-issue", help="KIND=N, such as dark=0; repeatable. Kinds: dedup issues.")
    ] = None,
    allow_unlabelled: Annotated[bool, typer.Option("--allow-unlabelled", help=UNLABELLED_HELP)] = False,
    name: NewName = None,
    thorough: Thorough = None,
    against: Annotated[
        str | None,
        typer.Option("--against", help="A fingerprint, a CSV of hashes, or the name of a dataset, to compare with."),
    ] = None,
    within: Annotated[
        int | None,
        typer.Option("--within", min=0, help="For a CSV of hashes: bits that may differ (4 of 64)."),
    ] = None,
    hash_kind: Annotated[
        str | None, typer.Option("--hash-kind", help="For a CSV of hashes whose header does not tell their kind.")
    ] = None,
    baseline: Annotated[Path | None, typer.Option("--baseline", help="Count only what is not in this file.")] = None,
    write_baseline: Annotated[
        Path | None, typer.Option("--write-baseline", help="Write what is found into this file, for --baseline.")
    ] = None,
    form: Annotated[str, typer.Option("--format", help="One of: text, json, sarif, junit, markdown, html.")] = "text",
    output: Annotated[
        Path | None,
        typer.Option("--output", help="Write all but text here, and text to the terminal (- is standard output)."),
    ] = None,
    home: Home = None,
    as_json: Json = False,
) -> int:
    """A gate for data pipelines: scans FOLDER (or the dataset's folder) as it is now and exits with 1 when there is
    more of something than allowed, when it holds an image that is known --against, or a file that cannot be read.

    Limits, paths to ignore and accepted pairs may stand in a dedup.toml beside the data.
    """
    from dedup.checks import formats, gate, settings
    from dedup.dataset import Dataset
    from dedup.sources.blobs import is_address

    form = one_of("json" if as_json else form, ("text", "json", *formats.FORMATS, "html"), "format")
    place = _source_of(folder, name, home)
    said = settings.find(Path() if is_address(place) else expanded(place).absolute())
    told = {"exact": max_exact, "near": max_near, "leaks": max_leaks, "clashes": max_clashes, "failed": max_failed,
            "unread": max_unread}  # fmt: skip
    limits = {"exact": None, **said.limits, **{name: limit for name, limit in told.items() if limit is not None}}
    issues = {**said.issues, **_issues(max_issue or [])}
    if form == "text" and output not in (None, STANDARD_OUTPUT):
        raise UsageError("Text goes to the terminal. Say with --format what goes to --output, such as sarif.")
    if against is None and not issues and limits == {"exact": None}:
        raise UsageError("Nothing was checked. Give a limit, e.g. --max-exact 0 --max-leaks 0, or --against.")
    known = _known(against, home, hash_kind) if against is not None else None
    dataset = _scanned(folder, name, home, thorough)
    if isinstance(known, Dataset) and known.info.source == dataset.info.source:
        raise UsageError(f"{folder} and {against} are one and the same folder. Compare with another one.")
    unlabelled = allow_unlabelled or said.unlabelled
    found = gate.check(dataset, gate.Limits(**limits, unlabelled=unlabelled, issues=issues))
    matches = _matches(dataset, known, within)
    found = gate.CheckReport((*found.findings, *_unhashed(dataset, known), *_known_already(known, matches)))
    whole = settings.applied(found, said, settings.read_baseline(baseline) if baseline else None)
    if write_baseline is not None:  # once what was known is read: both may be one file
        settings.write_baseline(found, write_baseline)
    for each in said.of_nothing(dataset.frame["path"].tolist()):
        complain(f"{said.source} names {each!r}, which no image is called here.")
    left = {path for each in whole.findings if each.name == KNOWN_ALREADY for path in _paths(each)}
    matches = [each for each in matches if each.path in left]
    report = gate.CheckReport(tuple(each for each in whole.findings if each.name != KNOWN_ALREADY))
    passed, text = whole.passed, ""
    checked = formats.Checked(whole, dataset.name, dataset.address, len(dataset.frame))
    if form in formats.FORMATS:
        text = formats.FORMATS[form](checked)
    elif form == "html":
        text = _page(dataset, checked)
    elif form == "json":
        summary = {"passed": passed, "dataset": dataset.name, "root": dataset.address} | _described(report)
        text = json_text(summary | ({} if known is None else _compared(known, matches)))
    if text and output in (None, STANDARD_OUTPUT):
        say_text(text)
    else:
        if text and output is not None:
            write_chunks(output, [text.encode()], overwrite=True)
        say(f"{dataset.name}: {plural(len(dataset.frame), 'image')} of {dataset.address}")
        _tell(report)
        if known is not None:
            _tell_matches(dataset, known, matches)
        _tell_verdict(report, matches)
    return 0 if passed else 1


def show_issues(
    name: Name,
    kinds: Annotated[
        list[str] | None, typer.Option("--kind", help="Only this kind, such as dark, or dark@0.2; repeatable.")
    ] = None,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Count the images that are dark, light, blurry, gray, blank, of odd size or aspect, copies or unreadable, and
    those that are outliers of a metric."""
    from dedup.query.issues import issue
    from dedup.query.outliers import outliers

    dataset = opened(name, home)
    asked = [issue(kind) for kind in kinds or ()] or dataset.issues
    frame = dataset.frame
    found = {each: frame["path"][each.mask(frame)].tolist() for each in asked}
    far = [] if kinds else [each for each in outliers(frame) if each.severe or each.moderate]
    if as_json:
        say_json({
            **{each.name: {"where": each.where(frame), "images": paths} for each, paths in found.items()},
            "outliers": {each.fences.metric.name: {
                "severe": each.severe, "moderate": each.moderate,
                "where": {"severe": each.fences.where(severe=True), "all": each.fences.where(severe=False)},
            } for each in far},
        })  # fmt: skip
        return
    for each, paths in found.items():
        limits = f"{each.column} {each.limits()}" if each.limits() else each.says
        say(f"{each.name}: {plural(len(paths), 'image')} ({limits})" + (f", such as {paths[0]}" if paths else ""))
    for one in far:
        counts = f"{one.severe:,} severe and {one.moderate:,} moderate"
        say(f"outliers of {one.fences.metric.title.lower()}: {counts} ({one.fences.where(severe=False)})")


def _page(dataset: Dataset, checked: formats.Checked) -> str:
    """The report, as `dedup report` has it, below what the check said."""
    from dedup.checks import formats
    from dedup.report import facts, page

    with progress() as on_progress:
        return page.render(facts.gather(dataset), on_progress, verdict=formats.verdict(checked))


def _issues(told: list[str]) -> dict[str, int]:
    """Limits by kind of issue. Raises `UsageError`."""
    from dedup.query.issues import issue

    limits = {}
    for each in told:
        kind, _, number = each.rpartition("=")
        if not number.isdecimal():
            raise UsageError(f"--max-issue {each!r} is no KIND=N, such as dark=0.")
        limits[issue(kind).name] = int(number)
    return limits


def _unhashed(dataset: Dataset, known: Known | None) -> list[gate.Finding]:
    """Of a list of hashes, what nothing can be said of: nothing may pass for want of a hash."""
    from dedup.checks import gate, hash_list

    if not isinstance(known, hash_list.HashList) or not (bare := hash_list.unknown(dataset.frame, known)):
        return []
    return [gate.Finding("hashes missing", len(bare), 0, tuple(gate.Detail(each, (each,)) for each in bare))]


def _known_already(known: Known | None, matches: list[gate.Match]) -> list[gate.Finding]:
    """What is known already as a finding like the others."""
    from dedup.checks import gate

    if known is None:
        return []
    details = tuple(gate.Detail(f"{each.path} is known as {each.known}", (each.path,)) for each in matches)
    return [gate.Finding(KNOWN_ALREADY, len(matches), 0, details)]


def _paths(finding: gate.Finding) -> Iterator[str]:
    """The images that a finding is about."""
    for each in finding.details:
        yield from each.paths


def export_fingerprint(
    name: Name,
    output: Output,
    hash_only: Annotated[bool, typer.Option("--hash-only", help="Only hashes, no tiny pictures.")] = False,
    names: Annotated[bool, typer.Option("--names", help="Include the paths of images.")] = False,
    overwrite: Overwrite = False,
    home: Home = None,
) -> None:
    """Write what others need to compare their images with yours, without your pictures."""
    from dedup.checks import fingerprint

    with progress() as on_progress:
        made = fingerprint.of(opened(name, home), hash_only=hash_only, names=names, on_progress=on_progress)
        with file_for(output) as path:
            fingerprint.write(made, path, overwrite=overwrite)
    teller(output)(f"Wrote the fingerprint of {plural(len(made), 'image')} to {named(output)}.")


def _source_of(folder: str, name: str | None, home: Path | None) -> str:
    """Where the images lie that are checked: of a dataset's name, its folder. What is neither is told by the scan."""
    from dedup.sources import is_source

    if name or is_source(folder):
        return folder
    try:
        return opened(folder, home).info.source
    except UnknownDataset:
        return folder


def _scanned(folder: str, name: str | None, home: Path | None, thorough: bool | None) -> Dataset:
    """The dataset `name` of a folder or list, else that which is called like `folder`, as its files are now."""
    from dedup.sources import is_source

    with progress() as on_progress:
        if name or is_source(folder):
            return dedup.scan(folder, name=name, home=home, use_found=True, thorough=thorough, on_progress=on_progress)
        try:
            return dedup.rescan(opened(folder, home), thorough=thorough, on_progress=on_progress)
        except UnknownDataset as error:
            raise UnknownDataset(f"There is no folder or list {folder}. {error}") from error
        except SourceError as error:
            raise DatasetError(f"The dataset {folder} cannot be checked as it is now. {error}") from error


def _known(against: str, home: Path | None, hash_kind: str | None) -> Known:
    from dedup.checks import fingerprint, hash_list

    if hash_list.is_list(Path(against)):
        return hash_list.read(Path(against), hash_kind)
    return fingerprint.read(Path(against)) if Path(against).is_file() else opened(against, home)


def _matches(dataset: Dataset, known: Known | None, within: int | None) -> list[gate.Match]:
    from dedup.checks import gate, hash_list

    if known is None:
        return []
    with progress() as on_progress:
        if isinstance(known, hash_list.HashList):
            dataset.compute_hashes([known.kind], on_progress)
            return hash_list.known(dataset.frame, known, within)
        return gate.check_against(dataset, known, threshold=dataset.near_threshold, on_progress=on_progress)


def _described(report: gate.CheckReport) -> dict[str, object]:
    """What was counted, for machines."""
    found = {each.name: {"count": each.count, "limit": each.limit} for each in report.findings}
    remarks = {each.name: {"remark": told} for each in report.findings if (told := each.blind or each.remark)}
    return {"findings": {name: counts | remarks.get(name, {}) for name, counts in found.items()}}


def _compared(known: Known, matches: list[gate.Match]) -> dict[str, object]:
    """What is known already, for machines."""
    found = [{"path": each.path, "known": each.known, "relation": each.relation} for each in matches]
    return {"known": found, "hash_only": _is_hash_only(known)}


def _tell(report: gate.CheckReport) -> None:
    for finding in report.findings:
        say(f"{finding.sentence()}.")
        for example in finding.examples if finding.exceeded else ():
            say(f"  {example}")


def _tell_matches(dataset: Dataset, known: Known, matches: list[gate.Match]) -> None:
    for each in matches:
        say(f"{each.path} is known as {each.known}" + (f": {each.relation}" if each.relation else ""))
    say(f"{plural(len(matches), 'image')} of {len(dataset.frame):,} known already{_by(known)}.")
    if _is_hash_only(known):
        say(HASHES_ALONE)


def _by(known: Known) -> str:
    """What images were compared by, where it is a list of hashes."""
    from dedup.checks.hash_list import HashList

    return f", by {plural(len(known.texts), known.kind)}" if isinstance(known, HashList) else ""


def _tell_verdict(report: gate.CheckReport, matches: list[gate.Match]) -> None:
    wrong = [
        f"{finding.name} not known" if finding.blind else f"too many {finding.name}"
        for finding in report.findings
        if finding.exceeded
    ]
    wrong += [f"{plural(len(matches), 'image')} known already"] if matches else []
    say(f"Failed: {', '.join(wrong)}." if wrong else "Passed.")


def _is_hash_only(known: Known) -> bool:
    from dedup.checks.fingerprint import Fingerprint

    return isinstance(known, Fingerprint) and known.hash_only
