"""What is true only for the moment: which conversations front ends show."""

import anyio
import pytest

from balchat_host.api.ephemeral import ConversationAttended, PresentState
from balchat_host.api.errors import NoSuchConversation
from balchat_host.api.frontend import MYSELF, App
from balchat_host.testing.app_kit.accounts import AppKitBase, TestedAccount, nobody
from balchat_host.testing.waiting import PATIENCE, closing


@pytest.mark.anyio
class EphemeralTests(AppKitBase):
    """What is true only for the moment: which conversations front ends show."""

    async def test_nothing_is_attended_at_first(self, app: App) -> None:
        assert not await app.events.attended()
        async with closing(app.events.ephemeral()) as changes:
            with anyio.fail_after(PATIENCE):
                assert await anext(changes) == PresentState(reachable=(), failing=(), attended=())

    async def test_the_last_one_that_was_said_is_attended(self, app: App) -> None:
        bob = (await app.contacts.add(nobody().onion, "Bob")).conversation
        ourselves = (await app.conversations.get(MYSELF)).id
        for which, attended in ((bob, [bob]), (MYSELF, [ourselves]), (None, []), ("Bob", [bob])):
            await app.events.attend(which)
            assert list(await app.events.attended()) == attended
        with pytest.raises(NoSuchConversation):
            await app.events.attend("Zoe")
        assert list(await app.events.attended()) == [bob]

    async def test_whoever_follows_learns_what_is_attended(self, app: App) -> None:
        ourselves = (await app.conversations.get(MYSELF)).id
        async with closing(app.events.ephemeral()) as changes:
            with anyio.fail_after(PATIENCE):
                assert isinstance(await anext(changes), PresentState)
            for which in (MYSELF, None):
                await app.events.attend(which)
                with anyio.fail_after(PATIENCE):
                    heard = await anext(changes)
                assert heard == ConversationAttended(conversation=ourselves, attended=which is not None)
            await app.events.attend(MYSELF)
        async with closing(app.events.ephemeral()) as changes:
            with anyio.fail_after(PATIENCE):
                assert await anext(changes) == PresentState(reachable=(), failing=(), attended=(ourselves,))

    async def test_what_is_attended_is_no_event(self, app: App) -> None:
        cursor = await app.events.cursor()
        await app.events.attend(MYSELF)
        await app.events.attend(None)
        assert await app.events.cursor() == cursor

    async def test_what_a_client_attends_ends_with_it(self, alice: TestedAccount, app: App) -> None:
        with app.client() as client:
            await client.events.attend(MYSELF)
            assert len(await client.events.attended()) == len(await app.events.attended()) == 1
            if alice.one_client:
                await client.events.attend(None)
        assert not await app.events.attended()

    async def test_each_client_attends_a_conversation_of_its_own(self, alice: TestedAccount, app: App) -> None:
        if alice.one_client:
            pytest.skip("across a connection there is one client only")
        bob = (await app.contacts.add(nobody().onion, "Bob")).conversation
        ourselves = (await app.conversations.get(MYSELF)).id
        with app.client() as one:
            await one.events.attend(MYSELF)
            with app.client() as another:
                await another.events.attend("Bob")
                assert set(await app.events.attended()) == {ourselves, bob}
            assert list(await one.events.attended()) == [ourselves]
