"""Image files that Pillow does not write, made by code."""

from __future__ import annotations

import base64
import io
import struct
import zlib
from pathlib import Path

import numpy as np
import tifffile
from numpy.typing import NDArray
from PIL import Image

STORED_AS = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}
"""Of an EXIF orientation, Pillow's transpose that makes the stored picture of an upright one."""

J2K_RGB_16 = base64.b64decode(
    "/0//UQAvAAAAAAACAAAAAgAAAAAAAAAAAAAAAgAAAAIAAAAAAAAAAAADDwEBDwEBDwEB/1IADAAAAAEBAAQEAAH/XAAEQID/ZAAlAAFDcmVhdGVk"
    "IGJ5IE9wZW5KUEVHIHZlcnNpb24gMi41LjT/kAAKAAAAAAA2AAH/k8/8MCQEIqenj/TRKnDf+JBQC3FyhSUjWGY9H8/8MCQJzqC3Hbmktcf/2Q=="
)
"""A JPEG 2000 of 2 x 2 pixels with three channels of 16 bits."""

AVIF_RGB_10 = base64.b64decode(
    "AAAAIGZ0eXBhdmlmAAAAAGF2aWZtaWYxbWlhZk1BMUEAAADrbWV0YQAAAAAAAAAhaGRscgAAAAAAAAAAcGljdAAAAAAAAAAAAAAAAAAAAAAOcGl0"
    "bQAAAAAAAQAAAB5pbG9jAAAAAEQAAAEAAQAAAAEAAAETAAAAQwAAAChpaW5mAAAAAAABAAAAGmluZmUCAAAAAAEAAGF2MDFDb2xvcgAAAABqaXBy"
    "cAAAAEtpcGNvAAAAFGlzcGUAAAAAAAAAAgAAAAIAAAAQcGl4aQAAAAADCgoKAAAADGF2MUOBIEAAAAAAE2NvbHJuY2x4AAIAAgAGgAAAABdpcG1h"
    "AAAAAAAAAAEAAQQBAoMEAAAAS21kYXQSAAoHOAA28CAgaTI2E8JjJoAA8DDgAP9czvY3nvzvQIopEVQDFpkztJ/f8nh7pDiy9RFvT2ZulkTnJ36U"
    "Kb5uqcPw"
)
"""An AVIF of 2 x 2 pixels with three channels of 10 bits."""


def lossless_jpeg(size: tuple[int, int], *, marker: int = 0xC3, bits: int = 8) -> bytes:
    """A JPEG without a transform, all middle gray: no sample differs from the one before, which takes a bit each."""
    frame = struct.pack(">BHHBBBB", bits, *size[::-1], 1, 1, 0x11, 0)
    codes = bytes((0, 1, *bytes(15), 0))
    parts = ((marker, frame), (0xC4, codes), (0xDA, bytes((1, 1, 0, 1, 0, 0))))
    heads = b"".join(struct.pack(">BBH", 0xFF, kind, len(part) + 2) + part for kind, part in parts)
    return b"\xff\xd8" + heads + bytes(-(-size[0] * size[1] // 8)) + b"\xff\xd9"


def chunk(kind: bytes, data: bytes) -> bytes:
    """A chunk of a PNG."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(path: Path, samples: NDArray[np.integer], *, chunks: bytes = b"", level: int = 6) -> Path:
    """Samples (height, width) or (height, width, 1..4 bands), uint8 or uint16, with further chunks after the header."""
    height, width = samples.shape[:2]
    bands, deep = samples.reshape(height, width, -1).shape[2], samples.dtype == np.uint16
    header = struct.pack(">IIBBBBB", width, height, 16 if deep else 8, {1: 0, 2: 4, 3: 2, 4: 6}[bands], 0, 0, 0)
    rows = b"".join(b"\0" + row.astype(">u2" if deep else "u1").tobytes() for row in samples)
    body = chunk(b"IHDR", header) + chunks + chunk(b"IDAT", zlib.compress(rows, level)) + chunk(b"IEND", b"")
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + body)
    return path


def apng(path: Path, samples: NDArray[np.integer]) -> Path:
    """A PNG of two equal frames."""
    height, width = samples.shape[:2]
    control = struct.pack(">IIIIHHBB", width, height, 0, 0, 1, 10, 0, 0)
    png(path, samples, chunks=chunk(b"acTL", struct.pack(">II", 2, 0)) + chunk(b"fcTL", bytes(4) + control))
    whole = path.read_bytes()
    start = whole.index(b"IDAT")
    data = whole[start + 4 : start + 4 + int.from_bytes(whole[start - 4 : start], "big")]
    second = chunk(b"fcTL", struct.pack(">I", 1) + control) + chunk(b"fdAT", struct.pack(">I", 2) + data)
    path.write_bytes(whole[:-12] + second + whole[-12:])
    return path


def tiff(path: Path, *pages: NDArray[np.generic], **options: object) -> Path:
    """Pages of samples (height, width[, bands]); separate planes (bands, height, width) if `planarconfig` says so."""
    with tifffile.TiffWriter(path, byteorder=str(options.pop("byteorder", "<"))) as writer:
        for page in pages:
            writer.write(page, **{"photometric": "minisblack", "planarconfig": "contig", "metadata": None} | options)
    return path


def exif_of(orientation: int) -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = orientation
    return exif


def stored(upright: NDArray[np.generic], orientation: int) -> NDArray[np.generic]:
    """The samples that a file of that EXIF orientation holds of a picture."""
    height, width = upright.shape[:2]
    places = Image.fromarray(np.arange(height * width, dtype=np.int32).reshape(height, width))
    if orientation > 1:
        places = places.transpose(Image.Transpose(STORED_AS[orientation]))
    return upright.reshape(height * width, *upright.shape[2:])[np.asarray(places)]


def jpeg_with(picture: Image.Image, marker: int, body: bytes) -> bytes:
    """A JPEG with one more segment at its beginning."""
    stream = io.BytesIO()
    picture.save(stream, "JPEG")
    data = stream.getvalue()
    return data[:2] + b"\xff" + bytes([marker]) + struct.pack(">H", len(body) + 2) + body + data[2:]
