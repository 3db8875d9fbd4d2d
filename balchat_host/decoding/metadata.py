"""What a picture says besides what it shows."""

from collections.abc import Iterator
from typing import Final

from PIL import ExifTags, Image

from balchat_host.decoding.answer import METADATA

LOCATION, DEVICE, TIME, TEXT, THUMBNAIL, COLOR_PROFILE, OTHER = METADATA
_TAGS: Final = ExifTags.Base
_KINDS: Final = {
    LOCATION: {_TAGS.GPSInfo},
    DEVICE: {
        _TAGS.Make,
        _TAGS.Model,
        _TAGS.Software,
        _TAGS.MakerNote,
        _TAGS.BodySerialNumber,
        _TAGS.LensMake,
        _TAGS.LensModel,
        _TAGS.LensSerialNumber,
        _TAGS.UniqueCameraModel,
        _TAGS.CameraSerialNumber,
    },
    TIME: {_TAGS.DateTime, _TAGS.DateTimeOriginal, _TAGS.DateTimeDigitized},
    TEXT: {
        _TAGS.ImageDescription,
        _TAGS.Artist,
        _TAGS.Copyright,
        _TAGS.UserComment,
        _TAGS.XPTitle,
        _TAGS.XPComment,
        _TAGS.XPAuthor,
        _TAGS.XPKeywords,
        _TAGS.XPSubject,
        _TAGS.CameraOwnerName,
    },
}
_UNTOLD: Final = {_TAGS.Orientation, _TAGS.ExifOffset}
"""The turning is kept, and the other only says where more stands."""
_IN_INFO: Final = {
    "icc_profile": COLOR_PROFILE,
    "comment": TEXT,
    "photoshop": OTHER,
    "mpoffset": OTHER,
    "xmp": OTHER,
    "XML:com.adobe.xmp": OTHER,
}
"""What Pillow keeps beside the pixels, by its name there. Other texts are a PNG's own."""


def found_in(picture: Image.Image) -> list[str]:
    """Return what kinds of metadata an opened picture holds, each once."""
    found = {*_of_exif(picture), *_of_info(picture)}
    return [kind for kind in METADATA if kind in found]


def _of_exif(picture: Image.Image) -> Iterator[str]:
    try:
        exif = picture.getexif()
        tags = {*exif, *exif.get_ifd(ExifTags.IFD.Exif)} - _UNTOLD
        if exif.get_ifd(ExifTags.IFD.IFD1):
            yield THUMBNAIL
    except Exception:  # noqa: BLE001  # what is broken goes, too
        yield OTHER
        return
    for kind, of_kind in _KINDS.items():
        if tags & of_kind:
            yield kind
    if tags - set().union(*_KINDS.values()):
        yield OTHER


def _of_info(picture: Image.Image) -> Iterator[str]:
    for name in picture.info:
        if name in _IN_INFO:
            yield _IN_INFO[str(name)]
    if getattr(picture, "text", None):
        yield TEXT
    xmp = picture.info.get("xmp") or b""
    if b"GPS" in (xmp if isinstance(xmp, bytes) else str(xmp).encode()):
        yield LOCATION
