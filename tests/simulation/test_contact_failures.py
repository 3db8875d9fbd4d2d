"""What nobody foresaw, in what we do for one contact, stops that contact's work only; in a job, that job only."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import anyio
import pytest

from balchat_host.api.types import DeviceIdentity, PeerId, Phase
from balchat_host.api.views import MessageState
from balchat_host.core import housekeeping, routes
from balchat_host.core.delivery import outgoing, reports
from balchat_host.core.first_contact import asking
from balchat_host.runtime.delivery_scheduler import DeliveryScheduler
from balchat_host.runtime.plugin_setups import FrontEndSetup
from balchat_host.testing.app_kit import nobody
from balchat_host.testing.app_pair_kit import introduce
from tests.support.brittle_plugins import FAILURES, BrittleFrontEnd, Broken, fine
from tests.support.virtual_account import LAST_RETRY
from tests.support.virtual_relay import VirtualRelay

if TYPE_CHECKING:
    from collections.abc import Callable

    from anyio.abc import TaskStatus

    from balchat_host.api.views import ContactView

pytestmark = pytest.mark.anyio

MINUTE = 60.0
HOUR = 3600.0


class Plant:
    """Has a function of the core raise, in the accounts of our process, where `wanted` says so."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, module: Any, name: str, wanted: Callable[..., bool]) -> None:
        self.raised = 0
        self.failure: Callable[[], None] | None = None
        real = getattr(module, name)

        def planted(*arguments: Any, **more: Any) -> Any:
            if self.failure is not None and wanted(*arguments):
                self.raised += 1
                self.failure()
            return real(*arguments, **more)

        monkeypatch.setattr(module, name, planted)


async def contact(app: Any, name: str) -> ContactView:
    (found,) = [each for each in await app.contacts.list() if each.name == name]
    return found


async def meet(one: Any, other: Any, name: str) -> None:
    """Make two accounts contacts; one calls the other `name`."""
    await introduce(one.app, other.app)
    await one.app.contacts.rename("Bob", name)


def about(peers: list[PeerId]) -> Callable[..., bool]:
    return lambda _tx, peer, *_more: peer in peers


@pytest.mark.parametrize("failure", FAILURES)
@pytest.mark.parametrize(
    ("module", "name"),
    [(outgoing, "pending"), (outgoing, "to_store"), (routes, "known")],
    ids=["looking for what waits", "looking for what to store", "looking for a route"],
)
async def test_what_fails_for_one_contact_stops_that_contact_and_shows_it(
    people, monkeypatch: pytest.MonkeyPatch, module: Any, name: str, failure: str
) -> None:
    people.more = [VirtualRelay().setup]
    victims: list[PeerId] = []
    plant = Plant(monkeypatch, module, name, about(victims))
    async with people:
        alice, bob, carol = [await people.start(who) for who in ("Alice", "Bob", "Carol")]
        await meet(alice, carol, "Carol")
        await meet(alice, bob, "Bob")
        await anyio.sleep(MINUTE)
        victims.append(bob.peer)
        plant.failure = FAILURES[failure]
        alice.watch.before_send = lambda _peer: None
        stuck = await alice.app.messages.send("Bob", "for later")
        sent = await alice.app.messages.send("Carol", "for now")
        await anyio.sleep(HOUR)
        assert (await alice.app.messages.get(sent.id)).state is MessageState.DELIVERED
        assert (await contact(alice.app, "Bob")).reason == "sending-failed"
        assert (await contact(alice.app, "Carol")).reason is None
        assert 3 <= plant.raised <= 60, "tried again, and in no tight loop"

        plant.failure = None
        await anyio.sleep(3 * LAST_RETRY)
        assert (await alice.app.messages.get(stuck.id)).state is MessageState.DELIVERED
        assert (await contact(alice.app, "Bob")).reason is None


