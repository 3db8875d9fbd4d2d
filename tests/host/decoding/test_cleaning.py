"""A cleaned picture shows the same and says nothing else, whatever it held and however it was stored."""

from __future__ import annotations

import io
import struct
import zlib
from typing import Any

import pytest

Image = pytest.importorskip("PIL.Image", reason="pictures are an extra")
pytest.importorskip("zxingcpp", reason="pictures are an extra")

from PIL import ExifTags, ImageCms, ImageOps  # noqa: E402  # after what skips
from PIL.PngImagePlugin import PngInfo  # noqa: E402  # as above

from balchat_host.decoding import pictures  # noqa: E402  # as above
from balchat_host.decoding.answer import Refused  # noqa: E402  # as above
from balchat_host.decoding.limits import MAX_PREVIEW  # noqa: E402  # as above

SECRET = "Oslo, Bob's flat"
FORMATS = ("JPEG", "PNG", "WEBP")


def drawn(mode: str = "RGB", size: tuple[int, int] = (90, 60)) -> Any:
    """Return a picture that looks different from each side."""
    picture = Image.new("RGB", size, "white")
    picture.paste("red", (0, 0, size[0] // 3, size[1] // 3))
    picture.paste("blue", (size[0] // 2, size[1] // 2, size[0], size[1]))
    return picture.convert(mode)


def exif(orientation: int | None = None) -> Any:
    tags = Image.Exif()
    tags[ExifTags.Base.Make] = tags[ExifTags.Base.ImageDescription] = SECRET
    tags[ExifTags.Base.DateTime] = "2026:11:28 04:00:00"
    if orientation is not None:
        tags[ExifTags.Base.Orientation] = orientation
    gps = tags.get_ifd(ExifTags.IFD.GPSInfo)
    gps[ExifTags.GPS.GPSLatitudeRef] = "N"
    gps[ExifTags.GPS.GPSAreaInformation] = SECRET
    return tags


def saved(picture: Any, kind: str, **how: Any) -> bytes:
    octets = io.BytesIO()
    picture.save(octets, kind, **how)
    return octets.getvalue()


def cleaned(octets: bytes) -> tuple[Any, list[str], bytes]:
    """Return the picture that is made, what was taken out of it, and its octets."""
    answer = pictures.clean(octets)
    preview, clean = answer.results
    assert len(preview) <= MAX_PREVIEW
    assert Image.open(io.BytesIO(preview)).format == "WEBP"
    assert SECRET.encode() not in clean + preview
    made = Image.open(io.BytesIO(clean))
    assert (answer.said["width"], answer.said["height"]) == made.size
    assert not set(made.getexif()), "no tag is left"
    assert not {"xmp", "comment", "icc_profile", "photoshop"} & set(made.info)
    return made, list(answer.said["removed"]), clean


def differ(one: Any, other: Any) -> float:
    """Return by how much two pictures differ: 0 to 255, on average."""
    assert one.size == other.size
    pairs = zip(one.convert("RGB").tobytes(), other.convert("RGB").tobytes(), strict=True)
    differences = [abs(left - right) for left, right in pairs]
    return sum(differences) / len(differences)


@pytest.mark.parametrize("kind", FORMATS)
def test_place_device_time_and_text_go(kind: str) -> None:
    made, removed, _ = cleaned(saved(drawn(), kind, exif=exif()))
    assert made.format == kind
    assert {"location", "device", "time", "text"} <= set(removed)
    assert differ(made, drawn()) < 3


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("orientation", range(1, 9))
def test_it_is_turned_as_it_was_shown(kind: str, orientation: int) -> None:
    octets = saved(drawn(), kind, exif=exif(orientation))
    shown = ImageOps.exif_transpose(Image.open(io.BytesIO(octets)))
    made, _, _ = cleaned(octets)
    assert differ(made, shown) < 3


@pytest.mark.parametrize("kind", FORMATS)
def test_xmp_goes(kind: str) -> None:
    packet = f"<x:xmpmeta xmlns:x='adobe:ns:meta/'><exif:GPSLatitude>{SECRET}</exif:GPSLatitude></x:xmpmeta>".encode()
    if kind == "PNG":
        info = PngInfo()
        info.add_itxt("XML:com.adobe.xmp", packet.decode())
        octets = saved(drawn(), kind, pnginfo=info)
    else:
        octets = saved(drawn(), kind, xmp=packet)
    _, removed, _ = cleaned(octets)
    assert {"location", "other"} & set(removed)


def test_texts_and_unknown_chunks_of_a_png_go() -> None:
    info = PngInfo()
    info.add_text("Comment", SECRET)
    info.add_itxt("Author", SECRET)
    info.add_text("Long", SECRET, zip=True)
    _, removed, _ = cleaned(saved(drawn(), "PNG", pnginfo=info))
    assert removed == ["text"]
    octets = saved(drawn(), "PNG")
    strange = b"prVt" + SECRET.encode()
    chunk = struct.pack(">I", len(SECRET)) + strange + struct.pack(">I", zlib.crc32(strange))
    cleaned(octets[:33] + chunk + octets[33:])


def test_what_stands_behind_a_picture_goes() -> None:
    for kind in FORMATS:
        cleaned(saved(drawn(), kind) + SECRET.encode())


def test_the_comment_and_other_segments_of_a_jpeg_go() -> None:
    octets = saved(drawn(), "JPEG", comment=SECRET)
    segment = b"\xff\xed" + struct.pack(">H", 2 + len(SECRET)) + SECRET.encode()
    _, removed, _ = cleaned(octets[:2] + segment + octets[2:])
    assert "text" in removed


def test_a_jpeg_loses_next_to_nothing() -> None:
    noise = Image.effect_noise((400, 300), 60).convert("RGB")
    octets = saved(noise, "JPEG", quality=80)
    made, _, clean = cleaned(octets)
    assert differ(made, Image.open(io.BytesIO(octets))) < 1
    assert 0.9 < len(clean) / len(octets) < 1.1


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"])
def test_a_png_loses_nothing(mode: str) -> None:
    picture = drawn("L").point(lambda level: level * 200, "I").convert("I;16") if mode == "I;16" else drawn(mode)
    made, _, _ = cleaned(saved(picture, "PNG"))
    assert (
        made.convert("RGBA" if mode != "I;16" else "I").tobytes()
        == picture.convert("RGBA" if mode != "I;16" else "I").tobytes()
    )


def test_what_is_clear_in_a_picture_of_few_colours_stays_clear() -> None:
    picture = drawn("P")
    clear = picture.getpixel((0, 0))
    made, _, _ = cleaned(saved(picture, "PNG", transparency=clear))
    assert made.convert("RGBA").getpixel((0, 0))[3] == 0
    assert made.convert("RGBA").getpixel((80, 50))[3] == 255


def test_the_colours_of_another_profile_are_those_of_srgb() -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("XYZ")).tobytes()
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    for kind in FORMATS:
        made, removed, _ = cleaned(saved(drawn(), kind, icc_profile=srgb))
        assert removed == ["color-profile"]
        assert differ(made, drawn()) < 3
        _, removed, _ = cleaned(saved(drawn(), kind, icc_profile=profile))
        assert removed == ["color-profile"]
        cleaned(saved(drawn(), kind, icc_profile=b"no profile"))


def test_a_picture_for_printing_is_one_for_screens() -> None:
    made, _, _ = cleaned(saved(drawn("CMYK"), "JPEG"))
    assert made.mode == "RGB"
    assert differ(made, drawn()) < 12


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_an_animation_stays_one(kind: str) -> None:
    frames = [drawn(), drawn().rotate(180), drawn().rotate(90)]
    octets = saved(
        frames[0], kind, save_all=True, append_images=frames[1:], duration=[100, 200, 300], loop=2, exif=exif()
    )
    made, removed, _ = cleaned(octets)
    assert "location" in removed
    assert made.n_frames == 3
    assert made.info["loop"] == 2
    made.seek(1)
    assert differ(made, frames[1]) < 4


def test_what_is_no_picture_or_another_format_is_refused() -> None:
    for octets in (b"", b"nothing", saved(drawn(), "GIF"), saved(drawn(), "BMP"), saved(drawn(), "TIFF")):
        with pytest.raises(Refused):
            pictures.clean(octets)


@pytest.mark.parametrize("kind", FORMATS)
def test_what_is_cut_off_is_not_half_a_picture(kind: str) -> None:
    octets = saved(Image.effect_noise((200, 200), 60).convert("RGB"), kind)
    for end in (20, len(octets) // 2, len(octets) - 40):
        with pytest.raises((Refused, OSError, ValueError, SyntaxError)):
            pictures.clean(octets[:end])
