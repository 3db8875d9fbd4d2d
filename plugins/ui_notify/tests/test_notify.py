"""What is shown on the desktop, and what is not."""

from __future__ import annotations

from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import anyio
import pytest
from balchat_ui_notify.desktop import NO_DESKTOP
from balchat_ui_notify.front_end import AGAIN, BURST, PAUSE, NotifyFrontEnd
from balchat_ui_notify.settings import NotifySettings, Show
from trio.testing import MockClock

from balchat_host.api.errors import CursorTooOld
from balchat_host.api.types import ONLINE, Phase, ServiceState
from balchat_host.core import content
from balchat_host.testing.memory_account import MemoryAccount

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from balchat_ui_notify.wording import Notification

    from balchat_host.api.events import Event

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, Any]]:
    return "trio", {"clock": MockClock(autojump_threshold=0)}


class FakeDesktop:
    """A desktop that keeps what it was shown."""

    def __init__(self) -> None:
        self.shown: list[Notification] = []
        self.absent: str | None = None
        self.deaf = False
        self.opened = 0

    async def open(self) -> str | None:
        self.opened += 1
        return self.absent

    async def show(self, notification: Notification) -> bool:
        if not self.deaf:
            self.shown.append(notification)
        return not self.deaf

    async def close(self) -> None:
        pass


class Bench:
    """An account with a contact, and its desktop."""

    def __init__(self) -> None:
        self.account = MemoryAccount("Alice", plugins={"ui_notify": NotifySettings})
        self.bob = self.account.befriend("Bob")
        self.desktop = FakeDesktop()
        self.states: list[ServiceState] = []
        self.hour = 12
        self.settings = NotifySettings()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        front_end = NotifyFrontEnd(
            self.desktop,
            self.settings,
            self.states.append,
            clock=lambda: self.account.world.clock() / 1000,
            local=lambda: datetime(2026, 1, 31, self.hour, 30, tzinfo=UTC),
        )
        async with anyio.create_task_group() as tasks:
            await tasks.start(front_end.run, self.account.app)
            await self.settle()
            yield
            await self.settle()
            tasks.cancel_scope.cancel()

    async def settle(self) -> None:
        """Wait until everything is shown that is to be."""
        await anyio.sleep(BURST + PAUSE + 1)

    async def set(self, key: str, value: str) -> None:
        await self.account.app.settings.set(f"settings.ui_notify.{key}", value)
        await anyio.sleep(0.1)

    @property
    def said(self) -> list[tuple[str, str]]:
        return [(each.title, each.body) for each in self.desktop.shown]


@pytest.fixture
def bench() -> Bench:
    return Bench()


@pytest.mark.parametrize(
    ("show", "said"),
    [
        (Show.SENDER, [("Bob", "1 new message")]),
        (Show.ALL, [("Bob", "Are you there?")]),
        (Show.NOTHING, []),
    ],
)
async def test_a_message_is_shown_as_the_settings_say(bench: Bench, show: Show, said: list[tuple[str, str]]) -> None:
    bench.settings = NotifySettings(show=show)
    async with bench.running():
        await bench.set("show", show)
        bench.bob.write("Are you there?")
    assert bench.said == said


async def test_nothing_of_a_content_is_shown_by_default(bench: Bench) -> None:
    async with bench.running():
        bench.bob.write("the secret")
    assert "secret" not in str(bench.said)
    assert bench.said


async def test_a_change_of_the_settings_holds_at_once(bench: Bench) -> None:
    async with bench.running():
        await bench.set("show", "nothing")
        bench.bob.write("one")
        await bench.settle()
        await bench.set("show", "all")
        bench.bob.write("two")
    assert bench.said == [("Bob", "two")]


async def test_that_somebody_else_may_hold_our_keys_is_shown(bench: Bench) -> None:
    async with bench.running():
        bench.bob.write_content(content.STATUS, content.encode_status([(bytes(32), content.MessageStatus.READ)]))
    assert bench.said == [("balchat", "somebody else may hold your keys (Bob)")]


