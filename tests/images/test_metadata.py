"""What files tell beside their pictures, whichever way they tell it."""

from __future__ import annotations

import io
import struct
from pathlib import Path

import numpy as np
import pillow_heif
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import ExifTags, Image, PngImagePlugin

from dedup.errors import UnreadableImage
from dedup.images import decode, metadata
from tests.images.files import exif_of, jpeg_with
from tests.pictures import photo, save

PICTURE = photo(1, (24, 18))
APP1, APP13 = 0xE1, 0xED
ADOBE = b"http://ns.adobe.com/xap/1.0/\0"


def told(path: Path) -> metadata.Metadata:
    with Image.open(path) as image:
        return metadata.read(image)


def written(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


def exif_with(*, place: bool = False, **values: object) -> Image.Exif:
    exif = Image.Exif()
    for name, value in values.items():
        exif[ExifTags.Base[name]] = value
    if place:
        exif.get_ifd(ExifTags.IFD.GPSInfo).update({1: "N", 2: (48.0, 8.0, 15.0), 3: "E", 4: (11.0, 34.0, 30.0)})
    return exif


def xmp(*words: str) -> bytes:
    body = "".join(f"<{word}>something</{word}>" for word in words)
    return f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF>{body}</rdf:RDF></x:xmpmeta>'.encode()


def iptc(*records: tuple[int, bytes]) -> bytes:
    """A photoshop segment with records of IPTC's application record."""
    body = b"".join(struct.pack(">BBBH", 0x1C, 2, number, len(value)) + value for number, value in records)
    resource = b"8BIM" + struct.pack(">HHI", 0x0404, 0, len(body)) + body + b"\0" * (len(body) % 2)
    return b"Photoshop 3.0\0" + resource


def text(**values: str) -> PngImagePlugin.PngInfo:
    info = PngImagePlugin.PngInfo()
    for name, value in values.items():
        info.add_text(name, value)
    return info


@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.webp"])
@pytest.mark.parametrize(
    ("values", "described"),
    [
        ({}, 0),
        ({"Make": "Camera"}, 0),
        ({"place": True}, 1),
        ({"ImageDescription": "A dog"}, 1),
        ({"XPTitle": "Hund".encode("utf-16-le")}, 1),
        ({"XPKeywords": "dog;cat".encode("utf-16-le")}, 1),
        ({"ImageDescription": "A dog", "XPComment": "Hund".encode("utf-16-le")}, 1),
        ({"place": True, "ImageDescription": "A dog", "XPKeywords": "dog".encode("utf-16-le")}, 3),
    ],
)
def test_exif_tells_of_place_caption_and_keywords(name, values, described, tmp_path):
    assert told(save(PICTURE, tmp_path / name, exif=exif_with(**values).tobytes())).described == described


def test_exif_of_a_tiff_is_read(tmp_path):
    tags = {34853: {1: "N", 2: (48.0, 8.0, 15.0)}, 270: "A dog", 40094: "dog".encode("utf-16-le")}
    assert told(save(PICTURE, tmp_path / "a.tif", tiffinfo=tags)).described == 3


@pytest.mark.parametrize(
    ("records", "described"),
    [
        ([(120, b"A dog")], 1),
        ([(5, b"Dog")], 1),
        ([(25, b"dog"), (25, b"cat")], 1),
        ([(25, b"x")], 1),
        ([(120, b"A dog"), (25, b"dog")], 2),
        ([(90, b"Paris")], 0),
        ([(120, b" ")], 0),
        ([(120, b"    "), (25, b"\0\0")], 0),
    ],
)
def test_iptc_tells_of_caption_and_keywords(records, described, tmp_path):
    path = written(tmp_path / "a.jpg", jpeg_with(PICTURE, APP13, iptc(*records)))
    assert told(path).described == described


def test_where_on_earth_a_tiff_lies_is_a_place_and_what_tifffile_writes_no_caption(tmp_path):
    samples, tiepoint = np.zeros((18, 24, 3), np.uint8), (33922, "d", 6, (0.0, 0.0, 0.0, 5e5, 4.6e6, 0.0), True)
    tifffile.imwrite(tmp_path / "a.tif", samples, photometric="rgb")
    tifffile.imwrite(tmp_path / "b.tif", samples, photometric="rgb", extratags=[tiepoint])
    tifffile.imwrite(tmp_path / "c.tif", samples, photometric="rgb", description="Anna")
    assert [told(tmp_path / f"{name}.tif").described for name in "abc"] == [0, 1, 1]


def test_iptc_of_a_tiff_is_read(tmp_path):
    block = struct.pack(">BBBH", 0x1C, 2, 120, 5) + b"A dog"
    assert told(save(PICTURE, tmp_path / "a.tif", tiffinfo={33723: block})).described == 1


@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.webp", "a.tif"])
@pytest.mark.parametrize(
    ("words", "described"),
    [
        (["exif:GPSLatitude"], 1),
        (["dc:title"], 1),
        (["dc:description"], 1),
        (["dc:subject"], 1),
        (["exif:GPSLatitude", "dc:description", "dc:title", "dc:subject"], 3),
        (["dc:creator"], 0),
    ],
)
def test_xmp_tells_of_place_caption_and_keywords(name, words, described, tmp_path):
    path = tmp_path / name
    if name == "a.png":
        info = PngImagePlugin.PngInfo()
        info.add_itxt("XML:com.adobe.xmp", xmp(*words).decode())
        save(PICTURE, path, pnginfo=info)
    elif name == "a.tif":
        save(PICTURE, path, tiffinfo={700: xmp(*words)})
    else:
        save(PICTURE, path, xmp=xmp(*words))
    assert told(path).described == described


@pytest.mark.parametrize(
    ("values", "described"),
    [
        ({"Description": "A dog"}, 1),
        ({"Title": "Dog"}, 1),
        ({"Comment": "seen today"}, 1),
        ({"Keywords": "dog"}, 1),
        ({"Title": "Dog", "Keywords": "dog"}, 2),
        ({"Software": "a program"}, 0),
        ({"Comment": "  "}, 0),
    ],
)
def test_the_text_of_a_png_tells_of_caption_and_keywords(values, described, tmp_path):
    assert told(save(PICTURE, tmp_path / "a.png", pnginfo=text(**values))).described == described


def test_text_behind_the_picture_of_a_png_is_read(tmp_path):
    info = PngImagePlugin.PngInfo()
    info.add(b"tEXt", b"Title\0Dog", after_idat=True)
    assert decode.read(save(PICTURE, tmp_path / "a.png", pnginfo=info)).described == 1


def test_what_is_told_twice_counts_once(tmp_path):
    path = save(PICTURE, tmp_path / "a.jpg", exif=exif_with(place=True), xmp=xmp("exif:GPSLatitude"))
    assert told(path).described == 1


@pytest.mark.parametrize(
    ("packet", "extras"),
    [
        (b'<rdf:Description GCamera:MotionPhoto="1"/>', True),
        (b'<rdf:Description GCamera:MicroVideo="1"/>', True),
        (b'<rdf:Description hdrgm:Version="1.0"/>', True),
        (b"<apdi:AuxiliaryImageType>urn:com:apple:photo:2020:aux:hdrgainmap</apdi:AuxiliaryImageType>", True),
        (b'<rdf:Description xmp:Rating="5"/>', False),
    ],
)
def test_a_film_or_a_gain_map_is_an_extra(packet, extras, tmp_path):
    path = written(tmp_path / "a.jpg", jpeg_with(PICTURE, APP1, ADOBE + packet))
    assert decode.read(path).extras is extras


@pytest.mark.parametrize(
    ("values", "captured_at", "camera"),
    [
        ({"Make": "Camera", "DateTime": "2021:02:03 04:05:06"}, "2021-02-03T04:05:06", True),
        ({"Model": "One", "DateTime": "2021:02:03 04:05:06\0"}, "2021-02-03T04:05:06", True),
        ({"DateTime": "0000:00:00 00:00:00"}, "", False),
        ({"DateTime": "yesterday"}, "", False),
        ({}, "", False),
    ],
)
def test_when_and_with_what_a_picture_was_taken(values, captured_at, camera, tmp_path):
    found = told(save(PICTURE, tmp_path / "a.jpg", exif=exif_with(**values)))
    assert (found.captured_at, found.camera) == (captured_at, camera)


def test_the_time_of_the_shot_goes_before_that_of_the_last_change(tmp_path):
    exif = exif_with(DateTime="2022:01:01 00:00:00")
    exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.DateTimeOriginal] = "2021:02:03 04:05:06"
    assert told(save(PICTURE, tmp_path / "a.jpg", exif=exif)).captured_at == "2021-02-03T04:05:06"


