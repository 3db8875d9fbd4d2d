"""What a front end survives."""

from dataclasses import dataclass, replace
from typing import ClassVar, Final

import anyio
import pytest

from balchat_host.api.ephemeral import Ephemeral, ephemeral_types
from balchat_host.api.errors import BalchatError, ConnectionLost, ContactBlocked, NoSuchMessage, StorageFull
from balchat_host.api.events import Event, MessageAdded, event_types
from balchat_host.api.frontend import MAX_TEXT_SIZE
from balchat_host.testing.front_end_kit.bench import FrontEndBench, FrontEndKitBase, needs, served
from balchat_host.testing.front_end_kit.held_app import HeldApp, StrangeApp
from balchat_host.testing.front_end_kit.people import BOB, CAROL, DAVE, PRIVATE, account_with
from balchat_host.testing.waiting import VIRTUAL_TIME

HOSTILE: Final = (
    "\N{RIGHT-TO-LEFT OVERRIDE}gnp.exe",
    "\x1b]0;a title\x07\x1b[2J",
    "{0} %s %(name)s ${HOME} {event.message}",
    "<script>alert(1)</script> [b](javascript:c) `d`",
    "\N{PILE OF POO}" * 500,
    "/quit",
    "/",
    "it's",
    "(\\",
    "http://[",
    "\N{SUPERSCRIPT TWO}",
    "9" * 5000,
    "a" * MAX_TEXT_SIZE,
)
"""Texts that are harmless where nobody takes them for more than a text."""
HOSTILE_NAMES: Final = ("../../{0} %(name)s <b>", "-rf \N{HEBREW LETTER ALEF}")
YEAR: Final = 365 * 24 * 3600
MINUTES: Final = 600
MOST_TRIED: Final = 200
"""Calls of the App within ten minutes, several for each try."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SomethingNew(Event):
    """An event that came with a later version."""

    type: ClassVar[str] = "something.new"

    novelty: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SomethingElseNew(Ephemeral):
    """What is true for the moment, and came with a later version."""

    type: ClassVar[str] = "something.else-new"

    novelty: str


event_types.pop(SomethingNew.type)  # nobody else is to know it
ephemeral_types.pop(SomethingElseNew.type)


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageAddedSince(MessageAdded):
    """A kind of event that is known, with a field more."""

    novelty: str


event_types[MessageAdded.type] = MessageAdded


@pytest.mark.anyio
class TroubleTests(FrontEndKitBase):
    """What a front end survives."""

    async def test_it_survives_senders_who_are_blocked_or_removed(self, bench: FrontEndBench) -> None:
        self.needs_reactions(bench)
        needs("remembers", kept=bench.capabilities.remembers)
        account, (bob, carol, dave) = account_with(BOB, CAROL, DAVE)
        async with served(bench, account):
            pass
        for peer in (bob, carol, dave):
            peer.write(bench.prompt)
        await account.app.contacts.block(BOB)
        await account.app.contacts.remove(CAROL)
        async with served(bench, account):
            await self.reacts(bench, account, dave)
            assert not [each for each in bob.conversation if each.author is None], "it writes to who is blocked"
            await account.app.contacts.block(DAVE)
            await account.app.contacts.unblock(DAVE)
            dave.write(bench.prompt)
            await self.reacts(bench, account, dave, 2)

    async def test_it_survives_senders_who_go_while_it_works(self, bench: FrontEndBench) -> None:
        self.needs_reactions(bench)
        account, (bob, carol, dave) = account_with(BOB, CAROL, DAVE)
        contacts = account.app.contacts
        gone = {bob.contact.conversation: contacts.block, carol.contact.conversation: contacts.remove}
        names = {bob.contact.conversation: BOB, carol.contact.conversation: CAROL}

        async def meanwhile(event: Event) -> None:
            conversation = event.message.conversation if isinstance(event, MessageAdded) else ""
            if conversation in gone:
                await gone.pop(conversation)(names[conversation])

        async with served(bench, account, StrangeApp(account.app, meanwhile=meanwhile)) as host:
            for peer in (bob, carol, dave):
                peer.write(bench.prompt)
                await anyio.wait_all_tasks_blocked()
            await self.reacts(bench, account, dave)
            assert host.ends == []

    async def test_it_goes_on_when_events_are_gone(self, bench: FrontEndBench) -> None:
        self.needs_reactions(bench)
        account, (bob,) = account_with(BOB)
        async with served(bench, account):
            bob.write(bench.prompt)
            await self.reacts(bench, account, bob)
        bob.write(PRIVATE)
        account.pass_time(YEAR)
        async with served(bench, account):
            await anyio.wait_all_tasks_blocked()
            await self.reacts(bench, account, bob)  # what is in the history was dealt with
            bob.write(bench.prompt)
            await self.reacts(bench, account, bob, 2)

    async def test_it_passes_over_events_and_fields_that_it_does_not_know(self, bench: FrontEndBench) -> None:
        self.needs_reactions(bench)
        account, (bob,) = account_with(BOB)

        def others(event: Event) -> list[Event]:
            new: list[Event] = [SomethingNew(cursor=event.cursor, at=event.at, novelty="a year later")]
            if isinstance(event, MessageAdded):
                quiet = replace(event.message, text=None, content_type="application/x-new")
                new.append(MessageAddedSince(cursor=event.cursor, at=event.at, message=quiet, novelty="a field more"))
            return new

        moments = [SomethingElseNew(novelty="a year later")]
        async with served(bench, account, StrangeApp(account.app, others=others, moments=moments)):
            bob.write_content("image/png", b"no text at all")
            bob.write(bench.prompt)
            await self.reacts(bench, account, bob)

    @pytest.mark.parametrize(
        "error",
        [StorageFull(), ContactBlocked(name=BOB), NoSuchMessage(id="gone"), RuntimeError("nobody foresaw this")],
        ids=["full", "blocked", "gone", "unforeseen"],
    )
    async def test_an_error_of_the_app_ends_nothing_but_itself(self, bench: FrontEndBench, error: Exception) -> None:
        self.needs_reactions(bench)
        needs("answers", kept=bench.capabilities.answers)
        account, (bob, carol) = account_with(BOB, CAROL)
        async with served(bench, account) as host:
            account.fail_next("messages.send", error)
            bob.write(bench.prompt)
            await anyio.wait_all_tasks_blocked()
            carol.write(bench.prompt)
            await self.reacts(bench, account, carol)
            assert len(host.ends) <= (0 if isinstance(error, ContactBlocked | NoSuchMessage) else 1)
            if bench.capabilities.remembers and isinstance(error, StorageFull):
                await self.reacts(bench, account, bob)  # what could not be done for now is done later

    @pytest.mark.parametrize("anyio_backend", [VIRTUAL_TIME], ids=["in virtual time"])
    @pytest.mark.parametrize("error", [StorageFull(), ContactBlocked(name=BOB)], ids=["full", "blocked"])
    async def test_what_is_refused_again_and_again_is_not_tried_without_a_pause(
        self, bench: FrontEndBench, error: BalchatError
    ) -> None:
        self.needs_reactions(bench)
        needs("answers", kept=bench.capabilities.answers)
        needs("trio", kept=bench.capabilities.trio)
        account, (bob,) = account_with(BOB)
        held = HeldApp(account.app)
        held.refuse(error)
        async with served(bench, account, held, once=True) as host:
            bob.write(bench.prompt)
            await anyio.sleep(MINUTES)
            asked = host.watched.calls
            assert asked <= MOST_TRIED, f"it has asked {asked} times within ten minutes for what was refused"

    async def test_it_goes_on_after_a_lost_connection(self, bench: FrontEndBench) -> None:
        self.needs_reactions(bench)
        account, (bob,) = account_with(BOB)
        strange = StrangeApp(account.app)
        async with served(bench, account, strange):
            bob.write(bench.prompt)
            await self.reacts(bench, account, bob)
            strange.break_at_the_next(ConnectionLost())
            bob.write(bench.prompt if bench.capabilities.remembers else PRIVATE)
            await anyio.wait_all_tasks_blocked()
            bob.write(bench.prompt)
            await self.reacts(bench, account, bob, 3 if bench.capabilities.remembers else 2)

    async def test_it_survives_whatever_people_write(self, bench: FrontEndBench) -> None:
        self.needs_reactions(bench)
        account, (bob,) = account_with(BOB)
        async with served(bench, account) as host:
            for text in HOSTILE:
                bob.write(text)
                await anyio.wait_all_tasks_blocked()
            for name in HOSTILE_NAMES:
                account.befriend(name).write(PRIVATE)
                await anyio.wait_all_tasks_blocked()
            assert host.ends == []
            bob.write(bench.prompt)
            await self.reacts(bench, account, bob)
