"""The composition root: where configuration, plugins, core and runtime become an account.

Nothing else in the host knows all of them, and nothing else makes one from another.
"""

import os
import secrets
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import cached_property, partial
from typing import Any, Final

from balchat_common.words import one_line

from balchat_host.api.backoff import Backoff
from balchat_host.api.crypto import CryptoEngine
from balchat_host.api.descriptors import TransportDescriptor
from balchat_host.api.errors import WorldError
from balchat_host.api.failures import log_failure
from balchat_host.api.frontend import FrontEnd, FrontEndContext
from balchat_host.api.storage import Transaction, Vault
from balchat_host.api.transport import Transport, TransportContext
from balchat_host.api.types import Phase, ServiceState
from balchat_host.core import account, after_restore
from balchat_host.core.schema import migrate
from balchat_host.core.unit_of_work import Policy, UnitOfWork
from balchat_host.loader.configuration import Configuration
from balchat_host.loader.running_record import RunningRecord
from balchat_host.profile_parts import ProfileParts
from balchat_host.runtime.files.folder import DiskFolder
from balchat_host.runtime.files.offload import Threads
from balchat_host.runtime.live_status import LiveStatus
from balchat_host.runtime.node import Node
from balchat_host.runtime.plugin_failure_messages import checked
from balchat_host.runtime.plugin_setups import FrontEndSetup, NetworkSetup, TransportSetup
from balchat_host.runtime.unlocked_vault import UnlockedAccount

FILES: Final = "files"
"""The folder of files in a profile."""
_random: Final = secrets.SystemRandom().random


class Composition:
    """What is made of the configuration and the plugins of one profile (`ProfileParts`).

    What a plugin raises that the account cannot do without is raised as PluginError.
    """

    def __init__(self, parts: ProfileParts) -> None:
        self._parts = parts
        self._node: Node | None = None

    @cached_property
    def engine(self) -> CryptoEngine:
        descriptor = self._parts.selection.crypto
        with self._parts.blaming(descriptor, "its factory"):
            return checked(descriptor.factory(self._parts.settings(descriptor)), CryptoEngine)

    def _use(self, configuration: Configuration) -> None:
        if self._node is not None:
            use_at_once(self._node, configuration)

    def make_account(self, tx: Transaction, *, name: str) -> None:
        """Make the account of a new vault."""
        migrate(tx)
        unit = UnitOfWork(tx=tx, engine=self.engine, now=_now(), entropy=secrets.token_bytes, policy=self._policy)
        account.create(unit, name)

    def unlocked(self, vault: Vault) -> UnlockedAccount:
        """Return the account in an unlocked vault."""
        return UnlockedAccount(
            vault=vault,
            engine=self.engine,
            policy=self._policy,
            clock=_now,
            entropy=secrets.token_bytes,
            new_recovery_code=self._parts.storage.new_recovery_code,
            process_id=os.getpid(),
            live_status=LiveStatus(
                profile=self._parts.place.name,
                policy=self._parts.configuration.delivery.policy,
                works_as=self._parts.selection.works_as,
            ),
            settings=self._parts.profile_settings(up=True, changed=self._use),
            folder=DiskFolder(self._parts.place.directory / FILES),
            offload=Threads(),
        )

    def node(self, unlocked: UnlockedAccount) -> Node:
        """Return what runs an account with its plugins."""
        delivery, network = self._parts.configuration.delivery, self._parts.selection.network
        node = self._node = Node(
            unlocked,
            network=NetworkSetup(name=network.name, origin=self._parts.origin(network), make=self._parts.network),
            transports=[
                TransportSetup(
                    name=each.name,
                    origin=self._parts.origin(each),
                    latency=each.latency,
                    capabilities=each.capabilities,
                    make=partial(self._transport, each),
                )
                for each in self._parts.selection.transports
            ],
            front_ends=self._front_ends(),
            backoff=Backoff(first=delivery.retry_first_seconds, longest=delivery.retry_max_seconds, jitter=_random),
            hedge=delivery.hedge_seconds,
            start_timeout=self._parts.configuration.plugins.start_timeout_seconds,
            lock_after=self._parts.configuration.account.lock_after_minutes * 60,
            accept_requests=self._parts.configuration.requests.accept,
            file_streams=self._parts.configuration.files.streams,
            relay_window=self._parts.configuration.files.relay_window_mib * 2**20,
            stuck=_end_at_once,
        )
        for record in self._parts.selection.broken:
            reason = f"{record.wording}: it cannot be used: {record.problem}"
            unlocked.live_status.set_plugin(
                record.name, ServiceState(phase=Phase.DEGRADED, reason=reason, code="plugin-broken")
            )
            if record.cause is not None:
                log_failure(f"{record.name} ({record.wording})", record.cause)
        return node

    def _transport(self, descriptor: TransportDescriptor, context: TransportContext) -> Transport:
        return descriptor.factory(context, self._parts.settings(descriptor))

    def _front_ends(self) -> list[FrontEndSetup]:
        record = RunningRecord(self._parts.place.directory, self._parts.place.runtime_directory)
        return [
            FrontEndSetup(name="running", origin="balchat-host", make=lambda _: record),
            *(
                FrontEndSetup(
                    name=each.name,
                    origin=self._parts.origin(each),
                    make=partial(_front_end, each.factory, record.context, self._parts.settings(each)),
                )
                for each in self._parts.selection.front_ends
                if each.factory is not None
            ),
        ]

    @cached_property
    def _policy(self) -> Policy:
        configuration = self._parts.configuration
        return Policy(
            read_receipts=configuration.delivery.read_receipts,
            max_contacts=configuration.contacts.max_contacts,
            max_requests=configuration.contacts.max_requests,
            strangers_per_hour=configuration.contacts.requests_per_hour,
            fetch_pictures_up_to=configuration.files.fetch_pictures_kib * 1024,
        )


def use_at_once(node: Node, configuration: Configuration) -> None:
    """Have an account use what holds at once of a changed configuration (`Writable.AT_ONCE`)."""
    node.set_lock_after(configuration.account.lock_after_minutes * 60)
    node.accept_requests(accepted=configuration.requests.accept)
    node.runner.policy = changed_policy(node.runner.policy, configuration)


def changed_policy(policy: Policy, configuration: Configuration) -> Policy:
    """Return a policy with what holds at once of a changed configuration."""
    return replace(
        policy,
        read_receipts=configuration.delivery.read_receipts,
        fetch_pictures_up_to=configuration.files.fetch_pictures_kib * 1024,
    )


def mark_restored(tx: Transaction) -> None:
    """Mark what a vault was restored from as a copy, also where it was no backup, but somebody's copy of the folder."""
    migrate(tx)
    after_restore.mark(tx, now=_now())


def _front_end(
    factory: Callable[[FrontEndContext, Any], FrontEnd],
    context: FrontEndContext,
    settings: object,
    on_state: Callable[[ServiceState], None],
) -> FrontEnd:
    return factory(replace(context, on_state=on_state), settings)


def _now() -> int:
    return time.time_ns() // 1_000_000


def _end_at_once(stuck: Sequence[str]) -> None:
    """End the process although plugins have not ended; the vault bears that, as it does a kill."""
    with suppress(OSError):
        print(f"balchat: ended although {one_line(stuck)} had not", file=sys.stderr, flush=True)  # noqa: T201  # nobody else is left to say it
    os._exit(WorldError.exit_code)
