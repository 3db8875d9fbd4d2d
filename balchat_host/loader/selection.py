"""From records to a working set: one vault, one crypto engine, one network, and the plugins beside them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from balchat_common.words import one_line

from balchat_host.api.descriptors import (
    CryptoDescriptor,
    Descriptor,
    FrontEndDescriptor,
    NetworkDescriptor,
    StorageDescriptor,
    TransportDescriptor,
)
from balchat_host.api.errors import ConfigurationError
from balchat_host.api.transport import Latency
from balchat_host.loader.plugins import PluginRecord
from balchat_host.loader.registration import Broken
from balchat_host.loader.roles import of_kind, role
from balchat_host.loader.schema import DeliveryPolicy
from balchat_host.loader.settings import make_settings
from balchat_host.loader.strays import strays

if TYPE_CHECKING:
    from balchat_host.loader.configuration import Configuration


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """The plugins that work together under one configuration.

    `settings` has those of all enabled ones, `origins` their distributions with versions, by name. `broken` are those
    that are enabled and cannot be used, but that the account can do without.
    """

    storage: StorageDescriptor
    crypto: CryptoDescriptor
    network: NetworkDescriptor
    transports: tuple[TransportDescriptor, ...]
    front_ends: tuple[FrontEndDescriptor, ...]
    settings: Mapping[str, object]
    origins: Mapping[str, str]
    broken: Sequence[PluginRecord]

    @property
    def works_as(self) -> DeliveryPolicy:
        """The delivery policy that the transports in use amount to."""
        latencies = {transport.latency for transport in self.transports}
        return next((each for each in _STRICT if all(permits(each, latency) for latency in latencies)), _LAX)


def select(configuration: Configuration, records: Sequence[PluginRecord]) -> Selection:
    """Give each role its plugin, and each enabled plugin its settings.

    `records` are those that `discover(configuration.plugins.enabled)` gave. Raise PluginError if an enabled plugin is
    not installed, or one that the account cannot do without cannot be used; ConfigurationError if a role, a policy or a
    setting does not fit the plugins.
    """
    for record in records:
        if record.enabled and record.origin is None:
            record.usable()
    records, settings, wrong = read_settings(configuration, records)
    if wrong:
        raise wrong[0]
    broken = tuple(record for record in records if record.enabled and record.problem is not None)
    descriptors = [item for record in records if record.enabled and not record.problem for item in record.registered]
    _check_exclusive(configuration, of_kind(descriptors, NetworkDescriptor))
    policy = configuration.delivery.policy
    transports = tuple(item for item in of_kind(descriptors, TransportDescriptor) if permits(policy, item.latency))
    if not transports:
        for record in broken:
            record.usable()
        raise configuration.error(
            configuration.first_given("delivery.policy", "plugins.enabled"),
            f"no enabled transport serves the policy {policy}"
            if of_kind(descriptors, TransportDescriptor)
            else "no transport is enabled, so nothing carries messages",
            "a policy and transports that go together",
        )
    return Selection(
        storage=role(configuration, records, "storage", StorageDescriptor),
        crypto=role(configuration, records, "crypto", CryptoDescriptor),
        network=role(configuration, records, "network", NetworkDescriptor),
        transports=transports,
        front_ends=of_kind(descriptors, FrontEndDescriptor),
        settings=settings,
        origins={item.name: record.wording for record in records for item in record.registered},
        broken=broken,
    )


def _check_exclusive(configuration: Configuration, networks: Sequence[NetworkDescriptor]) -> None:
    """Refuse an exclusive network beside another one. Raise ConfigurationError."""
    for network in networks:
        others = [each.name for each in networks if each is not network]
        if network.exclusive and others:
            raise configuration.error(
                "plugins.enabled",
                f"{network.name} cannot be enabled together with {one_line(others)}",
                f"{network.name} or {one_line(others)}",
            )


def permits(policy: DeliveryPolicy, latency: Latency) -> bool:
    """Return whether a delivery policy uses transports of this latency."""
    match policy:
        case DeliveryPolicy.DIRECT_ONLY:
            return latency is Latency.INTERACTIVE
        case DeliveryPolicy.RELAY_ONLY:
            return latency is Latency.STORE_AND_FORWARD
        case DeliveryPolicy.BOTH:
            return True


_STRICT: Final = (DeliveryPolicy.DIRECT_ONLY, DeliveryPolicy.RELAY_ONLY)
_LAX: Final = DeliveryPolicy.BOTH


def read_settings(
    configuration: Configuration, records: Sequence[PluginRecord]
) -> tuple[Sequence[PluginRecord], dict[str, object], Sequence[ConfigurationError]]:
    """Make the settings of every enabled plugin; return them by name, with all that is wrong with what was given.

    A plugin whose settings class fails by itself has a problem from then on.
    """
    made: dict[str, object] = {}
    checked: list[PluginRecord] = []
    wrong: list[ConfigurationError] = []
    asleep: list[str] = []
    for record in records:
        try:
            if record.enabled and record.problem is None:
                made |= {descriptor.name: _made(configuration, descriptor) for descriptor in record.registered}
        except Broken as broken:
            checked.append(replace(record, problem=str(broken), cause=broken.__cause__))
        except ConfigurationError as error:
            checked.append(record)
            wrong.append(error)
            asleep.append(record.name)
        else:
            checked.append(record)
    # What is set for a plugin that cannot be used is kept for the day when it can.
    asleep += [record.name for record in checked if not record.enabled or record.problem is not None]
    wrong += strays(configuration, made, asleep, [record.name for record in records])
    return checked, made, wrong


def _made(configuration: Configuration, descriptor: Descriptor) -> object:
    given = configuration.settings.get(descriptor.name, {})
    return make_settings(descriptor.name, descriptor.settings, given, configuration.where_to_set)
