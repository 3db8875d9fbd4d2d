"""What happens to an account while a front end runs: everything that its events tell of."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Final

import anyio
import pytest

from balchat_host.api.events import AccountRestored, ContactAlarm, Event, FileChanged
from balchat_host.api.frontend import MYSELF
from balchat_host.api.types import ONLINE, Phase, ServiceState
from balchat_host.api.views import AlarmKind
from balchat_host.core.messages import expiry
from balchat_host.testing.audit import confide
from balchat_host.testing.front_end_kit.bench import FrontEndBench, FrontEndKitBase, served
from balchat_host.testing.front_end_kit.held_app import StrangeApp
from balchat_host.testing.front_end_kit.people import BOB, CAROL, DAVE, PRIVATE, account_with, stranger_of
from balchat_host.testing.memory_account import MemoryAccount

FILE: Final = "a file of which nobody may read.txt"
ELSE: Final = "something else"
THUMBS_UP: Final = "\N{THUMBS UP SIGN}"
DAY: Final = 24 * 3600


def rare(event: Event) -> Sequence[Event]:
    """Return what is told of before a file changes: what a test cannot bring about."""
    if not isinstance(event, FileChanged):
        return ()
    cursor, at = event.cursor, event.at
    alarms = [
        ContactAlarm(cursor=cursor, at=at, name=BOB, peer_id="0" * 64, conversation="0" * 32, kind=kind)
        for kind in AlarmKind
    ]
    return [*alarms, AccountRestored(cursor=cursor, at=at, copied_at=at, contacts=1)]


async def kept(account: MemoryAccount, *, decides: bool) -> Mapping[str, object]:
    """Return what an account keeps and a front end must not change by itself."""
    app = account.app
    contacts = [(each.name, each.verified, each.blocked) for each in await app.contacts.list()]
    return {
        "contacts": None if decides else contacts,
        "requests": None if decides else await app.requests.list(),
        "conversations": {
            each.id: (each.draft, each.muted, each.archived, each.expire_after, each.fetch_up_to)
            for each in await app.conversations.list()
        },
        "notes": await app.messages.history(MYSELF),
        "files": [(each.id, each.state) for each in await app.files.list()],
        "settings": [(each.key, each.value) for each in await app.settings.list()],
        "relays": await app.relays.list(),
    }


@pytest.mark.anyio
class HappeningTests(FrontEndKitBase):
    """What happens to an account while a front end runs."""

    async def test_it_bears_everything_else_that_happens(self, bench: FrontEndBench) -> None:
        self.needs_reactions(bench)
        account, (bob, carol) = account_with(BOB, CAROL)
        app = account.app
        confide("a file's name", FILE.encode())
        async with served(bench, account):
            account.set_network(ServiceState(phase=Phase.DEGRADED, reason="the network is away"))
            stranger_of(account).ask(PRIVATE)
            bob.come_online()
            bob.lose("one that never comes")
            bob.write("two")
            bob.write_content("application/octet-stream", bytes(100))
            file = bob.offer(FILE, b"of which nobody may read")
            bob.read()
            bob.go_offline()
            await app.conversations.draft(bob.contact.conversation, PRIVATE)
            await app.contacts.remove(CAROL)
            for peer in await app.requests.list():
                await app.requests.reject(peer.peer_id)
            assert carol.heard == []
            await anyio.wait_all_tasks_blocked()
            bob.write(bench.prompt)
            await self.reacts(bench, account, bob)
            assert (await app.conversations.get(bob.contact.conversation)).draft == PRIVATE
            assert (await app.files.get(file.id)).state == file.state, "it has taken a file that nobody wanted"

    async def test_it_bears_whatever_becomes_of_messages_and_files(self, bench: FrontEndBench) -> None:
        self.needs_reactions(bench)
        account, (bob,) = account_with(BOB)
        app, conversation = account.app, bob.contact.conversation
        async with served(bench, account, StrangeApp(app, others=rare)) as host:
            await anyio.wait_all_tasks_blocked()
            written = bob.write(PRIVATE).id
            for change in (partial(bob.edit, text=ELSE), partial(bob.react, emoji=THUMBS_UP), bob.delete):
                change(written)
                await anyio.wait_all_tasks_blocked()
            forgotten = bob.write(PRIVATE).id
            await app.messages.delete(forgotten, for_me=True)
            bob.write(ELSE, forgotten)
            await anyio.wait_all_tasks_blocked()
            await app.conversations.set_timer(conversation, DAY)
            expiring = bob.write(PRIVATE)
            await app.conversations.mark_read(conversation, expiring.id)
            await app.conversations.mark_unread(conversation)
            account.pass_time(2 * DAY)
            account.change(lambda unit: expiry.check(unit, up=2 * DAY * 1000))
            file = bob.offer(FILE, b"of which nobody may read")
            await app.files.fetch(file.id)
            bob.hand_over(file.id)
            await app.files.remove(file.id)
            await app.messages.delete(bob.write(PRIVATE).id, for_me=True)
            ours = await app.messages.send(conversation, PRIVATE)
            await app.messages.edit(ours.id, ELSE)
            await app.messages.delete(ours.id)
            await app.contacts.rename(BOB, DAVE)
            await app.contacts.rename(DAVE, BOB)
            await app.conversations.mute(conversation)
            await app.conversations.archive(conversation)
            account.set_network(ONLINE)
            await anyio.wait_all_tasks_blocked()
            assert host.ends == []
            before = bench.reactions(account, bob)
            bob.write(bench.prompt)
            await self.reacts(bench, account, bob, before + 1)

    async def test_it_changes_nothing_by_itself(self, bench: FrontEndBench) -> None:
        account, (bob, carol) = account_with(BOB, CAROL)
        bob.offer(FILE, b"of which nobody may read")
        stranger_of(account).ask(PRIVATE)
        await account.app.conversations.archive(carol.contact.conversation)
        before = await kept(account, decides=bench.capabilities.decides)
        async with served(bench, account):
            # Another one may ask it for something else, for all that is known.
            bob.write(bench.prompt if bench.capabilities.answers else PRIVATE)
            await anyio.wait_all_tasks_blocked()
        after = await kept(account, decides=bench.capabilities.decides)
        assert {what: it for what, it in after.items() if it != before[what]} == {}, (
            "it has changed what is not its own"
        )
        await account.app.account.verify_passphrase(account.passphrase)
