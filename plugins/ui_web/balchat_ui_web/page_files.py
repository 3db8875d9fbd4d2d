"""What the page is made of: read and compressed once, served from memory, under a path that has the hash of all of it.

So a browser may keep everything but the shell for ever, and gets another path when anything changes. The files are in
`built`, which `scripts/web_page.py` makes of the sources in `page`.
"""

import base64
import gzip
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Final

from balchat_texts import catalogue, languages

from balchat_ui_web.settings import WebSettings

_SHELL: Final = "index.html"
_TYPES: Final = {
    ".css": "text/css",
    ".html": "text/html",
    ".js": "text/javascript",
    ".json": "application/json",
    ".svg": "image/svg+xml",
    ".txt": "text/plain",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class PageFile:
    """One file, as it is sent: compressed to whoever takes that, which every browser does."""

    octets: bytes
    compressed: bytes
    content_type: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PageFiles:
    """The shell, and every other file by its path below `/assets/`."""

    languages: Sequence[str]
    template: str
    style_hash: str
    """Of the style that stands in the shell, as a Content-Security-Policy names it."""
    assets: Mapping[str, PageFile]

    def shell(self, settings: WebSettings) -> PageFile:
        """Return the shell for what the person has chosen, so that its first paint is in their colours."""
        chosen = {"language": settings.language, "theme": settings.theme, "contrast": settings.contrast}
        told = "".join(f' data-{name}="{value}"' for name, value in chosen.items())
        return _file(_SHELL, self.template.replace("<html", f"<html{told}", 1).encode())


@cache
def load_page(version: str) -> PageFiles:
    """Read the page of this distribution."""
    found = {each.name: each.read_bytes() for each in (files("balchat_ui_web") / "built").iterdir()}
    shell = found.pop(_SHELL).decode()
    found |= {f"texts/{code}.json": _texts(code) for code in languages()}
    hashed = _hash(found)
    told = f'<html data-languages="{" ".join(languages())}" data-version="{version}"'
    shell = shell.replace("{{assets}}", f"/assets/{hashed}")
    return PageFiles(
        languages=languages(),
        template=shell.replace("<html", told, 1),
        style_hash=_style_hash(shell),
        assets={f"{hashed}/{path}": _file(path, octets) for path, octets in found.items()},
    )


def _style_hash(shell: str) -> str:
    style = shell.partition("<style>")[2].partition("</style>")[0]
    return f"sha256-{base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()}"


def _texts(language: str) -> bytes:
    return json.dumps(dict(catalogue(language)), ensure_ascii=False, separators=(",", ":"), default=dict).encode()


def _hash(found: Mapping[str, bytes]) -> str:
    hashed = hashlib.sha256()
    for path in sorted(found):
        hashed.update(hashlib.sha256(path.encode()).digest() + hashlib.sha256(found[path]).digest())
    return hashed.hexdigest()[:16]


def _file(path: str, octets: bytes) -> PageFile:
    kind = _TYPES[path[path.rfind(".") :]]
    text = kind.startswith("text/") or kind == "application/json"
    content_type = f"{kind}; charset=utf-8" if text else kind
    return PageFile(octets=octets, compressed=gzip.compress(octets, mtime=0), content_type=content_type)
