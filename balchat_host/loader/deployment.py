"""What an account ran with, and what it means for it to run with something else: above all for messages that wait."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from balchat_common.words import one_line

from balchat_host.api.transport import Latency

if TYPE_CHECKING:
    from balchat_host.loader.configuration import Configuration
    from balchat_host.loader.selection import Selection

_OUTBOX: Final = "what waits for people whom nothing else reaches stays in the outbox, and leaves once it is back"


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """What an account runs with. `transports` are those in use, with their latency."""

    storage: str
    crypto: str
    network: str
    transports: Mapping[str, str]
    policy: str


def deployment_of(configuration: Configuration, selection: Selection) -> Deployment:
    """Return what an account runs with under a configuration."""
    return Deployment(
        storage=selection.storage.name,
        crypto=selection.crypto.name,
        network=selection.network.name,
        transports={each.name: str(each.latency) for each in selection.transports},
        policy=str(configuration.delivery.policy),
    )


def differences(before: Deployment, now: Deployment) -> list[str]:
    """Say what differs, each in a sentence or two that say what it means for messages that wait."""
    return [*_vault(before, now), *_ways(before, now)]


def _vault(before: Deployment, now: Deployment) -> Iterator[str]:
    if before.storage != now.storage:
        yield (
            f"plugins.storage is {now.storage}, and this account was kept by {before.storage}: its messages, also "
            f"those that wait, are in a vault that {now.storage} does not read. Nothing is lost; set it back to use it."
        )
    if before.crypto != now.crypto:
        yield (
            f"plugins.crypto is {now.crypto}, and was {before.crypto}: what waits was encrypted by that one. Whether "
            f"{now.crypto} can go on with the same conversations, its documentation has to say."
        )
    if before.network != now.network:
        yield (
            f"plugins.network is {now.network}, and was {before.network}: contacts who are not on {now.network} are "
            "out of reach, and what waits for them stays in the outbox."
        )


def _ways(before: Deployment, now: Deployment) -> Iterator[str]:
    if before.policy != now.policy:
        same = " Nothing changes for what waits: the same transports are in use."
        yield (
            f"delivery.policy is {now.policy}, and was {before.policy}."
            f"{same if before.transports.keys() == now.transports.keys() else ''}"
        )
    gone = {name: latency for name, latency in before.transports.items() if name not in now.transports}
    come = [name for name in now.transports if name not in before.transports]
    for name, latency in gone.items():
        if latency == Latency.STORE_AND_FORWARD:
            yield (
                f"{name} is not in use any more: what lies at relays for you stays there, and is lost when a relay "
                f"deletes it; {_OUTBOX}. What you have left at relays for others can still be fetched by them."
            )
        else:
            yield (
                f"{name} is not in use any more: {_OUTBOX}. What others have for you waits with them until they can "
                "reach you in another way."
            )
    if come:
        yield (
            f"{one_line(come)} {'is' if len(come) == 1 else 'are'} in use now: contacts learn of it when they are "
            "next in touch, and then what waits for them can leave by it, too."
        )
