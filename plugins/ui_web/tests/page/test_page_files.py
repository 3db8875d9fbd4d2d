"""The page's files: small, what they say they are, and held to the App."""

from __future__ import annotations

import gzip
import hashlib
import json
import re
import zlib
from pathlib import Path

import balchat_ui_web
import pytest

PAGE = Path(balchat_ui_web.__file__).parent / "page"
VENDOR = "a0cc01e1eee10ade7d90fb5d0b55b8706f4207a0bc1cadcb7e0cc50f57ee6993"
"""The SHA-256 of vendor.js. `python scripts/web_vendor.py` makes the file, and prints this."""
KB = 1000


def test_vendor_is_what_its_script_made() -> None:
    assert hashlib.sha256((PAGE / "vendor.js").read_bytes()).hexdigest() == VENDOR


def test_styles_are_small() -> None:
    # All of them come as one file.
    styles = b"\n".join(path.read_bytes() for path in sorted(PAGE.rglob("*.css")))
    assert len(gzip.compress(styles, 9)) <= 12 * KB


def test_nothing_but_vendor_holds_html_or_runs_text() -> None:
    # The policy of the page forbids it as well; here it is found before a browser does.
    wrong = re.compile(r"\binnerHTML\b|\bouterHTML\b|insertAdjacentHTML|document\.write|\beval\(|new Function|style=\"")
    found = [path.name for path in PAGE.rglob("*.js") if path.name != "vendor.js" and wrong.search(path.read_text())]
    assert found == []


def test_nothing_comes_from_elsewhere() -> None:
    ours = [each for each in PAGE.rglob("*") if each.suffix in {".js", ".css", ".html"} and each.name != "vendor.js"]
    for path in ours:
        addresses = re.findall(r"(?:from|import|url|src|href)[\s(=]*[\"']?(?:https?:)?//[^\s\"')]+", path.read_text())
        assert addresses == [], path


def test_every_module_is_imported_by_another_one() -> None:
    imported = {
        (path.parent / name).resolve()
        for path in PAGE.rglob("*.js")
        for name in re.findall(r"(?:from\s+|import\(?\s*|new URL\()\"(\.[^\"]+\.js)\"", path.read_text())
    }
    alone = {path.name for path in PAGE.rglob("*.js")} - {path.name for path in imported}
    assert alone == {"boot.js"}


def test_the_lock_of_the_tools_has_every_hash_and_no_address() -> None:
    lock = Path(__file__).parents[4] / "scripts" / "web" / "package-lock.json"
    if not lock.exists():
        pytest.skip("the tools belong to the workspace")
    packages = {name: each for name, each in json.loads(lock.read_text())["packages"].items() if name}
    assert all(each["integrity"].startswith("sha512-") for each in packages.values())
    assert not any("resolved" in each for each in packages.values())


def test_what_is_installed_is_small() -> None:
    package = Path(balchat_ui_web.__file__).parent
    files = [path for path in package.rglob("*") if path.is_file() and path.suffix not in {".pyc", ".pyo"}]
    # As a wheel, which is a zip file, squeezes them: each on its own.
    assert sum(len(zlib.compress(path.read_bytes())) + 200 for path in files) <= 300 * KB


def test_scripts_are_small() -> None:
    def bare(path: Path) -> bytes:
        """Return a script without what only people read."""
        text = re.sub(r"/\*[\s\S]*?\*/|^\s*//.*$", "", path.read_text(), flags=re.MULTILINE)
        return re.sub(r"^\s+", "", text, flags=re.MULTILINE).encode()

    scripts = b"\n".join(bare(path) for path in sorted(PAGE.rglob("*.js")))
    # Names are whole in them: made as short as vendor.js they have 60 KB (docs/decisions/0041-page.md).
    assert len(gzip.compress(scripts, 9)) <= 80 * KB
