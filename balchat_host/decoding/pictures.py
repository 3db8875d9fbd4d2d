"""What is done with pictures: cleaned, made small, made again, read as a QR code."""

import io
from typing import Any, Final

import zxingcpp
from PIL import Image, JpegImagePlugin

from balchat_host.decoding.answer import Answer, Refused
from balchat_host.decoding.limits import MAX_PREVIEW
from balchat_host.decoding.metadata import found_in
from balchat_host.decoding.opening import is_srgb, open_picture, plain, upright, upright_size

MAX_PREVIEW_SIDE: Final = 512
"""Pixels of the longest side of a preview of somebody else's."""
_PREVIEWS: Final = tuple((side, quality) for side in (320, 240, 160, 80, 32) for quality in (70, 45, 20))
"""Longest sides and qualities that a preview is tried with, the best first."""
_QR_SIDES: Final = (1024, 3072)
_QR: Final = zxingcpp.BarcodeFormats(zxingcpp.BarcodeFormat.QRCode)
_MAX_QR_TEXT: Final = 8192
_MAX_FRAMES: Final = 1000
_MAX_FRAMES_PIXELS: Final = 250_000_000
"""Pixels of all frames of an animation that is cleaned."""
_CONTENT_TYPES: Final = {"JPEG": "image/jpeg", "MPO": "image/jpeg", "PNG": "image/png", "WEBP": "image/webp"}
_LARGE: Final = 8_000_000
"""Pixels of a picture that WebP and PNG are made of in a hurry."""
_REENCODED: Final = 80
_CLEANED: Final = 92
"""WebP's qualities, of a picture that is shown and of one that is sent."""


def warm_up() -> None:
    """Load whatever Pillow loads when it is first used."""
    for kind in ("JPEG", "PNG", "WEBP"):
        octets = _encoded(Image.new("RGB", (2, 2)), kind)
        plain(upright(open_picture(octets)), None)
    is_srgb(b"")
    zxingcpp.read_barcodes(Image.new("L", (8, 8)))


def clean(octets: bytes) -> Answer:
    """Make a preview of a picture, and the picture again without metadata, in its own format: two results."""
    picture = open_picture(octets)
    kind = picture.format or ""
    if kind not in _CONTENT_TYPES:
        raise Refused("only the metadata of JPEG, PNG and WebP can be removed")
    removed = found_in(picture)
    frames = getattr(picture, "n_frames", 1) if kind in ("PNG", "WEBP") else 1
    if frames > 1:
        cleaned, shown = _clean_animation(picture, frames)
    else:
        cleaned, shown = _clean_still(picture, octets)
    said = {"removed": removed, "width": shown.width, "height": shown.height, "content_type": _CONTENT_TYPES[kind]}
    return Answer(results=(_small(shown), cleaned), said=said)


def preview(octets: bytes) -> Answer:
    """Make a small picture of the first frame of one."""
    picture = open_picture(octets)
    width, height = upright_size(picture)
    shown = _reduced(picture, _PREVIEWS[0][0])
    return Answer(results=(_small(shown),), said={"width": width, "height": height})


def preview_again(octets: bytes) -> Answer:
    """Make a preview of the preview that somebody else has made.

    A few kilobytes of WebP can have as many pixels as a photograph, and those who send them are many.
    """
    picture = open_picture(octets)
    if picture.format != "WEBP":
        raise Refused("a preview is a WebP picture")
    if max(picture.size) > MAX_PREVIEW_SIDE:
        raise Refused(f"a preview has at most {MAX_PREVIEW_SIDE} pixels a side")
    return Answer(results=(_small(_reduced(picture, _PREVIEWS[0][0])),))


def reencode(octets: bytes, longest_side: int) -> Answer:
    """Make the first frame of a picture again as WebP, no side longer than so many pixels."""
    shown = _reduced(open_picture(octets), longest_side)
    return Answer(results=(_encoded(shown, "WEBP", quality=_REENCODED),))


