"""The files of a plugin's distribution, and one hash that tells whether any of them has changed.

What is looked at is what the distribution's RECORD lists (PEP 376, PEP 627), as it lies on the disk now. Distributions
that it depends on are not looked at, nor what somebody puts beside its files.
"""

from __future__ import annotations

import csv
import hashlib
import json
import os
import stat
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote, urlsplit

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


def folder_of_sources(distribution: Distribution) -> Path | None:
    """Return the folder of sources that an editable distribution leads to; None where it is none (PEP 610)."""
    with suppress(OSError, ValueError, TypeError, AttributeError, RecursionError):
        said: Any = json.loads(distribution.read_text("direct_url.json") or "{}")
        if said.get("dir_info", {}).get("editable"):
            return Path(unquote(urlsplit(str(said.get("url", ""))).path))
    return None


def own_files_of(distribution: Distribution) -> list[str]:
    """Return the paths of the files that can be watched: none of a folder of sources, which RECORD leaves out."""
    if folder_of_sources(distribution) is not None:
        return []
    return [path for path in files_of(distribution) if _is_its_own(path)]


def digest_of(distribution: Distribution) -> str | None:
    """Return a hash over the names and contents of its files; None where they are not known. Blocks."""
    paths = own_files_of(distribution)
    if not paths:
        return None
    digest = hashlib.sha256()
    for path in paths:
        digest.update(f"{path}\0{_content(str(distribution.locate_file(path)))}\n".encode(errors="surrogateescape"))
    return digest.hexdigest()


def _content(path: str) -> str:
    """Return a hash of what a file holds. A RECORD may name anything: a device or a pipe is not read."""
    try:
        # O_NONBLOCK: a pipe is not waited for.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as file:
            if stat.S_ISREG(os.fstat(descriptor).st_mode):
                return hashlib.file_digest(file, "sha256").hexdigest()
    except (OSError, ValueError):  # it is gone, or this can be no path
        return "missing"
    return "no file"


def _is_its_own(path: str) -> bool:
    """Return whether a file is the distribution's, and not made where it is installed."""
    name = path.rpartition("/")[2]
    if path.startswith("..") or path.endswith(".pyc"):
        return False  # a script, whose first line names the environment; what Python has compiled
    return not (".dist-info/" in path and name in _BY_INSTALLERS)
