"""What a profile remembers of its plugins: the file `plugins.json`, which says with which the account last ran.

A plugin is remembered as it was when the account first ran with it. It is forgotten when it is no longer enabled, and
remembered as it is now when its owner says so (`accept`). So a change is told until somebody has looked at it.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import msgspec
from balchat_common.toml_files import Unusable, trusted_text

from balchat_host.api.errors import BadInput, NoSuchPlugin
from balchat_host.api.types import Check
from balchat_host.loader.deployment import Deployment, differences
from balchat_host.loader.metadata import name_of, version_of
from balchat_host.loader.plugin_files import digest_of, folder_of_sources, own_files_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from importlib.metadata import Distribution
    from pathlib import Path

    from balchat_host.api.frontend import PluginView
    from balchat_host.loader.plugins import PluginRecord

_log: Final = logging.getLogger("balchat")

FILE_NAME: Final = "plugins.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownPlugin:
    """A plugin as it was. `digest` is None where its files are not known; `since` is a date, in UTC."""

    distribution: str
    version: str
    digest: str | None
    since: str

    def change(self, distribution: Distribution) -> str | None:
        """Say how a distribution differs from what was remembered; None where it does not. Blocks."""
        name, version = name_of(distribution), version_of(distribution)
        before = f"when it was enabled on {self.since}"
        if name != self.distribution:
            return f"{name} brings it, and {before} {self.distribution} did"
        if version != self.version:
            return f"it is version {version}, and {before} it was {self.version}"
        digest = digest_of(distribution)
        if digest != self.digest and self.digest is None:
            return f"nobody could watch its files {before}, and now they can be"
        if digest != self.digest:
            return f"its files are not what they were {before}"
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownPlugins:
    """What a profile remembers; empty before its account has run."""

    plugins: Mapping[str, KnownPlugin] = field(default_factory=dict[str, KnownPlugin])
    deployment: Deployment | None = None


def load(profile: Path) -> KnownPlugins:
    """Read what a profile remembers. Raise BadInput where that cannot be read."""
    path = profile / FILE_NAME
    try:
        return msgspec.json.decode(trusted_text(path), type=KnownPlugins)
    except FileNotFoundError:
        return KnownPlugins()
    except (Unusable, msgspec.DecodeError, RecursionError):
        problem = "it cannot be read; look at `balchat plugins list`, and remove it if the plugins are what you want"
        raise BadInput(what=str(path), problem=problem) from None


def save(profile: Path, known: KnownPlugins) -> None:
    """Write what a profile remembers, whole. Raise OSError."""
    new = profile / f"{FILE_NAME}.new"
    new.unlink(missing_ok=True)
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, mode=0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(asdict(known), file, indent=1)
    new.replace(profile / FILE_NAME)


def remembered(distribution: Distribution) -> KnownPlugin:
    """Return a plugin as it is now. Blocks."""
    return KnownPlugin(
        distribution=name_of(distribution),
        version=version_of(distribution),
        digest=digest_of(distribution),
        since=datetime.now(UTC).strftime("%Y-%m-%d"),
    )


def refusal(known: KnownPlugin | None, distribution: Distribution, name: str) -> str | None:
    """Say why a plugin may not be used where plugins are pinned; None where it may. Blocks."""
    if folder_of_sources(distribution) is not None:
        return (
            "plugins.pin is set, and it is installed from a folder of sources, whose files nobody watches; "
            "install a wheel of it"
        )
    if not own_files_of(distribution):
        return "plugins.pin is set, and nothing says which files are its own, so nobody watches them; install a wheel"
    change = None if known is None else known.change(distribution)
    return change and f"plugins.pin is set, and {change}. If that is as you want it: balchat plugins accept {name}"


class PluginMemory:
    """What a profile remembers, in its directory. Everything here blocks."""

    def __init__(self, profile: Path) -> None:
        self._profile = profile

    def views(self, record: PluginRecord) -> list[PluginView]:
        """Return the views of a record, which say how it differs from what is remembered."""
        views = record.views()
        known = load(self._profile).plugins.get(record.name) if record.enabled else None
        if known is None or record.origin is None:
            return views
        changed = known.change(record.origin)
        return [replace(view, changed=changed) for view in views]

    def changes(self, now: Deployment) -> list[str]:
        """Say how a deployment differs from the one that the account last ran with."""
        before = load(self._profile).deployment
        return [] if before is None else differences(before, now)

    def keep(self, records: Sequence[PluginRecord], deployment: Deployment) -> None:
        """Remember what the account runs with: plugins that are new, and not those that are known already."""
        known = load(self._profile)
        enabled = {each.name: each.origin for each in records if each.enabled and each.origin}
        plugins = {name: known.plugins.get(name) or remembered(origin) for name, origin in enabled.items()}
        now = KnownPlugins(plugins=plugins, deployment=deployment)
        if now != known:
            try:
                save(self._profile, now)
            except OSError as error:
                # The disk may be full. The account works without; a change is told later.
                _log.warning("the file %s cannot be written (%s)", FILE_NAME, error.strerror)

    def accept(self, name: str, records: Sequence[PluginRecord]) -> None:
        """Remember an enabled plugin as it is now. Raise NoSuchPlugin, BadInput."""
        record = next((each for each in records if each.name == name and each.origin), None)
        if record is None or record.origin is None:
            raise NoSuchPlugin(name=name)
        if not record.enabled:
            raise BadInput(what=f"The plugin {name}", problem="it is not enabled, so nothing is remembered of it")
        known = load(self._profile)
        save(self._profile, replace(known, plugins={**known.plugins, name: remembered(record.origin)}))


def checks_of_changes(views: Sequence[PluginView]) -> Sequence[Check]:
    """Return what `balchat doctor` says of enabled plugins that are used, and not what they were."""
    return [
        Check(name=view.name, finding=f"{view.changed}; if that is as you want it: balchat plugins accept {view.name}")
        for view in views
        if view.enabled and view.changed and not view.problem
    ]
