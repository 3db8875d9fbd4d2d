"""What is checked: a plugin that is installed, or the folder of a distribution, which need not be.

The processes that look at a folder find it as if it were installed: by metadata made for them in a folder that goes
afterwards.
"""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, cast

from balchat_common.toml_files import Unusable, anybodys_text, parse_toml

from balchat_host.api import ENTRY_POINT_GROUP
from balchat_host.api.descriptors import PLUGIN_NAME
from balchat_host.api.errors import BadInput, NoSuchPlugin
from balchat_host.loader.levels import ENVIRONMENT_PREFIX
from balchat_host.loader.metadata import name_of, version_of
from balchat_host.loader.plugin_files import folder_of_sources
from balchat_host.loader.plugins import announced

_RELAY_STORES: Final = "balchat.relay_stores.v1"
"""The relay's group: its stores are checked like plugins, and are none of ours."""


_DISTRIBUTION: Final = "name the folder of its distribution, where its pyproject.toml is"
_NAME: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,98}[A-Za-z0-9])?")
_VERSION: Final = re.compile(r"[A-Za-z0-9.!+_-]{1,64}")
_MODULE: Final = re.compile(r"[\w.]{1,200}(?::[\w.]{1,100})?")
_MOST: Final = 32
"""Plugins of one distribution: each of them is tried by accounts of its own."""


class _Wrong(Exception):
    """A pyproject.toml says something that it must not; the argument says what."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """A plugin to check.

    `plugins` are its entry points: names and modules. `relay_stores` are those of stores for a relay, which balchat
    does not load. `source` is the folder of its distribution, where that is known, and `installed` says whether balchat
    finds it without our help.
    """

    distribution: str
    version: str
    plugins: Mapping[str, str]
    relay_stores: Mapping[str, str]
    source: Path | None
    installed: bool

    @property
    def tests(self) -> Path | None:
        """Its tests, where it has some."""
        folder = self.source and self.source / "tests"
        return folder if folder and folder.is_dir() else None

    @contextmanager
    def environment(self) -> Generator[dict[str, str]]:
        """Return the environment of processes that find it."""
        # What is set for accounts of this terminal is not for those of a trial.
        environment = {key: value for key, value in os.environ.items() if not key.startswith(ENVIRONMENT_PREFIX)}
        if self.installed or self.source is None:
            yield environment
            return
        with tempfile.TemporaryDirectory(prefix="balchat-") as site:
            information = Path(site, f"{self.distribution.replace('-', '_')}-{self.version}.dist-info")
            information.mkdir()
            metadata = f"Metadata-Version: 2.1\nName: {self.distribution}\nVersion: {self.version}\n"
            (information / "METADATA").write_text(metadata)
            groups = {ENTRY_POINT_GROUP: self.plugins, _RELAY_STORES: self.relay_stores}
            lines = [
                line
                for group, announced in groups.items()
                for line in (f"[{group}]", *(f"{name} = {module}" for name, module in announced.items()))
            ]
            (information / "entry_points.txt").write_text("\n".join(lines))
            paths = [site, str(self.source), str(self.source / "src"), environment.get("PYTHONPATH", "")]
            yield environment | {"PYTHONPATH": os.pathsep.join(filter(None, paths)), "PYTHONDONTWRITEBYTECODE": "1"}


def find_subject(plugin: str) -> Subject:
    """Return the plugin that has a name, or lies in a folder (anything with a path separator, or a dot).

    Raise NoSuchPlugin, BadInput.
    """
    if "/" in plugin or plugin.startswith("."):
        return _in_folder(plugin)
    found, is_store = announced().get(plugin), False
    if not found:
        found, is_store = announced(_RELAY_STORES).get(plugin), True
    if not found:
        if os.path.lexists(plugin):
            return _in_folder(plugin)
        raise NoSuchPlugin(name=plugin)
    distribution = found[0].dist
    assert distribution is not None, "it was found in one"
    return Subject(
        distribution=name_of(distribution),
        version=version_of(distribution),
        plugins={} if is_store else {plugin: found[0].value},
        relay_stores={plugin: found[0].value} if is_store else {},
        source=folder_of_sources(distribution),
        installed=True,
    )


def _in_folder(said: str) -> Subject:
    folder = Path(said).expanduser().resolve()
    if folder.is_file():
        remedy = "install it, and check it by the name of its plugin" if folder.suffix == ".whl" else _DISTRIBUTION
        raise BadInput(what=str(folder), problem=f"it is a file; {remedy}")
    file = folder / "pyproject.toml"
    try:
        return _described(folder, parse_toml(anybodys_text(file)))
    except FileNotFoundError:
        raise BadInput(what=str(folder), problem=f"it has no pyproject.toml; {_DISTRIBUTION}") from None
    except Unusable as unusable:
        raise BadInput(what=str(file), problem=unusable.problem) from None
    except _Wrong as wrong:
        raise BadInput(what=str(file), problem=str(wrong)) from None


def _described(folder: Path, document: Mapping[str, object]) -> Subject:
    """Return what a pyproject.toml says: nothing in it is what it has to be before it was looked at. Raise _Wrong."""
    if os.pathsep in str(folder):
        raise _Wrong(f"Python imports nothing from a folder with {os.pathsep} in its path; move it")
    project = _table(document, "project", "[project]")
    name, version = project.get("name"), project.get("version", "0")
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise _Wrong("its table [project] must have a name, of up to 100 letters, digits, -, _ and .")
    if not isinstance(version, str) or not _VERSION.fullmatch(version):
        raise _Wrong("project.version must be one that Python knows, such as 0.1.0")
    groups = _table(project, "entry-points", "[project.entry-points]")
    plugins, relay_stores = (_entry_points(groups, group) for group in (ENTRY_POINT_GROUP, _RELAY_STORES))
    if not plugins and not relay_stores:
        raise _Wrong(f'it announces no plugin; it must have a table [project.entry-points."{ENTRY_POINT_GROUP}"]')
    return Subject(
        distribution=name,
        version=version,
        plugins=plugins,
        relay_stores=relay_stores,
        source=folder,
        installed=False,
    )


def _entry_points(groups: Mapping[str, object], group: str) -> Mapping[str, str]:
    found = _table(groups, group, f'[project.entry-points."{group}"]')
    if len(found) > _MOST:
        raise _Wrong(f"it announces {len(found)} plugins; {_MOST} are the most")
    checked: dict[str, str] = {}
    for name, module in found.items():
        if not PLUGIN_NAME.fullmatch(name):
            raise _Wrong(f"{name!r} is no name of a plugin: 2 to 40 of a-z, 0-9 and _, beginning with a letter")
        if not isinstance(module, str) or not _MODULE.fullmatch(module):
            raise _Wrong(f"{name} must name a module, such as balchat_{name}.plugin")
        checked[name] = module
    return checked


def _table(document: Mapping[str, object], key: str, called: str) -> Mapping[str, object]:
    found = document.get(key, {})
    if not isinstance(found, dict):
        raise _Wrong(f"{called} must be a table")
    return cast("dict[str, object]", found)