@pytest.mark.parametrize(("value", "expected"), [*((each, each) for each in range(1, 9)), (0, 1), (9, 1), (65535, 1)])
def test_an_orientation_that_is_none_is_upright(value, expected, tmp_path):
    with Image.open(save(PICTURE, tmp_path / "a.jpg", exif=exif_of(value))) as image:
        assert metadata.orientation(image) == expected


MALFORMED = [b"", b"garbage", b"garbage and more of it", b"II*\0", b"II*\0\xff\xff\xff\x7f", b"MM\0*\0\0\0\x08\xff\xff"]


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.webp"])
@pytest.mark.parametrize("block", MALFORMED)
def test_malformed_exif_counts_as_missing(name, block, tmp_path):
    path = tmp_path / name
    if name == "a.jpg":
        written(path, jpeg_with(PICTURE, APP1, b"Exif\0\0" + block))
    else:
        save(PICTURE, path, exif=b"Exif\0\0" + block)
    decoded = decode.read(path)
    assert decoded.small.size == PICTURE.size
    assert (decoded.orientation, decoded.captured_at, decoded.camera, decoded.described) == (1, "", False, 0)


@pytest.mark.filterwarnings("ignore::UserWarning")
@settings(max_examples=60)
@given(st.data())
def test_exif_with_any_byte_changed_keeps_no_picture_from_being_read(tmp_path_factory, data):
    whole = bytearray(exif_with(place=True, Make="Camera", ImageDescription="A dog").tobytes())
    for _ in range(data.draw(st.integers(1, 3))):
        whole[data.draw(st.integers(6, len(whole) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.getbasetemp() / "changed.png"
    stream = io.BytesIO()
    PICTURE.save(stream, "PNG", exif=bytes(whole))
    try:
        decode.read(written(path, stream.getvalue()))
    except UnreadableImage as error:
        pytest.fail(str(error))


@pytest.mark.parametrize(
    "block",
    [
        b"Photoshop 3.0\0",
        b"Photoshop 3.0\0garbage",
        b"Photoshop 3.0\0" + b"8BIM\x04\x04\0\0\xff\xff\xff\xff",
        iptc((120, b"A dog"))[:-6],
        b"Photoshop 3.0\0" + b"8BIM" + struct.pack(">HHI", 0x0404, 0, 8) + b"\x1c\x02\x78\xff\xff\xff\xff\xff",
    ],
)
def test_malformed_iptc_counts_as_missing(block, tmp_path):
    decoded = decode.read(written(tmp_path / "a.jpg", jpeg_with(PICTURE, APP13, block)))
    assert decoded.described == 0


def shot(path: Path, **detail: object) -> Path:
    exif = exif_with(Make="Lumen", Model="L-20", Software="Darkroom 3")
    for name, value in detail.items():
        exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base[name]] = value
    PICTURE.save(path, exif=exif)
    return path


def test_what_a_camera_wrote_is_told_in_words(tmp_path):
    path = shot(
        tmp_path / "a.jpg",
        LensModel="35 mm",
        ExposureTime=0.004,
        FNumber=2.8,
        ISOSpeedRatings=400,
        FocalLength=35.0,
    )
    assert decode.camera_facts(path) == [
        ("Camera", "Lumen L-20"),
        ("Lens", "35 mm"),
        ("Exposure", "1/250 s"),
        ("Aperture", "f/2.8"),
        ("ISO", "400"),
        ("Focal length", "35 mm"),
        ("Software", "Darkroom 3"),
    ]
    assert ("Exposure", "2 s") in decode.camera_facts(shot(tmp_path / "b.jpg", ExposureTime=2.0))


def test_a_maker_is_not_told_twice_and_what_is_malformed_is_left_out(tmp_path):
    PICTURE.save(tmp_path / "a.jpg", exif=exif_with(Make="Halcyon", Model="Halcyon Pocket 3\0\0"))
    assert decode.camera_facts(tmp_path / "a.jpg") == [("Camera", "Halcyon Pocket 3")]
    zero = shot(tmp_path / "b.jpg", ExposureTime=0.0, FNumber="wide open")
    assert [word for word, _ in decode.camera_facts(zero)] == ["Camera", "Software"]
    (tmp_path / "c.jpg").write_bytes(b"\xff\xd8\xff no picture")
    assert decode.camera_facts(tmp_path / "c.jpg") == []
    assert decode.camera_facts(tmp_path / "gone.jpg") == []


@settings(max_examples=60)
@given(st.binary(max_size=200))
def test_no_exif_whatever_it_holds_raises(tmp_path_factory, data):
    path = tmp_path_factory.getbasetemp() / "any-exif.jpg"
    buffer = io.BytesIO()
    PICTURE.save(buffer, "JPEG", exif=b"Exif\0\0MM\0*\0\0\0\x08" + data)
    path.write_bytes(buffer.getvalue())
    assert isinstance(decode.camera_facts(path), list)


FILM = b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom\0\0\x20\x00mdat" + b"x" * 500


@pytest.mark.parametrize(
    ("behind", "carries"), [(FILM, True), (b"SEFH" + FILM + b"SEFT", True), (b"\0" * 9, False), (b"?", False)]
)
def test_a_film_behind_a_jpeg_is_seen_whatever_else_says_so(tmp_path, behind, carries):
    save(photo(1), tmp_path / "a.jpg")
    with open(tmp_path / "a.jpg", "ab") as stream:
        stream.write(behind)
    assert decode.read(tmp_path / "a.jpg").extras == carries


def test_a_film_in_a_box_beside_the_picture_is_seen(tmp_path):
    pillow_heif.from_pillow(photo(1)).save(tmp_path / "a.heic")
    assert not decode.read(tmp_path / "a.heic").extras
    with open(tmp_path / "a.heic", "ab") as stream:
        stream.write(b"\0\0\0\x20mpvd" + b"x" * 24)
    assert decode.read(tmp_path / "a.heic").extras


@pytest.mark.parametrize(
    ("xmp", "described"),
    [
        ("<dc:subject><rdf:Bag><rdf:li>lake</rdf:li></rdf:Bag></dc:subject>", 1),
        ("<dc:subject><rdf:Bag/></dc:subject>", 0),
        ("<dc:subject/><dc:description><rdf:Alt><rdf:li xml:lang='x-default'/></rdf:Alt></dc:description>", 0),
        ("<rdf:Description xmp:Rating='5' photoshop:City='Rome'/>", 2),
        ("<rdf:Description photoshop:City=''/>", 0),
    ],
)
def test_empty_properties_tell_nothing(tmp_path, xmp, described):
    photo(1).save(tmp_path / "a.jpg", xmp=f"<x:xmpmeta>{xmp}</x:xmpmeta>".encode())
    assert decode.read(tmp_path / "a.jpg").described == described


@pytest.mark.parametrize(("caption", "described"), [("OLYMPUS DIGITAL CAMERA", 0), ("SONY DSC", 0), ("At the lake", 1)])
def test_what_cameras_write_into_every_picture_is_no_caption(tmp_path, caption, described):
    exif = Image.Exif()
    exif[ExifTags.Base.ImageDescription] = caption
    photo(1).save(tmp_path / "a.jpg", exif=exif)
    assert decode.read(tmp_path / "a.jpg").described == described


@pytest.mark.parametrize(("comment", "described"), [("the bridge", 1), ("Created with GIMP", 0), ("", 0)])
def test_comments_of_persons_count_and_those_of_programs_do_not(tmp_path, comment, described):
    photo(1).save(tmp_path / "a.jpg", comment=comment)
    photo(1).convert("P").save(tmp_path / "a.gif", comment=comment.encode())
    assert [decode.read(tmp_path / name).described for name in ("a.jpg", "a.gif")] == [described] * 2
