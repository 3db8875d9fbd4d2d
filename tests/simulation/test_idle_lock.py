"""An account that nobody uses locks itself, says so to everybody, and closes its vault."""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING

import anyio
import pytest

from balchat_host.api.errors import AccountLocked
from balchat_host.api.frontend import App, FrontEnd
from balchat_host.api.frontend.area import areas_of, method_names
from balchat_host.runtime.idle_lock import AUTOMATIC, IdleLock
from balchat_host.runtime.plugin_setups import FrontEndSetup
from balchat_host.testing.app_pair_kit import introduce

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from anyio.abc import TaskStatus

    from tests.support.virtual_account import VirtualAccount

pytestmark = pytest.mark.anyio

MINUTE = 60.0
USED = {
    "account.backup", "account.change_passphrase", "account.code", "account.renew_recovery_code",
    "account.verify_passphrase", "contacts.add", "contacts.block", "contacts.info", "contacts.remove",
    "contacts.rename", "contacts.renew", "contacts.safety_number", "contacts.unblock", "contacts.verify",
    "conversations.archive", "conversations.draft", "conversations.mark_unread", "conversations.mute",
    "conversations.unarchive",
    "conversations.set_timer", "conversations.unmute", "events.attend", "files.attach", "files.attach_voice",
    "files.play", "files.remove",
    "files.set_automatic", "messages.delete", "messages.edit",
    "messages.history", "messages.info", "messages.react", "messages.retry", "messages.search", "messages.send",
    "relays.add", "relays.check", "relays.remove", "relays.set_default", "requests.accept",
    "requests.block", "requests.reject", "settings.reset", "settings.set",
}  # fmt: skip
"""What counts as use. Whoever adds a method decides: does a person cause it, or may it follow from what arrives?"""


def test_every_method_is_use_or_is_not() -> None:
    names = {f"{area}.{name}" for area, described in areas_of(App).items() for name in method_names(described)}
    names |= set(method_names(App))
    assert names == USED | AUTOMATIC
    assert not USED & AUTOMATIC


class Person(FrontEnd):
    """A front end whose App the test uses."""

    app: App

    async def run(self, app: App, *, task_status: TaskStatus[None]) -> None:
        self.app = app
        task_status.started()
        await anyio.sleep_forever()


@pytest.fixture
def person() -> Person:
    return Person()


@pytest.fixture
async def alice(people, person: Person) -> VirtualAccount:
    alice = await people.make("Alice")
    alice.front_ends = [FrontEndSetup(name="ui_person", origin="balchat-person 1.0", make=lambda _: person)]
    alice.lock_after = 10 * MINUTE
    return alice


async def until_locked(
    alice: VirtualAccount, person: Person, use: Callable[[App], Awaitable[object]] | None = None, *, every: float = 60
) -> float:
    """Run the account, with somebody who does something now and then for an hour; return when it was locked."""
    began = anyio.current_time()

    async def someone() -> None:
        while use is not None and anyio.current_time() < began + 60 * MINUTE:
            await use(person.app)
            await anyio.sleep(every)

    with pytest.RaisesGroup(pytest.RaisesExc(AccountLocked, match="after 10 min without use")):
        async with anyio.create_task_group() as tasks:
            await tasks.start(alice.run)
            tasks.start_soon(someone)
    return anyio.current_time() - began


def chat(app: App) -> Awaitable[object]:
    return app.messages.send("me", "a note")


async def test_an_account_that_nobody_uses_locks_itself(alice: VirtualAccount, person: Person) -> None:
    assert 10 * MINUTE <= await until_locked(alice, person) < 11 * MINUTE
    # The vault is closed: it can be opened again.
    async with alice.up() as app:
        assert (await app.status.get()).running


async def test_use_keeps_it_open(alice: VirtualAccount, person: Person) -> None:
    assert await until_locked(alice, person, chat, every=9 * MINUTE) > 60 * MINUTE


@pytest.mark.parametrize(
    "look",
    [
        lambda app: app.status.get(),
        lambda app: app.events.acknowledge("bot", 0),
        lambda app: app.contacts.list(),
        lambda app: app.settings.list(),
        lambda app: app.capabilities(),
    ],
)
async def test_what_a_front_end_does_by_itself_does_not(
    alice: VirtualAccount, person: Person, look: Callable[[App], Awaitable[object]]
) -> None:
    assert await until_locked(alice, person, look) < 11 * MINUTE


async def test_whoever_writes_to_us_does_not(people, alice: VirtualAccount, person: Person) -> None:
    heard: list[float] = []

    async def write(app: App) -> None:
        for _ in range(30):
            await anyio.sleep(MINUTE)
            await app.messages.send("Alice", "Still there?")
            heard.append(anyio.current_time())

    async with people:
        bob = await people.start("Bob")
        began = anyio.current_time()
        with pytest.RaisesGroup(AccountLocked):
            async with anyio.create_task_group() as tasks:
                await tasks.start(alice.run)
                await introduce(person.app, bob.app)
                tasks.start_soon(write, bob.app)
        assert anyio.current_time() < began + 12 * MINUTE
        assert len(heard) > 8


async def test_those_who_follow_something_hear_why(alice: VirtualAccount, person: Person) -> None:
    heard: list[str] = []

    async def follow(stream: AsyncIterator[object]) -> None:
        with pytest.raises(AccountLocked):
            async for _ in stream:
                pass
        with pytest.raises(AccountLocked):
            await chat(person.app)
        heard.append("locked")

    with pytest.RaisesGroup(AccountLocked):
        async with anyio.create_task_group() as tasks:
            await tasks.start(alice.run)
            tasks.start_soon(follow, person.app.events.follow())
            tasks.start_soon(follow, person.app.status.watch())
    assert heard == ["locked", "locked"]


@pytest.mark.parametrize(("minutes", "locked"), [(0, False), (30, False), (1, True)])
async def test_the_time_is_changed_at_once(alice: VirtualAccount, person: Person, minutes: int, locked: bool) -> None:
    with nullcontext() if not locked else pytest.RaisesGroup(AccountLocked):
        async with anyio.create_task_group() as tasks:
            await tasks.start(alice.run)
            await anyio.sleep(5 * MINUTE)
            await person.app.settings.set("account.lock_after_minutes", minutes)
            await anyio.sleep(20 * MINUTE)
            tasks.cancel_scope.cancel()


async def test_a_machine_that_slept_locks_it_when_it_wakes() -> None:
    locked = anyio.Event()
    now = 0

    async def lock(reason: AccountLocked) -> None:
        locked.set()

    idle = IdleLock(10 * MINUTE, lock, lambda: now)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(idle.run)
        await anyio.sleep(MINUTE)
        now = 8 * 3600 * 1000
        await anyio.sleep(MINUTE)
        assert locked.is_set()
