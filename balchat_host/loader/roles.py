"""Which registered plugin plays a role that only one can play; and the shortest way to the one that is the command."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from balchat_common.words import either

from balchat_host.api.descriptors import Descriptor, FrontEndDescriptor
from balchat_host.loader.plugins import PluginRecord, discover
from balchat_host.loader.schema import belongs
from balchat_host.loader.vetting import vetting

if TYPE_CHECKING:
    from collections.abc import Sequence

    from balchat_host.loader.configuration import Configuration

D = TypeVar("D", bound=Descriptor)


def load_program(configuration: Configuration) -> FrontEndDescriptor:
    """Return the front end that the command `balchat` is, importing no other plugin. Its `program` is there.

    Raise PluginError, ConfigurationError.
    """
    name = configuration.plugins.program
    owners = [plugin for plugin in configuration.plugins.enabled if belongs(name, plugin)]
    front_end = role(configuration, discover(owners, vetting(configuration, None)), "program", FrontEndDescriptor)
    if front_end.program is None:
        raise configuration.error("plugins.program", f"{name} cannot be started by a person", "one that has a program")
    return front_end


def origin_of(configuration: Configuration, descriptor: Descriptor) -> str:
    """Return the distribution, with its version, that a descriptor came from."""
    owners = [plugin for plugin in configuration.plugins.enabled if belongs(descriptor.name, plugin)]
    return next(record.wording for record in discover(owners) if record.enabled)


def role(configuration: Configuration, records: Sequence[PluginRecord], key: str, kind: type[D]) -> D:
    """Return the descriptor named by `plugins.KEY`. Raise PluginError, ConfigurationError."""
    name: str = getattr(configuration.plugins, key)
    for record in records:
        if record.enabled and record.problem is not None and belongs(name, record.name):
            record.usable()
    registered = [item for record in records if record.enabled and record.problem is None for item in record.registered]
    fitting = [item.name for item in of_kind(registered, kind)]
    for descriptor in registered:
        if descriptor.name == name and isinstance(descriptor, kind):
            return descriptor
    found = next(
        (f"is a {item.kind}" for item in registered if item.name == name), "is registered by no enabled plugin"
    )
    raise configuration.error(
        f"plugins.{key}",
        f"{name} {found}, and a {kind.kind} is needed",
        either(fitting) if fitting else f"an enabled plugin that is a {kind.kind}",
    )


def of_kind(descriptors: Sequence[Descriptor], kind: type[D]) -> tuple[D, ...]:
    """Return those of one kind."""
    return tuple(item for item in descriptors if isinstance(item, kind))
