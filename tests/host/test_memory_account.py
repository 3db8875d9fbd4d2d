"""An account in memory is an account: its App obeys the kits, and a test brings about what a front end has to show."""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio
import pytest

from balchat_host.api.errors import ContactBlocked, CursorTooOld, NoSuchRelay, NotRunning, StorageFull
from balchat_host.api.events import AccountRestored, MessageChanged
from balchat_host.api.types import ONLINE, STOPPED, PeerId, Phase, ServiceState
from balchat_host.api.views import ContactState, MessageState
from balchat_host.core.chat_codes import ChatCode
from balchat_host.testing.app_kit import AppKit, TestedAccount, take
from balchat_host.testing.app_pair_kit import AppPairKit
from balchat_host.testing.app_relay_kit import CALLS, AppRelayKit, DirectOnlyAppKit, nobody
from balchat_host.testing.memory_account import TRANSPORT, MemoryAccount
from balchat_host.testing.waiting import PATIENCE, closing

if TYPE_CHECKING:
    from balchat_host.api.frontend import App


def as_tested(account: MemoryAccount) -> TestedAccount:
    return TestedAccount(app=account.app, passphrase=account.passphrase, recovery_code=account.recovery_code)


@pytest.fixture
def alice_in_memory() -> MemoryAccount:
    return MemoryAccount("Alice")


class OnAsyncio:
    """What runs on asyncio here; on trio, tests/kits/test_app_faults.py runs all of it."""

    @pytest.fixture
    def anyio_backend(self) -> str:
        return "asyncio"


class TestMemoryApp(OnAsyncio, AppKit):
    @pytest.fixture
    def alice(self, alice_in_memory: MemoryAccount) -> TestedAccount:
        return as_tested(alice_in_memory)


class TestMemoryAppPair(OnAsyncio, AppPairKit):
    @pytest.fixture
    def alice(self, alice_in_memory: MemoryAccount) -> TestedAccount:
        return as_tested(alice_in_memory)

    @pytest.fixture
    def bob(self, alice_in_memory: MemoryAccount) -> TestedAccount:
        bob = MemoryAccount("Bob", alice_in_memory.world)
        bob.world.set_online(alice_in_memory, bob, online=True)
        return as_tested(bob)


@pytest.mark.anyio
async def test_receipts_of_reading_stop_and_begin_at_once() -> None:
    alice = MemoryAccount("Alice")
    bob = alice.befriend("Bob")
    for receipts in (True, False, True):
        await alice.app.settings.set("delivery.read_receipts", receipts)
        message = bob.write("Have you read this?")
        await alice.app.conversations.mark_read("Bob", message.id)
        bob.receive()
        states = {each.id: each.state for each in bob.core.history(alice)}
        assert states[message.id] is (MessageState.READ if receipts else MessageState.DELIVERED)


class TestMemoryAppRelays(AppRelayKit):
    @pytest.fixture
    def app(self, alice_in_memory: MemoryAccount) -> App:
        return alice_in_memory.app

    async def test_the_chat_code_names_them(self, app: App) -> None:
        added = [await app.relays.add(nobody(number).onion) for number in (1, 2, 3)]
        named = ChatCode.parse((await app.account.code()).code).relays
        assert [relay.onion for relay in named] == [view.onion for view in added]

    async def test_two_that_begin_alike_need_more(self, app: App) -> None:
        onions = [PeerId(bytes(4) + bytes([number]) * 28).onion for number in (1, 2)]
        for onion in onions:
            await app.relays.add(onion)
        with pytest.raises(NoSuchRelay):
            await app.relays.check("aaaaaa")
        assert [(await app.relays.check(onion[:10])).onion for onion in onions] == onions

    async def test_a_change_is_seen_by_who_watches(self, alice_in_memory: MemoryAccount) -> None:
        app = alice_in_memory.app
        relay = await app.relays.add(nobody(1).onion)
        async with closing(app.status.watch()) as states:
            await anext(states)
            alice_in_memory.relays.set_state(relay.onion, STOPPED)
            with anyio.fail_after(PATIENCE):
                await anext(states)
        assert (await app.relays.check(relay.onion)).state == STOPPED

    @pytest.mark.parametrize("call", CALLS)
    async def test_an_account_that_nothing_runs_has_none_to_manage(self, alice_in_memory: MemoryAccount, call) -> None:
        with pytest.raises(NotRunning):
            await call(alice_in_memory.vault_app())


class TestMemoryAppDirectOnly(DirectOnlyAppKit):
    @pytest.fixture
    def app(self) -> App:
        return MemoryAccount(has_relays=False).app


pytestmark = pytest.mark.anyio