@pytest.mark.parametrize("failure", FAILURES)
async def test_what_fails_over_a_claimed_card_stops_that_contact_and_shows_it(
    people, monkeypatch: pytest.MonkeyPatch, failure: str
) -> None:
    relay = VirtualRelay()
    people.more = [relay.setup]
    plant = Plant(monkeypatch, asking, "on_claimed_key_package", lambda _unit, _peer, _key_package: True)
    async with people:
        alice, carol = await people.start("Alice"), await people.start("Carol")
        await meet(alice, carol, "Carol")
        bob = await people.make("Bob")
        async with bob.up():
            await anyio.sleep(MINUTE)
        plant.failure = FAILURES[failure]
        await alice.app.contacts.add(bob.code, "Bob")
        await anyio.sleep(HOUR / 2)
        assert plant.raised
        assert (await contact(alice.app, "Bob")).reason == "sending-failed"
        plant.failure = None
        await anyio.sleep(HOUR)
        assert (await contact(alice.app, "Bob")).state == "requested"
        assert (await contact(alice.app, "Bob")).reason is None


@pytest.mark.parametrize("failure", FAILURES)
async def test_what_fails_over_routes_to_one_contact_keeps_them_from_no_other(
    people, monkeypatch: pytest.MonkeyPatch, failure: str
) -> None:
    victims: list[PeerId] = []
    plant = Plant(monkeypatch, routes, "offer", about(victims))
    async with people:
        alice, bob, carol = await people.make("Alice"), await people.start("Bob"), await people.start("Carol")
        async with alice.up():
            await meet(alice, bob, "Robert")
        victims.append(bob.peer)
        plant.failure = FAILURES[failure]
        alice.transports = [*alice.transports, VirtualRelay().setup]  # so there are other routes to offer
        await people.up(alice)
        await meet(alice, carol, "Carol")
        await anyio.sleep(MINUTE)
        assert plant.raised
        sent = [await alice.app.messages.send(name, "here we are") for name in ("Robert", "Carol")]
        await anyio.sleep(MINUTE)
        assert {(await alice.app.messages.get(each.id)).state for each in sent} == {MessageState.DELIVERED}


@pytest.mark.parametrize("failure", FAILURES)
async def test_a_report_that_cannot_be_written_down_stops_its_contact_only(
    people, monkeypatch: pytest.MonkeyPatch, failure: str
) -> None:
    tickets: list[int] = []
    plant = Plant(
        monkeypatch,
        reports,
        "apply_reports",
        lambda _unit, told: any(report.ticket in tickets for report, _latency in told),
    )
    async with people:
        alice, bob, carol = [await people.start(who) for who in ("Alice", "Bob", "Carol")]
        await meet(alice, carol, "Carol")
        await meet(alice, bob, "Bob")
        await anyio.sleep(MINUTE)
        highest = max(report.ticket for report in alice.watch.reports)
        tickets.append(highest + 1)
        plant.failure = FAILURES[failure]
        stuck = await alice.app.messages.send("Bob", "for later")
        sent = await alice.app.messages.send("Carol", "for now")
        before = alice.watch.sends
        await anyio.sleep(HOUR)
        assert (await alice.app.messages.get(sent.id)).state is MessageState.DELIVERED
        assert (await contact(alice.app, "Bob")).reason == "sending-failed"
        assert 3 <= alice.watch.sends - before <= 60, "tried again, and in no tight loop"
        plant.failure = None
        await anyio.sleep(3 * LAST_RETRY)
        assert (await alice.app.messages.get(stuck.id)).state is MessageState.DELIVERED
        assert (await contact(alice.app, "Bob")).reason is None


@pytest.mark.parametrize("failure", FAILURES)
async def test_housekeeping_that_fails_ends_nothing_and_is_tried_again(
    people, monkeypatch: pytest.MonkeyPatch, failure: str
) -> None:
    plant = Plant(monkeypatch, housekeeping, "tidy", lambda _unit: True)
    async with people:
        alice = await people.start("Alice")
        plant.failure = FAILURES[failure]
        await anyio.sleep(3 * HOUR + 1)
        assert plant.raised == 3
        await people.see_that_messages_flow(alice)


