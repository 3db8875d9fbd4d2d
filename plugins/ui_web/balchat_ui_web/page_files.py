"""What the page is made of: read once, served from memory, under a path that has the hash of all of it.

So a browser may keep everything but the shell for ever, and gets another path when anything changes.
"""

import hashlib
import json
import mimetypes
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Final

from balchat_texts import catalogue, languages

STYLE: Final = "all.css"
_SHELL: Final = "index.html"
_TYPES: Final = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml", ".json": "application/json"}


@dataclass(frozen=True, slots=True, kw_only=True)
class PageFile:
    """One file, as it is sent."""

    octets: bytes
    content_type: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PageFiles:
    """The shell, and every other file by its path below `/assets/`."""

    languages: Sequence[str]
    template: str
    assets: Mapping[str, PageFile]

    def shell(self, language: str) -> PageFile:
        """Return the shell for a language, or `auto`."""
        return _file(_SHELL, self.template.replace("<html", f'<html data-language="{language}"', 1).encode())


@cache
def load_page(version: str) -> PageFiles:
    """Read the page of this distribution."""
    sources = dict(_read(files("balchat_ui_web") / "page", ""))
    texts = {f"texts/{code}.json": _texts(code) for code in languages()}
    style = b"\n".join(sources.pop(path) for path in _in_order(sources))
    shell = sources.pop(_SHELL).decode()
    found = {path: octets for path, octets in sources.items() if not path.endswith(".d.ts")}
    found |= texts | {STYLE: style}
    hashed = _hash(found)
    modules = "\n    ".join(
        f'<link rel="modulepreload" href="/assets/{hashed}/{path}">'
        for path in sorted(found)
        if path.endswith(".js") and not path.endswith("-worklet.js")
    )
    told = f'<html data-languages="{" ".join(languages())}" data-version="{version}"'
    shell = shell.replace("{{assets}}", f"/assets/{hashed}").replace("{{modules}}", modules)
    return PageFiles(
        languages=languages(),
        template=shell.replace("<html", told, 1),
        assets={f"{hashed}/{path}": _file(path, octets) for path, octets in found.items()},
    )


def _read(folder: Traversable, path: str) -> Iterator[tuple[str, bytes]]:
    for entry in sorted(folder.iterdir(), key=lambda each: each.name):
        if entry.is_dir():
            yield from _read(entry, f"{path}{entry.name}/")
        else:
            yield f"{path}{entry.name}", entry.read_bytes()


def _in_order(sources: Mapping[str, bytes]) -> list[str]:
    """Return the style sheets: what all share, which is in `style/`, comes first."""
    return sorted((path for path in sources if path.endswith(".css")), key=lambda path: (path[:6] != "style/", path))


def _texts(language: str) -> bytes:
    return json.dumps(dict(catalogue(language)), ensure_ascii=False, separators=(",", ":"), default=dict).encode()


def _hash(found: Mapping[str, bytes]) -> str:
    hashed = hashlib.sha256()
    for path in sorted(found):
        hashed.update(hashlib.sha256(path.encode()).digest() + hashlib.sha256(found[path]).digest())
    return hashed.hexdigest()[:16]


def _file(path: str, octets: bytes) -> PageFile:
    ending = path[path.rfind(".") :]
    kind = _TYPES.get(ending) or mimetypes.guess_type(path)[0] or "application/octet-stream"
    text = kind.startswith("text/") or kind == "application/json"
    return PageFile(octets=octets, content_type=f"{kind}; charset=utf-8" if text else kind)
