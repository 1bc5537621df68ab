"""Parts of pictures in the app: asked for where a folder is opened, counted, led to, and shown as leaks."""

from __future__ import annotations

import dedup
from dedup.ui.shell import jobs
from tests.pictures import detailed, save
from tests.ui.apptest import button, healthy, run_page, texts, wait_for

SECONDS = 60


def test_parts_are_asked_for_counted_and_led_to(home, tmp_path):
    folder = tmp_path / "parts"
    picture = detailed(1, (480, 360))
    save(picture, folder / "test" / "whole.png")
    save(picture.crop((100, 60, 340, 240)), folder / "train" / "crop.png")
    at = run_page("datasets")
    healthy(at.text_input(key="open path").set_value(str(folder)).run())
    (thorough,) = [each for each in at.toggle if each.label == "Also find parts of pictures"]
    assert not thorough.value
    healthy(thorough.set_value(True).run())
    healthy(button(at, "Scan").click().run())
    [job] = jobs.REGISTRY.jobs()
    wait_for(lambda: not job.running, SECONDS)
    assert dedup.open("parts").info.thorough

    at = run_page("summary")
    assert "Parts of others" in texts(at)
    at = run_page("leaks")
    assert "1 image contains an image of another split" in texts(at)
    healthy(button(at, "Look at them").click().run())


def test_a_dataset_that_was_not_asked_for_parts_says_nothing_of_them(home, tmp_path):
    for seed, split in enumerate(("train", "test")):
        save(detailed(seed, (200, 150)), tmp_path / split / "a.png")
    dedup.scan(tmp_path, name="plain")
    assert "Parts of others" not in texts(run_page("summary"))
    assert "contains an image" not in texts(run_page("leaks"))