async def test_an_effect_that_fails_does_not_make_its_commit_fail(people, monkeypatch: pytest.MonkeyPatch) -> None:
    async with people:
        alice = await people.start("Alice")
        monkeypatch.setattr(alice.runner, "_on_commit", FAILURES["Broken"])
        assert (await alice.app.contacts.add(nobody().onion, "Bob")).name == "Bob"


async def test_an_effect_that_fails_keeps_no_other_from_being_carried_out(
    people, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with people:
        alice = await people.start("Alice")
        states = alice.app.status.watch()
        assert not (await anext(states)).outbox.waiting
        monkeypatch.setattr(DeliveryScheduler, "wake", lambda _self, _peer: FAILURES["Broken"]())
        await alice.app.contacts.add(nobody().onion, "Bob")
        with anyio.fail_after(1):
            while not (await anext(states)).outbox.waiting:
                pass
        await states.aclose()


async def test_what_is_committed_while_the_account_ends_asks_nothing_of_what_has_ended(people) -> None:
    apps: list[Any] = []

    async def write_last(*, task_status: TaskStatus[None]) -> None:
        task_status.started()
        try:
            await anyio.sleep_forever()
        finally:
            with anyio.CancelScope(shield=True):
                await apps[0].contacts.add(nobody().onion, "Bob")
                await apps[0].messages.send("Bob", "the last word")
                await apps[0].contacts.remove("Bob")
                await apps[0].contacts.add(nobody(2).onion, "Carol")

    alice = await people.make("Alice")
    alice.front_ends.append(FrontEndSetup(name="late", origin="late 1.0", make=lambda _: BrittleFrontEnd(write_last)))
    async with anyio.create_task_group() as tasks:
        apps.append(await tasks.start(alice.run))
        await apps[0].account.shut_down()
    async with people:
        await people.up(alice)
        alice.front_ends.clear()
        assert [each.name for each in await alice.app.contacts.list()] == ["Carol"]


async def test_what_a_transport_hands_over_while_the_account_ends_is_kept_and_ends_it_cleanly(people) -> None:
    late = VirtualRelay()
    people.more = [late.setup]
    async with people:
        alice, bob = await people.make("Alice"), await people.start("Bob")
        async with alice.up() as app:
            await introduce(app, bob.app)
        receive = alice.transports[-1].make

        def make(host: Any) -> Any:
            transport = receive(host)
            run = transport.run

            async def commit_late(*, task_status: TaskStatus[None]) -> None:
                try:
                    await run(task_status=task_status)
                finally:
                    with anyio.CancelScope(shield=True):
                        host.routes_changed()
                        await host.change(lambda _area: None)
                        await host.receive(bob.peer, [b"rubbish"])
                        host.peer_changed(DeviceIdentity(peer=bob.peer, device_id=bytes(16)), reachable=True)

            transport.run = commit_late
            return transport

        alice.transports = [*alice.transports[:-1], replace(alice.transports[-1], make=make)]
        async with anyio.create_task_group() as tasks:
            app = await tasks.start(alice.run)
            await app.account.shut_down()


async def test_a_front_end_of_our_own_goes_on_while_others_fail(people) -> None:
    served: list[Any] = []

    class Listening(BrittleFrontEnd):
        async def run(self, app: Any, *, task_status: TaskStatus[None]) -> None:
            served.append(app)
            await fine(task_status=task_status)

    def fail(on_state: object) -> None:
        raise Broken

    alice = await people.make("Alice")
    alice.front_ends += [
        FrontEndSetup(name="fails", origin="fails 1.0", make=fail),
        FrontEndSetup(name="listens", origin="listens 1.0", make=lambda _: Listening(fine)),
    ]
    async with people:
        await people.up(alice)
        await anyio.sleep(HOUR)
        assert len(served) == 1
        states = (await alice.app.status.get()).plugins
        assert (states["fails"].phase, states["listens"].phase) == (Phase.DEGRADED, Phase.ONLINE)
