"""The report: its facts are those of the dataset, and no name in it is ever interpreted."""

from __future__ import annotations

import json
import shutil

import pytest
from PIL import Image

import dedup
from dedup.cli import main
from dedup.report import facts, page
from dedup.review import acts
from dedup.ui.browser import palette
from tests.pictures import detailed, folder_of_photos, photo, save

HOSTILE = "<img src=x onerror=alert(1)>&amp; 'q' \"p\".jpg"


@pytest.fixture
def dataset(home, tmp_path):
    """Photographs with copies in one split and a leak, a black picture, a broken file and a name that is HTML."""
    folder_of_photos(tmp_path / "in/train/cat", 4)
    save(photo(9), tmp_path / "in/train/dog/other.jpg")
    shutil.copy(tmp_path / "in/train/cat/0000.jpg", tmp_path / "in/train/cat" / HOSTILE)
    (tmp_path / "in/test/dog").mkdir(parents=True)
    shutil.copy(tmp_path / "in/train/cat/0001.jpg", tmp_path / "in/test/dog/leak.jpg")
    save(Image.new("RGB", (80, 60)), tmp_path / "in/train/cat/black.png")
    (tmp_path / "in/train/cat/broken.jpg").write_bytes(b"\xff\xd8\xff no")
    return dedup.scan(tmp_path / "in", workers=1)


def test_facts_are_those_of_the_dataset(dataset):
    found = facts.gather(dataset)
    assert found.counts == {"images": 9, "exact": 2, "near": 0, "unique": 6, "failed": 1}
    assert found.saved == dataset.groups.table["bytes_saved"].sum() > 0 and found.crossing == 1 and found.moves == 1
    assert found.splits.loc["train", "test"] == 1 and found.clash_count == 1
    counts = {each.name: each.count for each in found.issues}
    assert (counts["dark"], counts["low information"], counts["unreadable"], counts["light"]) == (1, 1, 1, 0)
    assert len(found.groups) == 2 and all(len(rows) == 2 for rows in found.groups)
    assert found.plan.loc["images"].tolist() == [9, 8] and "nothing was decided" in found.plan_words  # one clashes
    assert [path for path, _ in found.failures] == ["train/cat/broken.jpg"]
    total = next(each for each in found.distributions if each.title == "Brightness")
    assert sum(total.counts) == 8
    width = next(each for each in found.distributions if each.title == "Width")
    assert sum(width.counts) == 8 and not width.low.startswith("0 ")  # what cannot be read is no image of no width
    json.dumps(found.to_dict(), allow_nan=False)


def test_what_goes_is_what_a_removal_takes(home, tmp_path):
    for seed, name in enumerate(("one", "two", "three")):
        save(photo(seed), tmp_path / "in" / f"{name}.jpg")
        shutil.copy(tmp_path / "in" / f"{name}.jpg", tmp_path / "in" / f"{name} copy.jpg")
    dataset = dedup.scan(tmp_path / "in", workers=1)

    def told() -> tuple[int, bool]:
        found, now = facts.gather(dataset), acts.state(dataset)
        assert [*found.plan.loc["images"]] == [6, 6 - len(acts.due(dataset, now).entries)]
        return found.plan.loc["images", "after"], found.plan_words == facts.UNDECIDED

    def decide(step: acts.Step) -> None:
        dataset.decisions.decide(step.changes, step.label)

    assert told() == (3, True)
    decide(acts.folder_step("", "protected"))
    assert told() == (6, True)
    decide(acts.folder_step("", None))
    decide(acts.apart(acts.state(dataset), dataset.groups[0].rows[1]))
    assert told() == (6, False)  # that a copy stays is a decision, too
    decide(acts.accept(acts.state(dataset), dataset.groups[1].rows[0]))
    assert told() == (5, False)


def test_parts_are_shown_those_across_splits_first(home, tmp_path):
    for seed in (1, 2):
        save(detailed(seed, (480, 360)), tmp_path / "in/train" / f"{seed}.png")
    save(detailed(1, (480, 360)).crop((100, 60, 340, 240)), tmp_path / "in/train/crop.png")
    save(detailed(2, (480, 360)).crop((100, 60, 340, 240)), tmp_path / "in/test/crop.png")
    dataset = dedup.scan(tmp_path / "in", thorough=True)
    found = facts.gather(dataset)
    paths = dataset.frame["path"]
    assert [(paths[each.whole], paths[each.part], each.crosses) for each in found.parts] == [
        ("train/2.png", "test/crop.png", True),
        ("train/1.png", "train/crop.png", False),
    ]
    assert found.to_dict()["parts"]["count"] == 2 and found.to_dict()["leaks"]["parts"] == 1
    text = page.render(found)
    assert "1 image contains an image of another split, whole" in text and "in the middle · in two splits" in text
    assert text.index("test/crop.png") < text.index("train/crop.png")


def test_nothing_is_said_of_parts_that_were_not_asked_for(dataset):
    assert "Parts of others" not in page.render(facts.gather(dataset))


def test_names_are_text_and_nothing_is_fetched(dataset):
    text = page.render(facts.gather(dataset))
    assert "<script" not in text and "<img src=x" not in text and "&lt;img src=x onerror=alert(1)&gt;" in text
    assert page.POLICY in text and "http://" not in text and "https://" not in text


def test_a_page_has_a_budget_and_counts_what_has_no_room(dataset, monkeypatch):
    monkeypatch.setattr(page, "BUDGET", 1)
    text = page.render(facts.gather(dataset))
    assert "And 2 groups more, for which there was no room." in text


def test_the_command_writes_the_page_and_its_twin(dataset, tmp_path, capsys):
    output = tmp_path / "report.html"
    capsys.readouterr()
    assert main(["report", "in", "--output", str(output)]) == 0
    assert f"Wrote the report to {output}" in capsys.readouterr().out and output.stat().st_size < 10_000_000
    assert main(["report", "in", "--output", str(output)]) == 1  # it is there
    capsys.readouterr()
    assert main(["report", "in", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["counts"]["exact"] == 2
    assert main(["report", "in", "--json", "--output", str(tmp_path / "facts.json")]) == 0
    facts = json.loads((tmp_path / "facts.json").read_text())
    keeper, copy = facts["groups"][0]
    assert (keeper["role"], copy["role"]) == ("keeper", "duplicate")
    assert any("identical" in line for line in copy["says"])
    assert facts["clashes"]["count"] == len(facts["clashes"]["shown"]) == 1
    assert main(["report", "in"]) == 2


def test_colours_are_those_of_the_app():
    for meaning, name in (("exact", "exact"), ("near", "near"), ("keeper", "keeper"), ("unique", "bar")):
        pair = palette.COLOURS[meaning]
        assert f"--{name}:{pair.light}" in page.STYLE and f"--{name}:{pair.dark}" in page.STYLE
