"""COCO in: what is read, what is refused, and which images of a dataset are meant."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import dedup
from dedup.checks import gate
from dedup.cli import main
from dedup.errors import AnnotationError
from dedup.labels import coco_sound, formats
from dedup.labels.coco import Coco, tags_from_coco
from dedup.labels.entries import chunks
from tests.building import picture
from tests.pictures import photo, save


def document(*file_names, annotations=(), categories=({"id": 1, "name": "cat"}, {"id": 7, "name": "dog"})):
    return {
        "images": [{"id": place + 10, "file_name": name} for place, name in enumerate(file_names)],
        "annotations": list(annotations),
        "categories": list(categories),
    }


def coco(tmp_path, content, name="coco.json"):
    path = tmp_path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content), encoding="utf-8")
    return Coco.read(path)


def found(tmp_path, file_name, paths, **options):
    attachment = coco(tmp_path, document(file_name), **options).attach(paths)
    return next(iter(attachment.image_ids), "ambiguous" if attachment.ambiguous else None)


def test_reads_classes_counts_and_ids(tmp_path):
    annotations = [
        {"id": 1, "image_id": 10, "category_id": 7},
        {"id": 2, "image_id": 10, "category_id": 1},
        {"id": 3, "image_id": 10, "category_id": 7},
        {"id": 4, "image_id": 10, "caption": "no category"},
        {"id": 5, "image_id": 99, "category_id": 1},
    ]
    source = coco(tmp_path, document("a.jpg", "gone.jpg", annotations=annotations))
    attachment = source.attach(["a.jpg", "b.jpg"])
    assert attachment.image_ids == {"a.jpg": (10,)}
    assert attachment.classes == {"a.jpg": ("cat", "dog")}
    assert attachment.counts == {"a.jpg": 4}
    assert attachment.missing == ("gone.jpg",)
    assert attachment.unannotated == ("b.jpg",)
    assert attachment.notes == (
        "1 image named in coco.json is not in the dataset.",
        "1 image of the dataset is not named in coco.json.",
        "1 annotation in coco.json belongs to no image of it.",
    )


@pytest.mark.parametrize(
    ("file_name", "paths", "answer"),
    [
        ("a.jpg", ["a.jpg", "x/a.jpg"], "a.jpg"),
        ("a.jpg", ["x/a.jpg", "b.jpg"], "x/a.jpg"),
        ("a.jpg", ["x/a.jpg", "y/a.jpg"], "ambiguous"),
        ("y/a.jpg", ["x/a.jpg", "z/y/a.jpg"], "z/y/a.jpg"),
        ("x\\y\\a.jpg", ["x/y/a.jpg"], "x/y/a.jpg"),
        ("odd\\x41.jpg", ["odd\\x41.jpg"], "odd\\x41.jpg"),
        ("./a.jpg", ["a.jpg"], "a.jpg"),
        ("/home/me/data/x/a.jpg", ["x/a.jpg"], "x/a.jpg"),
        ("C:\\data\\a.jpg", ["a.jpg"], "a.jpg"),
        ("photos/a.jpg", ["pictures/a.jpg"], "pictures/a.jpg"),
        ("train/a.jpg", ["val/a.jpg"], None),
        ("a.jpg", ["ba.jpg"], None),
        ("u\u0308.jpg", ["ü.jpg"], "ü.jpg"),
        ("b.jpg", [], None),
    ],
)
def test_matches_file_names(tmp_path, file_name, paths, answer):
    assert found(tmp_path, file_name, paths) == answer


def test_the_annotation_file_itself_tells_images_of_one_name_apart(tmp_path):
    paths = ["train/1.jpg", "val/1.jpg"]
    assert found(tmp_path, "1.jpg", paths, name="annotations/instances_val2017.json") == "val/1.jpg"
    beside = coco(tmp_path, document("1.jpg"), name="val/_annotations.coco.json")
    assert list(beside.attach(paths, root=tmp_path).image_ids) == ["val/1.jpg"]


@pytest.mark.parametrize(
    ("name", "paths"),
    [
        ("task2/annotations/instances_default.json", ["task1/images/default/1.jpg", "task2/images/default/1.jpg"]),
        ("val/annotations/instances.json", ["train/images/1.jpg", "val/images/1.jpg"]),
        ("annotations/val/coco.json", ["images/train/1.jpg", "images/val/1.jpg"]),
        ("annotations/cam2.json", ["cam1/1.jpg", "cam2/1.jpg"]),
    ],
)
def test_the_folders_of_the_annotation_file_tell_images_of_one_name_apart(tmp_path, name, paths):
    source = coco(tmp_path, document("1.jpg"), name=name)
    assert list(source.attach(paths, root=tmp_path).image_ids) == paths[1:]
    elsewhere = coco(tmp_path, document("1.jpg"), name="other/coco.json")
    assert elsewhere.attach(paths, root=tmp_path).ambiguous == ("1.jpg",)


def test_one_file_listed_twice_keeps_both_ids(tmp_path):
    attachment = coco(tmp_path, document("a.jpg", "./a.jpg")).attach(["a.jpg"])
    assert attachment.image_ids == {"a.jpg": (10, 11)}
    assert "more than once" in attachment.notes[0]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "no JSON"),
        (b'{"images": [', "no JSON (Expecting value at line 1"),
        (b"\xff\xfe\x00", "no UTF-8 text"),
        (b"[" * 100_000, "nested too deep"),
        (b"[]", "no object"),
        (b'"x"', "no object"),
        (b"{}", 'no list "images"'),
        (b'{"images": {}}', '"images" is no list'),
        (b'{"images": null}', '"images" is no list'),
        (b'{"images": [], "annotations": 3}', '"annotations" is no list'),
        (b'{"images": [], "annotations": [{"x": "\x81"}]}', "no UTF-8 text"),
    ],
)
def test_what_is_not_coco_is_a_clear_sentence(tmp_path, content, says):
    path = tmp_path / "x.json"
    path.write_bytes(content)
    with pytest.raises(AnnotationError) as caught:
        Coco.read(path)
    assert says in str(caught.value) and str(path) in str(caught.value)
    with pytest.raises(AnnotationError) as checked:
        coco_sound.check(path)
    assert str(checked.value) == str(caught.value)


IMAGE = {"id": 1, "file_name": "a.png"}
CAT = {"id": 1, "name": "cat"}
BOX = {"id": 1, "image_id": 1, "category_id": 1, "bbox": [1, 2, 3, 4]}


def read(tmp_path, text: str | bytes) -> Coco:
    path = tmp_path / "labels.json"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return Coco.read(path)


def of(key: str, entry: str) -> str:
    """A sound document with one more entry, written as JSON, in one of its lists."""
    held = {"images": [IMAGE], "annotations": [BOX], "categories": [CAT]}
    lists = {name: [json.dumps(each) for each in entries] for name, entries in held.items()}
    lists[key].append(entry)
    return "{" + ", ".join(f'"{name}": [{", ".join(entries)}]' for name, entries in lists.items()) + "}"


@pytest.mark.parametrize(
    ("key", "entry", "problem"),
    [
        ("images", "3", "it is no object"),
        ("images", '{"id": 2}', "it has no file_name"),
        ("images", '{"id": 2, "file_name": 3}', "it has no file_name"),
        ("images", '{"id": true, "file_name": "b"}', "it has no id"),
        ("images", '{"id": [1], "file_name": "b"}', "it has no id"),
        ("images", '{"id": NaN, "file_name": "b"}', "it has no id"),
        ("categories", '{"id": 2}', "it has no name"),
        ("categories", '{"id": null, "name": "dog"}', "it has no id"),
        ("annotations", "null", "it is no object"),
        ("annotations", '{"image_id": {}}', "it has no image_id"),
        ("annotations", '{"image_id": 1, "category_id": []}', "it has a category_id"),
        ("annotations", '{"image_id": 1, "category_id": 9, "bbox": [1, 2, 3, 4]}', "its category 9 is not"),
        *(
            ("annotations", f'{{"image_id": 1, "category_id": 1, "bbox": {box}}}', "its bbox is no four finite numbers")
            for box in (
                "[null, 1, 2, 3]", '["10", 1, 2, 3]', "[[1], 2, 3, 4]", "[true, 2, 3, 4]", "[NaN, 2, 3, 4]", '"x"',
                "[1, 2, 3, -Infinity]", "[1, 2, 3, 1e999]", "[1, 2, 3, 1%s]" % ("0" * 400), "[1, 2, 3, 4, 5]", "[1, 2]",
            )
        ),
    ],
)  # fmt: skip
def test_an_unsound_entry_costs_that_entry(tmp_path, key, entry, problem):
    coco = read(tmp_path, of(key, entry))
    (told,) = coco.unsound
    assert (told.key, told.place, told.kept) == (key, 1, False) and told.problem.startswith(problem)
    assert coco.document == {"images": [IMAGE], "annotations": [BOX], "categories": [CAT]}
    assert f'entry 1 of "{key}": {told.problem}' in coco.attach(["a.png"]).notes[0]


@pytest.mark.parametrize(
    "held",
    [
        '"bbox": null', '"bbox": []', '"segmentation": [["x", 1]]', '"segmentation": [[1, 2, 3, 4, 5, 6], {"x": 1}]',
        '"segmentation": [[[1, 2, 3, 4, 5, 6]]]', '"keypoints": [1, 2, "v"]', '"keypoints": [null, 1, 2]',
    ],
)  # fmt: skip
def test_what_only_some_readers_need_stays_as_it_is_and_is_told(tmp_path, held):
    entry = f'{{"id": 2, "image_id": 1, "category_id": 1, {held}}}'
    coco = read(tmp_path, of("annotations", entry))
    assert coco.annotations == [BOX, json.loads(entry)]
    assert [(each.place, each.kept) for each in coco.unsound] == [(1, True)]


@pytest.mark.parametrize("id_", ["[1]", '{"a": 1}', "true", "1.5"])
def test_an_annotation_loses_an_id_that_is_none_and_is_given_one_when_it_leaves(tmp_path, id_):
    coco = read(tmp_path, of("annotations", f'{{"id": {id_}, "image_id": 1, "category_id": 1, "bbox": [1, 2, 3, 4]}}'))
    assert coco.annotations == [BOX, {key: value for key, value in BOX.items() if key != "id"}]
    assert [(each.place, each.kept) for each in coco.unsound] == [(1, True)]


def test_no_number_that_json_has_no_word_for_is_kept(tmp_path):
    entry = '{"id": 2, "image_id": 1, "category_id": 1, "bbox": [1, 2, 3, 4], "area": %s}'
    for area in ("NaN", "-Infinity", "1e999"):
        coco = read(tmp_path, of("annotations", entry % area))
        assert coco.annotations == [BOX, {**BOX, "id": 2}]
        assert coco.unsound[0].kept and "area" in coco.unsound[0].problem
    coco = read(tmp_path, of("images", '{"id": 2, "file_name": "b", "score": NaN}')[:-1] + ', "info": {"x": NaN}}')
    assert coco.images[1] == {"id": 2, "file_name": "b"} and "info" not in coco.document


def test_whole_numbers_are_whole(tmp_path):
    text = of("images", '{"id": 2.0, "file_name": "b.png"}')
    text = text.replace('"id": 1', '"id": 1.0').replace('_id": 1', '_id": 1.0').replace("1.0.0", "1.0")
    coco = read(tmp_path, text)
    assert coco.unsound == () and json.dumps(json.loads(b"".join(chunks(coco.document)))) == json.dumps(
        {"images": [IMAGE, {"id": 2, "file_name": "b.png"}], "annotations": [BOX], "categories": [CAT]}
    )


def test_an_entry_that_is_there_twice_is_there_once_and_a_contested_id_labels_nothing(tmp_path):
    twice = read(tmp_path, of("images", json.dumps(IMAGE)))
    assert twice.images == [IMAGE] and twice.annotations == [BOX] and twice.unsound == ()
    contested = read(tmp_path, of("images", '{"id": 1, "file_name": "b.png"}'))
    assert contested.images == [IMAGE] and contested.annotations == []
    assert [(each.key, each.place) for each in contested.unsound] == [("images", 0), ("images", 1), ("annotations", 0)]
    classes = read(tmp_path, of("categories", '{"id": 1, "name": "dog"}'))
    assert classes.document["categories"] == [] and classes.annotations == []


def test_an_entry_that_is_there_twice_and_says_more_the_second_time_is_one(tmp_path):
    images = read(tmp_path, of("images", json.dumps(IMAGE | {"date_captured": "2024"})))
    assert images.images == [IMAGE | {"date_captured": "2024"}] and images.annotations == [BOX]
    assert [(each.key, each.place, each.kept) for each in images.unsound] == [("images", 1, True)]
    classes = read(tmp_path, of("categories", json.dumps(CAT | {"color": "#f00"})))
    assert classes.document["categories"] == [CAT | {"color": "#f00"}] and classes.annotations == [BOX]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-32"])
def test_any_unicode_is_read(tmp_path, encoding):
    assert read(tmp_path, of("images", '{"id": 2, "file_name": "\u00e9.png"}').encode(encoding)).images[1]["id"] == 2


def test_what_older_tools_write_on_windows_is_read_and_told(tmp_path):
    coco = read(tmp_path, of("categories", '{"id": 2, "name": "Stra\u00dfe"}').encode("cp1252"))
    assert coco.document["categories"][1]["name"] == "Stra\u00dfe" and coco.annotations == [BOX]
    assert [(each.key, each.kept) for each in coco.unsound] == [("labels.json", True)]


@pytest.mark.parametrize(
    "name",
    [
        "http://img.example.org/train/one.jpg", "https://x.org/a/one.jpg?size=3", "/data/local-files/?d=pics/one.jpg",
        "/data/local-files/?d=pics%5Cone.jpg", "https://x.org/a/one.jpg?d=two",
        "s3://bucket/one.jpg", "%6Fne.jpg", "ONE.JPG", "one", "C:\\pics\\one.jpg",
    ],
)  # fmt: skip
def test_names_are_matched_however_they_are_written(tmp_path, name):
    coco = Coco(tmp_path / "x.json", {"images": [{"id": 1, "file_name": name}]})
    assert coco.attach(["train/one.jpg", "train/two.jpg"]).image_ids == {"train/one.jpg": (1,)}
    several = coco.attach(["train/one.jpg", "val/one.jpg", "train/One.jpeg"])
    assert not several.image_ids or "train" in name


@pytest.mark.parametrize("name", ["one.png", "http://x.org/one.png", "ONE.PNG"])
def test_a_name_with_another_suffix_is_that_of_another_file(tmp_path, name):
    coco = Coco(tmp_path / "x.json", {"images": [{"id": 1, "file_name": name}]})
    assert coco.attach(["one.jpg"]).missing == (name,)


def test_two_files_that_differ_in_case_are_not_told_apart_by_another(tmp_path):
    coco = Coco(tmp_path / "x.json", {"images": [{"id": 1, "file_name": "ONE.jpg"}]})
    assert coco.attach(["one.jpg", "One.jpg"]).ambiguous == ("ONE.jpg",)


def test_an_image_of_which_only_the_url_is_known_has_its_name(tmp_path):
    coco = read(tmp_path, of("images", '{"id": 2, "coco_url": "http://images.x.org/val2017/2.jpg"}'))
    assert coco.unsound == () and coco.attach(["a.png", "val2017/2.jpg"]).image_ids["val2017/2.jpg"] == (2,)


def test_classes_of_one_name_are_told_apart(tmp_path):
    mice = [{"id": i, "name": "mouse", "supercategory": s} for i, s in ((1, "animal"), (2, "device"), (3, "device"))]
    boxes = [{"id": i, "image_id": 1, "category_id": i} for i in (1, 2)]
    coco = Coco(tmp_path / "x.json", {"images": [IMAGE], "annotations": boxes, "categories": mice})
    assert coco.attach(["a.png"]).classes == {"a.png": ("mouse (animal)", "mouse (device)")}
    alone = Coco(tmp_path / "x.json", {"images": [IMAGE], "annotations": boxes[:1], "categories": mice})
    assert alone.attach(["a.png"]).classes == {"a.png": ("mouse",)}


def test_a_file_with_a_box_that_is_none_makes_a_dataset(tmp_path, home):
    picture(tmp_path / "in" / "a.png", 1, (160, 120))
    file = tmp_path / "labels.json"
    file.write_text(of("annotations", '{"image_id": 1, "category_id": 1, "bbox": [null, 1, 2, 3]}'))
    dataset = dedup.scan(tmp_path / "in", annotations=file, workers=1)
    assert dataset.frame["annotations"].tolist() == [1] and not dataset.annotation_errors


def test_a_missing_file_is_a_clear_sentence(tmp_path):
    with pytest.raises(AnnotationError, match="Cannot read the annotation file"):
        Coco.read(tmp_path / "no.json")
    with pytest.raises(AnnotationError, match="Cannot read the annotation file"):
        Coco.read(tmp_path)


def test_a_byte_order_mark_and_missing_lists_are_fine(tmp_path):
    path = tmp_path / "x.json"
    path.write_bytes(b'\xef\xbb\xbf{"images": [{"id": "t1", "file_name": "a.jpg"}]}')
    assert Coco.read(path).attach(["a.jpg"]).image_ids == {"a.jpg": ("t1",)}


def test_finds_annotation_files_within_and_beside(tmp_path):
    root = tmp_path / "images" / "val2017"
    text = json.dumps(document("a.jpg"))
    inside, beside = root / "sub" / "_annotations.coco.json", tmp_path / "annotations" / "instances.json"
    for path in (inside, beside, root / ".hidden" / "x.json"):
        path.parent.mkdir(parents=True)
        path.write_text(text)
    picture(root / "sub" / "a.jpg", 1)
    (root / "other.json").write_text('{"images": 1}')
    (root / "empty.json").write_text("")
    assert [each.path for each in formats.find(root)] == sorted([beside, inside])


def test_shared_documents(shared_data):
    tiny = shared_data / "C-tinycoco" / "tinycoco"
    (found,) = formats.find(tiny)
    assert [found.path] == [each.path for each in formats.find(tiny / "images" / "val2017")]
    source = Coco.read(found.path)
    attachment = source.attach([f"images/val2017/{file.name}" for file in (tiny / "images/val2017").iterdir()])
    assert len(attachment.image_ids) == 6 and not attachment.missing and not attachment.unannotated
    assert sum(attachment.counts.values()) == 136


def test_tags_come_back_from_an_export_of_ours(tmp_path):
    content = document("a.jpg", "b.jpg", "c.jpg", "d.jpg", "gone.jpg")
    for image, ours in zip(
        content["images"], [{"tags": ["x", "y"]}, {"tags": ["x"]}, {"tags": 3}, [], {"tags": ["x"]}], strict=True
    ):
        image["dedup"] = ours
    source = coco(tmp_path, content)
    attachment = source.attach(["a.jpg", "b.jpg", "c.jpg", "d.jpg"])
    assert tags_from_coco(source, attachment) == {"x": ["a.jpg", "b.jpg"], "y": ["a.jpg"]}


@given(st.text(), st.lists(st.text()))
def test_any_names_are_survived(name, paths):
    source = Coco(path=Path("x.json"), document=document(name or "x"))
    attachment = source.attach(paths)
    assert set(attachment.image_ids) <= set(paths)


def test_annotations_whose_image_ids_are_of_another_type_are_told_and_do_not_pass(tmp_path, home):
    """Text in one place, numbers in the other: no reader joins them."""
    save(photo(1), tmp_path / "in" / "a.png")
    told = {
        "images": [{"id": 1, "file_name": "a.png", "width": 96, "height": 72}],
        "annotations": [{"id": 1, "image_id": "1", "category_id": 1, "bbox": [1, 2, 3, 4]}],
        "categories": [{"id": 1, "name": "dog"}],
    }
    (tmp_path / "in" / "labels.json").write_text(json.dumps(told))
    dataset = dedup.scan(tmp_path / "in", annotations=tmp_path / "in" / "labels.json")
    result = gate.check(dataset, gate.Limits())
    (finding,) = [each for each in result.findings if each.name == "unread labels"]
    assert finding.exceeded and finding.count == 1 and "to no image of it" in finding.examples[0]
    exported = dataset.export("coco", tmp_path / "out.json")
    assert "1 annotation in labels.json left out: of no image that it lists." in exported.notes


def test_an_image_of_another_split_is_missed_in_no_file(tmp_path, home, capsys):
    for number, name in enumerate(("train/a.png", "val/b.png")):
        picture(tmp_path / "in" / name, number)
    for split, name in (("train", "a.png"), ("val", "b.png")):
        coco(tmp_path / "in/annotations", document(name), f"instances_{split}.json")
    assert main(["scan", str(tmp_path / "in")]) == 0
    assert "not named" not in capsys.readouterr().out
    picture(tmp_path / "in/val/c.png", 2)
    assert main(["scan", str(tmp_path / "in")]) == 0
    assert "2 images of the dataset are not named in instances_val.json." in capsys.readouterr().out
