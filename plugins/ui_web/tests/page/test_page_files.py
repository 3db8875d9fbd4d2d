"""The page's files: small, what they say they are, and held to the App."""

from __future__ import annotations

import hashlib
import json
import re
import zlib
from pathlib import Path

import balchat_ui_web
import pytest
from balchat_ui_web.page_files import load_page

from scripts import web_page

PACKAGE = Path(balchat_ui_web.__file__).parent
PAGE, BUILT = PACKAGE / "page", PACKAGE / "built"
VENDOR = "439e654c886195706a4e92b80ad89fd9e980da14db7c772d4d2cc4fbde4f5374"
"""The SHA-256 of vendor.js. `python scripts/web_vendor.py` makes the file, and prints this."""
KB = 1000


def test_vendor_is_what_its_script_made() -> None:
    assert hashlib.sha256((PAGE / "vendor.js").read_bytes()).hexdigest() == VENDOR


def test_what_is_served_is_what_the_sources_make() -> None:
    if not web_page.HASHES.exists():
        pytest.skip("the sources belong to the workspace")
    built = web_page.committed()
    if web_page.ESBUILD.exists():
        assert web_page.make() == built, "python -m scripts.web_page"
    assert web_page.HASHES.read_text() == web_page.hashes(built), "python -m scripts.web_page"


def test_white_space_between_elements_is_all_that_the_page_says_with_it() -> None:
    # scripts/web_page.py drops it, in every text of the scripts.
    for path in PAGE.rglob("*.js"):
        assert not re.search(r"\\n |>\\n<", path.read_text()), path.name


def test_scripts_and_styles_are_small() -> None:
    # As they come to a browser.
    assets = load_page("0").assets
    for ending, most in ((".js", 60 * KB), (".css", 12 * KB)):
        assert sum(len(each.compressed) for path, each in assets.items() if path.endswith(ending)) <= most


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
    assert alone == {"boot.js", "recorder-worklet.js"}


def test_the_lock_of_the_tools_has_every_hash_and_no_address() -> None:
    lock = Path(__file__).parents[4] / "scripts" / "web" / "package-lock.json"
    if not lock.exists():
        pytest.skip("the tools belong to the workspace")
    packages = {name: each for name, each in json.loads(lock.read_text())["packages"].items() if name}
    assert all(each["integrity"].startswith("sha512-") for each in packages.values())
    assert not any("resolved" in each for each in packages.values())


def test_what_is_installed_is_small() -> None:
    files = [path for path in PACKAGE.rglob("*") if path.is_file() and path.suffix not in {".pyc", ".pyo"}]
    # As a wheel, which is a zip file, squeezes them, each on its own. The sources of the page are not in it.
    wheel = [path.read_bytes() for path in files if PAGE not in path.parents]
    assert sum(len(zlib.compress(octets)) + 200 for octets in wheel) <= 300 * KB
