"""What a front end does about messages."""

import anyio
import pytest

from balchat_host.testing.front_end_kit.bench import FrontEndBench, FrontEndKitBase, needs, served
from balchat_host.testing.front_end_kit.held_app import HeldApp
from balchat_host.testing.front_end_kit.people import BOB, CAROL, DAVE, PRIVATE, account_with

MANY = 20


@pytest.mark.anyio
class ReactingTests(FrontEndKitBase):
    """What a front end does about messages."""

    async def test_it_reacts_to_a_message_once(self, bench: FrontEndBench) -> None:
        self._needs_reactions(bench)
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

    async def test_it_reacts_no_more_when_a_message_changes(self, bench: FrontEndBench) -> None:
        self._needs_reactions(bench)
        account, (bob,) = account_with(BOB)
        async with served(bench, account):
            bob.write(bench.prompt)
            await self.reacts(bench, account, bob)
            await account.app.messages.react(bob.conversation[0].id, "\N{THUMBS UP SIGN}")
            await anyio.wait_all_tasks_blocked()
            await self.reacts(bench, account, bob)

    async def test_it_reacts_to_each_of_many(self, bench: FrontEndBench) -> None:
        self._needs_reactions(bench)
        account, (bob, carol) = account_with(BOB, CAROL)
        async with served(bench, account):
            for _ in range(MANY):
                bob.write(bench.prompt)
                carol.write(bench.prompt)
            await self.reacts(bench, account, bob, MANY)
            await self.reacts(bench, account, carol, MANY)

    async def test_it_reacts_to_whoever_became_a_contact_while_it_runs(self, bench: FrontEndBench) -> None:
        self._needs_reactions(bench)
        account, _ = account_with()
        async with served(bench, account):
            await anyio.wait_all_tasks_blocked()
            dave = account.befriend(DAVE)
            dave.write(bench.prompt)
            await self.reacts(bench, account, dave)

    async def test_it_does_not_react_to_what_we_write(self, bench: FrontEndBench) -> None:
        self._needs_reactions(bench)
        account, (bob, carol) = account_with(BOB, CAROL)
        async with served(bench, account):
            await account.app.messages.send(carol.contact.conversation, bench.prompt)
            bob.write(bench.prompt)
            await self.reacts(bench, account, bob)
        carol.receive()
        assert carol.heard == [bench.prompt]

    async def test_it_reacts_to_what_came_while_it_was_away(self, bench: FrontEndBench) -> None:
        self._needs_reactions(bench)
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
        self._needs_reactions(bench)
        needs("remembers", kept=bench.capabilities.remembers)
        needs("answers", kept=bench.capabilities.answers)
        account, (bob,) = account_with(BOB)
        held = HeldApp(account.app, passes=done)
        for _ in range(done + 2):
            bob.write(bench.prompt)
        async with served(bench, account, held):
            await held.reached.until(bool)
        async with served(bench, account):
            await self.reacts(bench, account, bob, done + 2)

    @staticmethod
    def _needs_reactions(bench: FrontEndBench) -> None:
        needs("reacts", kept=bench.capabilities.reacts)
