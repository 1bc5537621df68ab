"""map, embed, search, diverse: pictures as vectors."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dedup.cli.common import (
    Home,
    Json,
    Name,
    ProgressJson,
    PutTag,
    TagOption,
    Where,
    complain,
    opened,
    progress,
    say,
    say_json,
    selected,
)
from dedup.errors import UsageError
from dedup.model import OnProgress, Status
from dedup.words import command_line, plural

if TYPE_CHECKING:
    from dedup.dataset import Dataset


def draw(name: Name, home: Home = None, as_json: Json = False, progress_json: ProgressJson = False) -> None:
    """Place all images on a map, alike ones together: columns map_x, map_y and cluster, and the page Map."""
    dataset = opened(name, home)
    with progress(as_json=progress_json) as on_progress:
        placed = dataset.draw_map(on_progress)
    clusters = int(dataset.frame["cluster"].max())
    if as_json:
        say_json({"name": dataset.name, "placed": placed, "clusters": clusters})
        return
    say(f"{plural(placed, 'image')} on the map, in {plural(clusters, 'cluster')}.")


def embed(
    name: Name,
    model: Annotated[Path | None, typer.Option("--model", help="An ONNX model of pictures.")] = None,
    vectors: Annotated[Path | None, typer.Option("--vectors", help="Vectors by path: .parquet, .npz or .npy.")] = None,
    paths: Annotated[Path | None, typer.Option("--paths", help="For .npy: a list of paths, a line each.")] = None,
    text_model: Annotated[
        Path | None,
        typer.Option("--text-model", help="The model's text side, to search by (default: text_model.onnx beside it)."),
    ] = None,
    output: Annotated[str, typer.Option("--output", help="Which output of the model.")] = "",
    size: Annotated[int | None, typer.Option("--size", min=1, help="Side of what the model takes, pixels.")] = None,
    mean: Annotated[str, typer.Option("--mean", help="Three numbers, such as 0.5,0.5,0.5 (ImageNet's).")] = "",
    std: Annotated[str, typer.Option("--std", help="Three numbers (ImageNet's).")] = "",
    provider: Annotated[
        list[str] | None, typer.Option("--provider", help="Of onnxruntime, such as CUDAExecutionProvider; repeatable.")
    ] = None,
    home: Home = None,
    as_json: Json = False,
    progress_json: ProgressJson = False,
) -> int:
    """Give images vectors, by a model or from a file: semantic_singularity, similar images, the map, the most different
    ones are of them from now on. Exit code 1 where some images have none."""
    if (model is None) == (vectors is None):
        raise UsageError("Give --model FILE or --vectors FILE.")
    dataset = opened(name, home)
    if text_model is not None:
        from dedup.vectors.text import TextModel  # with onnxruntime

        TextModel(text_model)  # what is none is told now, not at the first search
    notes: list[str] = []
    with progress(as_json=progress_json) as on_progress:
        if model is not None:
            recall, failed = _by_model(dataset, model, text_model, output, size, mean, std, provider or [], on_progress)
            notes += [f"{path}: {reason}" for path, reason in failed.items()]
        else:
            recall = _from_file(dataset, vectors or Path(), paths, text_model, notes, on_progress)
    held = int(dataset.vectors.known.sum())
    readable = int((dataset.frame["status"] == Status.OK).sum())
    if as_json:
        say_json({"name": dataset.name, "embedded": held, "readable": readable, "recall": recall, "notes": notes})
    else:
        have = "has" if held == 1 else "have"
        drawn = command_line("map", name)
        say(f"{held:,} of {plural(readable, 'readable image')} {have} a vector. Draw the map of them: {drawn}")
        thorough = command_line("scan", dataset.info.root, "--thorough")
        say(f"A thorough scan looks closer at each image and the nearest ones by these vectors: {thorough}")
        if recall < 1:
            say(f"Neighbours by an index, of which {recall:.1%} are the truly nearest (measured on a sample).")
        for note in notes[:NOTES]:
            complain(note)
        if len(notes) > NOTES:
            complain(f"and {len(notes) - NOTES:,} more")
    return int(held < readable)


NOTES = 20
"""Images without a vector that are named."""


def _by_model(
    dataset: Dataset,
    file: Path,
    text_model: Path | None,
    output: str,
    size: int | None,
    mean: str,
    std: str,
    providers: list[str],
    on_progress: OnProgress | None,
) -> tuple[float, dict[str, str]]:
    from dedup.vectors.model import Model  # with onnxruntime

    ends = (_three(text, what) if text else None for text, what in ((mean, "--mean"), (std, "--std")))
    return dataset.embed(
        Model(file, output=output, size=size, mean=next(ends), std=next(ends), providers=providers),
        on_progress,
        text_model=text_model,
    )


def _three(text: str, what: str) -> tuple[float, float, float]:
    try:
        one, two, three = (float(each) for each in text.split(","))
    except ValueError as error:
        raise UsageError(f"{what} is three numbers with commas between, such as 0.5,0.5,0.5.") from error
    return one, two, three


def _from_file(
    dataset: Dataset,
    file: Path,
    paths: Path | None,
    text_model: Path | None,
    notes: list[str],
    on_progress: OnProgress | None,
) -> float:
    from dedup.vectors import given

    rows = {path: row for row, path in enumerate(dataset.frame["path"].tolist())}
    found = given.read(file, rows, len(rows), dataset.root, paths)
    notes += found.notes
    return dataset.give_vectors(found.vectors, file.name, on_progress, text_model=text_model)


def search(
    name: Name,
    text: Annotated[str, typer.Argument(metavar="TEXT", help="What is looked for, in words.")],
    model: Annotated[
        Path | None,
        typer.Option(
            "--model", help="The text side of the model that embedded the images (default: the one beside it)."
        ),
    ] = None,
    tokenizer: Annotated[
        Path | None, typer.Option("--tokenizer", help="Its tokenizer.json (default: the one beside the model).")
    ] = None,
    count: Annotated[int, typer.Option("--count", min=1, help="How many images.")] = 20,
    put: PutTag = "",
    home: Home = None,
    as_json: Json = False,
) -> None:
    """The images that are most what a text says, by the text side of a model such as CLIP."""
    from dedup.vectors.text import TextModel  # with onnxruntime

    dataset = opened(name, home)
    side = model or dataset.vectors.text_side
    if not side:
        raise UsageError("Say with --model which model of texts fits the vectors of the images: none is known.")
    found = dataset.search(TextModel(Path(side), tokenizer).vector(text), count)
    if put and found:
        dataset.tag([row for row, _ in found], put)
    paths = dataset.frame["path"].tolist()
    if as_json:
        say_json({"images": [{"path": paths[row], "cosine": cosine} for row, cosine in found]})
        return
    for row, cosine in found:
        say(f"{cosine:.3f}", paths[row])


def most_different(
    name: Name,
    count: Annotated[int, typer.Option("--count", min=1, help="How many.")] = 100,
    put: PutTag = "",
    where: Where = "",
    tag: TagOption = None,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """The images that are most different, each as far as can be from those before it: to label first, or to look at."""
    dataset = opened(name, home)
    with progress() as on_progress:
        rows = dataset.most_different(count, selected(dataset, where, tag), on_progress)
    paths = dataset.frame["path"].iloc[rows].tolist()
    if put:
        dataset.tag(rows, put)
    if as_json:
        say_json({"images": paths})
        return
    for path in paths:
        say(path)
