"""What is true only for the moment: which conversations front ends show."""

import anyio
import pytest

from balchat_host.api.ephemeral import ConversationAttended, PresentState
from balchat_host.api.errors import NoSuchConversation
from balchat_host.api.frontend import MYSELF, App
from balchat_host.testing.app_kit.accounts import AppKitBase, nobody
from balchat_host.testing.waiting import PATIENCE, closing


@pytest.mark.anyio
class EphemeralTests(AppKitBase):
    """What is true only for the moment: which conversations front ends show."""

    async def test_nothing_is_attended_at_first(self, app: App) -> None:
        assert not await app.events.attended()
        async with closing(app.events.ephemeral()) as changes:
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
            await anext(changes)
            for which in (MYSELF, None):
                await app.events.attend(which)
                with anyio.fail_after(PATIENCE):
                    heard = await anext(changes)
                assert heard == ConversationAttended(conversation=ourselves, attended=which is not None)
            await app.events.attend(MYSELF)
        async with closing(app.events.ephemeral()) as changes:
            assert await anext(changes) == PresentState(reachable=(), failing=(), attended=(ourselves,))

    async def test_what_is_attended_is_no_event(self, app: App) -> None:
        cursor = await app.events.cursor()
        await app.events.attend(MYSELF)
        await app.events.attend(None)
        assert await app.events.cursor() == cursor

    async def test_what_a_client_attends_ends_with_it(self, app: App) -> None:
        with app.client() as client:
            await client.events.attend(MYSELF)
            assert len(await client.events.attended()) == 1
            await client.events.attend(None)
        assert not await app.events.attended()
