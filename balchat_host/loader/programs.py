"""Programs of front ends beside the configured one: `balchat web` is that of the enabled plugin `ui_web`.

Which there are is told by metadata alone, so that `balchat --help` imports no plugin; one that is started is imported,
and no other.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from balchat_host.api import PROGRAM_GROUP
from balchat_host.api.descriptors import FrontEndDescriptor
from balchat_host.api.errors import NoSuchProgram, PluginError
from balchat_host.loader.metadata import summary_of
from balchat_host.loader.plugins import announced, discover
from balchat_host.loader.schema import belongs
from balchat_host.loader.vetting import vetting

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from balchat_host.loader.configuration import Configuration
    from balchat_host.loader.plugins import PluginRecord

PREFIX: Final = "ui_"


def other_programs(configuration: Configuration) -> list[tuple[str, str]]:
    """Return the programs that enabled plugins announce beside the configured one: name and summary, by name."""
    return sorted(
        (name.removeprefix(PREFIX), summary_of(found[0].dist))
        for name, found in announced(PROGRAM_GROUP).items()
        if name.startswith(PREFIX) and name != configuration.plugins.program and _owners(configuration, name)
    )


def load_other_program(configuration: Configuration, name: str, profile: Path | None = None) -> FrontEndDescriptor:
    """Return the front end `ui_NAME`, importing no other. Its `program` is there.

    `profile` is the directory of the profile that says which plugins are pinned. Raise NoSuchProgram, PluginError.
    """
    plugin = f"{PREFIX}{name}"
    owners = _owners(configuration, plugin)
    if not owners:
        raise _not_enabled(configuration, name, discover(()))
    records = [record for record in discover(owners, vetting(configuration, profile)) if record.name in owners]
    for record in records:
        for descriptor in record.usable():
            if descriptor.name == plugin and isinstance(descriptor, FrontEndDescriptor) and descriptor.program:
                return descriptor
    raise PluginError(plugin=plugin, distribution=records[0].wording, problem="it has no program that a person starts")


def _owners(configuration: Configuration, name: str) -> Sequence[str]:
    return [plugin for plugin in configuration.plugins.enabled if belongs(name, plugin)]


def _not_enabled(configuration: Configuration, name: str, records: Sequence[PluginRecord]) -> Exception:
    plugin = f"{PREFIX}{name}"
    found = next((record for record in records if belongs(plugin, record.name)), None)
    if found is None:
        return NoSuchProgram(name=name)
    wanted = json.dumps([*configuration.plugins.enabled, found.name])
    where = configuration.where_to_set("plugins.enabled")
    problem = f"it is installed and not enabled. To enable it, write under [plugins] in {where}: enabled = {wanted}"
    return PluginError(plugin=plugin, distribution=found.wording, problem=problem)
