"""The files of a plugin's distribution, and one hash that tells whether any of them has changed.

What is looked at is what the distribution's RECORD lists (PEP 376, PEP 627), as it lies on the disk now. Distributions
that it depends on are not looked at, nor what somebody puts beside its files.
"""

from __future__ import annotations

import csv
import hashlib
import json
from contextlib import suppress
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from importlib.metadata import Distribution

_BY_INSTALLERS: Final = ("INSTALLER", "REQUESTED", "direct_url.json", "uv_cache.json", "uv_build.json", "RECORD")
"""What differs from one installation of the same wheel to the next."""


def files_of(distribution: Distribution) -> list[str]:
    """Return the paths of a distribution's files, as its RECORD has them; empty where it has none."""
    try:
        return sorted(str(path) for path in distribution.files or ())
    except (OSError, ValueError, TypeError, csv.Error):  # a RECORD that cannot be read lists nothing
        return []


def is_editable(distribution: Distribution) -> bool:
    """Return whether it leads to a folder of sources, which its RECORD does not list (PEP 610)."""
    with suppress(ValueError, TypeError, AttributeError):
        return bool(json.loads(distribution.read_text("direct_url.json") or "{}").get("dir_info", {}).get("editable"))
    return False


def digest_of(distribution: Distribution) -> str | None:
    """Return a hash over the names and contents of its files; None where they are not known. Blocks."""
    paths = [path for path in files_of(distribution) if _is_its_own(path)]
    if not paths or is_editable(distribution):
        return None
    digest = hashlib.sha256()
    for path in paths:
        try:
            with open(str(distribution.locate_file(path)), "rb") as file:  # noqa: PTH123  # it may be no real path
                content = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError:
            content = "missing"
        digest.update(f"{path}\0{content}\n".encode())
    return digest.hexdigest()


def _is_its_own(path: str) -> bool:
    """Return whether a file is the distribution's, and not made where it is installed."""
    name = path.rpartition("/")[2]
    if path.startswith("..") or path.endswith(".pyc"):
        return False  # a script, whose first line names the environment; what Python has compiled
    return not (".dist-info/" in path and name in _BY_INSTALLERS)
