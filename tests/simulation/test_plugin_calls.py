"""What a transport fails with when the host calls it is that plugin's failure, and keeps nobody from the others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import anyio
import pytest

from balchat_host.api.errors import NetworkUnavailable, PluginError
from balchat_host.api.transport import RelayManager
from balchat_host.testing.app_kit import nobody
from tests.support.brittle_plugins import (
    FAILURES,
    ORIGIN,
    BrittleTransport,
    Broken,
    add,
    state_of,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from anyio.abc import TaskStatus

    from balchat_host.api.transport import TransportContext
    from balchat_host.api.types import OnionKey, PeerId, Route

pytestmark = pytest.mark.anyio

MINUTE = 60.0
HOUR = 3600.0


# -- what else runs a plugin's code


class ManyFailures(BrittleTransport):
    """Runs well, and fails with whatever it is asked."""

    def __init__(self, failure: Callable[[], None]) -> None:
        super().__init__()
        self.failure = failure

    @property
    def relays(self) -> RelayManager | None:
        self.failure()
        return None

    def first_routes(self, peer: PeerId) -> Sequence[Route]:
        self.failure()
        return []

    def onion_of(self, peer: PeerId, route: Route) -> OnionKey | None:
        self.failure()
        return None

    def reachable(self, peer: PeerId, device_id: bytes | None = None) -> bool:
        self.failure()
        return False

    async def allocate_routes(self, peer: PeerId) -> Sequence[Route]:
        self.failure()
        return []

    async def disconnect(self, peer: PeerId) -> None:
        self.failure()

    async def forget(self, peer: PeerId) -> None:
        self.failure()

    async def keep_only(self, peers: Any) -> None:
        self.failure()

    async def claim_key_package(self, peer: PeerId, relays: Sequence[str]) -> bytes | None:
        self.failure()


@pytest.mark.parametrize("failure", FAILURES)
@pytest.mark.parametrize("kind", ["transport", "storing transport"])
async def test_a_transport_whose_every_call_fails_keeps_nobody_from_the_others(people, kind: str, failure: str) -> None:
    async with people:
        alice = await people.make("Alice")
        add(alice, kind, lambda _host: ManyFailures(FAILURES[failure]))
        await people.up(alice)
        await people.see_that_messages_flow(alice)
        await alice.app.contacts.add(nobody().onion, "Nobody")
        await anyio.sleep(MINUTE)
        assert [way.onion for way in (await alice.app.contacts.info("Nobody")).routes] == [nobody().onion]
        await alice.app.contacts.remove("Nobody")
        await alice.app.contacts.block("Bob")
        await anyio.sleep(MINUTE)
        assert (await alice.app.status.get()).running


class RubbishTransport(BrittleTransport):
    """Gives what the contract does not know."""

    def __init__(self, host: TransportContext) -> None:
        super().__init__()
        self._host = host

    def first_routes(self, peer: PeerId) -> Any:
        return ["rubbish"]

    async def allocate_routes(self, peer: PeerId) -> Any:
        return None

    async def claim_key_package(self, peer: PeerId, relays: Sequence[str]) -> Any:
        return "rubbish"

    async def run(self, *, task_status: TaskStatus[None]) -> None:
        task_status.started()
        self._host.state_changed("online")


@pytest.mark.parametrize("kind", ["transport", "storing transport"])
async def test_a_transport_that_gives_rubbish_keeps_nobody_from_the_others(people, kind: str) -> None:
    async with people:
        alice = await people.make("Alice")
        add(alice, kind, RubbishTransport)
        await people.up(alice)
        assert state_of(await alice.app.status.get()).reason == f"{ORIGIN}: run() raised TypeError; it is started again"
        await people.see_that_messages_flow(alice)


class FailingRelays(RelayManager):
    async def fail(self, *_arguments: str) -> Any:
        raise Broken("of a person")

    all = add = remove = check = set_default = fail


async def test_relays_that_fail_are_told_as_their_plugins_problem(people) -> None:
    class Managed(BrittleTransport):
        relays = FailingRelays()

    async with people:
        alice = await people.make("Alice")
        add(alice, "storing transport", lambda _host: Managed())
        await people.up(alice)
        with pytest.raises(
            PluginError, match=r"^The plugin brittle \(balchat-brittle 0\.3\.0\) cannot be used: "
        ) as told:
            await alice.app.relays.list()
        assert "of a person" not in str(told.value)


async def test_relays_of_a_plugin_that_does_not_run_are_not_said_to_be_none(people) -> None:
    async with people:
        alice = await people.make("Alice")
        add(alice, "storing transport", lambda: "no host is taken")
        await people.up(alice)
        with pytest.raises(NetworkUnavailable, match="brittle does not run"):
            await alice.app.relays.list()
