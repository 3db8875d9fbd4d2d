"""What one plugin fails with degrades that plugin: an exception at each place where a plugin's code runs."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import anyio
import pytest

from balchat_host.api.errors import BadInput
from balchat_host.api.frontend import FrontEnd
from balchat_host.api.transport import Latency
from balchat_host.api.types import ONLINE, DeviceIdentity, Phase, Route, ServiceState
from balchat_host.runtime.plugin_setups import FrontEndSetup, TransportSetup
from balchat_host.testing.app_kit import nobody
from tests.support.brittle_plugins import (
    FAILURES,
    KINDS,
    ORIGIN,
    BrittleTransport,
    Broken,
    add,
    fine,
    raising,
    state_of,
)
from tests.support.virtual_account import START_TIMEOUT

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from anyio.abc import TaskStatus

    from balchat_host.api.frontend import App
    from balchat_host.api.transport import Outgoing, TransportContext
    from balchat_host.api.types import PeerId

pytestmark = pytest.mark.anyio

MINUTE = 60.0
HOUR = 3600.0


@pytest.mark.parametrize("failure", FAILURES)
@pytest.mark.parametrize("place", ["its factory", "run()", "run() later"])
@pytest.mark.parametrize("kind", KINDS)
async def test_a_plugin_that_fails_is_named_and_the_others_go_on(people, kind: str, place: str, failure: str) -> None:
    times: list[float] = []

    async def fail(*, task_status: TaskStatus[None]) -> None:
        if place == "run() later":
            task_status.started()
            await anyio.sleep(1)
        FAILURES[failure]()

    def make(*_host: Any) -> Any:
        times.append(anyio.current_time())
        if place == "its factory":
            FAILURES[failure]()
        return KINDS[kind](fail)

    async with people:
        alice = await people.make("Alice")
        add(alice, kind, make)
        await people.up(alice)
        await anyio.sleep(3)
        state = state_of(await alice.app.status.get())
        assert state.phase is Phase.DEGRADED
        assert state.reason is not None
        assert f"{ORIGIN}: {place.removesuffix(' later')} raised " in state.reason
        assert "of a person" not in state.reason
        for kind_of_error in failure.split(" and "):
            assert kind_of_error in state.reason
        await people.see_that_messages_flow(alice)
        await anyio.sleep(HOUR)
        assert (await alice.app.status.get()).running
        assert times[1] - times[0] < MINUTE, "soon at first"
        assert 6 <= len(times) <= 30, "and not in a tight loop"


@pytest.mark.parametrize("kind", KINDS)
async def test_what_a_plugin_says_with_an_error_of_ours_is_shown(people, kind: str) -> None:
    async with people:
        alice = await people.make("Alice")
        fail = raising(BadInput(what="settings.brittle.folder", problem="it is not there"))
        add(alice, kind, lambda *_host: fail())
        await people.up(alice)
        state = state_of(await alice.app.status.get())
        assert (
            state.reason == f"{ORIGIN}: its factory said: settings.brittle.folder: it is not there; it is started again"
        )


@pytest.mark.parametrize("made", [None, "rubbish", object()], ids=["None", "a text", "an object"])
@pytest.mark.parametrize("kind", KINDS)
async def test_a_factory_that_gives_rubbish_degrades_its_plugin(people, kind: str, made: object) -> None:
    async with people:
        alice = await people.make("Alice")
        add(alice, kind, lambda *_host: made)
        await people.up(alice)
        assert (
            state_of(await alice.app.status.get()).reason
            == f"{ORIGIN}: its factory raised TypeError; it is started again"
        )
        await people.see_that_messages_flow(alice)


@pytest.mark.parametrize("started", [True, False], ids=["after started()", "before started()"])
@pytest.mark.parametrize("kind", KINDS)
async def test_a_plugin_whose_run_returns_is_started_again(people, kind: str, started: bool) -> None:
    runs: list[float] = []

    async def end(*, task_status: TaskStatus[None]) -> None:
        runs.append(anyio.current_time())
        if len(runs) > 1:
            await fine(task_status=task_status)
        if started:
            task_status.started()

    async with people:
        alice = await people.make("Alice")
        add(alice, kind, lambda *_host: KINDS[kind](end))
        await people.up(alice)
        assert state_of(await alice.app.status.get()).reason == f"{ORIGIN}: run() returned; it is started again"
        await anyio.sleep(MINUTE)
        assert len(runs) == 2
        assert state_of(await alice.app.status.get()) == ONLINE


@pytest.mark.parametrize("kind", KINDS)
async def test_a_plugin_that_never_starts_is_given_up_and_the_others_come_up_meanwhile(people, kind: str) -> None:
    made = 0

    async def hang(*, task_status: TaskStatus[None]) -> None:
        if made > 1:
            await fine(task_status=task_status)
        await anyio.sleep_forever()

    def make(*_host: Any) -> Any:
        nonlocal made
        made += 1
        return KINDS[kind](hang)

    async with people:
        alice = await people.make("Alice")
        add(alice, kind, make)
        began = anyio.current_time()
        await people.up(alice)
        assert anyio.current_time() - began < START_TIMEOUT / 2
        assert state_of(await alice.app.status.get()).phase is Phase.STARTING
        assert (await alice.app.status.get()).identity_onion == ONLINE
        await anyio.sleep_until(began + START_TIMEOUT + 1)
        assert state_of(await alice.app.status.get()).reason == (
            f"{ORIGIN}: run() has not called started() within 60 s; it is started again"
        )
        await people.see_that_messages_flow(alice)
        assert state_of(await alice.app.status.get()) == ONLINE
        assert made == 2


@pytest.mark.parametrize("kind", ["network", *KINDS])
async def test_an_account_can_be_shut_down_while_a_plugin_starts(people, kind: str) -> None:
    async def hang(*, task_status: TaskStatus[None]) -> None:
        await anyio.sleep_forever()

    apps: list[App] = []

    class Door(FrontEnd):
        """What `balchat down` comes by."""

        async def run(self, app: App, *, task_status: TaskStatus[None]) -> None:
            task_status.started()
            apps.append(app)
            await app.account.shut_down()
            await anyio.sleep_forever()

    alice = await people.make("Alice")
    alice.front_ends.append(FrontEndSetup(name="door", origin="balchat-door 1.0", make=lambda _: Door()))
    if kind == "network":
        people.world.node = hanging_node(people.world, hang)
    else:
        add(alice, kind, lambda *_host: KINDS[kind](hang))
    began = anyio.current_time()
    async with anyio.create_task_group() as tasks:
        await tasks.start(alice.run)
        assert apps
    assert anyio.current_time() - began < 1


def hanging_node(world: Any, run: Any) -> Callable[..., Any]:
    """Make nodes that run otherwise."""
    node = world.node

    def make(**how: Any) -> Any:
        made = node(**how)
        made.run = run
        return made

    return make


@pytest.mark.parametrize("failure", FAILURES)
@pytest.mark.parametrize("place", ["its factory", "run()", "run() later"])
async def test_a_network_that_fails_is_made_again_and_what_was_published_is_found_again(
    people, monkeypatch: pytest.MonkeyPatch, place: str, failure: str
) -> None:
    node, made = people.world.node, 0

    def make(**how: Any) -> Any:
        nonlocal made
        made += 1
        if made == 1 and place == "its factory":
            FAILURES[failure]()
        network = node(**how)
        if made == 1:
            run = network.run

            async def fail(*, task_status: TaskStatus[None]) -> None:
                if place == "run()":
                    FAILURES[failure]()
                with anyio.move_on_after(30):
                    await run(task_status=task_status)
                FAILURES[failure]()

            network.run = fail
        return network

    async with people:
        alice = await people.make("Alice")
        monkeypatch.setattr(people.world, "node", make)
        await people.up(alice)
        monkeypatch.setattr(people.world, "node", node)
        reasons: list[str | None] = []
        with anyio.move_on_after(MINUTE):
            async for status in alice.app.status.watch():
                reasons.append(status.network["virtual"].reason)  # noqa: PERF401  # those until then count, too
        assert any((reason or "").startswith("balchat-virtual 1.0: ") for reason in reasons)
        status = await alice.app.status.get()
        assert (status.network["virtual"], status.identity_onion) == (ONLINE, ONLINE)
        assert not any("tor_direct" in (state.reason or "") for state in status.transports.values())
        await people.see_that_messages_flow(alice)


# -- a new object


class Postman(BrittleTransport):
    """Takes every envelope and everybody for within reach, and tells of neither again."""

    def __init__(self, host: TransportContext) -> None:
        super().__init__()
        self.host = host
        self.taken: list[int] = []
        self.kept: set[PeerId] | None = None
        self.end = anyio.Event()

    async def run(self, *, task_status: TaskStatus[None]) -> None:
        task_status.started()
        await self.end.wait()
        raise Broken

    async def send(self, peer: PeerId, routes: Sequence[Route], outgoing: Sequence[Outgoing]) -> None:
        self.host.peer_changed(DeviceIdentity(peer=peer, device_id=bytes(16)), reachable=True)
        self.taken += [each.ticket for each in outgoing]

    def first_routes(self, peer: PeerId) -> Sequence[Route]:
        return [Route(transport="postman", address=b"x")]

    def reachable(self, peer: PeerId, device_id: bytes | None = None) -> bool:
        return bool(self.taken)

    async def keep_only(self, peers: Any) -> None:
        self.kept = set(peers)


async def test_a_transport_is_made_again_and_nothing_of_the_old_object_is_left(people) -> None:
    objects: list[Postman] = []

    def make(host: TransportContext) -> Postman:
        objects.append(Postman(host))
        return objects[-1]

    async with people:
        alice = await people.make("Alice")
        alice.transports = [
            TransportSetup(name="postman", origin=ORIGIN, latency=Latency.INTERACTIVE, make=make),
        ]
        await people.up(alice)
        await alice.app.contacts.add(nobody().onion, "Bob")
        await anyio.sleep(1)
        status = await alice.app.status.get()
        (bob,) = await alice.app.contacts.list()
        assert (bob.reachable, status.outbox.in_flight) == (True, 1)
        first = objects[0].taken

        objects[0].end.set()
        await anyio.sleep(1)
        status = await alice.app.status.get()
        (bob,) = await alice.app.contacts.list()
        assert (bob.reachable, status.outbox.in_flight) == (False, 0)
        assert status.transports["postman"].phase is Phase.DEGRADED

        # What the old object still says is not heard.
        objects[0].host.peer_changed(DeviceIdentity(peer=nobody(), device_id=bytes(16)), reachable=True)
        objects[0].host.state_changed(ServiceState(phase=Phase.STARTING, reason="out of the grave"))
        assert not (await alice.app.contacts.list())[0].reachable

        await anyio.sleep(MINUTE)
        assert len(objects) == 2
        assert objects[1].taken == first
        assert objects[1].kept == {nobody()}
        status = await alice.app.status.get()
        assert status.transports["postman"] == ONLINE
        (bob,) = await alice.app.contacts.list()
        assert (bob.reachable, status.outbox.in_flight) == (True, 1)


# -- what is told


@pytest.mark.parametrize("wanted", ["", "1"])
async def test_the_traceback_of_a_plugin_is_logged_where_somebody_wants_it(
    people, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, wanted: str
) -> None:
    monkeypatch.setenv("BALCHAT_TRACEBACK", wanted)
    async with people:
        alice = await people.make("Alice")
        add(alice, "front end", raising(Broken("of a person")))
        await people.up(alice)
    (record,) = [record for record in caplog.records if "brittle" in record.getMessage()]
    assert record.levelno == logging.ERROR
    assert record.getMessage() == f"brittle ({ORIGIN}) failed (Broken)"
    assert bool(record.exc_info) is bool(wanted)


async def test_whoever_waits_for_an_object_that_ended_goes_on_with_the_next(people) -> None:
    objects: list[Silent] = []

    class Silent(Postman):
        """Answers nothing, unless it is the second."""

        async def send(self, peer: PeerId, routes: Sequence[Route], outgoing: Sequence[Outgoing]) -> None:
            if self is objects[0]:
                await anyio.sleep_forever()
            await super().send(peer, routes, outgoing)

        async def allocate_routes(self, peer: PeerId) -> Sequence[Route]:
            if self is objects[0]:
                await anyio.sleep_forever()
            return []

    def make(host: TransportContext) -> Silent:
        objects.append(Silent(host))
        return objects[-1]

    async with people:
        alice = await people.make("Alice")
        alice.transports = [TransportSetup(name="postman", origin=ORIGIN, latency=Latency.INTERACTIVE, make=make)]
        await people.up(alice)
        await alice.app.contacts.add(nobody().onion, "Bob")
        await anyio.sleep(MINUTE)
        objects[0].end.set()
        await anyio.sleep(MINUTE)
        assert objects[1].taken
