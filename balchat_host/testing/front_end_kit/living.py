"""How a front end starts, serves and ends."""

from typing import Final

import anyio
import pytest

from balchat_host.testing.front_end_kit.bench import FrontEndBench, FrontEndKitBase, needs, served, until
from balchat_host.testing.front_end_kit.held_app import HeldApp
from balchat_host.testing.front_end_kit.people import BOB, CAROL, PRIVATE, account_with, stranger_of
from balchat_host.testing.waiting import VIRTUAL_TIME

HOUR: Final = 3600
A_MINUTE: Final = 60
"""As many calls as an hour has minutes: what is looked at now and then is no polling."""


@pytest.mark.anyio
class LivingTests(FrontEndKitBase):
    """How a front end starts, serves and ends."""

    async def test_it_starts_and_serves_until_it_is_cancelled(self, bench: FrontEndBench) -> None:
        account, (bob,) = account_with(BOB)
        async with served(bench, account) as host:
            bob.write(PRIVATE)
            await anyio.wait_all_tasks_blocked()
            assert host.ends == []

    async def test_it_ends_while_it_works(self, bench: FrontEndBench) -> None:
        account, (bob,) = account_with(BOB)
        held = HeldApp(account.app)
        async with served(bench, account, held):
            for _ in range(3):
                bob.write(bench.prompt)
            if bench.capabilities.reacts and bench.capabilities.answers:
                await held.reached.until(bool)
        async with served(bench, account):
            if bench.capabilities.reacts and bench.capabilities.remembers:
                await self.reacts(bench, account, bob, 3)

    async def test_it_starts_without_a_network_and_without_contacts(self, bench: FrontEndBench) -> None:
        account, _ = account_with()
        async with served(bench, account) as host:
            stranger = stranger_of(account)
            stranger.ask(PRIVATE)
            await anyio.wait_all_tasks_blocked()
            assert host.ends == []
        if not bench.capabilities.decides:
            waiting = [request.peer_id for request in await account.app.requests.list()]
            assert waiting == [stranger.peer_id], "it has decided about a request by itself"

    async def test_several_starts_leave_nothing_behind(self, bench: FrontEndBench) -> None:
        account, (bob,) = account_with(BOB)
        for _ in range(3):
            async with served(bench, account) as host:
                bob.write(PRIVATE)
            assert host.ends == []

    @pytest.mark.parametrize("anyio_backend", [VIRTUAL_TIME], ids=["in virtual time"])
    async def test_it_waits_for_what_happens_and_does_not_ask_for_it(self, bench: FrontEndBench) -> None:
        needs("trio", kept=bench.capabilities.trio)
        account, (bob,) = account_with(BOB)
        async with served(bench, account) as host:
            bob.write(PRIVATE)
            await anyio.wait_all_tasks_blocked()
            before = host.watched.calls
            await anyio.sleep(HOUR)
            asked = host.watched.calls - before
            assert asked <= A_MINUTE, f"nothing happened for an hour, in which it asked {asked} times"

    async def test_it_attends_what_it_shows_while_it_runs(self, bench: FrontEndBench) -> None:
        needs("attends", kept=bench.capabilities.attends)
        account, (bob, carol) = account_with(BOB, CAROL)
        async with served(bench, account):
            for peer in (bob, carol):
                peer.write(bench.prompt)
                await self.reacts(bench, account, peer)
                assert list(await account.app.events.attended()) == [peer.contact.conversation]
            bob.write(PRIVATE)
            await anyio.wait_all_tasks_blocked()
            assert PRIVATE in [message.text for message in bob.conversation]
            assert bob.contact.unread > 0, "it has marked as read what it does not show"
        assert list(await account.app.events.attended()) == []

    async def test_it_marks_nothing_as_read_that_nobody_has_seen(self, bench: FrontEndBench) -> None:
        needs("attends=False", kept=not bench.capabilities.attends)
        account, (bob,) = account_with(BOB)
        async with served(bench, account):
            bob.write(PRIVATE)
            await until(lambda: bob.contact.unread > 0, "the message")
            if bench.capabilities.answers:
                bob.write(bench.prompt)
                await until(lambda: bob.contact.unread > 1, "the prompt")
                await anyio.wait_all_tasks_blocked()
        assert bob.contact.unread == 1 + bench.capabilities.answers
