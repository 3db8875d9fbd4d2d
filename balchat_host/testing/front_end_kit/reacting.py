"""What a front end does about messages."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import anyio
import pytest

from balchat_host.api.events import Event, MessageAdded
from balchat_host.api.frontend import MYSELF
from balchat_host.testing.front_end_kit.bench import FrontEndBench, FrontEndKitBase, needs, served
from balchat_host.testing.front_end_kit.held_app import HeldApp, StrangeApp
from balchat_host.testing.front_end_kit.people import BOB, CAROL, DAVE, PRIVATE, account_with

MANY: Final = 12
BURST: Final = 300
MOST_HELD: Final = 2000
"""Events that a front end may have read and not dealt with."""


def _copies(event: Event, text: str, count: int) -> Sequence[Event]:
    """Return as many events as if somebody had written a text so often, where they have written it once."""
    if not isinstance(event, MessageAdded) or event.message.author is None or event.message.text != text:
        return ()
    return [replace(event, message=replace(event.message, id=f"{number:064x}")) for number in range(count)]


@pytest.mark.anyio
class ReactingTests(FrontEndKitBase):
    """What a front end does about messages."""

    async def test_it_reacts_to_a_message_once(self, bench: FrontEndBench) -> None:
        self.needs_reactions(bench)
        account, (bob, carol) = account_with(BOB, CAROL)
        async with served(bench, account):
            bob.write(PRIVATE)
            bob.write(bench.prompt)
            await self.reacts(bench, account, bob)
        async with served(bench, account):
            await anyio.wait_all_tasks_blocked()
            await self.reacts(bench, account, bob)
            assert bench.reactions(account, carol) == 0
        assert [message.text for message in bob.conversation][:2] == [PRIVATE, bench.prompt]
        assert await account.app.messages.history(MYSELF) == [], "it has written where nobody asked it"

    async def test_it_reacts_no_more_when_a_message_changes(self, bench: FrontEndBench) -> None:
        self.needs_reactions(bench)
        account, (bob,) = account_with(BOB)
        async with served(bench, account):
            bob.write(bench.prompt)
            await self.reacts(bench, account, bob)
            await account.app.messages.react(bob.conversation[0].id, "\N{THUMBS UP SIGN}")
            await anyio.wait_all_tasks_blocked()
            await self.reacts(bench, account, bob)
            for text in (PRIVATE, bench.prompt):
                bob.edit(bob.conversation[0].id, text)
                await anyio.wait_all_tasks_blocked()
            await self.reacts(bench, account, bob)

    async def test_it_reacts_to_each_of_many(self, bench: FrontEndBench) -> None:
        self.needs_reactions(bench)
        account, (bob, carol) = account_with(BOB, CAROL)
        async with served(bench, account):
            for _ in range(MANY):
                bob.write(bench.prompt)
                carol.write(bench.prompt)
            await self.reacts(bench, account, bob, MANY)
            await self.reacts(bench, account, carol, MANY)
        for peer in (bob, carol):
            prompts = [message.id for message in peer.conversation if message.author is not None]
            answered = [message.in_reply_to for message in peer.conversation if message.in_reply_to is not None]
            assert answered == [prompt for prompt in prompts if prompt in answered], "it answers in another order"

    async def test_it_reacts_to_whoever_became_a_contact_while_it_runs(self, bench: FrontEndBench) -> None:
        self.needs_reactions(bench)
        account, _ = account_with()
        async with served(bench, account):
            await anyio.wait_all_tasks_blocked()
            dave = account.befriend(DAVE)
            dave.write(bench.prompt)
            await self.reacts(bench, account, dave)

    async def test_it_does_not_react_to_what_we_write(self, bench: FrontEndBench) -> None:
        self.needs_reactions(bench)
        account, (bob, carol) = account_with(BOB, CAROL)
        async with served(bench, account):
            await account.app.messages.send(carol.contact.conversation, bench.prompt)
            await account.app.messages.send(MYSELF, bench.prompt)
            bob.write(bench.prompt)
            await self.reacts(bench, account, bob)
        carol.receive()
        assert carol.heard == [bench.prompt]
        assert [message.text for message in await account.app.messages.history(MYSELF)] == [bench.prompt]

    async def test_it_reacts_to_what_came_while_it_was_away(self, bench: FrontEndBench) -> None:
        self.needs_reactions(bench)
        needs("remembers", kept=bench.capabilities.remembers)
        account, (bob,) = account_with(BOB)
        async with served(bench, account):
            pass
        bob.write(bench.prompt)
        for _ in range(2):
            async with served(bench, account):
                await self.reacts(bench, account, bob)

    @pytest.mark.parametrize("done", [0, 1])
    async def test_what_it_was_killed_at_is_dealt_with_again(self, bench: FrontEndBench, done: int) -> None:
        self.needs_reactions(bench)
        needs("remembers", kept=bench.capabilities.remembers)
        needs("answers", kept=bench.capabilities.answers)
        account, (bob,) = account_with(BOB)
        held = HeldApp(account.app, passes=done)
        for _ in range(done + 2):
            bob.write(bench.prompt)
        bob.write(PRIVATE)
        async with served(bench, account, held):
            await held.reached.until(bool)
            await anyio.wait_all_tasks_blocked()
            held.kill()
        async with served(bench, account):
            await self.reacts(bench, account, bob, done + 2)

    async def test_what_waits_for_one_person_is_not_passed_over_by_another(self, bench: FrontEndBench) -> None:
        """A cursor says that everything up to it was dealt with, whoever it came from."""
        self.needs_reactions(bench)
        needs("remembers", kept=bench.capabilities.remembers)
        needs("answers", kept=bench.capabilities.answers)
        account, (bob, carol) = account_with(BOB, CAROL)
        held = HeldApp(account.app, only=bob.contact.conversation)
        bob.write(bench.prompt)
        carol.write(bench.prompt)
        async with served(bench, account, held):
            await held.reached.until(bool)
            await anyio.wait_all_tasks_blocked()
            held.kill()
        async with served(bench, account):
            await self.reacts(bench, account, bob)

    async def test_it_loses_nothing_while_it_is_busy(self, bench: FrontEndBench) -> None:
        self.needs_reactions(bench)
        needs("answers", kept=bench.capabilities.answers)
        account, (bob,) = account_with(BOB)
        held = HeldApp(account.app)
        strange = StrangeApp(held, others=lambda event: _copies(event, PRIVATE, BURST))
        async with served(bench, account, strange):
            for text in (bench.prompt, bench.prompt, PRIVATE, bench.prompt, bench.prompt):
                bob.write(text)
            await held.reached.until(bool)
            await anyio.wait_all_tasks_blocked()
            held.release()
            await self.reacts(bench, account, bob, 4)

    async def test_it_takes_no_more_than_it_can_hold(self, bench: FrontEndBench) -> None:
        self.needs_reactions(bench)
        needs("answers", kept=bench.capabilities.answers)
        account, (bob,) = account_with(BOB)
        held = HeldApp(account.app)
        strange = StrangeApp(held, others=lambda event: _copies(event, bench.prompt, 2 * MOST_HELD))
        async with served(bench, account, strange):
            bob.write(bench.prompt)
            await held.reached.until(bool)
            await anyio.wait_all_tasks_blocked()
            assert strange.given < MOST_HELD, "it reads on without end while it can deal with nothing"