@pytest.fixture
def alice() -> MemoryAccount:
    return MemoryAccount("Alice")


async def test_a_contact_gets_as_far_as_the_other_side_lets_it(alice: MemoryAccount) -> None:
    bob = alice.stranger("Bob")
    added = await alice.app.contacts.add(bob.code)
    assert (added.name, added.state) == ("Bob", ContactState.ADDING)
    bob.set_reason("no-key-package")
    assert (await alice.app.contacts.get("Bob")).reason == "no-key-package"
    bob.receive_request()
    assert (await alice.app.contacts.get("Bob")).state is ContactState.REQUESTED
    assert bob.accept() == await alice.app.contacts.get("Bob")
    assert (await alice.app.contacts.get("Bob")).state is ContactState.ACTIVE


async def test_somebody_asks_and_is_accepted(alice: MemoryAccount) -> None:
    carol = alice.stranger("Carol")
    asked = carol.ask("It is me")
    assert (asked.name, asked.introduction) == ("Carol", "It is me")
    assert await alice.app.requests.list() == [asked]
    await alice.app.requests.accept("Carol")
    assert carol.write("thank you").author == "Carol"


async def test_a_message_goes_through_every_state(alice: MemoryAccount) -> None:
    bob = alice.befriend("Bob")
    sent = await alice.app.messages.send("Bob", "hello")
    states = [sent.state]
    for step in (bob.begin_to_receive, bob.relay, bob.receive, bob.read):
        step()
        states.append((await alice.app.messages.get(sent.id)).state)
    assert states == list(MessageState)[:5]
    assert bob.heard == ["hello"]
    assert (await alice.app.status.get()).outbox.waiting == 0


async def test_a_message_fails_or_waits_for_a_reason(alice: MemoryAccount) -> None:
    bob = alice.befriend("Bob")
    sent = await alice.app.messages.send("Bob", "hello")
    bob.relay(refusal="relay-full")
    waiting = await alice.app.messages.get(sent.id)
    assert (waiting.state, waiting.reason) == (MessageState.QUEUED, "relay-full")
    bob.refuse("malformed-envelope")
    failed = await alice.app.messages.get(sent.id)
    assert (failed.state, failed.reason) == (MessageState.FAILED, "malformed-envelope")
    bob.receive()
    assert bob.heard == []


async def test_sending_to_a_contact_fails_unexpectedly(alice: MemoryAccount) -> None:
    bob = alice.befriend("Bob")
    alice.live_status.presence.set_failing(bob.core.peer, True)
    assert (await alice.app.contacts.get("Bob")).reason == "sending-failed"


async def test_what_is_skipped_waits_on(alice: MemoryAccount) -> None:
    bob = alice.befriend("Bob")
    first, second = [await alice.app.messages.send("Bob", text) for text in ("first", "second")]
    bob.receive(skip=1)
    assert (await alice.app.messages.get(first.id)).state is MessageState.SENT
    assert (await alice.app.messages.get(second.id)).state is MessageState.DELIVERED
    bob.receive()
    assert (await alice.app.messages.get(first.id)).state is MessageState.DELIVERED


async def test_who_is_online_has_it_at_once(alice: MemoryAccount) -> None:
    bob = alice.befriend("Bob")
    waiting = await alice.app.messages.send("Bob", "are you there?")
    bob.come_online()
    assert (await alice.app.contacts.get("Bob")).reachable
    sent = await alice.app.messages.send("Bob", "hello")
    assert {(await alice.app.messages.get(each.id)).state for each in (waiting, sent)} == {MessageState.DELIVERED}
    bob.go_offline()
    assert not (await alice.app.contacts.get("Bob")).reachable
    assert (
        await alice.app.messages.get((await alice.app.messages.send("Bob", "gone?")).id)
    ).state is MessageState.QUEUED


async def test_what_they_write_arrives_and_may_have_gaps(alice: MemoryAccount) -> None:
    bob = alice.befriend("Bob")
    first = bob.write("one")
    bob.lose("two")
    bob.lose("three")
    last = bob.write("four", reply_to=first.id)
    drawing = bob.write_content("image/png", b"...")
    assert (last.missing_before, last.in_reply_to) == (2, first.id)
    assert (drawing.text, drawing.content_type) == (None, "image/png")
    assert await alice.app.messages.history("Bob") == [first, last, drawing]


async def test_what_a_blocked_contact_writes_does_not_arrive(alice: MemoryAccount) -> None:
    bob = alice.befriend("Bob")
    await alice.app.contacts.block("Bob")
    assert bob.write("hello?").author is None
    assert await alice.app.messages.history("Bob") == []
    await alice.app.contacts.unblock("Bob")
    bob.come_online()
    assert [message.text for message in await alice.app.messages.history("Bob")] == ["hello?"]


