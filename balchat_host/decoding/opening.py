"""Opens a picture: four formats, few pixels, one frame, upright, in sRGB, and nothing but pixels."""

import io
from collections.abc import Callable
from typing import Any, Final

from PIL import (
    ExifTags,
    GifImagePlugin,
    Image,
    ImageCms,
    ImageOps,
    JpegImagePlugin,
    MpoImagePlugin,
    PngImagePlugin,
    WebPImagePlugin,
)

from balchat_host.decoding.answer import Refused

MAX_PIXELS: Final = 50_000_000
_FORMATS: Final = ("JPEG", "PNG", "WEBP", "GIF")
_LOADED: Final = (GifImagePlugin, JpegImagePlugin, MpoImagePlugin, PngImagePlugin, WebPImagePlugin)
"""Pillow's readers of these formats, which put themselves into its lists; it is never asked to look for more."""
_DEEP: Final = frozenset({"I", "I;16", "I;16B", "I;16L", "I;16N", "F"})
"""Pillow's modes of one channel with more than 8 bits."""
_WITH_ALPHA: Final = frozenset({"LA", "PA", "La", "RGBa", "RGBA"})
_make_profile: Final[Callable[[str], Any]] = getattr(ImageCms, "createProfile")  # noqa: B009  # its type says nothing of what it returns
_SIDEWAYS: Final = (5, 6, 7, 8)
"""Orientations of Exif in which width and height change places."""
_SRGB: Final = "srgb"


def open_picture(octets: bytes) -> Image.Image:
    """Return a picture whose pixels are not decoded yet. Raise Refused."""
    try:
        picture = Image.open(io.BytesIO(octets), formats=_FORMATS)
    except Image.DecompressionBombError as error:
        raise Refused(f"it has more than {MAX_PIXELS // 10**6} megapixels") from error
    except OSError as error:  # UnidentifiedImageError is one
        raise Refused("it is not a JPEG, PNG, WebP or GIF picture") from error
    width, height = picture.size
    if width * height > MAX_PIXELS:
        raise Refused(f"it has {width * height // 10**6} megapixels; at most {MAX_PIXELS // 10**6} are read")
    return picture


def upright_size(picture: Image.Image) -> tuple[int, int]:
    """Return width and height of an opened picture as it is shown."""
    width, height = picture.size
    try:
        sideways = picture.getexif().get(ExifTags.Base.Orientation) in _SIDEWAYS
    except Exception:  # noqa: BLE001  # broken metadata say nothing of how it is turned
        sideways = False
    return (height, width) if sideways else (width, height)


def upright(picture: Image.Image) -> Image.Image:
    """Return a picture turned as its metadata says, without them but for its colour profile."""
    try:
        turned = ImageOps.exif_transpose(picture)
    except Exception:  # noqa: BLE001  # broken metadata say nothing of how it is turned
        turned = picture
    turned.load()
    return turned


def plain(picture: Image.Image, profile: bytes | None) -> Image.Image:
    """Return the pixels of a decoded picture: grey, RGB or RGBA of 8 bits, in sRGB."""
    pixels = _eight_bits(picture)
    if profile is None:
        return _known_mode(pixels)
    converted = _to_srgb(pixels, profile)
    return _known_mode(pixels) if converted is None else converted


def is_srgb(profile: bytes) -> bool:
    """Return whether a colour profile is that which pictures without one have."""
    try:
        return _SRGB in ImageCms.getProfileDescription(_profile(profile)).lower()
    except Exception:  # noqa: BLE001  # a broken profile is none
        return True


def _eight_bits(picture: Image.Image) -> Image.Image:
    if picture.mode in _DEEP:
        least, most = (0, 65535) if picture.mode != "F" else picture.getextrema()
        scale = 255 / ((most - least) or 1)  # pyright: ignore[reportOperatorIssue, reportUnknownVariableType]  # one channel has numbers
        return picture.convert("F").point(lambda level: level * scale - least * scale).convert("L")  # pyright: ignore[reportOperatorIssue, reportUnknownLambdaType]  # as above
    if picture.mode == "P":
        return picture.convert("RGBA" if "transparency" in picture.info else "RGB")
    return picture


def _known_mode(picture: Image.Image) -> Image.Image:
    if picture.mode in ("L", "RGB", "RGBA"):
        return picture
    if picture.mode == "1":
        return picture.convert("L")
    return picture.convert("RGBA" if picture.mode in _WITH_ALPHA else "RGB")


def _to_srgb(picture: Image.Image, profile: bytes) -> Image.Image | None:
    """Return a picture in sRGB; None where it is so already, or the profile is broken or another mode's."""
    if is_srgb(profile):
        return None
    alpha = picture.getchannel("A") if picture.mode in _WITH_ALPHA else None
    colours = picture.convert("L" if picture.mode == "LA" else "RGB") if alpha is not None else picture
    try:
        converted = ImageCms.profileToProfile(colours, _profile(profile), _make_profile("sRGB"), outputMode="RGB")
    except Exception:  # noqa: BLE001  # littlecms refuses what does not fit; the picture is shown without
        return None
    if converted is not None and alpha is not None:
        converted.putalpha(alpha)
    return converted


def _profile(octets: bytes) -> ImageCms.ImageCmsProfile:
    return ImageCms.ImageCmsProfile(io.BytesIO(octets))
