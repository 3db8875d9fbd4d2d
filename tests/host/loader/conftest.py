"""Throw-away distributions, really installed: a folder on `sys.path` with modules and `*.dist-info` beside them."""

from __future__ import annotations

import importlib
import sys
from textwrap import dedent, indent
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

ROLES = {
    "storage_stone": ("balchat_storages", "StorageDescriptor", ""),
    "crypto_stone": ("balchat_crypto_engines", "CryptoDescriptor", ""),
    "network_stone": ("balchat_networks", "NetworkDescriptor", ""),
    "transport_stone": ("balchat_transports", "TransportDescriptor", "latency=Latency.INTERACTIVE"),
    "transport_moss": ("balchat_transports", "TransportDescriptor", "latency=Latency.STORE_AND_FORWARD"),
    "ui_stone": ("balchat_front_ends", "FrontEndDescriptor", "program=print"),
    "ui_bell": ("balchat_front_ends", "FrontEndDescriptor", ""),
}
"""A plugin for every role: its name, its hook, its descriptor, and what that one needs beside the usual."""

SETTINGS = """
weight: int = 7
"""


class Installer:
    """Installs distributions into a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __call__(
        self,
        distribution: str,
        entry_points: Mapping[str, str] | str,
        modules: Mapping[str, str] | None = None,
        *,
        version: str = "1.0",
        folder: Path | None = None,
    ) -> None:
        """Install a distribution: its name, its entry points (or their text), and the sources of its modules."""
        where = folder or self.folder
        information = where / f"{distribution.replace('-', '_')}-{version}.dist-info"
        information.mkdir(parents=True)
        (information / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {distribution}\nVersion: {version}\nSummary: About {distribution}\n"
        )
        if not isinstance(entry_points, str):
            entry_points = "".join(f"{name} = {value}\n" for name, value in entry_points.items())
        (information / "entry_points.txt").write_text(f"[balchat.plugins.v1]\n{entry_points}")
        for name, source in (modules or {}).items():
            (where / f"{name}.py").write_text(dedent(source))
        importlib.invalidate_caches()

    def stones(self, *names: str, settings: str = SETTINGS) -> None:
        """Install the named plugins of ROLES, or all, in one distribution; all have the same settings."""
        chosen = names or tuple(ROLES)
        self("stones", {name: name for name in chosen}, {name: self.source(name, settings) for name in chosen})

    @staticmethod
    def source(name: str, settings: str = SETTINGS, *, called: str | None = None, api_version: object = 1) -> str:
        """Return the source of a module for one of ROLES, which calls itself something else where asked to."""
        hook, descriptor, more = ROLES[name]
        return f"""
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal

from msgspec import Meta

from balchat_host.api.descriptors import {descriptor}
from balchat_host.api.hookspecs import hookimpl
from balchat_host.api.transport import Latency

class Colour(StrEnum):
    GREY = "grey"
    RED = "red"

@dataclass(frozen=True)
class Place:
    row: int = 1
    seat: int = 1

@dataclass(frozen=True)
class Settings:
{indent(dedent(settings), "    ")}

def make(*context_and_settings):
    return context_and_settings

@hookimpl
def {hook}():
    return [
        {descriptor}(
            name={(called or name)!r},
            summary="Made of stone",
            api_version={api_version!r},
            settings=Settings,
            {f"{more}," if more else ""}
            {"" if "program" in more else "factory=make,"}
        )
    ]
"""


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Installer]:
    """Install distributions for one test."""
    folder = tmp_path / "site-packages"
    folder.mkdir()
    monkeypatch.syspath_prepend(str(folder))
    before = set(sys.modules)
    yield Installer(folder)
    for name in set(sys.modules) - before:
        if str(tmp_path) in str(getattr(sys.modules[name], "__file__", "")):
            del sys.modules[name]