def read_qr(octets: bytes) -> Answer:
    """Read the first QR code of a picture: one result where there is one, none otherwise."""
    grey = _reduced(open_picture(octets), _QR_SIDES[-1]).convert("L")
    for side in _QR_SIDES:
        smaller = grey.copy()
        smaller.thumbnail((side, side))
        for found in zxingcpp.read_barcodes(smaller, formats=_QR):
            text = found.text.encode()
            if len(text) <= _MAX_QR_TEXT:
                return Answer(results=(text,))
        if smaller.size == grey.size:
            break
    return Answer(results=())


def _reduced(picture: Image.Image, longest_side: int) -> Image.Image:
    """Return the pixels of the first frame, upright, no side longer than so many of them."""
    profile = picture.info.get("icc_profile")
    # A JPEG is decoded at an eighth, a quarter or a half of its size where that is enough.
    picture.draft(None, (2 * longest_side, 2 * longest_side))
    turned = upright(picture)
    if turned.mode == "P":  # whose numbers mean nothing between two of them
        turned = plain(turned, None)
    turned.thumbnail((longest_side, longest_side), reducing_gap=2.0)
    return plain(turned, profile)


def _small(picture: Image.Image) -> bytes:
    """Return a preview."""
    for side, quality in _PREVIEWS:
        smaller = picture.copy()
        smaller.thumbnail((side, side), reducing_gap=2.0)
        octets = _encoded(smaller, "WEBP", quality=quality)
        if len(octets) <= MAX_PREVIEW:
            return octets
    raise Refused("no preview of it is small enough")


def _clean_still(picture: Image.Image, octets: bytes) -> tuple[bytes, Image.Image]:
    """Return a picture of one frame without metadata, and its pixels."""
    kind, profile = picture.format, picture.info.get("icc_profile")
    if kind in ("JPEG", "MPO"):
        # With the tables of the original it loses next to nothing.
        how: dict[str, Any] = {"progressive": "progressive" in picture.info}
        assert isinstance(picture, JpegImagePlugin.JpegImageFile), "an MPO is one, too"
        tables, sampling = picture.quantization, JpegImagePlugin.get_sampling(picture)
        turned = upright(picture)
        pixels = plain(turned, profile)
        if pixels.mode == turned.mode:
            how |= {"qtables": tables, "subsampling": sampling}
        else:
            how["quality"] = _CLEANED
        return _encoded(pixels, "JPEG", **how), pixels
    if kind == "PNG":
        turned = upright(picture)
        pixels = plain(turned, profile)
        keeps = turned.mode in ("1", "L", "LA", "P", "I;16") and (profile is None or is_srgb(profile))
        kept = {} if turned.info.get("transparency") is None else {"transparency": turned.info["transparency"]}
        return _encoded(turned, "PNG", **kept) if keeps else _encoded(pixels, "PNG"), pixels
    lossless = b"VP8L" in octets[:64]
    pixels = plain(upright(picture), profile)
    return _encoded(pixels, "WEBP", quality=_CLEANED, lossless=lossless), pixels


def _clean_animation(picture: Image.Image, frames: int) -> tuple[bytes, Image.Image]:
    """Return an animation without metadata, and the pixels of its first frame."""
    if frames > _MAX_FRAMES or frames * picture.width * picture.height > _MAX_FRAMES_PIXELS:
        raise Refused("the animation is too long")
    profile, kind, loop = picture.info.get("icc_profile"), picture.format, picture.info.get("loop", 0)
    shown: list[Image.Image] = []
    durations: list[int] = []
    for number in range(frames):
        picture.seek(number)
        picture.load()
        durations.append(int(picture.info.get("duration", 0)))
        shown.append(plain(picture.copy(), profile))
    how: dict[str, Any] = {"quality": _CLEANED} if kind == "WEBP" else {}
    first, *others = shown
    octets = _encoded(first, kind or "", save_all=True, append_images=others, duration=durations, loop=loop, **how)
    return octets, first


def _bare(picture: Image.Image) -> Image.Image:
    """Return a picture without what stands beside its pixels."""
    bare = picture.copy()
    bare.info = {}
    return bare


def _encoded(picture: Image.Image, kind: str, **how: Any) -> bytes:
    if picture.width * picture.height > _LARGE:
        how |= {"method": 1, "compress_level": 2}
    octets = io.BytesIO()
    _bare(picture).save(octets, kind, **how)
    return octets.getvalue()
