"""What is checked: a plugin that is installed, or the folder of a distribution, which need not be.

The processes that look at a folder find it as if it were installed: by metadata made for them in a folder that goes
afterwards.
"""

from __future__ import annotations

import json
import os
import tempfile
import tomllib
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote, urlparse

from balchat_host.api import ENTRY_POINT_GROUP
from balchat_host.api.errors import BadInput, NoSuchPlugin
from balchat_host.loader.plugins import announced

_RELAY_STORES: Final = "balchat.relay_stores.v1"
"""The relay's group: its stores are checked like plugins, and are none of ours."""


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
        if self.installed or self.source is None:
            yield dict(os.environ)
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
            paths = [site, str(self.source), str(self.source / "src"), os.environ.get("PYTHONPATH", "")]
            yield os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, paths)), "PYTHONDONTWRITEBYTECODE": "1"}


def find_subject(plugin: str) -> Subject:
    """Return the plugin that has a name, or lies in a folder (anything with a path separator, or a dot).

    Raise NoSuchPlugin, BadInput.
    """
    if "/" in plugin or plugin.startswith("."):
        return _in_folder(Path(plugin).expanduser().resolve())
    found, is_store = announced().get(plugin), False
    if not found:
        found, is_store = announced(_RELAY_STORES).get(plugin), True
    if not found:
        if (Path(plugin) / "pyproject.toml").is_file():
            return _in_folder(Path(plugin).resolve())
        raise NoSuchPlugin(name=plugin)
    distribution = found[0].dist
    assert distribution is not None, "it was found in one"
    return Subject(
        distribution=distribution.metadata["Name"],
        version=distribution.version,
        plugins={} if is_store else {plugin: found[0].value},
        relay_stores={plugin: found[0].value} if is_store else {},
        source=_source(distribution.read_text("direct_url.json")),
        installed=True,
    )


def _source(direct_url: str | None) -> Path | None:
    """Return the folder that an editable distribution was installed from (PEP 610)."""
    said: dict[str, Any] = json.loads(direct_url or "{}")
    if not said.get("dir_info", {}).get("editable"):
        return None
    url: str = said["url"]
    return Path(unquote(urlparse(url).path))


def _in_folder(folder: Path) -> Subject:
    file = folder / "pyproject.toml"
    try:
        document: dict[str, Any] = tomllib.loads(file.read_text(encoding="utf-8"))
        project = document["project"]
        name: str = project["name"]
        groups: dict[str, dict[str, str]] = project.get("entry-points", {})
        plugins, relay_stores = groups.get(ENTRY_POINT_GROUP, {}), groups.get(_RELAY_STORES, {})
    except OSError as error:
        raise BadInput(what=str(file), problem=f"it cannot be read ({error.strerror})") from None
    except (ValueError, KeyError, TypeError, AttributeError):
        raise BadInput(what=str(file), problem="it must be TOML with a table [project] that has a name") from None
    if not plugins and not relay_stores:
        problem = f'it announces no plugin; it must have a table [project.entry-points."{ENTRY_POINT_GROUP}"]'
        raise BadInput(what=str(file), problem=problem)
    return Subject(
        distribution=name,
        version=str(project.get("version", "0")),
        plugins=plugins,
        relay_stores=relay_stores,
        source=folder,
        installed=False,
    )