async def test_a_burst_is_one_notification(bench: Bench) -> None:
    carol, dave, erin = (bench.account.befriend(name) for name in ("Carol", "Dave", "Erin"))
    bench.settings = NotifySettings(show=Show.ALL)
    async with bench.running():
        await bench.set("show", "all")
        for number in range(100):
            bench.bob.write(f"message {number}")
        await bench.settle()
        for friend in (bench.bob, carol, dave, erin):
            friend.write("hello")
        bench.account.stranger("Mallory").ask("Let me in")
    assert bench.said == [
        ("Bob", "message 99 (100 new messages)"),
        ("balchat", "Erin (1), Dave (1), Carol (1), 1 more conversation, 1 contact request"),
    ]


async def test_a_flood_is_shown_now_and_then(bench: Bench) -> None:
    async with bench.running():
        for _ in range(60):
            bench.bob.write("again")
            await anyio.sleep(1)
    assert 8 < len(bench.said) < 12


async def test_a_request_is_shown_without_what_a_stranger_calls_themselves(bench: Bench) -> None:
    async with bench.running():
        bench.account.stranger("Your bank").ask("Call 555 1234")
    assert bench.said == [("balchat", "1 contact request")]


async def test_a_muted_conversation_is_not_shown(bench: Bench) -> None:
    carol = bench.account.befriend("Carol")
    async with bench.running():
        await bench.account.app.conversations.mute("Bob")
        bench.bob.write("pst")
        carol.write("hello")
        await bench.settle()
        await bench.account.app.conversations.unmute("Bob")
        bench.bob.write("again")
    assert bench.said == [("Carol", "1 new message"), ("Bob", "1 new message")]


async def test_a_mention_is_shown_of_a_muted_conversation_too(bench: Bench) -> None:
    async with bench.running():
        await bench.account.app.conversations.mute("Bob")
        bench.bob.write("pst")
        bench.bob.write_content(
            "text/markdown;variant=GFM-MIMI",
            f"[@you](balchat:{bench.account.peer.onion.removesuffix('.onion')}), pst".encode(),
        )
        bench.bob.write("pst")
    assert bench.said == [("Bob", "1 new message")]


async def test_what_was_deleted_at_once_is_not_shown(bench: Bench) -> None:
    bench.settings = NotifySettings(show=Show.ALL)
    async with bench.running():
        message = bench.bob.write("not for you")
        await bench.account.app.messages.delete(message.id, for_me=True)
    assert not any("not for you" in text for _, text in bench.said)


async def test_a_conversation_that_somebody_looks_at_is_not_shown(bench: Bench) -> None:
    carol = bench.account.befriend("Carol")
    async with bench.running():
        with bench.account.app.client() as window:
            await window.events.attend("Bob")
            bench.bob.write("You see this")
            carol.write("and not this")
            await bench.settle()
            await window.events.attend(None)
            bench.bob.write("You do not see this")
            await bench.settle()
            await window.events.attend("Bob")
        bench.bob.write("The window is closed")
    assert [title for title, _ in bench.said] == ["Carol", "Bob", "Bob"]


async def test_what_was_read_elsewhere_or_we_wrote_is_not_shown(bench: Bench) -> None:
    async with bench.running():
        await bench.account.app.conversations.mark_read("Bob", bench.bob.write("seen").id)
        await bench.account.app.messages.send("Bob", "ours")
        await bench.account.app.messages.send("me", "a note")
    assert bench.said == []


