"""What a plugin has to pass before it is imported: the version that is asked for, and files that have not changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from balchat_host.loader.metadata import version_of
from balchat_host.loader.schema import belongs

if TYPE_CHECKING:
    from collections.abc import Callable
    from importlib.metadata import Distribution
    from pathlib import Path

    from balchat_host.loader.configuration import Configuration

    Vet: TypeAlias = Callable[[str, Distribution], str | None]
    """Says why a plugin, by its name and distribution, may not be imported; None where it may."""


def vetting(configuration: Configuration, profile: Path | None) -> Vet:
    """Return what enabled plugins have to pass under a configuration.

    `profile` is the profile's directory, or None where nothing is remembered.
    The plugin that the command is has to have its version and is not pinned: whoever changes it changes what looks.
    Raise BadInput where it cannot be read which files are pinned.
    """
    plugins = configuration.plugins
    pinned = _pinned(profile) if plugins.pin else None

    def vet(name: str, distribution: Distribution) -> str | None:
        asked = plugins.versions.get(name)
        version = version_of(distribution)
        if asked is not None and not fits(version, asked):
            return f"its version is {version}, and plugins.versions asks for {asked}; install that"
        if pinned is not None and not belongs(plugins.program, name):
            return pinned(name, distribution)
        return None

    return vet


def _pinned(profile: Path | None) -> Vet:
    # Few pin, and all wait for a start.
    from balchat_host.loader.known_plugins import KnownPlugins, load, refusal  # noqa: PLC0415  # see above

    known = (KnownPlugins() if profile is None else load(profile)).plugins
    return lambda name, distribution: refusal(known.get(name), distribution, name)


def fits(version: str, asked: str) -> bool:
    """Return whether a version is what is asked for: 0.1 asks for 0.1, 0.1.1 and so on."""
    return version == asked or version.startswith(f"{asked}.")
