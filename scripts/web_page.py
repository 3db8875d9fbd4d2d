"""Make the page as it is served: one script, one style sheet, bundled and made small by esbuild.

The sources are in `plugins/ui_web/balchat_ui_web/page`, what is made of them in `…/built`. It is committed, so whoever
installs balchat needs neither npm nor a build. Run this after every change of the page, and when a merge disagrees
about `built`: nothing in there is written by hand. A test makes it again, or compares the hashes in
`scripts/web/page.sha256` where the tools are not installed.

    python scripts/web_page.py
"""

from __future__ import annotations

import hashlib
import re
import subprocess
import sys
from typing import TYPE_CHECKING

from scripts.web_vendor import HERE, PAGE, VENDOR, install

if TYPE_CHECKING:
    from pathlib import Path

BUILT = PAGE.parent / "built"
HASHES = HERE / "page.sha256"
ESBUILD = HERE / "node_modules" / ".bin" / "esbuild"
MADE_SMALL = ("boot.js", "recorder-worklet.js")
"""Scripts that stay on their own. A worklet runs in another thread; the first one only loads the bundle."""
AS_THEY_ARE = ("icon.svg", "emoji.txt")
SHELL = "index.html"
_TARGET = "--target=es2022"


def sources() -> list[Path]:
    """Return everything that the page is made of, in a fixed order."""
    return sorted(path for path in PAGE.rglob("*") if path.is_file() and not path.name.endswith(".d.ts"))


def make() -> dict[str, bytes]:
    """Return the files that are served, by name."""
    made = {name: (PAGE / name).read_bytes() for name in AS_THEY_ARE}
    made |= {name: _esbuild((PAGE / name).read_bytes(), "--format=esm") for name in MADE_SMALL}
    made[SHELL] = _shell()
    return made | {"main.js": _bundle(), "all.css": _styles()}


def hashes(files: dict[str, bytes]) -> str:
    """Return what `page.sha256` says: the hash of the sources, and of what is served."""
    names = {path.relative_to(PAGE).as_posix(): path.read_bytes() for path in sources()}
    return f"{_hash(names)}  page\n{_hash(files)}  built\n"


def committed() -> dict[str, bytes]:
    """Return the files that are committed, by name."""
    return {path.name: path.read_bytes() for path in BUILT.iterdir()}


def _shell() -> bytes:
    """Return the shell, with the colours that its own style names by `{{token}}`."""
    tokens = dict(
        re.findall(r"--([\w-]+): ([^;]+);", (PAGE / "style" / "tokens.css").read_text().partition("\n  }")[0])
    )
    shell = (PAGE / SHELL).read_text()
    return re.sub(r"\{\{(?!assets)([\w-]+)\}\}", lambda named: tokens[named[1]], shell).encode()


def _bundle() -> bytes:
    options = ["--bundle", "--minify", "--format=esm", _TARGET, "--charset=utf8", "--legal-comments=none"]
    made = subprocess.run([ESBUILD, PAGE / "main.js", *options], check=True, capture_output=True).stdout
    licences = VENDOR.read_bytes().partition(b"*/\n")[0] + b"*/\n"
    return licences + _without_indentation(made)


def _without_indentation(script: bytes) -> bytes:
    """Return a script without the white space between elements, which htm drops, and without indentation."""
    return re.sub(rb">\n<", b"><", re.sub(rb"\n +", b"\n", script))


def _styles() -> bytes:
    """Return all style sheets as one. What all share comes first: it is in `style`."""
    sheets = sorted(PAGE.rglob("*.css"), key=lambda path: (path.parent.name != "style", path))
    return _esbuild(b"\n".join(path.read_bytes() for path in sheets), "--loader=css")


def _esbuild(source: bytes, option: str) -> bytes:
    return subprocess.run([ESBUILD, "--minify", _TARGET, option], check=True, input=source, capture_output=True).stdout


def _hash(files: dict[str, bytes]) -> str:
    hashed = hashlib.sha256()
    for name in sorted(files):
        hashed.update(hashlib.sha256(name.encode()).digest() + hashlib.sha256(files[name]).digest())
    return hashed.hexdigest()


def main() -> int:
    """Write the files and their hashes."""
    if not ESBUILD.exists():
        install()
    made = make()
    BUILT.mkdir(exist_ok=True)
    for name in committed().keys() - made.keys():
        (BUILT / name).unlink()
    for name, octets in made.items():
        (BUILT / name).write_bytes(octets)
    HASHES.write_text(hashes(made))
    return 0


if __name__ == "__main__":
    sys.exit(main())