@pytest.mark.parametrize(
    ("hours", "hour", "quiet"),
    [
        ("", 3, False), ("22:00-07:00", 3, True), ("22:00-07:00", 22, True), ("22:00-07:00", 7, False),
        ("22:00-07:00", 12, False), ("12:00-13:00", 12, True), ("12:00-13:00", 13, False), ("12:45-12:15", 12, False),
        ("12:30-12:30", 12, False),
    ],
)  # fmt: skip
async def test_quiet_hours_are_quiet_over_midnight_too(bench: Bench, hours: str, hour: int, quiet: bool) -> None:
    bench.hour = hour
    async with bench.running():
        await bench.set("quiet_hours", hours)
        bench.bob.write("Are you awake?")
        await bench.settle()
        bench.hour = 10
    assert bench.said == ([] if quiet else [("Bob", "1 new message")])


@pytest.mark.parametrize("hours", ["22-7", "24:00-07:00", "22:00-07:60", "22:00", "night"])
def test_what_are_no_hours_is_refused(hours: str) -> None:
    with pytest.raises(ValueError, match="these are no hours"):
        NotifySettings(quiet_hours=hours)


async def test_names_and_texts_are_harmless(bench: Bench) -> None:
    await bench.account.app.contacts.rename("Bob", "Bob & <b>Rob</b>")
    async with bench.running():
        await bench.set("show", "all")
        bench.bob.write("<a href='http://x'>\u202egnp.exe\x1b[31m\nsecond & line\u200b" + "x" * 5000)
    ((title, body),) = bench.said
    assert title == "Bob & <b>Rob</b>"
    assert body.startswith("‹a href='http://x'›‹U+202E›gnp.exe␛[31m second ＆ linexxx")
    assert len(body) < 260


# -- restarts


async def test_what_was_shown_is_not_shown_again_after_a_restart(bench: Bench) -> None:
    async with bench.running():
        bench.bob.write("one")
    async with bench.running():
        pass
    assert len(bench.said) == 1
    async with bench.running():
        bench.bob.write("two")
    assert len(bench.said) == 2


async def test_what_is_long_past_is_not_shown(bench: Bench) -> None:
    bench.bob.write("while nothing ran")
    bench.account.world.pass_time(3600)
    async with bench.running():
        pass
    assert bench.said == []


async def test_it_goes_on_where_events_are_no_longer_kept(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    async with bench.running():
        bench.bob.write("one")
    events, follow = bench.account.app.events, bench.account.app.events.follow

    async def too_old(after: int | None = None, subscriber: str | None = None) -> AsyncIterator[Event]:
        monkeypatch.setattr(events, "follow", follow)
        raise CursorTooOld(cursor=1, oldest=2)
        yield

    monkeypatch.setattr(events, "follow", too_old)
    bench.bob.write("meanwhile")
    async with bench.running():
        bench.bob.write("two")
    assert len(bench.said) == 2


# -- no desktop


async def test_where_there_is_no_desktop_it_says_so_and_keeps_quiet(bench: Bench) -> None:
    bench.desktop.absent = NO_DESKTOP
    async with bench.running():
        for _ in range(10):
            bench.bob.write("Are you there?")
            await anyio.sleep(10)
        assert bench.states[-1] == ServiceState(phase=Phase.STOPPED, reason=bench.desktop.absent)
        assert bench.states[-1].code == "notify.no-desktop"
        assert bench.desktop.opened < 5
        bench.desktop.absent = None
        await anyio.sleep(AGAIN)
        bench.bob.write("Now?")
        await bench.settle()
        assert bench.states[-1] == ONLINE
    assert bench.said == [("Bob", "1 new message")]


async def test_a_desktop_that_goes_is_looked_for_again(bench: Bench) -> None:
    async with bench.running():
        bench.desktop.deaf = True
        bench.bob.write("one")
        await bench.settle()
        assert bench.states[-1].phase is Phase.STOPPED
        bench.desktop.deaf = False
        await anyio.sleep(AGAIN)
        bench.bob.write("two")
        await bench.settle()
        assert bench.states[-1] == ONLINE
    assert len(bench.said) == 1


async def test_somebody_who_was_removed_meanwhile_is_not_shown(bench: Bench) -> None:
    async with bench.running():
        bench.bob.write("bye")
        await bench.account.app.contacts.remove("Bob")
    assert bench.said == []
