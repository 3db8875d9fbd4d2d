"""What a file is called here, whatever its sender calls it: a name that harms in no folder and hides nothing.

The rules are those of docs/spec/files.md, Names: no path, nothing that cannot be seen or turns the text around, no name
that a system keeps for itself, at most 255 octets.
"""

import re
import unicodedata
from typing import Final

from balchat_host.core.characters import printable

MAX_NAME: Final = 255
"""Octets of the longest name: what common file systems take."""
_LOOKED_AT: Final = 448, 64
"""Characters at the beginning and at the end of a longer name that are looked at: 32 names come with one message."""
_FALLBACK: Final = "file"
_KEPT_EXTENSION: Final = 20
"""Octets of the longest ending that is kept where a name is cut."""
_FORBIDDEN: Final = re.compile(r'[\x00-\x1f\x7f"*/:<>?\\|]')
"""Characters that end or mean something in paths, here or on another system."""
_RESERVED: Final = re.compile(r"(?:con(?:in\$|out\$)?|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³])(?=$|[. ])", re.IGNORECASE)
"""Names of devices on Windows, with any ending."""


def harmless(name: str) -> str:
    """Return the name under which a file is shown and written."""
    last = re.split(r"[/\\]", name)[-1]
    if len(last) > sum(_LOOKED_AT):
        last = last[: _LOOKED_AT[0]] + last[-_LOOKED_AT[1] :]
    composed = unicodedata.normalize("NFC", printable(last))
    plain = " ".join(_FORBIDDEN.sub("_", composed).split())
    # A dot in front hides a file, whatever stood before it, and one behind is lost on Windows.
    cut = _cut(plain.rstrip(". ").lstrip(". ~-"))
    if _RESERVED.match(cut):
        cut = _cut(f"_{cut}")
    return cut or _FALLBACK


def _cut(name: str) -> str:
    if len(name.encode()) <= MAX_NAME:
        return name
    stem, dot, extension = name.rpartition(".")
    ending = dot + extension if stem and len(extension.encode()) <= _KEPT_EXTENSION else ""
    kept = name.removesuffix(ending).encode()[: MAX_NAME - len(ending.encode())].decode(errors="ignore")
    return (kept + ending).strip(". ")
