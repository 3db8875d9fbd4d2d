"""From records to a working set: one vault, one crypto engine, one network, and the plugins beside them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from balchat_host.api.descriptors import (
    CryptoDescriptor,
    Descriptor,
    FrontEndDescriptor,
    NetworkDescriptor,
    StorageDescriptor,
    TransportDescriptor,
)
from balchat_host.api.errors import ConfigurationError, PluginError
from balchat_host.api.transport import Latency
from balchat_host.api.types import one_line
from balchat_host.loader.registration import Broken
from balchat_host.loader.roles import of_kind, role
from balchat_host.loader.schema import SETTINGS, DeliveryPolicy, belongs
from balchat_host.loader.values import nearest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from balchat_host.loader.configuration import Configuration
    from balchat_host.loader.levels import Given
    from balchat_host.loader.plugins import PluginRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """The plugins that work together under one configuration, and the settings of all enabled ones, by name."""

    storage: StorageDescriptor
    crypto: CryptoDescriptor
    network: NetworkDescriptor
    transports: tuple[TransportDescriptor, ...]
    front_ends: tuple[FrontEndDescriptor, ...]
    settings: Mapping[str, object]


def select(configuration: Configuration, records: Sequence[PluginRecord]) -> Selection:
    """Give each role its plugin, and each enabled plugin its settings.

    `records` are those that `discover(configuration.plugins.enabled)` gave. Raises PluginError if an enabled plugin
    cannot be used; ConfigurationError if a role, a policy or a setting does not fit the plugins.
    """
    descriptors = [descriptor for record in records if record.enabled for descriptor in record.usable()]
    policy = configuration.delivery.policy
    transports = tuple(item for item in of_kind(descriptors, TransportDescriptor) if permits(policy, item.latency))
    if not transports:
        raise configuration.error(
            configuration.first_given("delivery.policy", "plugins.enabled"),
            f"no enabled transport serves the policy {policy}",
            "a policy and transports that go together",
        )
    return Selection(
        storage=role(configuration, records, "storage", StorageDescriptor),
        crypto=role(configuration, records, "crypto", CryptoDescriptor),
        network=role(configuration, records, "network", NetworkDescriptor),
        transports=transports,
        front_ends=of_kind(descriptors, FrontEndDescriptor),
        settings=_settings(configuration, records),
    )


def permits(policy: DeliveryPolicy, latency: Latency) -> bool:
    """Say whether a delivery policy uses transports of this latency."""
    match policy:
        case DeliveryPolicy.DIRECT_ONLY:
            return latency is Latency.INTERACTIVE
        case DeliveryPolicy.RELAY_ONLY:
            return latency is Latency.STORE_AND_FORWARD
        case DeliveryPolicy.BOTH:
            return True


def _settings(configuration: Configuration, records: Sequence[PluginRecord]) -> dict[str, object]:
    """Make the settings of every enabled plugin, and look for tables that belong to no plugin at all."""
    made: dict[str, object] = {}
    for record in records:
        for descriptor in record.usable() if record.enabled else ():
            given = configuration.settings.get(descriptor.name, {})
            made[descriptor.name] = _made(record, descriptor, given)
    asleep = [record.name for record in records if not record.enabled]
    for name, given in configuration.settings.items():
        if name not in made and not any(belongs(name, plugin) for plugin in asleep):
            near = nearest(name, made)
            hint = f"; {near} is the nearest" if near else ""
            first = next(iter(given.values()))
            raise ConfigurationError(
                file=first.source,
                key=f"{SETTINGS}.{name}",
                problem=f"no installed plugin is called so{hint}",
                allowed=one_line([*made, *asleep]),
            )
    return made


def _made(record: PluginRecord, descriptor: Descriptor, given: Mapping[str, Given]) -> object:
    if not given:
        return descriptor.settings()
    from balchat_host.loader.settings import make_settings  # noqa: PLC0415  # who sets nothing waits for no msgspec

    try:
        return make_settings(descriptor, given)
    except Broken as broken:
        raise PluginError(plugin=record.name, distribution=record.wording, problem=str(broken)) from broken
