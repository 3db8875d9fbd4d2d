"""Conversations in the vault."""

from collections.abc import Callable, Sequence

from balchat_host.api.frontend import Conversations
from balchat_host.api.views import ConversationView
from balchat_host.core import conversations
from balchat_host.core.messages import changing, reading
from balchat_host.core.unit_of_work import UnitOfWork
from balchat_host.core.views import conversation_view, conversation_views
from balchat_host.runtime.live_status import LiveStatus
from balchat_host.runtime.local_app.area import LocalArea
from balchat_host.runtime.unit_of_work_runner import UnitOfWorkRunner


class LocalConversations(LocalArea, Conversations):
    """What is shown and written in."""

    def __init__(self, runner: UnitOfWorkRunner, live_status: LiveStatus) -> None:
        self._runner = runner
        self._live_status = live_status

    async def list(self) -> Sequence[ConversationView]:
        now = self._runner.clock()
        views = await self._runner.read(lambda tx: conversation_views(tx, now=now))
        return [self._live_status.presence.complete_conversation(view) for view in views]

    async def get(self, conversation: str) -> ConversationView:
        now = self._runner.clock()
        view = await self._runner.read(lambda tx: conversation_view(tx, conversations.find(tx, conversation), now=now))
        return self._live_status.presence.complete_conversation(view)

    async def draft(self, conversation: str, text: str) -> ConversationView:
        return await self._change(lambda unit: conversations.draft(unit, conversation, text))

    async def mute(self, conversation: str, until: int | None = None) -> ConversationView:
        return await self._change(lambda unit: conversations.mute(unit, conversation, until))

    async def unmute(self, conversation: str) -> ConversationView:
        return await self._change(lambda unit: conversations.unmute(unit, conversation))

    async def archive(self, conversation: str) -> ConversationView:
        return await self._change(lambda unit: conversations.archive(unit, conversation, archived=True))

    async def unarchive(self, conversation: str) -> ConversationView:
        return await self._change(lambda unit: conversations.archive(unit, conversation, archived=False))

    async def set_timer(self, conversation: str, seconds: int | None) -> ConversationView:
        return await self._change(lambda unit: changing.set_timer(unit, conversation, seconds))

    async def mark_read(self, conversation: str, up_to: str) -> ConversationView:
        return await self._change(lambda unit: reading.mark_read(unit, conversation, up_to=up_to))

    async def mark_unread(self, conversation: str) -> ConversationView:
        return await self._change(lambda unit: reading.mark_unread(unit, conversation))

    async def _change(self, change: Callable[[UnitOfWork], ConversationView]) -> ConversationView:
        return self._live_status.presence.complete_conversation(await self._runner.change(change))