async def test_old_events_are_lost(alice: MemoryAccount) -> None:
    alice.befriend("Bob")
    alice.pass_time(365 * 24 * 3600)
    with pytest.raises(CursorTooOld):
        await anext(alice.app.events.follow(after=0))


async def test_the_account_goes_on_from_a_backup(alice: MemoryAccount) -> None:
    bob = alice.befriend("Bob")
    cursor = await alice.app.events.cursor()
    alice.restore()
    async with closing(alice.app.events.follow(after=cursor)) as events:
        assert AccountRestored in {type(await anext(events)) for _ in range(2)}
    contact = await alice.app.contacts.get("Bob")
    assert (contact.state, contact.reason) == (ContactState.ADDING, "restored")
    alice.pass_time(60)
    bob.come_online()
    assert (await alice.app.contacts.get("Bob")).state is ContactState.ACTIVE


async def test_the_disk_is_full_for_a_while(alice: MemoryAccount) -> None:
    alice.befriend("Bob")
    alice.vault.full = True
    with pytest.raises(StorageFull):
        await alice.app.messages.send("Bob", "hello")
    alice.vault.full = False
    await alice.app.messages.send("Bob", "hello")


async def test_a_call_fails_once(alice: MemoryAccount) -> None:
    alice.fail_next("events.cursor", ZeroDivisionError())
    with pytest.raises(ZeroDivisionError):
        await alice.app.events.cursor()
    assert await alice.app.events.cursor() == 0


@pytest.mark.anyio
async def test_an_account_that_is_open_for_its_vault_only_offers_less() -> None:
    alice = MemoryAccount()
    less = await alice.app.capabilities() - await alice.vault_app().capabilities()
    assert {name for name in less if not name.startswith("relays.")} == {"delivery", "account.shut_down"}
    assert "relays.list" in less


async def test_what_failed_is_sent_once_more_and_arrives(alice: MemoryAccount) -> None:
    bob = alice.befriend("Bob")
    sent = await alice.app.messages.send("Bob", "hello")
    bob.refuse("crypto-rejected")
    failed = await alice.app.messages.get(sent.id)
    assert (failed.state, failed.reason) == (MessageState.FAILED, "crypto-rejected")
    before = await alice.app.events.cursor()
    again = await alice.app.messages.retry(sent.id[:12])
    assert (again.id, again.state, again.reason) == (sent.id, MessageState.QUEUED, None)
    (event,) = await take(alice.app, before, 1)
    assert isinstance(event, MessageChanged)
    assert (event.message, set(event.changed)) == (again, {"state", "reason"})
    bob.receive()
    assert bob.heard == ["hello"]
    assert (await alice.app.messages.get(sent.id)).state is MessageState.DELIVERED


async def test_what_failed_and_is_for_somebody_who_is_blocked_waits(alice: MemoryAccount) -> None:
    bob = alice.befriend("Bob")
    sent = await alice.app.messages.send("Bob", "hello")
    bob.refuse("crypto-rejected")
    await alice.app.contacts.block("Bob")
    with pytest.raises(ContactBlocked):
        await alice.app.messages.retry(sent.id)
    assert (await alice.app.messages.get(sent.id)).state is MessageState.FAILED


async def test_an_account_that_nothing_runs_sends_nothing(alice: MemoryAccount) -> None:
    bob = alice.befriend("Bob")
    bob.come_online()
    sent = await alice.vault_app().messages.send("Bob", "hello")
    assert (await alice.app.messages.get(sent.id)).state is MessageState.QUEUED
    assert not (await alice.vault_app().status.get()).running


async def test_the_network_is_in_the_status(alice: MemoryAccount) -> None:
    waiting = ServiceState(phase=Phase.STARTING, percent=42)
    alice.set_network(ONLINE, published=waiting)
    status = await alice.app.status.get()
    assert (status.running, status.identity_onion, status.transports[TRANSPORT]) == (True, waiting, ONLINE)
    await alice.app.account.shut_down()
    assert alice.ended


def test_an_app_can_be_used_in_one_loop_after_the_other(alice: MemoryAccount) -> None:
    bob = alice.befriend("Bob")

    async def take_one() -> None:
        async with closing(alice.app.events.follow()) as events:
            await anext(events)

    async def follow() -> None:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(take_one)
            await anyio.wait_all_tasks_blocked()
            tasks.cancel_scope.cancel()

    for backend in ("asyncio", "trio", "asyncio"):
        anyio.run(follow, backend=backend)
        anyio.run(alice.app.messages.send, "Bob", "hello", backend=backend)
    bob.receive()
    assert bob.heard == ["hello"] * 3
